"""Trading bar by bar: `run_tick` is asked, and what it wants is carried out."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from sys import getrefcount
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.engine.journal import Journal
from analysis.engine.kernel.records import REQUEST
from analysis.engine.seat import Seat
from analysis.engine.simulation import Simulation
from analysis.strategy import ActionRefused, parse_action

PROGRESS_EVERY_S = 0.2
_MOST_BARS_AT_ONCE = 4096
_SHORT_LOOK, _LONG_LOOK = 64, 4096  # how far the simulation looks for its next event

Progress = Callable[[int, int], None]
Acted = Callable[[Seat, int, int, list[Any]], None]
Events = Iterator[tuple[Seat, int, int]]


class TickTrading:
    """Asks strategies at the close of their bars. `acted(seat, bar, stop, actions)` is told before actions are carried
    out. With `plain`, every bar is asked, whatever a fast path says."""

    def __init__(
        self,
        seats: Sequence[Seat],
        simulation: Simulation,
        journal: Journal,
        acted: Acted,
        *,
        plain: bool = False,
    ) -> None:
        self._seats, self._simulation, self._journal, self._acted = seats, simulation, journal, acted
        self._plain = plain
        self._one = np.zeros(1, REQUEST)
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
            while (played := self._play(events, count)) > 0:
                done += played
                waited = time.monotonic() - reported
                if waited >= PROGRESS_EVERY_S:
                    on_progress(min(done, total), total)
                    reported += waited
                    count = max(count // 4, 1)
                elif waited < PROGRESS_EVERY_S / 4:
                    count = min(count * 2, _MOST_BARS_AT_ONCE)
        finally:
            for seat in self._seats:
                seat.moving.close()

    def _events(self) -> Events:
        """The decisions to ask for in order of time: whose, on which bar, before which row."""
        parts = [self._asked_bars(seat) for seat in self._seats]
        if len(parts) == 1:
            seat, bars = self._seats[0], parts[0]
            return zip(repeat(seat), bars.data, np.ascontiguousarray(seat.stops[bars]).data, strict=False)
        whose = np.repeat(np.arange(len(parts)), [len(bars) for bars in parts])
        bars = np.concatenate(parts)
        stops = np.concatenate([seat.stops[part] for seat, part in zip(self._seats, parts, strict=True)])
        closes = np.concatenate([seat.bars.close_time[part] for seat, part in zip(self._seats, parts, strict=True)])
        order = np.argsort(closes, kind="stable")
        seats = (self._seats[i] for i in whose[order].data)
        return zip(seats, bars[order].data, stops[order].data, strict=True)

    def _asked_bars(self, seat: Seat) -> NDArray[np.int64]:
        """On which bars a strategy is asked."""
        every = np.arange(seat.first_bar, len(seat.bars))
        mask = None if self._plain else seat.driver.mask
        return every if mask is None or seat.driver.manages_positions else every[mask[every]]

    def _play(self, events: Events, count: int) -> int:
        """Ask for up to `count` decisions and carry them out. Returns how many there were."""
        simulation, equity = self._simulation, self._simulation.equity
        held = self._seats[0].moving.references + 1  # by the window's owner and by the seat
        played = 0
        for seat, bar, stop in events:
            played += 1
            if stop > self._quiet:
                self._advance(stop)
            if seat.told and seat.version != simulation.version:
                seat.tell(simulation.version)
            seat.desk.row = stop
            seat.reader.stop = bar + 1
            try:
                raw = seat.run_tick(seat.window, equity[stop - 1])
            except (Exception, SystemExit) as error:
                raise seat.driver.failed(error, bar) from error
            if raw.__class__ is not list or raw:
                self._act(seat, bar, stop, raw)
            if getrefcount(seat.window) != held or not seat.reader.columns:
                seat.settle()
            if played == count:
                break
        return played

    def _advance(self, stop: int) -> None:
        """Let candles go by to row `stop`, and see how long nothing will happen after it."""
        self._quiet = self._simulation.advance(stop, stop + self._look)
        if self._quiet == stop + self._look:
            self._look = min(self._look * 2, _LONG_LOOK)
        self._journal.hear()

    def _act(self, seat: Seat, bar: int, stop: int, raw: Any) -> None:
        """Carry out what a strategy returned at the close of `bar`."""
        if raw is None:
            return
        close_time = int(seat.bars.close_time[bar])
        if not isinstance(raw, list | tuple):
            reason = f"run_tick must return a list of actions, not {type(raw).__name__}"
            self._journal.note(close_time, "refused", "not_understood", reason, raw)
            return
        self._acted(seat, bar, stop, list(raw))
        for written in raw:
            action = parse_action(written)
            requests = action if isinstance(action, ActionRefused) else seat.desk.requests(action, stop)
            if isinstance(requests, ActionRefused):
                self._journal.note(close_time, "refused", requests.code, requests.reason, written)
                continue
            for request in requests:
                self._one[0] = request
                codes, wanted = self._simulation.place(self._one, stop)
                self._journal.answer(seat.desk, close_time, written, request, int(codes[0]), float(wanted[0]))
        self._quiet, self._look = stop, _SHORT_LOOK
