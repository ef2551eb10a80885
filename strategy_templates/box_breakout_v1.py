"""Buys the break out of a narrow box in which volume and momentum already rise.

The box is the highest high and the lowest low of the last `lookback` bars. It is a setup when it is higher than a
tick and lower than `max_atr_multiple` average true ranges, and when, over the last `slope_window` bars, the MACD
histogram and the money flow (CMF) rise while the close does not: the price is held, the buyers are there. Rising
means the slope of the least-squares line. The money flow needs tick volume: data without it has no setup.

From then on the box is frozen. A close below it by more than `sl_buffer_pips` ends it. A close above it is the
breakout, and a long trade is opened at the market. With `require_retest` the breakout bar only starts the waiting: the
trade is opened on a later bar that touches the top of the box and closes above it. Stop loss: `sl_buffer_pips` below
the box. Take profit: `tp_multiple` heights of the box above its top. After a trade or an end the search starts again
with the next bar; trades that are open do not matter to it. A bar that closes beyond the take profit is no trade: the
platform refuses it.

What is remembered is the box that is active, and nothing a later bar could change: a strategy that is started anew
knows none of the boxes before.

Size: the risk setting `fixed_lot_size` where it is given, else as many lots as lose `risk_per_trade_percent` of the
equity (a fraction: 0.005 is half a per cent) between the close and the stop loss. The platform rounds down to a volume
step; below the smallest volume there is no trade, and the refusal says so.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from analysis.indicators import atr, cmf, macd, slope
from analysis.strategy import FieldProblem, Instrument, ParamsInvalid, StrategyParams
from analysis.strategy.overlays import Overlays

BOXES_DRAWN = 2_000


@dataclass(frozen=True)
class BoxBreakoutParams(StrategyParams):
    """The strategy's parameters; DEFAULT_PARAMS below has their values."""

    lookback: int
    max_atr_multiple: float
    slope_window: int
    risk_per_trade_percent: float
    tp_multiple: float
    sl_buffer_pips: float
    require_retest: bool
    macd_fast: int
    macd_slow: int
    macd_signal: int
    cmf_length: int
    atr_length: int

    def __post_init__(self) -> None:
        if self.macd_fast >= self.macd_slow:
            raise ParamsInvalid((FieldProblem("macd_fast", "must be shorter than macd_slow"),))


@dataclass
class Box:
    """A frozen range of prices: from the first bar of its lookback to the bar that ended it (None: active)."""

    low: float
    high: float
    start: pd.Timestamp
    end: pd.Timestamp | None = None
    broken_out: bool = False

    @property
    def height(self) -> float:
        """In price units."""
        return self.high - self.low


