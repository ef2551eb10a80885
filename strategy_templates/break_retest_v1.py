"""Buys the retest of a resistance that was broken upwards, sells that of a support broken downwards.

Zone. Each symbol has one support and one resistance, made of the bodies of its candles (wicks do not count). The leg
that ends at a bar is the walk back over candles of its colour; runs of another colour, and of candles without one, are
passed over while their bodies are lower than ZONE_INVERSION_MARGIN_ATR. A leg at least that high puts the resistance a
tick above its highest body when it falls, the support a tick below its lowest when it rises. A walk that finds no end
within BREAKOUT_LOOKBACK_PERIOD bars, or before the first, changes nothing. A level stays until a leg puts it elsewhere,
or puts the other level on the wrong side of it: then it goes.

Breakout. The close before was not beyond the level plus BREAKOUT_MIN_STRENGTH_ATR, and this one is. Then a limit order
waits at the broken level. It is a buy when the EMA is not above the close, the RSI of completed days not above 70, the
day not a Monday, and the zone at least MIN_RISK_DISTANCE_ATR high; a sell as the mirror image (RSI not below 30). Stop
loss: SL_BUFFER_ATR behind the other level. Take profit: RR heights of the zone beyond the entry. A waiting order is
cancelled when a support is SR_CANCELLATION_THRESHOLD_ATR above the level it waits at (a resistance below it).
Otherwise it waits for ever, and any number may wait at once.

Every `..._ATR` is a multiple of the average true range of the bar. Size: as many lots as lose RISK_PER_TRADE of the
equity over the height of the zone; the stop loss lies SL_BUFFER_ATR further. No order below the smallest volume.
"""

import logging
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import backtrader as bt
import numpy as np

from analysis.strategy import StrategyParams, resolve_params
from analysis.strategy import backtrader_tools as tools
from analysis.strategy.brackets import Bracket, BracketBook, Ticket
from analysis.strategy.overlays import Overlays

logger = logging.getLogger(__name__)

UP, DOWN = 1.0, 2.0
MISSING_ATR = 0.0001
MONDAY = 0


@dataclass(frozen=True)
class BreakRetestParams(StrategyParams):
    """The parameters of one symbol; DEFAULT_PARAMS below has their values."""

    RR: float
    RISK_PER_TRADE: float
    BREAKOUT_LOOKBACK_PERIOD: int
    ZONE_INVERSION_MARGIN_ATR: float
    BREAKOUT_MIN_STRENGTH_ATR: float
    MIN_RISK_DISTANCE_ATR: float
    SR_CANCELLATION_THRESHOLD_ATR: float
    SL_BUFFER_ATR: float
    EMA_LENGTH: int
    ATR_LENGTH: int
    VOLUME_MA_LENGTH: int
    CHECK_FOR_DAILY_RSI: bool


def leg_body(opens: Any, closes: Any, reach: int, margin: float) -> tuple[float, float] | None:
    """Highest and lowest body price of the leg that ends at the current bar of two lines.

    None when the leg has no end within `reach` bars back: no run of another colour that is `margin` high.
    """
    leg = before = colour(opens[0], closes[0])
    high, low = max(opens[0], closes[0]), min(opens[0], closes[0])
    top = bottom = math.nan
    for ago in range(1, reach + 1):
        first, last = opens[-ago], closes[-ago]
        now = colour(first, last)
        if now == leg:
            high, low = max(high, first, last), min(low, first, last)
        else:
            if now != before:  # another run begins: it is measured alone
                top, bottom = first, first
            top, bottom = max(top, first, last), min(bottom, first, last)
            if top - bottom >= margin:
                return high, low
        before = now
    return None


def colour(first: float, last: float) -> int:
    """1 for a body that rises, -1 for one that falls, 0 for one that does neither."""
    return (last > first) - (last < first)


def usable(atr: float) -> float:
    """The average true range, or a stand-in where there is none (NaN, or not above zero)."""
    return atr if atr > 0 else MISSING_ATR


