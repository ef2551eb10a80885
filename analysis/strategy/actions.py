"""What a strategy may ask for: actions as it writes them (dicts) and as the platform carries them out."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from numbers import Integral, Real
from typing import Any, Final, NamedTuple

MAX_TAG_LENGTH = 64
MAX_PRICE = 1e10  # whole ticks of it fit into 64 bits with a tick of 1e-8


def storable(text: str) -> str:
    """`text` with the characters that neither UTF-8 nor PostgreSQL can hold written out as escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")


class Side(StrEnum):
    """Direction of a trade. Strategies may also write "long" and "short", in any case."""

    BUY = "BUY"
    SELL = "SELL"


class EntryType(StrEnum):
    """How a trade is entered."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"


class Unchanged(Enum):
    """The value of a level that MODIFY_TRADE does not mention."""

    KEEP = "keep"


KEEP: Final = Unchanged.KEEP


class OpenTrade(NamedTuple):
    """Enter a trade of `lots`, or of as many lots as risk `risk_percent` per cent of the equity down to
    `sl`."""

    side: Side
    sl: float | None = None
    tp: float | None = None
    lots: float | None = None
    risk_percent: float | None = None
    entry_type: EntryType = EntryType.MARKET
    price: float | None = None
    expiry: datetime | None = None
    tag: str = ""
    symbol: str | None = None


class CloseTrade(NamedTuple):
    """Close the trade with `trade_id`, those with `tag`, or, with neither, every open trade; `lots` of it or
    all."""

    trade_id: int | None = None
    tag: str | None = None
    lots: float | None = None
    symbol: str | None = None


class ModifyTrade(NamedTuple):
    """Move SL and TP of the trades chosen as in `CloseTrade`. KEEP leaves a level, None removes it."""

    trade_id: int | None = None
    tag: str | None = None
    sl: float | None | Unchanged = KEEP
    tp: float | None | Unchanged = KEEP
    symbol: str | None = None


class CancelOrder(NamedTuple):
    """Withdraw a waiting limit or stop order."""

    order_id: int | None = None
    tag: str | None = None
    symbol: str | None = None


Action = OpenTrade | CloseTrade | ModifyTrade | CancelOrder


@dataclass(frozen=True)
class ActionRefused:
    """Why an action is not carried out: `code` is stable, `reason` is for the strategy's author."""

    code: str
    reason: str


class _Misread(Exception):
    """Inside this module only: becomes an ActionRefused."""

    def __init__(self, reason: str, code: str = "not_understood") -> None:
        super().__init__(reason)
        self.refused = ActionRefused(code, reason)


class _Kind(NamedTuple):
    """How an action is read: what it becomes, the rules that concern several of its fields, and its fields."""

    become: Callable[..., Action]
    check: Callable[[Mapping[str, object]], None]
    readers: Mapping[str, Callable[[str, object], Any]]


def parse_action(raw: object) -> Action | ActionRefused:
    """Read what a strategy returned. Never raises: what is not understood is refused with the reason.

    Keys that no action has are refused too, since a misspelt `stop_loss` must not become a trade without one.
    """
    try:
        return _parse(raw)
    except _Misread as misread:
        return misread.refused


def _parse(raw: object) -> Action:
    if not isinstance(raw, dict | Mapping):  # nearly always a dict, and asking for a Mapping takes long
        raise _Misread(f"an action must be a dict, not {type(raw).__name__}")
    name = raw.get("action")
    if not isinstance(name, str) or name not in _ACTIONS:
        raise _Misread(f"unknown action {_show(name)}; known: {', '.join(_ACTIONS)}")
    kind, check, readers = _ACTIONS[name]
    try:
        values = {key: readers[key](key, value) for key, value in raw.items() if key != "action"}
    except KeyError:
        unknown = [_show(key) for key in raw if key != "action" and key not in readers]
        raise _Misread(f"{name} does not know {', '.join(unknown)}; it knows {', '.join(readers)}") from None
    check(values)
    return kind(**values)


def _check_chosen(values: Mapping[str, object]) -> None:
    if values.get("trade_id") is not None and values.get("tag") is not None:
        raise _Misread("an action takes a trade_id or a tag, not both")


def _check_moved(values: Mapping[str, object]) -> None:
    _check_chosen(values)
    if not {"sl", "tp"} & set(values):
        raise _Misread("MODIFY_TRADE needs a new sl or tp")


def _check_nothing(values: Mapping[str, object]) -> None:
    """Its fields have nothing to do with each other."""


