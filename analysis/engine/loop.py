"""A backtest from its first candle to its result."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from itertools import chain
from typing import Any

import numpy as np

from analysis.candles import Candles
from analysis.engine.broker import Broker
from analysis.engine.caveats import data_caveats, settings_caveats, trade_caveats, window_caveats
from analysis.engine.driver import StrategyDriver, spell
from analysis.engine.market import Market, quote_market
from analysis.engine.orders import OrderDesk
from analysis.engine.result import (
    ENGINE_VERSION,
    MAX_REFUSALS_KEPT,
    BacktestResult,
    BacktestSettings,
    Refusal,
    run_digest,
)
from analysis.engine.trades import Trades
from analysis.errors import NoCandles
from analysis.instrument import Instrument
from analysis.metrics import summarize
from analysis.strategy import ActionRefused, TickStrategy, canonical_json
from analysis.timeframes import TIMEFRAME_MS, Bars, closed_bars

PROGRESS_EVERY_S = 0.2

Progress = Callable[[int, int], None]


def run_backtest(
    strategy: TickStrategy,
    candles: Candles,
    instrument: Instrument,
    settings: BacktestSettings,
    on_progress: Progress | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    code_hash: str = "",
) -> BacktestResult:
    """Trade `strategy` on M1 `candles` by the rules of docs/backtest-semantics.md.

    `on_progress(bars_done, bars_total)` is called a few times a second; what it raises ends the run and
    passes through. `params` and `code_hash` identify the strategy in the result's digest. Raises NoCandles,
    CorruptCandles, and RunFailed when the strategy raises.
    """
    run = _Run(strategy, candles, instrument, settings)
    run.trade(on_progress or _ignore)
    return run.result(canonical_json(params or {}), code_hash)


class _Run:
    """The moving parts of one backtest."""

    def __init__(
        self, strategy: TickStrategy, candles: Candles, instrument: Instrument, settings: BacktestSettings
    ) -> None:
        self.candles, self.instrument, self.settings = candles, instrument, settings
        self.market: Market = quote_market(candles, instrument, settings.spread_points)
        self.bars: Bars = closed_bars(candles, settings.timeframe)
        self.driver = StrategyDriver(strategy, self.bars)
        label = candles.time // TIMEFRAME_MS[settings.timeframe]
        bar_of_row = np.cumsum(np.diff(label, prepend=label[:1]) != 0)
        first_row, first_bar = self._window_start()
        self.broker = Broker(self.market, instrument, settings, bar_of_row, first_row)
        self.first_bar = max(self.driver.window - 1, first_bar)
        self.desk = OrderDesk(instrument, self.broker.portfolio)
        self.refusals: list[Refusal] = []
        self.refused = 0

    def _window_start(self) -> tuple[int, int]:
        """The first M1 row and the first bar that belong to the window; what precedes only warms up."""
        start = self.settings.trade_from
        if start is None:
            return 0, 0
        row = int(np.searchsorted(self.candles.time, start))
        if row == len(self.candles):
            raise NoCandles(f"There are no candles of {self.candles.symbol} at or after trade_from")
        return row, int(np.searchsorted(self.bars.candles.time, start))

    def trade(self, on_progress: Progress) -> None:
        """Go through every bar and the candles behind the last one."""
        total = len(self.bars)
        on_progress(0, total)
        next_report = time.monotonic() + PROGRESS_EVERY_S
        stops = self.bars.stop.data
        for bar in range(total):
            self.broker.advance(stops[bar])
            if bar >= self.first_bar:
                self._decide(bar)
            if time.monotonic() >= next_report:
                on_progress(bar + 1, total)
                next_report = time.monotonic() + PROGRESS_EVERY_S
        self.broker.advance(len(self.market))
        self.broker.close_all()
        on_progress(total, total)

    def result(self, params_json: str, code_hash: str) -> BacktestResult:
        times, equity = self.broker.equity_curve()
        trades = Trades.of(sorted(self.broker.trades, key=lambda trade: trade.id))
        stats = summarize(trades, times, equity)
        stats["refused_actions"] = self.refused
        caveats = chain(
            window_caveats(len(self.bars), self.first_bar, self.driver.window),
            trade_caveats(trades, self.refused, float(equity.min())),
            data_caveats(self.candles, self.instrument, self.settings),
            settings_caveats(self.settings),
        )
        return BacktestResult(
            engine_version=ENGINE_VERSION,
            bars=len(self.bars),
            equity_time=times,
            equity=equity,
            trades=trades,
            stats=stats,
            warnings=tuple(caveats),
            refusals=tuple(self.refusals),
            digest=run_digest(
                settings=self.settings,
                params_json=params_json,
                code_hash=code_hash,
                data_fingerprint=self.candles.fingerprint(),
                instrument=asdict(self.instrument),
                trades=trades,
                equity=equity,
            ),
        )

    def _decide(self, bar: int) -> None:
        quote = self.broker.quote()
        positions = self.broker.portfolio.views(quote.bid, quote.ask) if self.driver.wants_positions else ()
        close_time = int(self.bars.close_time[bar])
        for raw, action in self.driver.decide(bar, quote.equity, positions):
            placed = action if isinstance(action, ActionRefused) else self.desk.place(action, quote)
            if isinstance(placed, ActionRefused):
                self._note(close_time, "refused", placed.code, placed.reason, raw)
                continue
            if placed.reduced is not None:
                self._note(close_time, "reduced", placed.reduced.code, placed.reduced.reason, raw)
            for order in placed.orders:
                self.broker.submit(order, self._lost(close_time, raw))

    def _lost(self, close_time: int, raw: object) -> Callable[[str, str], None]:
        return lambda code, reason: self._note(close_time, "refused", code, reason, raw)

    def _note(self, close_time: int, outcome: str, code: str, reason: str, raw: object) -> None:
        self.refused += outcome == "refused"
        if len(self.refusals) < MAX_REFUSALS_KEPT:
            self.refusals.append(Refusal(close_time, outcome, code, reason, spell(raw)))


def _ignore(done: int, total: int) -> None:
    """Nobody watches."""