class Zone(bt.Indicator):
    """Support and resistance (NaN where there is none), and of a bar that breaks one its close and trend, 1 up, 2 down.

    Inputs: a feed and its average true range.
    """

    lines: Any = ("support", "resistance", "breakout", "trend")
    params: Any = (("instrument", None), ("margin_atr", 1.0), ("lookback", 48), ("strength_atr", 0.2))

    def prenext(self) -> None:
        self.next()

    def next(self) -> None:
        atr, close = usable(self.data1[0]), self.data.close[0]
        support, resistance = self._levels(self.p.margin_atr * atr)
        self.lines.support[0], self.lines.resistance[0] = support, resistance
        trend = math.nan
        if len(self) >= 4:
            trend = trend_of(self.data.close[-1], close, support, resistance, self.p.strength_atr * atr)
        self.lines.breakout[0], self.lines.trend[0] = (math.nan if math.isnan(trend) else close), trend

    def _levels(self, margin: float) -> tuple[float, float]:
        bar, opens, closes = len(self) - 1, self.data.open, self.data.close
        support, resistance = (self.lines.support[-1], self.lines.resistance[-1]) if bar else (math.nan, math.nan)
        direction, ticks = colour(opens[0], closes[0]), self.p.instrument
        leg = leg_body(opens, closes, min(self.p.lookback, bar), margin) if direction else None
        if leg is None or leg[0] - leg[1] < margin:
            return support, resistance
        if direction > 0:
            support = ticks.from_ticks(ticks.to_ticks(leg[1]) - 1)
            return support, math.nan if support >= resistance else resistance
        resistance = ticks.from_ticks(ticks.to_ticks(leg[0]) + 1)
        return math.nan if support >= resistance else support, resistance


def trend_of(before: float, close: float, support: float, resistance: float, strength: float) -> float:
    """UP or DOWN when this close, and not the one before, is beyond a level by `strength`; NaN when it is not."""
    if before <= resistance + strength <= close:
        return UP
    return DOWN if before >= support - strength >= close else math.nan


class Market:
    """One symbol: its feed, its parameters and its indicators."""

    def __init__(self, data: Any, p: BreakRetestParams) -> None:
        self.data, self.p, self.instrument = data, p, data.instrument
        self.average_range = bt.indicators.AverageTrueRange(data, period=p.ATR_LENGTH)
        self.ema = bt.indicators.ExponentialMovingAverage(data.close, period=p.EMA_LENGTH)
        self.rsi = bt.indicators.RSI_Safe(data.close, period=14)
        self.volume_average = bt.indicators.SimpleMovingAverage(data.volume, period=p.VOLUME_MA_LENGTH)
        self.daily_rsi = tools.DailyRSI(data) if p.CHECK_FOR_DAILY_RSI else None
        self.zone = Zone(
            data, self.average_range, instrument=data.instrument, margin_atr=p.ZONE_INVERSION_MARGIN_ATR,
            lookback=p.BREAKOUT_LOOKBACK_PERIOD, strength_atr=p.BREAKOUT_MIN_STRENGTH_ATR,
        )  # fmt: skip
        self.bars = 0
        self.live = True
        self.refused: Counter[str] = Counter()

    @property
    def atr(self) -> float:
        return usable(self.average_range[0])

    def has_new_bar(self) -> bool:
        """Whether this is the first call since the last bar: backtrader asks whenever any of the feeds has one."""
        before, self.bars = self.bars, len(self.data)
        return self.bars > before

    def follows(self, up: bool) -> bool:
        """Whether a breakout of this bar is one to trade."""
        close, ema = self.data.close[0], self.ema[0]
        rsi = math.nan if self.daily_rsi is None else self.daily_rsi[0]
        return (
            self.live
            and (ema <= close if up else ema >= close)
            and not (rsi > 70 if up else rsi < 30)
            and tools.bar_time(self.data).weekday() != MONDAY
            and self.zone.resistance[0] - self.zone.support[0] >= self.p.MIN_RISK_DISTANCE_ATR * self.atr
        )

    def retest(self, up: bool, equity: float) -> Ticket:
        """The order for a breakout of this bar; lots and prices may be such that it cannot be sent."""
        p, support, resistance = self.p, self.zone.support[0], self.zone.resistance[0]
        sign, entry, other = (1, resistance, support) if up else (-1, support, resistance)
        height = resistance - support
        return Ticket(
            side="BUY" if up else "SELL",
            lots=tools.lots_at_risk(self.instrument, equity * p.RISK_PER_TRADE, height),
            price=entry,
            sl=self.instrument.round_price(other - sign * p.SL_BUFFER_ATR * self.atr),
            tp=self.instrument.round_price(entry + sign * p.RR * height),
        )

    def facts(self, up: bool, ticket: Ticket) -> dict[str, float]:
        """What the trade's record says of its breakout: lengths named `atr_` are multiples of the ATR."""
        data, average = self.data, self.volume_average[0]
        wick = data.high[0] - data.close[0] if up else data.close[0] - data.low[0]
        return {
            "broken_resistance": self.zone.resistance[0],
            "broken_support": self.zone.support[0],
            "breakout_price": self.zone.breakout[0],
            "rsi_at_break": self.rsi[0],
            "relative_volume": data.volume[0] / average if average > 0 else math.nan,
            "atr_breakout_wick": wick / self.atr,
            "atr_sl_dist": abs(ticket.price - ticket.sl) / self.atr,
            "atr_tp_dist": abs(ticket.tp - ticket.price) / self.atr,
            "atr_at_break": self.atr,
        }

    def overtakes(self, order: Bracket) -> bool:
        """Whether a level has formed beyond a waiting order."""
        distance = self.p.SR_CANCELLATION_THRESHOLD_ATR * self.atr
        if order.ticket.side == "BUY":
            return bool(self.zone.support[0] > order.ticket.price + distance)
        return bool(self.zone.resistance[0] < order.ticket.price - distance)

    def drawn(self) -> Overlays:
        """The EMA, both levels while they held, and every breakout."""
        times, values = tools.line_times(self.data), tools.line_values
        overlays = Overlays().line(f"EMA_{self.p.EMA_LENGTH}", times, values(self.ema.lines[0]))
        for kind, line in (("support", self.zone.support), ("resistance", self.zone.resistance)):
            for start, end, price in tools.held_levels(values(line)):
                overlays.segment(kind.capitalize(), times[start], times[end], price, kind)
        prices, trends = values(self.zone.breakout), values(self.zone.trend)
        for row in np.flatnonzero(trends > 0):
            text, position = ("Breakout up", "below") if trends[row] == UP else ("Breakout down", "above")
            overlays.marker(times[row], prices[row], text, position)
        for reason, count in self.refused.items():
            overlays.remark(f"Breakouts without an order: {count}, {reason}")
        return overlays


