"""A backtest from its first candle to its result."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain
from typing import Any

from analysis.candles import Candles
from analysis.engine.caveats import data_caveats, settings_caveats, trade_caveats, window_caveats
from analysis.engine.journal import Journal
from analysis.engine.recheck import Recorder, recheck
from analysis.engine.result import ENGINE_VERSION, BacktestResult, BacktestSettings, Statistics, run_digest
from analysis.engine.seat import Leg, Seat, take_seats
from analysis.engine.signals import trade_signals
from analysis.engine.ticks import Progress, TickTrading
from analysis.engine.trade_log import trade_log
from analysis.engine.trade_overlays import ask_overlays, chart_overlays
from analysis.engine.trades import Trades
from analysis.instrument import Instrument
from analysis.metrics import plain_warnings, summarize
from analysis.strategy import TickStrategy, canonical_json
from analysis.strategy.overlays import Overlays


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
    run.check(audit)
    result = run.result(canonical_json(params or {}), code_hash, data_fingerprint)
    return run.reported(result) if report else result


class _Run:
    """The moving parts of one backtest."""

    def __init__(self, legs: Sequence[Leg], settings: BacktestSettings) -> None:
        self.legs, self.settings = legs, settings
        self.simulation, self.seats = take_seats(legs, settings)
        self.bars = sum(len(seat.bars) for seat in self.seats)
        self.journal = Journal(self.simulation)
        self.recorder = Recorder(self.simulation)

    def trade(self, on_progress: Progress) -> None:
        """Go through every bar and the candles behind the last one."""
        on_progress(0, self.bars)
        if self.seats[0].driver.has_signals:
            signals = trade_signals(self.seats, self.simulation, self.journal)
            self.recorder.take_signals(self.seats, signals)
        else:
            TickTrading(self.seats, self.simulation, self.journal, self.recorder.take).trade(on_progress)
        self.simulation.finish()
        self.journal.hear()
        on_progress(self.bars, self.bars)

    def check(self, audit: bool) -> None:
        """The self-check. Raises RunFailed."""
        for seat in self.seats:
            if seat.leg.remake is not None:
                recheck(seat, self.legs, self.settings, self.recorder, audit=audit)

    def result(self, params_json: str, code_hash: str, data_fingerprint: str | None) -> BacktestResult:
        """Everything the run made, added up."""
        times, equity = self.simulation.equity_curve()
        trades = trade_log(self.simulation, [seat.bars for seat in self.seats], self.settings.timeframe)
        refused = self.journal.refused
        if data_fingerprint is None:
            data_fingerprint = " ".join(leg.candles.fingerprint() for leg in self.legs)
        return BacktestResult(
            engine_version=ENGINE_VERSION,
            bars=self.bars,
            equity_time=times,
            equity=equity,
            trades=trades,
            stats=Statistics(lambda: {**summarize(trades, times, equity), "refused_actions": refused}),
            warnings=tuple(self._caveats(trades, float(equity.min()))),
            refusals=tuple(self.journal.refusals),
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
        for seat in self.seats:
            draw = getattr(seat.leg.strategy, "chart_overlays", None)
            if callable(draw):
                own, problems = ask_overlays(lambda: _drawing(seat, draw))  # noqa: B023 - called at once
                drawn.update(own)
                warnings += problems
        return replace(result, overlays=chart_overlays(drawn, result.trades), warnings=tuple(dict.fromkeys(warnings)))

    def _caveats(self, trades: Trades, lowest_equity: float) -> Iterator[str]:
        windows = (window_caveats(len(s.bars), s.first_bar, s.driver.window) for s in self.seats)
        data = (data_caveats(leg.candles, leg.instrument, self.settings) for leg in self.legs)
        found = chain(
            *windows, trade_caveats(trades, self.journal.refused, lowest_equity), *data, settings_caveats(self.settings)
        )
        return iter(dict.fromkeys(found))


def _drawing(seat: Seat, draw: Callable[..., object]) -> object:
    return {seat.leg.instrument.symbol: draw(seat.driver.frame.copy(deep=False))}


def _ignore(done: int, total: int) -> None:
    """Nobody watches."""
