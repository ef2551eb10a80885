"""Trading without asking bar by bar: the whole decision of a strategy as arrays (`entry_signals`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.engine.journal import Journal
from analysis.engine.kernel.records import LONG, MARKET, NEVER, PLACED, REQUEST, SHORT, TOO_MANY_OPEN, Request
from analysis.engine.result import MAX_REFUSALS_KEPT, Refusal
from analysis.engine.seat import Seat
from analysis.engine.simulation import Simulation
from analysis.errors import RunFailed
from analysis.strategy.actions import MAX_PRICE, MAX_TAG_LENGTH, storable

_SIZES = ("lots", "risk_percent", "lots_per_equity")
_LEVELS = ("sl", "tp")
_COLUMNS = ("side", *_LEVELS, *_SIZES, "tag")
_PLACES = {name: place for place, name in enumerate(REQUEST.names or ())}
_GIVEN = tuple((name, _PLACES[name]) for name in (*_LEVELS, *_SIZES))
_SIDES = {"buy": LONG, "long": LONG, "sell": SHORT, "short": SHORT, "": 0}


@dataclass(frozen=True)
class Signals:
    """Requests of one symbol with the bars they were decided on, and what was refused: bar, side, code, reason.

    `in_vain` are requests for which there was no place beside what was open: whether they are made is all the same.
    """

    requests: NDArray[np.void]
    bars: NDArray[np.int64]
    refused: tuple[tuple[int, str, str, str], ...]
    in_vain: NDArray[np.bool_]


@dataclass(frozen=True)
class SentSignals:
    """Signals that became orders: the first order's id, and the places of those that did."""

    simulation: Simulation
    first_order: int
    placed: NDArray[np.int64]
    closes: NDArray[np.int64]
    requests: NDArray[np.void]

    def order(self, id_: int) -> tuple[int, object]:
        """When an order was asked for, and how."""
        place = int(self.placed[id_ - self.first_order])
        return int(self.closes[place]), written(self.requests[place].item(), self.simulation)


def trade_signals(seats: Sequence[Seat], simulation: Simulation, journal: Journal) -> list[Signals]:
    """Have the simulation take every signal, each when its time comes. Returns them by seat."""
    found = [read_signals(s.driver.signals, s.first_bar, s.stops, simulation, s.symbol) for s in seats]
    requests = np.concatenate([signals.requests for signals in found])
    closes = np.concatenate([s.bars.closes(f.bars) for s, f in zip(seats, found, strict=True)])
    order = np.argsort(closes, kind="stable") if len(seats) > 1 else slice(None)
    requests, closes = requests[order], closes[order]
    first_order = simulation.last_order + 1
    codes, wanted = simulation.place(requests, len(simulation.market))
    sent = SentSignals(simulation, first_order, np.flatnonzero(codes == PLACED), closes, requests)
    refused = len(codes) - len(sent.placed) + sum(len(signals.refused) for signals in found)
    journal.send(sent, refused, lambda: _refusals(seats, found, sent, codes, wanted))
    in_vain = np.empty(len(codes), np.bool_)
    in_vain[order] = codes == TOO_MANY_OPEN
    ends = np.cumsum([len(signals.bars) for signals in found])[:-1]
    return [replace(signals, in_vain=part) for signals, part in zip(found, np.split(in_vain, ends), strict=True)]


def _refusals(
    seats: Sequence[Seat],
    found: Sequence[Signals],
    sent: SentSignals,
    codes: NDArray[np.int64],
    wanted: NDArray[np.float64],
) -> Iterable[Refusal]:
    """What was refused or reduced, in words: signals that cannot be traded, then what the simulation said."""
    journal = Journal(sent.simulation)
    for seat, signals in zip(seats, found, strict=True):
        for bar, side, code, reason in signals.refused[:MAX_REFUSALS_KEPT]:
            row = {"action": "entry_signals", "side": side}
            journal.note(seat.bars.close(bar), "refused", code, reason, row)
    most = np.array([i.volume_max + i.volume_step for i in sent.simulation.instruments])[sent.requests["symbol"]]
    for i in np.flatnonzero((codes != PLACED) | (wanted >= most))[:MAX_REFUSALS_KEPT].tolist():
        request = sent.requests[i].item()
        asked = written(request, sent.simulation)
        desk, close_time, answer = seats[request[2]].desk, int(sent.closes[i]), (int(codes[i]), float(wanted[i]))
        journal.answer(desk, close_time, asked, request, *answer, order=0)
    return journal.refusals


def written(request: Request, simulation: Simulation) -> dict[str, object]:
    """A signal as the action it stands for."""
    given = {name: value for name, place in _GIVEN if (value := request[place]) == value}  # NaN is unlike itself
    tag = simulation.tags[int(request[_PLACES["tag"]])]
    side = "BUY" if request[_PLACES["direction"]] == LONG else "SELL"
    return {"action": "OPEN_TRADE", "side": side, **given, **({"tag": tag} if tag else {})}


