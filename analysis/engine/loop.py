"""A backtest from its first candle to its result."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, repeat
from sys import getrefcount
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.candles import Candles
from analysis.engine.caveats import data_caveats, settings_caveats, trade_caveats, window_caveats
from analysis.engine.desk import LATE, Desk, Request
from analysis.engine.driver import StrategyDriver, spell
from analysis.engine.kernel.records import EXPIRED, PLACED, REQUEST
from analysis.engine.result import (
    ENGINE_VERSION,
    MAX_REFUSALS_KEPT,
    BacktestResult,
    BacktestSettings,
    Refusal,
    Statistics,
    run_digest,
)
from analysis.engine.signals import read_signals
from analysis.engine.simulation import Simulation, quote_market
from analysis.engine.trade_log import trade_log
from analysis.engine.trade_overlays import ask_overlays, chart_overlays
from analysis.engine.window import MovingWindow
from analysis.errors import NoCandles
from analysis.instrument import Instrument
from analysis.metrics import plain_warnings, summarize
from analysis.strategy import ActionRefused, TickStrategy, canonical_json, parse_action
from analysis.strategy.overlays import Overlays
from analysis.timeframes import Bars, closed_bars

PROGRESS_EVERY_S = 0.2
_MOST_BARS_AT_ONCE = 4096
_SHORT_LOOK, _LONG_LOOK = 64, 4096  # how far the simulation looks for its next event
_ORDERS_REMEMBERED = 10_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Leg:
    """One symbol of a run: its strategy, its M1 candles, its contract. `remake` makes the same strategy afresh, for the
    self-check; without it there is none."""

    strategy: TickStrategy
    candles: Candles
    instrument: Instrument
    remake: Callable[[], TickStrategy] | None = None


def run_backtest(
    strategy: TickStrategy,
    candles: Candles,
    instrument: Instrument,
    settings: BacktestSettings,
    on_progress: Progress | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    code_hash: str = "",
    data_fingerprint: str | None = None,
    remake: Callable[[], TickStrategy] | None = None,
) -> BacktestResult:
    """Trade `strategy` on the M1 candles of one symbol: `run_portfolio` with one leg."""
    leg = Leg(strategy, candles, instrument, remake)
    return run_portfolio(
        [leg], settings, on_progress, params=params, code_hash=code_hash, data_fingerprint=data_fingerprint
    )


def run_portfolio(
    legs: Sequence[Leg],
    settings: BacktestSettings,
    on_progress: Progress | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    code_hash: str = "",
    data_fingerprint: str | None = None,
    report: bool = False,
    audit: bool = False,
) -> BacktestResult:
    """Trade strategies of one kind, one a symbol, on one equity, by the rules of docs/backtest-semantics.md.

    `on_progress(bars_done, bars_total)` is called a few times a second; what it raises ends the run and
    passes through. `params`, `code_hash` and `data_fingerprint` (by default that of the candles) identify the run in
    the result's digest. With `report`, the result also has what a chart draws and the warnings that follow from its
    statistics. With `audit`, the self-check looks at every bar. Raises NoCandles, CorruptCandles, and RunFailed when
    the strategy raises or looks ahead.
    """
    run = _Run(legs, settings)
    run.trade(on_progress or _ignore)
    result = run.result(canonical_json(params or {}), code_hash, data_fingerprint)
    return run.reported(result) if report else result


class _Seat:
    """A leg at work: its strategy with its window, and what it may do."""

    __slots__ = (
        "bars", "desk", "driver", "first_bar", "moving", "orders", "positions", "reader", "run_tick", "stops", "symbol",
        "told", "version", "window",
    )  # fmt: skip

    def __init__(self, leg: Leg, symbol: int, bars: Bars, simulation: Simulation, trade_from: int | None) -> None:
        self.bars, self.symbol = bars, symbol
        self.driver = StrategyDriver(leg.strategy, bars)
        self.desk = Desk(simulation, symbol)
        rows = simulation.market.rows[symbol]
        self.stops = bars.stop if rows is None else np.searchsorted(simulation.market.columns[0], bars.close_time)
        first = 0 if trade_from is None else int(np.searchsorted(bars.candles.time, trade_from))
        self.first_bar = max(self.driver.window - 1, first)
        self.positions, self.orders = self.driver.wants_positions, self.driver.wants_orders
        self.told = self.positions or self.orders
        self.version = -1
        if self.driver.asks_for_positions:
            leg.strategy.trade_in(self.desk)  # type: ignore[attr-defined]
        self.run_tick = leg.strategy.run_tick

    def open_window(self) -> None:
        self.moving = MovingWindow(self.driver.frame, self.driver.window)
        self.window, self.reader = self.moving.window, self.moving.reader

    def settle(self) -> None:
        """After a call that held on to the window or had pandas change it."""
        del self.window
        self.moving.settle()
        self.window, self.reader = self.moving.window, self.moving.reader


@dataclass(frozen=True)
class _Sent:
    """Signals that became orders: the first order's id, and the places of those that did."""

    first_order: int
    placed: NDArray[np.int64]
    closes: NDArray[np.int64]
    requests: NDArray[np.void]

    def order(self, id_: int, simulation: Simulation) -> tuple[int, object]:
        """When an order was asked for, and how."""
        place = int(self.placed[id_ - self.first_order])
        return int(self.closes[place]), _written(self.requests[place], simulation)


