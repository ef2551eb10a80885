"""Numbers, times and durations as people read them. None is a dash."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeGuard

NOTHING = "–"
MINUS = "\N{MINUS SIGN}"  # read aloud and as wide as a digit, which a hyphen is not
_EXITS = {
    "sl": "stop loss", "tp": "take profit", "signal": "signal", "stop_out": "stop-out", "end_of_data": "end of data",
}  # fmt: skip
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def number(value: object, decimals: int = 2) -> str:
    """With separators of thousands; whole numbers without decimals."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NOTHING if value is None else str(value)
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.{decimals}f}"
    if shown.startswith("-") and not any(digit in shown for digit in "123456789"):
        shown = shown[1:]
    return shown.replace("-", MINUS)


def money(value: object) -> str:
    """Account currency to the cent."""
    return number(float(value)) if _real(value) else number(value)


def per_cent(value: object, decimals: int = 2) -> str:
    """A per cent with its sign."""
    return f"{number(float(value), decimals)} %" if _real(value) else number(value)


def multiple(value: object) -> str:
    """A multiple of the initial risk."""
    return f"{number(float(value))} R" if _real(value) else number(value)


def signed(value: object, shown: str) -> str:
    """`shown` with a plus in front where `value` is above zero."""
    return f"+{shown}" if _real(value) and value > 0 else shown


def moment(value: object) -> str:
    """ISO 8601 text or a datetime, to the minute; the page says once that it is UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return value[:16].replace("T", " ") if isinstance(value, str) and value else NOTHING


def epoch(time_ms: int, *, to_day: bool = False) -> str:
    """Epoch milliseconds like `moment`."""
    shown = moment(datetime.fromtimestamp(time_ms / 1000, UTC))
    return shown[:10] if to_day else shown


def duration(seconds: object) -> str:
    """The two largest units: `3 d 4 h`, `12 min`."""
    if not _real(seconds):
        return number(seconds)
    left, parts = round(float(seconds)), []
    for size, unit in _UNITS:
        if left >= size:
            parts.append(f"{left // size:,} {unit}")
            left %= size
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def ending(exit_reason: object) -> str:
    """Why a trade ended; a reason without words is said as it is."""
    return NOTHING if exit_reason is None else _EXITS.get(str(exit_reason), str(exit_reason))


def direction(value: object) -> str | None:
    """The class of a gain or a loss; None for zero and for nothing."""
    if not _real(value) or value == 0:
        return None
    return "gain" if value > 0 else "loss"


def decimals_of(price: object) -> int:
    """Decimals a price needs to be exact."""
    if not isinstance(price, float):
        return 0
    exponent = Decimal(repr(price)).as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 trade`, `1,200 trades`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def _real(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