class BoxBreakoutV1Strategy:
    """Long breakouts of a narrow box, with or without a retest."""

    DEFAULT_PARAMS: ClassVar[Mapping[str, Any]] = {
        "lookback": 20,
        "max_atr_multiple": 3.0,
        "slope_window": 5,
        "risk_per_trade_percent": 0.005,
        "tp_multiple": 2.0,
        "sl_buffer_pips": 1.0,
        "require_retest": False,
        "macd_fast": 12,
        "macd_slow": 26,
        "macd_signal": 9,
        "cmf_length": 20,
        "atr_length": 14,
    }
    PARAMS_SCHEMA: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "lookback": {
            "type": "int", "min": 2, "max": 1000, "label": "Box length", "group": "Box",
            "help": "Bars whose highest high and lowest low are the box",
        },
        "max_atr_multiple": {
            "type": "float", "min": 0.1, "max": 50.0, "label": "Highest box, in ATR", "group": "Box",
            "help": "Boxes must be lower than so many average true ranges. Twenty bars are five ranges high as a "
            "rule and hardly ever less than two: below 2 there is next to no setup",
        },
        "atr_length": {
            "type": "int", "min": 1, "max": 500, "label": "ATR length", "group": "Box",
            "help": "Bars of the average true range the box is measured in",
        },
        "slope_window": {
            "type": "int", "min": 2, "max": 200, "label": "Slope window", "group": "Signal",
            "help": "Bars over which MACD histogram and money flow must rise and the close must not",
        },
        "require_retest": {
            "type": "bool", "label": "Wait for a retest", "group": "Signal",
            "help": "Buy not on the breakout but on a later bar that touches the top of the box and closes above it",
        },
        "macd_fast": {
            "type": "int", "min": 1, "max": 500, "label": "MACD fast", "group": "Signal",
            "help": "Bars of the faster average of the MACD",
        },
        "macd_slow": {
            "type": "int", "min": 2, "max": 1000, "label": "MACD slow", "group": "Signal",
            "help": "Bars of the slower average of the MACD; more than the fast one has",
        },
        "macd_signal": {
            "type": "int", "min": 2, "max": 500, "label": "MACD signal", "group": "Signal",
            "help": "Bars of the average that is taken off the MACD to give its histogram",
        },
        "cmf_length": {
            "type": "int", "min": 1, "max": 500, "label": "Money flow length", "group": "Signal",
            "help": "Bars of Chaikin's money flow, which needs candles with tick volume",
        },
        "sl_buffer_pips": {
            "type": "float", "min": 0.0, "max": 10000.0, "label": "Stop loss buffer, in pips", "group": "Exit",
            "help": "Distance from the bottom of the box to the stop loss below it; a close beyond it ends the box",
        },
        "tp_multiple": {
            "type": "float", "min": 0.1, "max": 50.0, "label": "Take profit, in boxes", "group": "Exit",
            "help": "Distance from the top of the box to the take profit, in heights of the box",
        },
        "risk_per_trade_percent": {
            "type": "float", "min": 0.00001, "max": 0.5, "label": "Risk per trade", "group": "Size",
            "help": "Fraction of the equity lost at the stop: 0.005 is half a per cent. Ignored with a fixed lot "
            "size in the risk settings",
        },
    }  # fmt: skip

    def __init__(
        self,
        params: Mapping[str, Any],
        risk_settings: Mapping[str, Any],
        instrument_symbol: str,
        account_id: str,
        instrument_spec: Instrument,
        pip_value: float,
    ) -> None:
        self.params = BoxBreakoutParams.from_dict({**self.DEFAULT_PARAMS, **params})
        self.fixed_lot_size = self._fixed_lot_size(risk_settings)
        self.instrument_symbol = instrument_symbol
        self.account_id = account_id
        self.instrument_spec = instrument_spec
        self.pip_value = pip_value
        self.buffer = self.params.sl_buffer_pips * instrument_spec.pip_size
        p = self.params
        self.macd_column = f"MACDh_{p.macd_fast}_{p.macd_slow}_{p.macd_signal}"
        self.cmf_column = f"CMF_{p.cmf_length}"
        self.atr_column = f"ATRr_{p.atr_length}"
        self.box: Box | None = None
        self.boxes: deque[Box] = deque(maxlen=BOXES_DRAWN)

    @staticmethod
    def _fixed_lot_size(risk_settings: Mapping[str, Any]) -> float | None:
        fixed = risk_settings.get("fixed_lot_size")
        if fixed is None:
            return None
        if float(fixed) <= 0:
            raise ParamsInvalid((FieldProblem("fixed_lot_size", "must be above zero"),))
        return float(fixed)

    def get_min_bars_needed(self, buffer_bars: int = 10) -> int:
        """Bars until every indicator has had a value for the whole slope window, and a buffer."""
        p = self.params
        box = p.lookback + p.slope_window + p.atr_length + 5
        momentum = max(p.macd_slow + p.macd_signal, p.cmf_length) + p.slope_window
        return max(box, momentum) + buffer_bars

    def _ensure_indicators(self, df_input: pd.DataFrame) -> pd.DataFrame:
        """The frame with the indicators, the box of each bar, and whether it is a setup (never while warming up)."""
        p = self.params
        high, low, close = df_input["high"], df_input["low"], df_input["close"]
        frame = df_input.assign(
            **{
                self.macd_column: macd(close, p.macd_fast, p.macd_slow, p.macd_signal)[self.macd_column],
                self.cmf_column: cmf(high, low, close, df_input["tick_volume"], p.cmf_length),
                self.atr_column: atr(high, low, close, p.atr_length),
                "BOX_HIGH": high.rolling(p.lookback).max(),
                "BOX_LOW": low.rolling(p.lookback).min(),
            }
        )
        return frame.assign(BOX_SETUP=self._is_narrow(frame) & self._diverges(frame))

    def _is_narrow(self, frame: pd.DataFrame) -> "pd.Series[bool]":
        height = frame["BOX_HIGH"] - frame["BOX_LOW"]
        highest = self.params.max_atr_multiple * frame[self.atr_column]
        return (height > self.instrument_spec.tick_size) & (height < highest)

    def _diverges(self, frame: pd.DataFrame) -> "pd.Series[bool]":
        window = self.params.slope_window
        ticks = (frame["close"] / self.instrument_spec.tick_size).round()  # whole numbers: a flat line is exactly flat
        return (
            (slope(frame[self.macd_column], window) > 0)
            & (slope(frame[self.cmf_column], window) > 0)
            & (slope(ticks, window) <= 0)
        )

    def run_tick(self, df_current_window: pd.DataFrame, account_equity: float) -> list[dict[str, Any]]:
        """One OPEN_TRADE on the bar that completes a breakout (or its retest), else nothing."""
        w = df_current_window
        if len(w) < self.get_min_bars_needed(buffer_bars=0):
            return []
        if self.box is None:
            if w["BOX_SETUP"].iloc[-1]:
                self._freeze_box(w)
            return []
        box, close = self.box, float(w["close"].iloc[-1])
        if close < box.low - self.buffer:
            self._end_box(w)
            return []
        if not self._is_entry(box, close, w):
            return []
        self._end_box(w)
        return [self._long(box, close, account_equity)]

    def _is_entry(self, box: Box, close: float, w: pd.DataFrame) -> bool:
        if close <= box.high:
            return False
        if not self.params.require_retest:
            return True
        if not box.broken_out:  # the breakout bar may reach down to the box itself: that is no retest
            box.broken_out = True
            return False
        return float(w["low"].iloc[-1]) <= box.high <= float(w["high"].iloc[-1])

    def _freeze_box(self, w: pd.DataFrame) -> None:
        low, high = float(w["BOX_LOW"].iloc[-1]), float(w["BOX_HIGH"].iloc[-1])
        self.box = Box(low, high, start=w.index[-self.params.lookback])
        self.boxes.append(self.box)

    def _end_box(self, w: pd.DataFrame) -> None:
        if self.box is not None:
            self.box.end = w.index[-1]
        self.box = None

    def _long(self, box: Box, close: float, account_equity: float) -> dict[str, Any]:
        stop_loss = self.instrument_spec.round_price(box.low - self.buffer)
        take_profit = self.instrument_spec.round_price(box.high + self.params.tp_multiple * box.height)
        return {
            "action": "OPEN_TRADE",
            "side": "BUY",
            "sl": stop_loss,
            "tp": take_profit,
            "lots": self._calculate_lot_size(close, stop_loss, account_equity),
            "tag": "box_breakout",
        }

    def _calculate_lot_size(self, entry: float, stop_loss: float, account_equity: float) -> float:
        """Lots, not yet rounded: the platform knows the steps and the smallest volume."""
        if self.fixed_lot_size is not None:
            return self.fixed_lot_size
        spec = self.instrument_spec
        loss_per_lot = abs(entry - stop_loss) / spec.tick_size * spec.tick_value
        return max(account_equity * self.params.risk_per_trade_percent / loss_per_lot, 0.0)

    def chart_overlays(self, df: pd.DataFrame) -> Overlays:
        """Top and bottom of every box that was frozen, from its first bar to the one that ended it."""
        overlays = Overlays()
        for box in self.boxes:
            end = df.index[-1] if box.end is None else box.end
            overlays.segment("Box top", box.start, end, box.high, "resistance")
            overlays.segment("Box bottom", box.start, end, box.low, "support")
        return overlays
