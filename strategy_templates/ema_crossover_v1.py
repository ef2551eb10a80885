"""Trades the crossing of two exponential moving averages.

When the short average crosses above the long one, a long trade is opened at the market; when it crosses
below, a short one. The stop loss lies `atr_sl_multiple` average true ranges away from the close of the signal
bar, the take profit `atr_tp_multiple`. Trades end at one of the two; there is no other exit, and a new signal
opens a new trade while older ones are still open.

A crossing is strict on both sides: on the bar before the signal the averages were the other way round, and a
bar on which they are equal is no signal.

Size: the risk setting `fixed_lot_size` where it is given, else as many lots as lose `risk_per_trade_percent`
of the equity (a fraction: 0.01 is one per cent) between the close and the stop loss. The platform rounds down
to a volume step; below the smallest volume there is no trade, and the refusal says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from analysis.indicators import atr, ema
from analysis.strategy import FieldProblem, Instrument, ParamsInvalid, StrategyParams
from analysis.strategy.overlays import Overlays


@dataclass(frozen=True)
class EMACrossoverParams(StrategyParams):
    """The strategy's parameters; DEFAULT_PARAMS below has their values."""

    ema_short_period: int
    ema_long_period: int
    atr_length: int
    atr_sl_multiple: float
    atr_tp_multiple: float
    risk_per_trade_percent: float

    def __post_init__(self) -> None:
        if self.ema_short_period >= self.ema_long_period:
            problem = FieldProblem("ema_short_period", "must be shorter than ema_long_period")
            raise ParamsInvalid((problem,))


class Strategy:
    """EMA crossover with ATR stops."""

    DEFAULT_PARAMS: ClassVar[Mapping[str, Any]] = {
        "ema_short_period": 21,
        "ema_long_period": 50,
        "atr_length": 14,
        "atr_sl_multiple": 2.0,
        "atr_tp_multiple": 3.0,
        "risk_per_trade_percent": 0.01,
    }
    PARAMS_SCHEMA: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "ema_short_period": {
            "type": "int",
            "min": 1,
            "max": 1000,
            "label": "Short EMA",
            "group": "Signal",
            "help": "Bars of the faster average",
        },
        "ema_long_period": {
            "type": "int",
            "min": 2,
            "max": 2000,
            "label": "Long EMA",
            "group": "Signal",
            "help": "Bars of the slower average; more than the short one has",
        },
        "atr_length": {
            "type": "int",
            "min": 1,
            "max": 500,
            "label": "ATR length",
            "group": "Exit",
            "help": "Bars of the average true range that stops are measured in",
        },
        "atr_sl_multiple": {
            "type": "float",
            "min": 0.1,
            "max": 50.0,
            "label": "Stop loss, in ATR",
            "group": "Exit",
            "help": "Distance from the signal bar's close to the stop loss",
        },
        "atr_tp_multiple": {
            "type": "float",
            "min": 0.1,
            "max": 50.0,
            "label": "Take profit, in ATR",
            "group": "Exit",
            "help": "Distance from the signal bar's close to the take profit",
        },
        "risk_per_trade_percent": {
            "type": "float",
            "min": 0.00001,
            "max": 0.5,
            "label": "Risk per trade",
            "group": "Size",
            "help": "Fraction of the equity lost at the stop: 0.01 is one per cent. Ignored with a fixed "
            "lot size in the risk settings",
        },
    }

    def __init__(
        self,
        params: Mapping[str, Any],
        risk_settings: Mapping[str, Any],
        instrument_symbol: str,
        account_id: str,
        instrument_spec: Instrument,
        pip_value: float,
    ) -> None:
        self.params = EMACrossoverParams.from_dict({**self.DEFAULT_PARAMS, **params})
        self.fixed_lot_size = self._fixed_lot_size(risk_settings)
        self.instrument_symbol = instrument_symbol
        self.account_id = account_id
        self.instrument_spec = instrument_spec
        self.pip_value = pip_value
        self.short_column = f"EMA_{self.params.ema_short_period}"
        self.long_column = f"EMA_{self.params.ema_long_period}"
        self.atr_column = f"ATRr_{self.params.atr_length}"

    @staticmethod
    def _fixed_lot_size(risk_settings: Mapping[str, Any]) -> float | None:
        fixed = risk_settings.get("fixed_lot_size")
        if fixed is None:
            return None
        if float(fixed) <= 0:
            raise ParamsInvalid((FieldProblem("fixed_lot_size", "must be above zero"),))
        return float(fixed)

    def get_min_bars_needed(self, buffer_bars: int = 10) -> int:
        """Bars until both averages and the ATR have a value on the last two of them, and a buffer."""
        return max(self.params.ema_long_period, self.params.atr_length) + 2 + buffer_bars

    def _ensure_indicators(self, df_input: pd.DataFrame) -> pd.DataFrame:
        """The frame with both averages and the ATR; rows before their first value are NaN."""
        return df_input.assign(
            **{
                self.short_column: ema(df_input["close"], self.params.ema_short_period),
                self.long_column: ema(df_input["close"], self.params.ema_long_period),
                self.atr_column: atr(df_input["high"], df_input["low"], df_input["close"], self.params.atr_length),
            }
        )

    def run_tick(self, df_current_window: pd.DataFrame, account_equity: float) -> list[dict[str, Any]]:
        """One OPEN_TRADE on a bar that completes a crossing, else nothing."""
        if len(df_current_window) < self.get_min_bars_needed(buffer_bars=0):
            return []
        short_before, short_now = df_current_window[self.short_column].to_numpy()[-2:]
        long_before, long_now = df_current_window[self.long_column].to_numpy()[-2:]
        if short_before < long_before and short_now > long_now:  # never true with a NaN
            side = "BUY"
        elif short_before > long_before and short_now < long_now:
            side = "SELL"
        else:
            return []
        atr_before, atr_now = df_current_window[self.atr_column].to_numpy()[-2:]
        if np.isnan(atr_before) or np.isnan(atr_now) or atr_now <= 0:
            return []
        close = float(df_current_window["close"].to_numpy()[-1])
        return self._place_trade_signal(side, close, float(atr_now), account_equity)

    def _place_trade_signal(
        self, side: str, close: float, atr_value: float, account_equity: float
    ) -> list[dict[str, Any]]:
        up = 1 if side == "BUY" else -1
        spec = self.instrument_spec
        stop_loss = spec.round_price(close - up * self.params.atr_sl_multiple * atr_value)
        take_profit = spec.round_price(close + up * self.params.atr_tp_multiple * atr_value)
        if abs(close - stop_loss) < spec.tick_size:
            return []
        return [
            {
                "action": "OPEN_TRADE",
                "side": side,
                "sl": stop_loss,
                "tp": take_profit,
                "lots": self._calculate_lot_size(close, stop_loss, account_equity),
                "tag": "ema_crossover",
            }
        ]

    def _calculate_lot_size(self, entry: float, stop_loss: float, account_equity: float) -> float:
        """Lots, not yet rounded: the platform knows the steps and the smallest volume."""
        if self.fixed_lot_size is not None:
            return self.fixed_lot_size
        spec = self.instrument_spec
        loss_per_lot = abs(entry - stop_loss) / spec.tick_size * spec.tick_value
        return max(account_equity * self.params.risk_per_trade_percent / loss_per_lot, 0.0)

    def chart_overlays(self, df: pd.DataFrame) -> Overlays:
        """Both averages."""
        overlays = Overlays()
        for name in (self.short_column, self.long_column):
            overlays.line(name, df.index, df[name])
        return overlays