def _check_open(values: Mapping[str, object]) -> None:
    if "side" not in values:
        raise _Misread("OPEN_TRADE needs a side, BUY or SELL")
    percent = values.get("risk_percent")
    if (values.get("lots") is None) == (percent is None):
        raise _Misread("OPEN_TRADE needs lots or risk_percent, one of the two", "no_size")
    if percent is not None and values.get("sl") is None:
        raise _Misread("risk_percent needs an sl: without a stop the risk is not known", "no_size")
    if values.keys().isdisjoint(_OF_WAITING):
        return
    waits = values.get("entry_type", EntryType.MARKET) is not EntryType.MARKET
    if waits and values.get("price") is None:
        raise _Misread(f"a {values['entry_type']} order needs a price")
    if not waits and (values.get("price") is not None or values.get("expiry") is not None):
        raise _Misread("a market order has no price and no expiry")


def _number(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _Misread(f"{key} must be a number, not {_show(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _Misread(f"{key} is {number}, not a number one can trade", "not_finite")
    return number


def _price(key: str, value: object) -> float | None:
    if isinstance(value, float) and 0.0 < value <= MAX_PRICE:  # nearly always
        return float(value)
    if value is None:
        return None
    number = _number(key, value)
    if number <= 0:
        raise _Misread(f"{key} must be a price above zero, not {number:g}")
    if number > MAX_PRICE:
        raise _Misread(f"{key} must be a price of at most {MAX_PRICE:g}, not {number:g}")
    return number


def _amount(key: str, value: object) -> float | None:
    if value is None:
        return None
    number = _number(key, value)
    if number < 0:
        raise _Misread(f"{key} must not be negative, and is {number:g}")
    return number


def _percent(key: str, value: object) -> float | None:
    if isinstance(value, float) and 0.0 < value <= 100.0:  # nearly always
        return float(value)
    number = _amount(key, value)
    if number is not None and not 0 < number <= 100:
        raise _Misread(f"{key} must be above 0 and at most 100 (1 means one per cent), not {number:g}")
    return number


def _identifier(key: str, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise _Misread(f"{key} must be the id of a trade, not {_show(value)}")
    return int(value)


def _text(key: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _Misread(f"{key} must be text, not {_show(value)}")
    if value is not None and len(value) > MAX_TAG_LENGTH:
        raise _Misread(f"{key} is longer than {MAX_TAG_LENGTH} characters")
    if value is not None and value != storable(value):
        raise _Misread(f"{key} has a character that cannot be stored: {_show(value)}")
    return value


def _label(key: str, value: object) -> str:
    return _text(key, value) or ""


def _side(key: str, value: object) -> Side:
    side = _SIDES.get(value) or _SIDES.get(value.lower()) if isinstance(value, str) else None
    if side is None:
        raise _Misread(f"{key} must be BUY or SELL, not {_show(value)}")
    return side


def _entry_type(key: str, value: object) -> EntryType:
    if isinstance(value, str) and value.lower() in set(EntryType):
        return EntryType(value.lower())
    raise _Misread(f"{key} must be market, limit or stop, not {_show(value)}")


def _instant(key: str, value: object) -> datetime | None:
    if value is None or (isinstance(value, datetime) and value.tzinfo is not None):
        return value
    raise _Misread(f"{key} must be a datetime with a time zone, not {_show(value)}")


def _show(value: object) -> str:
    """A short, harmless spelling of what the strategy wrote."""
    if isinstance(value, str | float | bool | None) or (isinstance(value, int) and abs(value) < 10**50):
        text = repr(value)
        return text if len(text) <= 60 else f"{text[:57]}..."
    return f"a value of type {type(value).__name__}"


_OF_WAITING = ("entry_type", "price", "expiry")
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL, "buy": Side.BUY, "long": Side.BUY, "sell": Side.SELL, "short": Side.SELL}
_SELECTORS: dict[str, Callable[[str, object], Any]] = {"trade_id": _identifier, "tag": _text, "symbol": _text}
_ACTIONS: Final[dict[str, _Kind]] = {
    "OPEN_TRADE": _Kind(
        OpenTrade,
        _check_open,
        {
            "side": _side, "sl": _price, "tp": _price, "lots": _amount, "risk_percent": _percent,
            "entry_type": _entry_type, "price": _price, "expiry": _instant, "tag": _label, "symbol": _text,
        },
    ),
    "CLOSE_TRADE": _Kind(CloseTrade, _check_chosen, {**_SELECTORS, "lots": _amount}),
    "MODIFY_TRADE": _Kind(ModifyTrade, _check_moved, {**_SELECTORS, "sl": _price, "tp": _price}),
    "CANCEL_ORDER": _Kind(CancelOrder, _check_nothing, {"order_id": _identifier, "tag": _text, "symbol": _text}),
}  # fmt: skip
