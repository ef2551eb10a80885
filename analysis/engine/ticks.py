"""Trading bar by bar: `run_tick` is asked, and what it wants is carried out."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, repeat
from sys import getrefcount
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

from analysis.engine.desk import Desk
from analysis.engine.journal import Journal
from analysis.engine.kernel.records import PLACED, Request
from analysis.engine.seat import Seat
from analysis.engine.simulation import Simulation
from analysis.strategy import ActionRefused, OpenTrade, parse_action

PROGRESS_EVERY_S = 0.2
_MOST_BARS_AT_ONCE = 4096
_SHORT_LOOK, _LONG_LOOK = 64, 4096  # how far the simulation looks for its next event

Progress = Callable[[int, int], None]
Acted = Callable[[Seat, int, int, list[Any]], None]
Events = Iterator[tuple[Seat, int, int]]


def _bars_to_ask(seat: Seat, mask: NDArray[np.bool_] | None) -> range | NDArray[np.int64]:
    if mask is None:
        return range(seat.first_bar, len(seat.bars))
    return np.flatnonzero(mask[seat.first_bar :]) + seat.first_bar


def _busy_symbols(simulation: Simulation) -> set[int]:
    """Those with something open or waiting."""
    return {*simulation.positions["symbol"].tolist(), *simulation.orders["symbol"].tolist()}


class TickTrading:
    """Asks strategies at the close of their bars. `acted(seat, bar, stop, actions)` is told what they want before it is
    asked for. With `plain`, every bar is asked, whatever a fast path says."""

    def __init__(
        self,
        seats: Sequence[Seat],
        simulation: Simulation,
        journal: Journal,
        acted: Acted | None,
        *,
        plain: bool = False,
    ) -> None:
        self._seats, self._simulation, self._journal, self._acted = seats, simulation, journal, acted
        self._plain = plain
        self._asked: list[tuple[Desk, int, object, Request]] = []  # when and how, and not yet placed
        self._quiet = 0  # nothing happens before this row
        self._look = _SHORT_LOOK

    def trade(self, on_progress: Progress) -> None:
        """Go through every bar."""
        for seat in self._seats:
            seat.open_window()
        total = sum(len(seat.bars) for seat in self._seats)
        done, count, reported = sum(seat.first_bar for seat in self._seats), 1, time.monotonic()
        try:
            events = self._events()
            while self._play(islice(events, count)):
                done += count
                waited = time.monotonic() - reported
                if waited >= PROGRESS_EVERY_S:
                    on_progress(min(done, total), total)
                    reported += waited
                    count = max(count // 4, 1)
                elif waited < PROGRESS_EVERY_S / 4:
                    count = min(count * 2, _MOST_BARS_AT_ONCE)
            if self._asked:
                self._advance(self._quiet)
        finally:
            for seat in self._seats:
                seat.close_window()

    def _events(self) -> Events:
        """The decisions to ask for in order of time: whose, on which bar, before which row."""
        masks = {} if self._plain else {s: s.driver.mask for s in self._seats if s.driver.mask is not None}
        managing = {seat: mask for seat, mask in masks.items() if seat.driver.manages_positions}
        events = self._in_order(
            [_bars_to_ask(seat, None if seat in managing else masks.get(seat)) for seat in self._seats]
        )
        return self._managed(events, managing) if managing else events

    def _in_order(self, asked: Sequence[range | NDArray[np.int64]]) -> Events:
        """The bars of each seat, merged by the time of their close."""
        if len(asked) == 1:
            seat, some = self._seats[0], asked[0]
            if isinstance(some, range):
                return zip(repeat(seat), some, seat.stops[some.start :].data, strict=False)
            return zip(repeat(seat), some.data, seat.stops[some].data, strict=False)
        parts = [np.asarray(part, np.int64) for part in asked]
        whose = np.repeat(np.arange(len(parts)), [len(bars) for bars in parts])
        bars = np.concatenate(parts)
        stops = np.concatenate([seat.stops[part] for seat, part in zip(self._seats, parts, strict=True)])
        closes = np.concatenate([seat.bars.closes(part) for seat, part in zip(self._seats, parts, strict=True)])
        order = np.argsort(closes, kind="stable")
        seats = (self._seats[i] for i in whose[order].data)
        return zip(seats, bars[order].data, stops[order].data, strict=True)

    def _managed(self, events: Events, masks: Mapping[Seat, NDArray[np.bool_]]) -> Events:
        """Leave out the bars that are not on the mask of a strategy and on which nothing of its symbol is open or
        waits."""
        simulation, version, busy = self._simulation, -1, set[int]()
        for seat, bar, stop in events:
            if seat in masks and not masks[seat][bar]:
                if stop > self._quiet or self._asked:
                    self._advance(stop)
                if simulation.version != version:
                    version, busy = simulation.version, _busy_symbols(simulation)
                if seat.symbol not in busy:
                    continue
            yield seat, bar, stop

    def _play(self, events: Events) -> bool:
        """Ask for decisions and carry them out. Returns whether there were any."""
        simulation, equity = self._simulation, self._simulation.equity
        held = self._seats[0].moving.references + 2  # by the window's owner, by the seat and here
        stop, seat = 0, cast(Seat, None)
        for whose, bar, stop in events:
            if stop > self._quiet:
                self._advance(stop)
            if whose is not seat:  # looked up once for all of its bars: most runs have one
                seat = whose
                if self._asked:  # of another symbol at the same time, which this one may see
                    self._advance(stop)
                desk, reader, run_tick, told, window = seat.desk, seat.reader, seat.run_tick, seat.told, seat.window
            if told and seat.version != simulation.version:
                seat.tell(simulation.version)
            desk.row = stop
            reader.stop = bar + 1
            try:
                raw = run_tick(window, equity[stop - 1])
            except (Exception, SystemExit) as error:
                raise seat.driver.failed(error, bar) from error
            if raw.__class__ is not list or raw:
                self._act(seat, bar, stop, raw)
            if getrefcount(window) != held or window.__class__ is DataFrame:
                seat, window = cast(Seat, None), cast(Any, None)
                whose.settle()
        return stop > 0

    def _advance(self, stop: int) -> None:
        """Let candles go by to row `stop`, and see how long nothing will happen after it."""
        last_order = self._simulation.last_order
        self._quiet = self._simulation.advance(stop, stop + self._look)
        if self._quiet == stop + self._look:
            self._look = min(self._look * 2, _LONG_LOOK)
        if self._asked:
            self._hear_answers(last_order)
        if self._simulation.has_notices:
            self._journal.hear()

    def _act(self, seat: Seat, bar: int, stop: int, raw: Any) -> None:
        """Ask for what a strategy returned at the close of `bar`. It is placed when time goes on."""
        if raw is None:
            return
        close_time = seat.bars.close(bar)
        if not isinstance(raw, list | tuple):
            reason = f"run_tick must return a list of actions, not {type(raw).__name__}"
            self._journal.note(close_time, "refused", "not_understood", reason, raw)
            return
        if self._acted is not None:
            self._acted(seat, bar, stop, list(raw))
        desk, asked = seat.desk, self._asked
        for written in raw:
            entry = desk.plain_entry(written, stop)
            if entry is not None:
                self._simulation.ask(entry)
                asked.append((desk, close_time, written, entry))
                continue
            action = parse_action(written)
            if asked and action.__class__ is not OpenTrade:
                self._advance(stop)  # it may be about what was asked for just now
            requests = action if isinstance(action, ActionRefused) else desk.requests(action, stop)
            if isinstance(requests, ActionRefused):
                self._journal.note(close_time, "refused", requests.code, requests.reason, written)
                continue
            for request in requests:
                self._simulation.ask(request)
                asked.append((desk, close_time, written, request))
        self._quiet, self._look = stop, _SHORT_LOOK

    def _hear_answers(self, last_order: int) -> None:
        """What became of the requests that were placed after order `last_order`."""
        codes, wanted, answer = self._simulation.codes, self._simulation.wanted, self._journal.answer
        for place, (desk, close_time, written, request) in enumerate(self._asked):
            code = codes[place]
            if code == PLACED:
                last_order += 1
            answer(desk, close_time, written, request, code, wanted[place], last_order)
        self._asked.clear()
