"""The market simulation: candles go by, orders arrive, levels are reached, trades are written down."""

from collections import deque
from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.engine.costs import commission_cents, from_cents, slippage_ticks, to_cents
from analysis.engine.fills import (
    CANDLE_MS,
    NO_STOP,
    NO_TARGET,
    Exit,
    first_exit,
    price_at,
    stretch,
    waypoints,
)
from analysis.engine.market import Market
from analysis.engine.orders import CloseOrder, EntryOrder, LevelsOrder, Order, Quote
from analysis.engine.portfolio import LONG, OpenPosition, Portfolio
from analysis.engine.result import BacktestSettings, Intrabar
from analysis.engine.trades import Trade
from analysis.instrument import Instrument


class _Waiting(NamedTuple):
    """An order on its way: it reaches the market `ms` into candle `row`. `lost` is told when it arrives in
    vain."""

    row: int
    ms: int
    order: Order
    lost: Callable[[str, str], None]


class Broker:
    """One account on one instrument, moved forward candle by candle."""

    def __init__(
        self,
        market: Market,
        instrument: Instrument,
        settings: BacktestSettings,
        bar_of_row: NDArray[np.int64],
        row: int,
    ) -> None:
        self.portfolio = Portfolio(to_cents(settings.initial_equity), instrument)
        self.trades: list[Trade] = []
        self.row = row
        self._first_row = row
        self._market = market
        self._instrument = instrument
        self._settings = settings
        self._rule = Intrabar(settings.intrabar)
        self._bar_of_row = bar_of_row
        self._waiting: deque[_Waiting] = deque()
        self._equity_cents = np.zeros(len(market) - row, dtype=np.int64)
        self._last_id = 0

    def quote(self) -> Quote:
        """Bid, ask and equity at the close of the last candle that went by."""
        row = self.row - 1
        bid = self._market.close[row]
        ask = bid + self._market.spread[row]
        return Quote(bid, ask, from_cents(self.portfolio.equity_cents(bid, ask)))

    def submit(self, order: Order, lost: Callable[[str, str], None]) -> None:
        """Send an order at the close of the last candle that went by: it arrives `slippage_ms` after the next
        one's open."""
        row, ms = self.row, 0
        if row < len(self._market):
            row, ms = self._market.locate(self._market.time[row] + self._settings.slippage_ms)
        if row >= len(self._market):
            lost("no_market", "the candles end before the order reaches the market")
        else:
            self._waiting.append(_Waiting(row, ms, order, lost))

    def advance(self, to_row: int) -> None:
        """Let candles go by up to, not including, `to_row`."""
        market, portfolio = self._market, self.portfolio
        high, low, close, spread = market.high, market.low, market.close, market.spread
        longs, shorts, first_row = portfolio.longs, portfolio.shorts, self._first_row
        for row in range(self.row, to_row):
            if self._waiting and self._waiting[0].row == row:
                self._candle_with_orders(row)
            elif (
                low[row] <= longs.nearest_stop
                or high[row] >= longs.nearest_target
                or -high[row] - spread[row] <= shorts.nearest_stop
                or -low[row] - spread[row] >= shorts.nearest_target
            ):
                self._whole_candle(row, {})
            bid = close[row]
            self._equity_cents[row - first_row] = portfolio.equity_cents(bid, bid + spread[row])
        self.row = max(self.row, to_row)

    def close_all(self) -> None:
        """End of data: what is still open is closed at the last close."""
        row = self.row - 1
        for position in self.portfolio.clear():
            bid = self._market.close[row]
            price = bid if position.direction == LONG else -bid - self._market.spread[row]
            time = self._market.time[row] + CANDLE_MS
            self._settle(position, row, time, Exit(price, "end_of_data", False), lived_through=row + 1)
        if len(self._equity_cents):
            self._equity_cents[-1] = self.portfolio.balance_cents

    def equity_curve(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Times (epoch milliseconds) and equity: the start, then every close since."""
        opens = self._market.arrays["time"][self._first_row :]
        times = np.concatenate([opens[:1], opens + CANDLE_MS])
        cents = np.concatenate([[to_cents(self._settings.initial_equity)], self._equity_cents])
        return times, cents / 100.0

    def _candle_with_orders(self, row: int) -> None:
        """A candle during which orders arrive. They cut its minute in two for the positions they concern; every
        other position sees the candle as a whole, as if there were no orders."""
        settled_ms: dict[int, int] = {}
        while self._waiting and self._waiting[0].row == row:
            waiting = self._waiting.popleft()
            if isinstance(waiting.order, EntryOrder):
                settled_ms[self._enter(waiting.order, row, waiting.ms)] = waiting.ms
            else:
                self._change(waiting, waiting.order, settled_ms)
        for position_id, ms in settled_ms.items():
            position = self.portfolio.find(position_id)
            if position is not None:
                self._live_through(position, row, ms, CANDLE_MS)
        self._whole_candle(row, settled_ms)

    def _change(self, waiting: _Waiting, order: CloseOrder | LevelsOrder, settled_ms: dict[int, int]) -> None:
        """Close a position or move its levels, unless it ends before the order arrives."""
        row, ms = waiting.row, waiting.ms
        position = self.portfolio.find(order.position_id)
        if position is not None and ms > settled_ms.get(position.id, 0):
            self._live_through(position, row, settled_ms.get(position.id, 0), ms)
            settled_ms[position.id] = ms
            position = self.portfolio.find(order.position_id)
        if position is None:
            waiting.lost("unknown_trade", f"trade {order.position_id} was closed before the order arrived")
        elif isinstance(order, LevelsOrder):
            position.stop, position.target = order.stop, order.target
            self.portfolio.book(position.direction).watch(position)
        else:
            self._close_at_market(position, row, ms)

    def _whole_candle(self, row: int, settled: Collection[int]) -> None:
        """The exits of a candle that goes by in one piece, for every position whose id is not in `settled`."""
        market = self._market
        low, high, spread = market.low[row], market.high[row], market.spread[row]
        for book, worst, best in (
            (self.portfolio.longs, low, high),
            (self.portfolio.shorts, -high - spread, -low - spread),
        ):
            for position in book.reached(worst, best):
                if position.id in settled:
                    book.watch(position)
                else:
                    self._live_through(position, row, 0, CANDLE_MS)

    def _live_through(self, position: OpenPosition, row: int, from_ms: int, to_ms: int) -> None:
        """Let part of a candle's minute go by for one position."""
        path = stretch(self._waypoints(row), from_ms, to_ms)
        if position.direction != LONG:
            path = path.raised(self._market.spread[row]).mirrored()
        exit_ = first_exit(path, position.stop, position.target, self._rule)
        if exit_ is None:
            position.witness(path.low, path.high)
        else:
            position.witness(path.start, path.start)
            self._close(position, row, self._market.time[row] + from_ms, exit_)

    def _enter(self, order: EntryOrder, row: int, ms: int) -> int:
        """Open a position and return its id."""
        bid = price_at(self._waypoints(row), ms)
        price = bid + self._market.spread[row] if order.direction == LONG else -bid
        risk = None if order.stop == NO_STOP else abs(price - order.stop)
        price += slippage_ticks(risk, self._settings.slippage_r)
        commission = self._commission(order.steps)
        self.portfolio.balance_cents -= commission
        self._last_id += 1
        self.portfolio.book(order.direction).add(
            OpenPosition(
                id=self._last_id,
                direction=order.direction,
                steps=order.steps,
                entry=price,
                entry_time=self._market.time[row] + ms,
                entry_row=row,
                stop=order.stop,
                target=order.target,
                first_stop=order.stop,
                first_target=order.target,
                commission_cents=commission,
                tag=order.tag,
            )
        )
        return self._last_id

    def _close_at_market(self, position: OpenPosition, row: int, ms: int) -> None:
        bid = price_at(self._waypoints(row), ms)
        price = bid if position.direction == LONG else -bid - self._market.spread[row]
        position.witness(price, price)
        price -= slippage_ticks(position.risk_ticks, self._settings.slippage_r)
        self._close(position, row, self._market.time[row] + ms, Exit(price, "signal", False))

    def _close(self, position: OpenPosition, row: int, time: int, exit_: Exit) -> None:
        """Close a position within candle `row`."""
        self.portfolio.book(position.direction).remove(position)
        self._settle(position, row, time, exit_, lived_through=row)

    def _settle(self, position: OpenPosition, row: int, time: int, exit_: Exit, lived_through: int) -> None:
        """Pay a position out; it saw the whole of every candle after its entry and before `lived_through`."""
        commission = self._commission(position.steps)
        gross = self.portfolio.money_cents((exit_.price - position.entry) * position.steps)
        self.portfolio.balance_cents += gross - commission
        self._witness_candles(position, lived_through)
        self.trades.append(self._trade(position, row, time, exit_, gross, position.commission_cents + commission))

    def _witness_candles(self, position: OpenPosition, lived_through: int) -> None:
        rows = slice(position.entry_row + 1, lived_through)
        low, high, spread = (self._market.arrays[name][rows] for name in ("low", "high", "spread"))
        if len(low) == 0:
            return
        if position.direction == LONG:
            position.witness(int(low.min()), int(high.max()))
        else:
            position.witness(-int((high + spread).max()), -int((low + spread).min()))

    def _trade(self, position: OpenPosition, row: int, time: int, exit_: Exit, gross: int, commission: int) -> Trade:
        sign, price_of = position.direction, self._instrument.from_ticks
        pnl = from_cents(gross - commission)
        risk_ticks = position.risk_ticks
        risk = round(self.portfolio.money_per_unit * (risk_ticks or 0) * position.steps, 8)
        worst = min(position.worst, exit_.price) - position.entry
        best = max(position.best, exit_.price) - position.entry
        return Trade(
            id=position.id,
            part=0,
            symbol=self._instrument.symbol,
            side=position.side.value,
            lots=self._instrument.from_steps(position.steps),
            entry_time=position.entry_time,
            entry_price=price_of(position.entry * sign),
            exit_time=time,
            exit_price=price_of(exit_.price * sign),
            sl=None if position.first_stop == NO_STOP else price_of(position.first_stop * sign),
            tp=None if position.first_target == NO_TARGET else price_of(position.first_target * sign),
            initial_risk=None if risk_ticks is None else risk,
            pnl=pnl,
            pnl_r=pnl / risk if risk else None,
            pnl_pessimistic=pnl,
            pnl_optimistic=pnl,
            commission=from_cents(commission),
            swap=0.0,
            mae_r=min(worst / risk_ticks, 0.0) if risk_ticks else None,
            mfe_r=max(best / risk_ticks, 0.0) if risk_ticks else None,
            bars_held=int(self._bar_of_row[row] - self._bar_of_row[position.entry_row]),
            exit_reason=exit_.reason,
            intrabar_decided=exit_.decided,
            tag=position.tag,
        )

    def _waypoints(self, row: int) -> tuple[int, int, int, int]:
        market = self._market
        return waypoints(market.open[row], market.high[row], market.low[row], market.close[row])

    def _commission(self, steps: int) -> int:
        return commission_cents(self._instrument.from_steps(steps), self._settings.commission_per_lot)
