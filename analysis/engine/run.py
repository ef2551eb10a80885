"""A backtest from its first candle to its result."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

from analysis.candles import Candles
from analysis.engine.caveats import data_caveats, settings_caveats, trade_caveats, window_caveats
from analysis.engine.journal import Journal
from analysis.engine.recheck import Recorder, recheck
from analysis.engine.result import ENGINE_VERSION, BacktestResult, BacktestSettings, Statistics, run_digest
from analysis.engine.seat import Leg, Seat, take_seats
from analysis.engine.signals import trade_signals
from analysis.engine.simulation import Simulation
from analysis.engine.ticks import Progress, TickTrading
from analysis.engine.trade_log import trade_log
from analysis.engine.trade_overlays import ask_overlays, chart_overlays
from analysis.engine.trades import Trades
from analysis.instrument import Instrument
from analysis.metrics import plain_warnings, summarize
from analysis.strategy import TickStrategy, canonical_json
from analysis.strategy.overlays import Overlays
from analysis.timeframes import Bars


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
    statistics. With `audit`, the self-check looks at every bar and tells its own progress. Raises NoCandles,
    CorruptCandles, and RunFailed when the strategy raises or looks ahead.
    """
    run = _Run(legs, settings, audit=audit)
    run.trade(on_progress or ignore_progress)
    run.check(on_progress or ignore_progress)
    result = run.result(canonical_json(params or {}), code_hash, data_fingerprint)
    return run.reported(result) if report else result


class _Run:
    """The moving parts of one backtest."""

    def __init__(self, legs: Sequence[Leg], settings: BacktestSettings, *, audit: bool) -> None:
        self.legs, self.settings, self.audit = legs, settings, audit
        self.simulation, self.seats = take_seats(legs, settings)
        self.bars = sum(len(seat.bars) for seat in self.seats)
        self.journal = Journal(self.simulation)
        self.checked = [seat for seat in self.seats if seat.leg.remake is not None]
        self.recorder = Recorder(self.simulation, audit=audit)

    def trade(self, on_progress: Progress) -> None:
        """Go through every bar and the candles behind the last one."""
        on_progress(0, self.bars)
        if self.seats[0].driver.has_signals:
            signals = trade_signals(self.seats, self.simulation, self.journal)
            if self.checked:
                self.recorder.take_signals(self.seats, signals)
        else:
            acted = self.recorder.take if self.checked else None
            TickTrading(self.seats, self.simulation, self.journal, acted).trade(on_progress)
        self.simulation.finish()
        self.journal.hear()
        on_progress(self.bars, self.bars)

    def check(self, on_progress: Progress) -> None:
        """The self-check, which is quick unless it is an audit: that begins to count anew. Raises RunFailed."""
        tell = on_progress if self.audit else None
        for seat in self.checked:
            recheck(seat, self.legs, self.settings, self.recorder, audit=self.audit, on_progress=tell)
        for seat in self.seats:
            seat.driver.forget_fast_path()

    def result(self, params_json: str, code_hash: str, data_fingerprint: str | None) -> BacktestResult:
        """Everything the run made, added up."""
        made = Made(
            self.simulation,
            self.journal,
            [leg.candles for leg in self.legs],
            [seat.bars for seat in self.seats],
            [window_caveats(len(s.bars), s.first_bar, s.driver.window) for s in self.seats],
        )
        return add_up(made, self.settings, params_json, code_hash, data_fingerprint)

    def reported(self, result: BacktestResult) -> BacktestResult:
        """The result with its drawing, and with the warnings that take a look at all of it."""
        asks: list[Callable[[], object]] = []
        for seat in self.seats:
            draw = getattr(seat.leg.strategy, "chart_overlays", None)
            if callable(draw):
                asks.append(partial(_drawing, seat, draw))
        return with_report(result, asks)


def _drawing(seat: Seat, draw: Callable[..., object]) -> object:
    return {seat.leg.instrument.symbol: draw(seat.driver.frame.copy(deep=False))}


@dataclass(frozen=True)
class Made:
    """What a run leaves behind: the account, its refusals, and by symbol the M1 candles, the bars and the caveats about
    the window."""

    simulation: Simulation
    journal: Journal
    candles: Sequence[Candles]
    bars: Sequence[Bars]
    windows: Sequence[Iterable[str]]


def add_up(
    made: Made, settings: BacktestSettings, params_json: str, code_hash: str, data_fingerprint: str | None
) -> BacktestResult:
    """The result of a run that has come to its end."""
    times, equity = made.simulation.equity_curve()
    trades = trade_log(made.simulation, made.bars, settings.timeframe)
    refused, instruments = made.journal.refused, made.simulation.instruments
    if data_fingerprint is None:
        data_fingerprint = " ".join(candles.fingerprint() for candles in made.candles)
    return BacktestResult(
        engine_version=ENGINE_VERSION,
        bars=sum(len(bars) for bars in made.bars),
        equity_time=times,
        equity=equity,
        trades=trades,
        stats=Statistics(lambda: {**summarize(trades, times, equity), "refused_actions": refused}),
        warnings=tuple(_caveats(made, settings, trades, float(equity.min()))),
        refusals=made.journal.refusals,
        digest=run_digest(
            settings=settings,
            params_json=params_json,
            code_hash=code_hash,
            data_fingerprint=data_fingerprint,
            instruments=[asdict(instrument) for instrument in instruments],
            trades=trades,
            equity=equity,
        ),
    )


def with_report(result: BacktestResult, asks: Sequence[Callable[[], object]]) -> BacktestResult:
    """The result with the drawings that `asks` give, and with the warnings that take a look at all of it."""
    drawn: dict[str, Overlays] = {}
    warnings = [*result.warnings, *plain_warnings(result.stats)]
    for ask in asks:
        own, problems = ask_overlays(ask)
        drawn.update(own)
        warnings += problems
    return replace(result, overlays=chart_overlays(drawn, result.trades), warnings=tuple(dict.fromkeys(warnings)))


def _caveats(made: Made, settings: BacktestSettings, trades: Trades, lowest_equity: float) -> Iterator[str]:
    markets = zip(made.candles, made.simulation.instruments, strict=True)
    data = (data_caveats(candles, instrument, settings) for candles, instrument in markets)
    found = chain(
        *made.windows, trade_caveats(trades, made.journal.refused, lowest_equity), *data, settings_caveats(settings)
    )
    return iter(dict.fromkeys(found))


def ignore_progress(done: int, total: int) -> None:
    """Nobody watches."""