def read_signals(
    frame: pd.DataFrame, first_bar: int, stops: NDArray[np.integer], simulation: Simulation, symbol: int
) -> Signals:
    """Entries from `first_bar` on. Raises RunFailed for a frame that has not the columns of signals."""
    _check_columns(frame)
    sides = _sides(frame["side"])
    bars = np.flatnonzero(sides[first_bar:]) + first_bar
    columns = {name: _numbers(frame, name, bars) for name in (*_LEVELS, *_SIZES)}
    problems = _problems(columns)
    refused = tuple((int(bars[i]), str(frame["side"].iloc[bars[i]]), *problems[i]) for i in sorted(problems))
    sound = np.ones(len(bars), np.bool_)
    sound[list(problems)] = False
    bars = bars[sound]
    requests = np.zeros(len(bars), REQUEST)
    requests["row"] = stops[bars]
    requests["kind"], requests["symbol"], requests["expiry"] = MARKET, symbol, NEVER
    requests["direction"] = sides[bars]
    for name, values in columns.items():
        requests[name] = values[sound]
    requests["tag"] = _tags(frame, bars, simulation)
    return Signals(requests, bars, refused, np.zeros(len(bars), np.bool_))


def _check_columns(frame: pd.DataFrame) -> None:
    unknown = [str(name) for name in frame.columns if name not in _COLUMNS]
    if unknown or "side" not in frame.columns or not set(_SIZES) & set(frame.columns):
        raise RunFailed(
            "strategy_error",
            f"entry_signals must return the columns side and one of {', '.join(_SIZES)}; it may have sl, tp and tag"
            + (f", not {', '.join(unknown[:5])}" if unknown else ""),
        )


def _sides(column: pd.Series) -> NDArray[np.int64]:
    if column.dtype.kind in "ib":
        return np.asarray(np.sign(column.to_numpy(dtype=np.int64)))
    if column.dtype.kind in "uf":
        values = np.sign(np.nan_to_num(column.to_numpy(dtype=np.float64)))
        return np.asarray(values, np.int64)
    texts = column.map(lambda value: value.lower() if isinstance(value, str) else "")
    unknown = sorted(set(texts) - set(_SIDES))
    if unknown:
        raise RunFailed("strategy_error", f"entry_signals: a side must be BUY, SELL or nothing, not {unknown[0]!r}")
    return np.asarray(texts.map(_SIDES).to_numpy(dtype=np.int64))


def _numbers(frame: pd.DataFrame, name: str, bars: NDArray[np.int64]) -> NDArray[np.float64]:
    if name not in frame.columns:
        return np.full(len(bars), np.nan)
    try:
        return np.asarray(frame[name].take(bars).to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise RunFailed("strategy_error", f"entry_signals: {name} must be numbers") from error


def _problems(columns: dict[str, NDArray[np.float64]]) -> dict[int, tuple[str, str]]:
    """Rows that cannot be traded: why, as for the action they stand for."""
    found: dict[int, tuple[str, str]] = {}
    given = {name: ~np.isnan(values) for name, values in columns.items()}

    def refuse(rows: NDArray[Any], code: str, reason: str) -> None:
        for row in np.flatnonzero(rows).tolist():
            found.setdefault(row, (code, reason))

    for name, values in columns.items():
        refuse(np.isinf(values), "not_finite", f"{name} is infinite, not a number one can trade")
    for name in _LEVELS:
        refuse(columns[name] <= 0, "not_understood", f"{name} must be a price above zero")
        refuse(columns[name] > MAX_PRICE, "not_understood", f"{name} must be a price of at most {MAX_PRICE:g}")
    for name in _SIZES:
        refuse(columns[name] < 0, "not_understood", f"{name} must not be negative")
    percent = columns["risk_percent"]
    refuse((percent == 0) | (percent > 100), "not_understood", "risk_percent must be above 0 and at most 100")
    sizes = np.sum([given[name] for name in _SIZES], axis=0)
    refuse(sizes != 1, "no_size", f"an entry needs one of {', '.join(_SIZES)}")
    refuse(
        given["risk_percent"] & ~given["sl"],
        "no_size",
        "risk_percent needs an sl: without a stop the risk is not known",
    )
    return found


def _tags(frame: pd.DataFrame, bars: NDArray[np.int64], simulation: Simulation) -> NDArray[np.int64]:
    if "tag" not in frame.columns:
        return np.zeros(len(bars), np.int64)
    texts = [value if isinstance(value, str) else "" for value in frame["tag"].iloc[bars]]
    return np.array([simulation.tag(storable(text)[:MAX_TAG_LENGTH]) for text in texts], np.int64)