class BreakRetestV1Strategy(bt.Strategy):
    """Limit orders at broken levels, for any number of symbols that know nothing of each other."""

    DEFAULT_PARAMS: ClassVar[Mapping[str, Any]] = {
        "RR": 2.0,
        "RISK_PER_TRADE": 0.01,
        "BREAKOUT_LOOKBACK_PERIOD": 48,
        "ZONE_INVERSION_MARGIN_ATR": 1.0,
        "BREAKOUT_MIN_STRENGTH_ATR": 0.2,
        "MIN_RISK_DISTANCE_ATR": 0.5,
        "SR_CANCELLATION_THRESHOLD_ATR": 0.2,
        "SL_BUFFER_ATR": 0.3,
        "EMA_LENGTH": 40,
        "ATR_LENGTH": 14,
        "VOLUME_MA_LENGTH": 20,
        "CHECK_FOR_DAILY_RSI": True,
    }
    PARAMS_SCHEMA: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "BREAKOUT_LOOKBACK_PERIOD": {
            "type": "int", "min": 1, "max": 1_000_000, "label": "Longest leg, in bars", "group": "Zones",
            "help": "A leg that has no end within so many bars back sets no level",
        },
        "ZONE_INVERSION_MARGIN_ATR": {
            "type": "float", "min": 0.0, "label": "Zone inversion margin, in ATR", "group": "Zones",
            "help": "Least height of a leg that sets a level, and of a counter-move that ends a leg",
        },
        "ATR_LENGTH": {
            "type": "int", "min": 1, "max": 5_000, "label": "ATR length", "group": "Zones",
            "help": "Bars of the average true range everything is measured in",
        },
        "BREAKOUT_MIN_STRENGTH_ATR": {
            "type": "float", "min": 0.001, "label": "Breakout strength, in ATR", "group": "Breakout",
            "help": "How far beyond a level a bar must close to have broken it",
        },
        "EMA_LENGTH": {
            "type": "int", "min": 1, "max": 5_000, "label": "EMA length", "group": "Breakout",
            "help": "Bars of the average that a breakout must have on its side",
        },
        "CHECK_FOR_DAILY_RSI": {
            "type": "bool", "label": "Check the daily RSI", "group": "Breakout",
            "help": "Do not buy above 70 or sell below 30 of the RSI(14) of completed days (UTC)",
        },
        "VOLUME_MA_LENGTH": {
            "type": "int", "min": 1, "max": 5_000, "label": "Volume average length", "group": "Breakout",
            "help": "Bars of the average that the volume of a breakout is recorded relative to; decides nothing",
        },
        "MIN_RISK_DISTANCE_ATR": {
            "type": "float", "min": 0.0, "max": 100.0, "label": "Lowest zone, in ATR", "group": "Order",
            "help": "No order when support and resistance are closer together",
        },
        "SR_CANCELLATION_THRESHOLD_ATR": {
            "type": "float", "min": 0.0001, "max": 1000.0, "label": "Cancellation distance, in ATR", "group": "Order",
            "help": "A waiting order is cancelled when a support is so far above it (a resistance below it)",
        },
        "SL_BUFFER_ATR": {
            "type": "float", "min": 0.0, "max": 100.0, "label": "Stop loss buffer, in ATR", "group": "Order",
            "help": "Distance from the far side of the zone to the stop loss behind it",
        },
        "RR": {
            "type": "float", "min": 0.0, "max": 10_000.0, "label": "Take profit, in zones", "group": "Order",
            "help": "Distance from the entry to the take profit, in heights of the zone; 0 leaves no room for a trade",
        },
        "RISK_PER_TRADE": {
            "type": "float", "min": 0.0000001, "max": 1.0, "label": "Risk per trade", "group": "Size",
            "help": "Fraction of the equity lost over the height of the zone: 0.01 is one per cent",
        },
    }  # fmt: skip
    # Other values for single symbols, e.g. {"XAUUSD": {"RR": 3.0}}; what is not named here is the run's.
    PAIR_PARAMS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    params: Any = tuple(DEFAULT_PARAMS.items())

    def __init__(self) -> None:
        self.book = BracketBook(self)
        self.markets = [Market(data, self._params_of(data._name)) for data in self.datas]

    def _params_of(self, symbol: str) -> BreakRetestParams:
        values = {**self.p._getkwargs(), **self.PAIR_PARAMS.get(symbol, {})}
        return BreakRetestParams.from_dict(resolve_params(self.PARAMS_SCHEMA, self.DEFAULT_PARAMS, values))

    def notify_data(self, data: Any, status: int, *args: Any, **kwargs: Any) -> None:
        """A live feed says whether its bars are history or happen now."""
        for market in self.markets:
            if market.data is data and status in (data.DELAYED, data.LIVE):
                market.live = status == data.LIVE

    def notify_order(self, order: Any) -> None:
        self.book.on_order(order)

    def prenext(self) -> None:
        self.next()  # a symbol must not wait for the indicators of another

    def next(self) -> None:
        for market in self.markets:
            if market.has_new_bar():
                self._on_bar(market)

    def _on_bar(self, market: Market) -> None:
        for order in self.book.waiting(market.data):
            if market.overtakes(order):
                self.book.cancel(order)
        trend = market.zone.trend[0]
        up = trend == UP
        if math.isnan(trend) or not market.follows(up):
            return
        ticket = market.retest(up, self.broker.getvalue())
        if reason := ticket.refusal(market.instrument):
            market.refused[reason] += 1
            logger.info("%s %s: no order, %s", market.data._name, tools.bar_time(market.data), reason)
        else:
            self.book.place(market.data, ticket, market.facts(up, ticket))

    def trade_records(self) -> list[dict[str, Any]]:
        """Every order as a row of a table, in the order they were placed, whatever became of it."""
        rows = self.book.records()
        return [{**r, "atr_rel_excursion": r["highest_excursion_from_breakout"] / r["atr_at_break"]} for r in rows]

    def chart_overlays(self) -> dict[str, Overlays]:
        """By symbol: the EMA, both levels while they held, every breakout, and every order from placing to end."""
        return {market.data._name: self.book.draw(market.data, market.drawn()) for market in self.markets}