class _Run:
    """The moving parts of one backtest."""

    def __init__(self, legs: Sequence[Leg], settings: BacktestSettings) -> None:
        self.legs, self.settings = legs, settings
        instruments = [leg.instrument for leg in legs]
        market = quote_market([leg.candles for leg in legs], instruments, settings.spread_points)
        first_row = _first_row(market.columns[0], settings.trade_from, legs)
        self.simulation = Simulation(market, instruments, settings, first_row)
        self.seats = [
            _Seat(leg, symbol, closed_bars(leg.candles, settings.timeframe), self.simulation, settings.trade_from)
            for symbol, leg in enumerate(legs)
        ]
        self.bars = sum(len(seat.bars) for seat in self.seats)
        self.refusals: list[Refusal] = []
        self.refused = 0
        self._asked: dict[int, tuple[int, object]] = {}  # by order: when, and what the strategy wrote
        self._sent: _Sent | None = None
        self._one = np.zeros(1, REQUEST)
        self._quiet = 0  # nothing happens before this row
        self._look = _SHORT_LOOK

    def trade(self, on_progress: Progress) -> None:
        """Go through every bar and the candles behind the last one."""
        on_progress(0, self.bars)
        if self.seats[0].driver.has_signals:
            self._trade_signals()
        else:
            self._trade_ticks(on_progress)
        self.simulation.finish()
        self._hear()
        on_progress(self.bars, self.bars)

    def _trade_signals(self) -> None:
        """Every decision is known as arrays: the simulation takes them all at once."""
        found = [
            read_signals(seat.driver.entry_signals(), seat.first_bar, seat.stops, self.simulation, seat.symbol)
            for seat in self.seats
        ]
        requests = np.concatenate([signals.requests for signals in found])
        closes = np.concatenate([seat.bars.close_time[s.bars] for seat, s in zip(self.seats, found, strict=True)])
        order = np.argsort(closes, kind="stable") if len(found) > 1 else np.arange(len(closes))
        requests, closes = requests[order], closes[order]
        first_order = self.simulation.last_order + 1
        codes, wanted = self.simulation.place(requests, len(self.simulation.market))
        for seat, signals in zip(self.seats, found, strict=True):
            for bar, code, reason in signals.refused:
                self._note(int(seat.bars.close_time[bar]), "refused", code, reason, {"action": "entry_signals"})
        most = np.array([i.volume_max + i.volume_step for i in self.simulation.instruments])[requests["symbol"]]
        telling = np.flatnonzero((codes != PLACED) | (wanted >= most))
        for i in telling[:MAX_REFUSALS_KEPT].tolist():
            self._answer(
                int(closes[i]),
                _written(requests[i], self.simulation),
                requests[i].item(),
                int(codes[i]),
                float(wanted[i]),
            )
        self.refused += int((codes[telling[MAX_REFUSALS_KEPT:]] != PLACED).sum())
        self._sent = _Sent(first_order, np.flatnonzero(codes == PLACED), closes, requests)

    def _trade_ticks(self, on_progress: Progress) -> None:
        """Ask the strategies bar by bar."""
        for seat in self.seats:
            seat.open_window()
        try:
            events = self._events()
            done, count = sum(seat.first_bar for seat in self.seats), 1
            reported = time.monotonic()
            while (played := self._play(events, count)) > 0:
                done += played
                waited = time.monotonic() - reported
                if waited >= PROGRESS_EVERY_S:
                    on_progress(min(done, self.bars), self.bars)
                    reported += waited
                    count = max(count // 4, 1)
                elif waited < PROGRESS_EVERY_S / 4:
                    count = min(count * 2, _MOST_BARS_AT_ONCE)
        finally:
            for seat in self.seats:
                seat.moving.close()

    def _events(self) -> Iterator[tuple[_Seat, int, int]]:
        """The decisions to ask for in order of time: whose, on which bar, before which row."""
        parts = [self._asked_bars(seat) for seat in self.seats]
        if len(parts) == 1:
            seat, bars = self.seats[0], parts[0]
            return zip(repeat(seat), bars.data, np.ascontiguousarray(seat.stops[bars]).data)
        whose = np.repeat(np.arange(len(parts)), [len(bars) for bars in parts])
        bars = np.concatenate(parts)
        stops = np.concatenate([seat.stops[part] for seat, part in zip(self.seats, parts, strict=True)])
        closes = np.concatenate([seat.bars.close_time[part] for seat, part in zip(self.seats, parts, strict=True)])
        order = np.argsort(closes, kind="stable")
        seats = (self.seats[i] for i in whose[order].data)
        return zip(seats, np.ascontiguousarray(bars[order]).data, np.ascontiguousarray(stops[order]).data, strict=True)

    def _asked_bars(self, seat: _Seat) -> Any:
        """On which bars a strategy is asked."""
        mask = seat.driver.entry_mask()
        if mask is None or seat.driver.manages_positions:
            return np.arange(seat.first_bar, len(seat.bars))
        return np.flatnonzero(mask[seat.first_bar :]) + seat.first_bar

    def _play(self, events: Iterator[tuple[_Seat, int, int]], count: int) -> int:
        """Ask for up to `count` decisions and carry them out. Returns how many there were."""
        simulation, equity = self.simulation, self.simulation.equity
        held = self.seats[0].moving.references + 1  # by the window's owner and by the seat
        played = 0
        for seat, bar, stop in events:
            played += 1
            if stop > self._quiet:
                self._advance(stop)
            seat.desk.row = stop
            if seat.told and seat.version != simulation.version:
                self._show(seat)
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
        self._quiet = self.simulation.advance(stop, stop + self._look)
        if self._quiet == stop + self._look:
            self._look = min(self._look * 2, _LONG_LOOK)
        self._hear()

    def _act(self, seat: _Seat, bar: int, stop: int, raw: Any) -> None:
        """Carry out what a strategy returned at the close of `bar`."""
        if raw is None:
            return
        close_time = int(seat.bars.close_time[bar])
        if not isinstance(raw, list | tuple):
            reason = f"run_tick must return a list of actions, not {type(raw).__name__}"
            self._note(close_time, "refused", "not_understood", reason, raw)
            return
        for written in raw:
            action = parse_action(written)
            requests = action if isinstance(action, ActionRefused) else seat.desk.requests(action, stop)
            if isinstance(requests, ActionRefused):
                self._note(close_time, "refused", requests.code, requests.reason, written)
                continue
            for request in requests:
                self._one[0] = request
                codes, wanted = self.simulation.place(self._one, stop)
                self._answer(close_time, written, request, int(codes[0]), float(wanted[0]))
        self._quiet, self._look = stop, _SHORT_LOOK

    def _answer(self, close_time: int, written: object, request: Request, code: int, wanted: float) -> None:
        """Write down what became of a request."""
        desk = self.seats[request[2]].desk
        if code != PLACED:
            refused = desk.refusal(code, request, wanted)
            self._note(close_time, "refused", refused.code, refused.reason, written)
            return
        reduced = desk.reduction(wanted, request[2])
        if reduced is not None:
            self._note(close_time, "reduced", reduced.code, reduced.reason, written)
        self._asked[self.simulation.last_order] = (close_time, written)
        if len(self._asked) > _ORDERS_REMEMBERED:
            waiting = set(self.simulation.orders["id"].tolist())
            self._asked = {id_: asked for id_, asked in self._asked.items() if id_ in waiting}

    def _hear(self) -> None:
        """Write down the orders that came to nothing on their way or while they waited."""
        for order, code in self.simulation.notices():
            close_time, written = (
                self._asked.pop(order) if self._sent is None else self._sent.order(order, self.simulation)
            )
            self._note(close_time, "expired" if code == EXPIRED else "refused", *LATE[code], written)

    def _show(self, seat: _Seat) -> None:
        """Give a strategy that does not ask its open trades and waiting orders."""
        seat.version = self.simulation.version
        strategy: Any = seat.driver.strategy
        if seat.positions:
            strategy.positions = seat.desk.positions()
        if seat.orders:
            strategy.orders = seat.desk.orders()

    def _note(self, close_time: int, outcome: str, code: str, reason: str, raw: object) -> None:
        self.refused += outcome == "refused"
        if len(self.refusals) < MAX_REFUSALS_KEPT:
            self.refusals.append(Refusal(close_time, outcome, code, reason, spell(raw)))

    def result(self, params_json: str, code_hash: str, data_fingerprint: str | None) -> BacktestResult:
        """Everything the run made, added up."""
        times, equity = self.simulation.equity_curve()
        trades = trade_log(self.simulation, [seat.bars for seat in self.seats], self.settings.timeframe)
        stats = Statistics(lambda: {**summarize(trades, times, equity), "refused_actions": self.refused})
        if data_fingerprint is None:
            data_fingerprint = " ".join(leg.candles.fingerprint() for leg in self.legs)
        return BacktestResult(
            engine_version=ENGINE_VERSION,
            bars=self.bars,
            equity_time=times,
            equity=equity,
            trades=trades,
            stats=stats,
            warnings=tuple(self._caveats(trades, float(equity.min()))),
            refusals=tuple(self.refusals),
            digest=run_digest(
                settings=self.settings,
                params_json=params_json,
                code_hash=code_hash,
                data_fingerprint=data_fingerprint,
                instruments=[asdict(leg.instrument) for leg in self.legs],
                trades=trades,
                equity=equity,
            ),
        )

    def reported(self, result: BacktestResult) -> BacktestResult:
        """The result with its drawing, and with the warnings that take a look at all of it."""
        drawn: dict[str, Overlays] = {}
        warnings = [*result.warnings, *plain_warnings(result.stats)]
        for seat, leg in zip(self.seats, self.legs, strict=True):
            draw = getattr(leg.strategy, "chart_overlays", None)
            if callable(draw):
                frame = seat.driver.frame.copy(deep=False)
                own, problems = ask_overlays(lambda: {leg.instrument.symbol: draw(frame)})  # noqa: B023 - called now
                drawn |= own
                warnings += problems
        return replace(result, overlays=chart_overlays(drawn, result.trades), warnings=tuple(dict.fromkeys(warnings)))

    def _caveats(self, trades: Any, lowest_equity: float) -> Iterator[str]:
        windows = (window_caveats(len(s.bars), s.first_bar, s.driver.window) for s in self.seats)
        data = (data_caveats(leg.candles, leg.instrument, self.settings) for leg in self.legs)
        found = chain(
            *windows, trade_caveats(trades, self.refused, lowest_equity), *data, settings_caveats(self.settings)
        )
        return iter(dict.fromkeys(found))


def _first_row(times: Any, trade_from: int | None, legs: Sequence[Leg]) -> int:
    """The first candle of the window; what precedes only warms up."""
    if trade_from is None:
        return 0
    row = int(np.searchsorted(times, trade_from))
    if row == len(times):
        raise NoCandles(f"There are no candles of {legs[0].candles.symbol} at or after trade_from")
    return row


def _written(request: Any, simulation: Simulation) -> dict[str, object]:
    """A signal as the action it stands for."""
    names = ("sl", "tp", "lots", "risk_percent", "lots_per_equity")
    given = {name: float(request[name]) for name in names if request[name] == request[name]}
    side = "BUY" if request["direction"] > 0 else "SELL"
    return {"action": "OPEN_TRADE", "side": side, **given, "tag": simulation.tags[int(request["tag"])]}


def _ignore(done: int, total: int) -> None:
    """Nobody watches."""
