"""EMA 12/26 crossing with ATR stops: `run_tick`, and `entry_signals` that has all of its decisions as columns."""

import numpy as np
import pandas as pd

from analysis.indicators import atr, ema
from analysis.strategy import BaseStrategy


class Strategy(BaseStrategy):
    """One position at a time, by the risk setting `max_open_positions`."""

    def get_min_bars_needed(self, buffer_bars=10):
        return 101

    def _ensure_indicators(self, df_input):
        df = df_input.copy(deep=False)
        df["ema_f"] = ema(df["close"], 12)
        df["ema_s"] = ema(df["close"], 26)
        df["atr"] = atr(df["high"], df["low"], df["close"], 14)
        return df

    def entry_signals(self, df):
        fast, slow = df["ema_f"].to_numpy(), df["ema_s"].to_numpy()
        close, distance = df["close"].to_numpy(), df["atr"].to_numpy()
        side = np.zeros(len(df), dtype=np.int8)
        side[1:] += (fast[:-1] <= slow[:-1]) & (fast[1:] > slow[1:])
        side[1:] -= (fast[:-1] >= slow[:-1]) & (fast[1:] < slow[1:])
        columns = {
            "side": side,
            "sl": close - side * 1.5 * distance,
            "tp": close + side * 3.0 * distance,
            "risk_percent": np.ones(len(df)),
        }
        return pd.DataFrame(columns, index=df.index, copy=False)

    def run_tick(self, df_current_window, account_equity):
        w = df_current_window
        fast, slow = w["ema_f"].iloc[-1], w["ema_s"].iloc[-1]
        fast_before, slow_before = w["ema_f"].iloc[-2], w["ema_s"].iloc[-2]
        if fast_before <= slow_before and fast > slow:
            side, up = "BUY", 1
        elif fast_before >= slow_before and fast < slow:
            side, up = "SELL", -1
        else:
            return []
        close, distance = w["close"].iloc[-1], w["atr"].iloc[-1]
        return [
            {
                "action": "OPEN_TRADE",
                "side": side,
                "sl": close - up * 1.5 * distance,
                "tp": close + up * 3.0 * distance,
                "risk_percent": 1.0,
            }
        ]
