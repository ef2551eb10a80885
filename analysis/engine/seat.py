"""One symbol of a run: what it is made of, and its strategy at work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.candles import Candles
from analysis.engine.desk import Desk
from analysis.engine.driver import StrategyDriver
from analysis.engine.kernel.records import TIME
from analysis.engine.result import BacktestSettings
from analysis.engine.simulation import Simulation, open_market
from analysis.engine.window import MovingWindow
from analysis.instrument import Instrument
from analysis.strategy import TickStrategy
from analysis.strategy.fast_reads import bind, unbind
from analysis.timeframes import closed_bars


@dataclass(frozen=True)
class Leg:
    """One symbol of a run: its strategy, its M1 candles, its contract.

    `remake` makes the same strategy afresh, from source that is executed afresh, for the self-check; without it there
    is none.
    """

    strategy: TickStrategy
    candles: Candles
    instrument: Instrument
    remake: Callable[[], TickStrategy] | None = None


class Seat:
    """A leg at work. `stops[bar]` is the first row of the market that is not before the bar's close."""

    __slots__ = (
        "_namespace", "bars", "desk", "driver", "first_bar", "leg", "moving", "reader", "run_tick", "stops", "symbol",
        "told", "version", "window",
    )  # fmt: skip

    def __init__(self, leg: Leg, symbol: int, simulation: Simulation, timeframe: str, trade_from: int | None) -> None:
        self.leg, self.symbol = leg, symbol
        self.bars = closed_bars(leg.candles, timeframe)
        self.driver = StrategyDriver(leg.strategy, self.bars)
        self.desk = Desk(simulation, symbol)
        market = simulation.market
        alone = market.rows[symbol] is None
        self.stops: NDArray[np.integer] = (
            self.bars.stop if alone else np.searchsorted(market.columns[TIME], self.bars.closes())
        )
        first = 0 if trade_from is None else int(np.searchsorted(self.bars.candles.time, trade_from))
        self.first_bar = max(self.driver.window - 1, first)
        self.told = self.driver.wants_positions or self.driver.wants_orders
        if self.driver.asks_for_positions:
            leg.strategy.trade_in(self.desk)  # type: ignore[attr-defined]
        self.version = -1
        self.run_tick = leg.strategy.run_tick
        self._namespace: dict[str, Any] = getattr(self.run_tick, "__globals__", {})

    @property
    def sees_positions(self) -> bool:
        """Whether what is open may have a say in what run_tick decides; it may where entry_signals left it unasked."""
        return self.driver.has_signals or self.told or self.desk.consulted

    def open_window(self) -> None:
        """Begin at the first bars."""
        self.moving = MovingWindow(self.driver.frame, self.driver.window)
        self._show()

    def settle(self) -> None:
        """After a call that held on to the window or had pandas change it."""
        del self.window
        self.moving.settle()
        self._show()

    def close_window(self) -> None:
        """After the last bar."""
        self.moving.close()
        unbind(self._namespace)

    def _show(self) -> None:
        self.window, self.reader = self.moving.window, self.moving.reader
        bind(self._namespace, self.window)

    def tell(self, version: int) -> None:
        """Give a strategy that does not ask its open trades and waiting orders."""
        self.version = version
        strategy: Any = self.leg.strategy
        if self.driver.wants_positions:
            strategy.positions = self.desk.positions()
        if self.driver.wants_orders:
            strategy.orders = self.desk.orders()


def take_seats(legs: Sequence[Leg], settings: BacktestSettings) -> tuple[Simulation, list[Seat]]:
    """A market of all candles, and everybody in their place. Raises NoCandles, CorruptCandles, RunFailed."""
    simulation = open_market([leg.candles for leg in legs], [leg.instrument for leg in legs], settings)
    return simulation, [
        Seat(leg, symbol, simulation, settings.timeframe, settings.trade_from) for symbol, leg in enumerate(legs)
    ]
