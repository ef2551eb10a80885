"""A backtest of a backtrader strategy from its first candle to its result."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import sub
from typing import Any

import backtrader as bt
import numpy as np

from analysis.backtrader_engine.broker import PlatformBroker
from analysis.backtrader_engine.feeds import SymbolData, bars_by_time
from analysis.backtrader_engine.params import resolved_params
from analysis.backtrader_engine.stepping import Stepping
from analysis.candles import Candles
from analysis.engine.caveats import window_caveats
from analysis.engine.driver import strategy_failure
from analysis.engine.journal import Journal
from analysis.engine.kernel.records import TIME
from analysis.engine.result import BacktestResult, BacktestSettings
from analysis.engine.run import Made, add_up, ignore_progress, with_report
from analysis.engine.simulation import open_market
from analysis.engine.ticks import PROGRESS_EVERY_S, Progress
from analysis.errors import RunFailed
from analysis.instrument import Instrument
from analysis.strategy import canonical_json, strategy_filename
from analysis.timeframes import TIMEFRAME_MS, closed_bars


@dataclass(frozen=True)
class Feed:
    """One symbol of a run: its M1 candles and its contract."""

    candles: Candles
    instrument: Instrument


def run_backtrader(
    strategy_class: type[Any],
    feeds: Sequence[Feed],
    settings: BacktestSettings,
    on_progress: Progress | None = None,
    *,
    params: Mapping[str, Any],
    code_hash: str = "",
    data_fingerprint: str | None = None,
    report: bool = False,
) -> BacktestResult:
    """Trade one `backtrader.Strategy` on all feeds, by the rules of docs/backtest-semantics.md and docs/backtrader.md.

    Arguments, result and errors are those of `run_portfolio`. Raises also ParamsInvalid and StrategyError.
    """
    resolved = resolved_params(strategy_class, params)
    run = _Run(strategy_class, feeds, settings, on_progress or ignore_progress)
    run.trade(resolved)
    return run.result(canonical_json(params), code_hash, data_fingerprint, report=report)


class _Cerebro(bt.Cerebro):
    """backtrader's engine, with the platform's walk through time."""

    def _runnext(self, runstrats: Sequence[Any]) -> None:
        self.play(runstrats)


class _Run:
    """The moving parts of one backtest."""

    def __init__(
        self, strategy_class: type[Any], feeds: Sequence[Feed], settings: BacktestSettings, on_progress: Progress
    ) -> None:
        self.strategy_class, self.feeds, self.settings, self.on_progress = strategy_class, feeds, settings, on_progress
        candles, instruments = [feed.candles for feed in feeds], [feed.instrument for feed in feeds]
        self.simulation = open_market(candles, instruments, settings)
        self.bars = [closed_bars(each, settings.timeframe) for each in candles]
        self.total = sum(map(len, self.bars))
        self.journal = Journal(self.simulation)
        self.datas = [SymbolData.of(each, settings.timeframe) for each in instruments]
        self.broker = PlatformBroker(self.simulation, self.journal, settings, self.datas)
        # Bar by bar and nothing loaded before: what has not come is not there to be read.
        self.cerebro = _Cerebro(stdstats=False, preload=False, runonce=False)
        self.cerebro.play = self.play
        self.cerebro.setbroker(self.broker)
        for data, instrument in zip(self.datas, instruments, strict=True):
            self.cerebro.adddata(data, name=instrument.symbol)
        self.strategy: Any = None
        self.bar_time: int | None = None
        self.interruption: BaseException | None = None

    def trade(self, params: Mapping[str, Any]) -> None:
        """Go through every bar and the candles behind the last one. Raises RunFailed."""
        self.cerebro.addstrategy(self.strategy_class, **params)
        self.progress(0)
        try:
            self.cerebro.run()
        except (Exception, SystemExit) as error:
            if error is self.interruption or isinstance(error, RunFailed):
                raise
            raise self.failed(error) from error
        if self.strategy is None:
            raise RunFailed("strategy_error", "The strategy skipped the run (StrategySkipError)")
        self.progress(self.total)

    def play(self, strategies: Sequence[Any]) -> None:
        """Hand every bar over when it has closed, and let the strategy decide."""
        self.strategy = strategies[0]
        with Stepping(self.strategy):
            self.walk(strategies)
        self.broker.finish()
        self.cerebro._brokernotify()
        self.strategy._notify()
        self.strategy.clear()

    def walk(self, strategies: Sequence[Any]) -> None:
        """Go through the bars."""
        strategy = self.strategy
        length, start = TIMEFRAME_MS[self.settings.timeframe], self.settings.trade_from
        times = self.simulation.market.columns[TIME]
        done, reported, begun = 0, time.monotonic(), False
        for opened, new in bars_by_time(self.bars):
            self.bar_time = opened
            for symbol, values in new:
                self.datas[symbol].take(values)
            if start is not None and opened < start:
                _warm_up(strategy)
            else:
                closed = opened + length
                self.broker.decide_at(int(np.searchsorted(times, closed)), closed)
                self.cerebro._brokernotify()
                self.cerebro._check_timers(strategies, self.datas[new[0][0]].datetime[0], cheat=False)
                _decide(strategy, first=not begun)
                begun = True
            done += len(new)
            if time.monotonic() - reported >= PROGRESS_EVERY_S:
                reported = time.monotonic()
                self.progress(done)
            if self.cerebro._event_stop:
                break

    def progress(self, done: int) -> None:
        """Tell who watches; what they raise is not the strategy's."""
        try:
            self.on_progress(done, self.total)
        except BaseException as error:
            self.interruption = error
            raise

    def failed(self, error: BaseException) -> RunFailed:
        """What the strategy raised, as the end of the run."""
        failure = strategy_failure(error, strategy_filename(self.strategy_class), self.bar_time)
        ahead = _read_ahead(error)
        if ahead is None:
            return failure
        return RunFailed(
            "look_ahead",
            f"The strategy read [{ahead}] of a line: a bar that has not come yet",
            traceback=failure.traceback,
            bar_time=failure.bar_time,
        )

    def result(self, params_json: str, code_hash: str, data_fingerprint: str | None, *, report: bool) -> BacktestResult:
        """Everything the run made, added up."""
        windows = []
        start = self.settings.trade_from
        for bars, needed in zip(self.bars, self.strategy._minperiods, strict=True):
            first = 0 if start is None else int(np.searchsorted(bars.candles.time, start))
            windows.append(window_caveats(len(bars), max(needed - 1, first), needed))
        windows.append(iter([_overruled(self.broker.overruled)] if self.broker.overruled else []))
        made = Made(self.simulation, self.journal, [feed.candles for feed in self.feeds], self.bars, windows)
        result = add_up(made, self.settings, params_json, code_hash, data_fingerprint)
        draw = getattr(self.strategy, "chart_overlays", None)
        return with_report(result, [draw] if callable(draw) else []) if report else result


def _warm_up(strategy: Any) -> None:
    """A bar before `trade_from`: indicators see it, the strategy is not asked."""
    strategy._clk_update()
    for indicator in strategy._lineiterators[strategy.IndType]:
        indicator._next()


def _decide(strategy: Any, *, first: bool) -> None:
    """One bar. The first that the strategy is asked on is its `nextstart`, though it has warmed up before."""
    needed = strategy._minperiods
    spare = max(map(sub, needed, map(len, strategy.datas)))
    if first and spare < 0:
        strategy._minperiods = [periods - spare for periods in needed]
    strategy._next()
    strategy._minperiods = needed


def _read_ahead(error: BaseException) -> int | None:
    """The index above zero at which a line was read, when that is what was raised."""
    if not isinstance(error, IndexError) or (trace := error.__traceback__) is None:
        return None
    while trace.tb_next is not None:
        trace = trace.tb_next
    if trace.tb_frame.f_code is not bt.linebuffer.LineBuffer.__getitem__.__code__:
        return None
    ago = trace.tb_frame.f_locals["ago"]
    return int(ago) if ago > 0 else None


def _overruled(names: set[str]) -> str:
    return f"The strategy called {', '.join(sorted(names))} of its broker: the rules of a run are the platform's."
