"""The self-check as the engine feeds it: what was decided, and the same backtest again on data that know less."""

import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.candles import COLUMNS, Candles
from analysis.engine.journal import Journal
from analysis.engine.result import BacktestSettings
from analysis.engine.seat import Leg, Seat, take_seats
from analysis.engine.signals import Signals, written
from analysis.engine.simulation import Simulation
from analysis.engine.ticks import PROGRESS_EVERY_S, Progress, TickTrading
from analysis.self_check import Decision, check_run, idle_bars, still
from analysis.strategy import Position
from analysis.timeframes import M1_MS

_ALL_KEPT = 256  # decisions with actions are all kept up to so many, then
_EVERY = 16
_MOST_KEPT = 1024
_ALTERING = ("MODIFY_TRADE", "CLOSE_TRADE")


class Recorder:
    """The decisions of a run by symbol, thinned unless `audit`."""

    def __init__(self, simulation: Simulation, *, audit: bool = False) -> None:
        self._simulation = simulation
        self._all_kept = sys.maxsize if audit else _ALL_KEPT
        self.bars: defaultdict[int, list[int]] = defaultdict(list)
        self.acted: defaultdict[int, list[Decision]] = defaultdict(list)
        self.in_vain: defaultdict[int, frozenset[int]] = defaultdict(frozenset)  # bars of decisions without effect
        self.altered: set[int] = set()  # symbols whose trades were changed while they were open

    def take(self, seat: Seat, bar: int, stop: int, actions: list[Any]) -> None:
        """One decision, before it is carried out."""
        bars, kept = self.bars[seat.symbol], self.acted[seat.symbol]
        bars.append(bar)
        for action in actions:
            if isinstance(action, dict) and action.get("action") in _ALTERING:
                self.altered.add(seat.symbol)
        if len(bars) <= self._all_kept or (len(bars) % _EVERY == 0 and len(kept) < _MOST_KEPT):
            copies = tuple(dict(action) if isinstance(action, dict) else action for action in actions)
            positions = still(seat.desk.positions()) if seat.sees_positions else ()
            orders = seat.desk.orders() if seat.sees_positions else ()
            kept.append(Decision(bar, float(self._simulation.equity[stop - 1]), positions, copies, orders))

    def take_signals(self, seats: Sequence[Seat], found: Sequence[Signals]) -> None:
        """The decisions of arrays; those in vain are nothing that `run_tick` has to repeat."""
        for seat, signals in zip(seats, found, strict=True):
            bars, requests = signals.bars[~signals.in_vain], signals.requests[~signals.in_vain]
            self.in_vain[seat.symbol] = frozenset(signals.bars[signals.in_vain].tolist())
            self.bars[seat.symbol] = bars.tolist()
            every = range(0, len(bars), max(len(bars) // self._all_kept, 1))
            self.acted[seat.symbol] = [
                Decision(
                    int(bars[i]),
                    float(self._simulation.equity[seat.stops[bars[i]] - 1]),
                    actions=(written(requests[i].item(), self._simulation),),
                )
                for i in every
            ]

    def complete_to(self, symbol: int) -> int:
        """Up to this bar every decision with actions was kept."""
        bars, kept = self.bars[symbol], self.acted[symbol]
        complete = 0
        while complete < len(kept) and kept[complete].bar == bars[complete]:
            complete += 1
        return kept[complete - 1].bar if 0 < complete < len(bars) else (-1 if bars and complete == 0 else 2**62)


def recheck(
    seat: Seat,
    legs: Sequence[Leg],
    settings: BacktestSettings,
    recorder: Recorder,
    *,
    audit: bool,
    on_progress: Progress | None = None,
) -> None:
    """Hold what a strategy decided against what it decides on data that end earlier. Raises RunFailed; what
    `on_progress(done, total)`, called a few times a second, raises passes through."""
    remake = seat.leg.remake
    if remake is None:
        return

    in_vain = recorder.in_vain[seat.symbol]

    def rerun(bar: int, future: Candles) -> Sequence[Decision]:
        return [one for one in _decisions_again(seat, legs, settings, bar, future) if one.bar not in in_vain]

    driver = seat.driver
    acted = recorder.acted.get(seat.symbol, [])
    if driver.has_signals:  # arrays do not ask what is open, run_tick may
        acted = [replace(one, positions=partial(_open_at, seat, int(seat.stops[one.bar]))) for one in acted]
    check_run(
        remake=remake,
        candles=seat.bars.candles,
        frame=driver.frame,
        window=driver.window,
        first_bar=seat.first_bar,
        acted=acted,
        idle=_idle(seat, recorder, audit=audit),
        rerun=rerun,
        complete_to=min(recorder.complete_to(seat.symbol), len(seat.bars) - 1),
        fast=_fast(seat),
        replay=driver.mask is not None and seat.sees_positions,  # closing a trade may be what the mask leaves out
        audit=audit,
        on_progress=None if on_progress is None else _throttled(on_progress),
    )


def _throttled(on_progress: Progress) -> Progress:
    told = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= PROGRESS_EVERY_S:
            on_progress(done, total)
            told = time.monotonic()

    return tell


def _fast(seat: Seat) -> pd.DataFrame | None:
    if seat.driver.has_signals:
        return seat.driver.signals
    return None if seat.driver.mask is None else pd.DataFrame({"entry_mask": seat.driver.mask})


def _idle(seat: Seat, recorder: Recorder, *, audit: bool) -> list[Decision]:
    """Some bars on which nothing was decided, with `audit` all. What was open there is told from the trades, so not
    where trades were changed on the way."""
    if seat.first_bar >= len(seat.bars) or (seat.sees_positions and seat.symbol in recorder.altered):
        return []
    acted = sorted({*recorder.bars[seat.symbol], *recorder.in_vain[seat.symbol]})
    if audit:
        bars = np.setdiff1d(np.arange(seat.first_bar, len(seat.bars)), acted)
    else:
        bars = idle_bars(seat.driver.frame, first_bar=seat.first_bar, acted=acted, fast=_fast(seat) is not None)
    equity = seat.desk.simulation.equity
    return [
        Decision(int(bar), float(equity[seat.stops[bar] - 1]), partial(_open_at, seat, int(seat.stops[bar])))
        for bar in bars
    ]


def _open_at(seat: Seat, row: int) -> tuple[Position, ...]:
    """The trades that were open before a row, once all have ended."""
    if not seat.sees_positions:
        return ()
    simulation = seat.desk.simulation
    trades = simulation.trades
    mine = trades[(trades["symbol"] == seat.symbol) & (trades["entry_row"] < row) & (trades["exit_row"] >= row)]
    seat.desk.row = row
    return still(tuple(seat.desk.view(trade) for trade in np.sort(mine, order="id")))


def _decisions_again(
    seat: Seat, legs: Sequence[Leg], settings: BacktestSettings, bar: int, future: Candles
) -> list[Decision]:
    """The decisions with actions up to `bar` of fresh strategies, asked bar by bar, on the candles up to its close and
    then `future`."""
    end = seat.bars.close(bar)
    again = [
        replace(
            leg,
            strategy=leg.remake() if leg.remake else leg.strategy,
            candles=_until(leg.candles, end, future if leg is seat.leg else None),
        )
        for leg in legs
    ]
    simulation, seats = take_seats([leg for leg in again if len(leg.candles)], settings)
    found: list[Decision] = []

    def take(asked: Seat, at: int, stop: int, actions: list[Any]) -> None:
        if asked.leg.instrument == seat.leg.instrument and at <= bar:
            found.append(Decision(at, float(simulation.equity[stop - 1]), actions=tuple(actions)))

    TickTrading(seats, simulation, Journal(simulation), take, plain=True).trade(lambda done, total: None)
    return found


def _until(candles: Candles, end: int, future: Candles | None) -> Candles:
    """The M1 candles before an instant, and bars of the future as a candle each."""
    rows = int(np.searchsorted(candles.time, end))
    columns: dict[str, NDArray[Any]] = {name: getattr(candles, name)[:rows] for name in COLUMNS}
    if future is not None and len(future):
        columns = {name: np.concatenate([columns[name], getattr(future, name)]) for name in COLUMNS}
    elif rows and candles.time[rows - 1] + M1_MS < end:
        # The bar has closed, although its last minutes have no candle: a still candle of the next, open bar says so.
        columns = {name: np.append(columns[name], columns[name][-1:]) for name in COLUMNS}
        columns["time"][-1] = end
        for name in ("open", "high", "low"):
            columns[name][-1] = columns["close"][-1]
    return Candles(candles.symbol, **columns)
