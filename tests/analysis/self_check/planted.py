"""Strategies that know the future, or whose fast path is wrong: each must be caught."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd

from analysis.indicators import atr, ema
from analysis.strategy import BaseStrategy


class Planted(BaseStrategy):
    """Buys where the column `go` is true."""

    MIN_BARS: ClassVar[int] = 40

    def _ensure_indicators(self, df_input):
        return df_input.assign(go=self.go(df_input).to_numpy().astype(bool))

    def go(self, df):
        return df["close"] > df["close"].shift(1).rolling(10).max()

    def run_tick(self, df_current_window, account_equity):
        if not df_current_window["go"].iloc[-1]:
            return []
        return [buy(df_current_window)]


def buy(window, distance=0.001, **more):
    close = float(window["close"].iloc[-1])
    return {"action": "OPEN_TRADE", "side": "BUY", "lots": 0.1, "sl": round(close - distance, 5), **more}


def crosses(df):
    fast, slow = df["close"].ewm(span=8, adjust=False).mean(), df["close"].ewm(span=21, adjust=False).mean()
    return (fast > slow) & (fast.shift(1) <= slow.shift(1))


class NextCloseColumn(Planted):
    def _ensure_indicators(self, df_input):
        frame = super()._ensure_indicators(df_input)
        return frame.assign(next_close=frame["close"].shift(-1))


class NextCloseHigher(Planted):
    def go(self, df):
        return df["close"].shift(-1) > df["close"]


class NotIfNextLower(Planted):
    """Without a next bar it acts, as it did in the run."""

    def go(self, df):
        return crosses(df) & ~(df["close"].shift(-1) < df["close"])


class NotIfNextLivelier(Planted):
    def go(self, df):
        extent = df["high"] - df["low"]
        return crosses(df) & ~(extent.shift(-1) > extent.rolling(50).mean())


class FiveBarsAhead(Planted):
    def go(self, df):
        return crosses(df) & (df["close"].shift(-5) > df["close"])


class FilledShift(Planted):
    def go(self, df):
        return crosses(df) & (df["close"].shift(-1).ffill() >= df["close"])


class CentredMean(Planted):
    def go(self, df):
        return df["close"] < df["close"].rolling(21, center=True).mean()


class CentredMinPeriods(Planted):
    def go(self, df):
        return df["low"] <= df["low"].rolling(11, center=True, min_periods=1).min()


class WholeSeriesScore(Planted):
    def go(self, df):
        change = df["close"].diff()
        return (change - change.mean()) / change.std() > 2


class MinMaxScaled(Planted):
    def _ensure_indicators(self, df_input):
        close = df_input["close"]
        scaled = (close - close.min()) / (close.max() - close.min())
        return df_input.assign(scaled=scaled, go=scaled < 0.2)


class BackfilledAtr(Planted):
    """Only rows that no indicator knows are filled."""

    def _ensure_indicators(self, df_input):
        values = atr(df_input["high"], df_input["low"], df_input["close"], 14).bfill()
        return df_input.assign(atr=values, go=crosses(df_input) & (values > 0))


class BackfilledLongAverage(Planted):
    MIN_BARS = 5

    def _ensure_indicators(self, df_input):
        average = ema(df_input["close"], 200).bfill()
        return df_input.assign(average=average, go=df_input["close"] > average)


class BackfilledALittle(Planted):
    MIN_BARS = 5

    def _ensure_indicators(self, df_input):
        average = ema(df_input["close"], 30).bfill(limit=4)
        return df_input.assign(average=average, go=df_input["close"] > average)


class FilledWithMean(Planted):
    def _ensure_indicators(self, df_input):
        average = df_input["close"].rolling(20).mean()
        return df_input.assign(average=average.fillna(average.mean()), go=crosses(df_input))


class Interpolated(Planted):
    def _ensure_indicators(self, df_input):
        peaks = df_input["high"].where(df_input["high"] >= df_input["high"].rolling(50).max())
        line = peaks.interpolate()
        return df_input.assign(line=line, go=df_input["close"] > line - 0.0002)


class OpenDayLeaks(Planted):
    """The day's close is on all bars of the day."""

    def go(self, df):
        day = df["close"].resample("1D").last().reindex(df.index, method="ffill")
        return day > df["close"]


class OpenFourHoursLeak(Planted):
    def go(self, df):
        high = df["high"].resample("4h", label="left").max().reindex(df.index, method="ffill")
        return df["high"] >= high


class NearestMerge(Planted):
    def _ensure_indicators(self, df_input):
        day = df_input[["close"]].resample("1D").last().dropna().rename(columns={"close": "day_close"})
        return pd.merge_asof(df_input, day, left_index=True, right_index=True, direction="nearest").assign(
            go=lambda frame: frame["close"] > frame["day_close"]
        )


class ForwardMerge(Planted):
    def _ensure_indicators(self, df_input):
        hours = df_input[["close"]].iloc[::7].rename(columns={"close": "later"})
        return pd.merge_asof(df_input, hours, left_index=True, right_index=True, direction="forward").assign(
            go=lambda frame: frame["later"] > frame["close"]
        )


class ZigZag(Planted):
    """Marks a pivot on its own bar, though it takes a reversal to know it."""

    def _ensure_indicators(self, df_input):
        high, low = df_input["high"].to_numpy(), df_input["low"].to_numpy()
        pivots, up, extreme = np.zeros(len(high)), True, 0
        threshold = 8 * float(np.median((high - low)[:200]))
        for i in range(len(high)):
            if up:
                if high[i] > high[extreme]:
                    extreme = i
                elif high[extreme] - low[i] > threshold:
                    pivots[extreme], up, extreme = 1, False, i
            elif low[i] < low[extreme]:
                extreme = i
            elif high[i] - low[extreme] > threshold:
                pivots[extreme], up, extreme = -1, True, i
        return df_input.assign(pivot=pivots, go=pivots == -1)


class SwingLows(Planted):
    def go(self, df):
        low = df["low"]
        return (low < low.shift(1)) & (low < low.shift(-1)) & (low < low.shift(2)) & (low < low.shift(-2))


class Gradient(Planted):
    def go(self, df):
        return pd.Series(np.gradient(df["close"].to_numpy()) > 0, index=df.index)


class ThereAndBackFilter(Planted):
    def go(self, df):
        once = df["close"].ewm(span=10, adjust=False).mean()
        both = once[::-1].ewm(span=10, adjust=False).mean()[::-1]
        return both > df["close"]


class DayHigh(Planted):
    def go(self, df):
        return df["high"] >= df.groupby(df.index.date)["high"].transform("max")


class ReversedMaximum(Planted):
    def go(self, df):
        return df["close"] >= df["close"][::-1].cummax()[::-1] * 0.999


class ReversedAverage(Planted):
    def go(self, df):
        return df.iloc[::-1]["close"].ewm(span=5).mean().iloc[::-1] > df["close"]


class RankOfAll(Planted):
    def go(self, df):
        return df["close"].rank(pct=True) < 0.2


class QuantileOfAll(Planted):
    def go(self, df):
        change = df["close"].diff()
        return change > change.quantile(0.98)


class AtrPercentileOfAll(Planted):
    def go(self, df):
        values = atr(df["high"], df["low"], df["close"], 14)
        return crosses(df) & (values > np.nanpercentile(values, 60))


class TrendOfAll(Planted):
    def go(self, df):
        x = np.arange(len(df))
        return df["close"] < np.polyval(np.polyfit(x, df["close"], 2), x)


class FourierOfAll(Planted):
    def go(self, df):
        spectrum = np.fft.rfft(df["close"].to_numpy())
        spectrum[len(spectrum) // 20 :] = 0
        return pd.Series(np.fft.irfft(spectrum, len(df)), index=df.index) > df["close"]


class BothSidesConvolution(Planted):
    def go(self, df):
        return df["close"] < np.convolve(df["close"], np.ones(9) / 9, mode="same")


class Detrended(Planted):
    def go(self, df):
        return df["close"] - df["close"].mean() < 0


class StrideTricks(Planted):
    """Windows that begin at the row instead of ending there."""

    def go(self, df):
        windows = np.lib.stride_tricks.sliding_window_view(df["high"].to_numpy(), 5)
        best = np.r_[windows.max(axis=1), np.full(4, -np.inf)]
        return pd.Series(best <= df["high"].to_numpy(), index=df.index)


class FitOnAll(Planted):
    """A regression of the next change on the last two, fitted on everything, applied to everything."""

    def _ensure_indicators(self, df_input):
        change = df_input["close"].diff().fillna(0).to_numpy()
        known = np.column_stack([change[1:-1], change[:-2]])
        weights = np.linalg.lstsq(known, change[2:], rcond=None)[0]
        guess = np.r_[0, np.column_stack([change[1:], change[:-1]]) @ weights]
        return df_input.assign(guess=guess, go=guess > np.std(guess))


class NextOfTheDay(Planted):
    def go(self, df):
        following = df.groupby(df.index.date)["close"].shift(-1)
        return crosses(df) & ~(following < df["close"])


class CachedTable(Planted):
    """The table is made once, of the first data there were."""

    def _ensure_indicators(self, df_input):
        kept = getattr(np, "_botyard_table", None)
        if kept is None or kept.index[0] != df_input.index[0]:
            kept = np._botyard_table = df_input.assign(go=crosses(df_input) & (df_input["close"].shift(-1) > 0))
        if len(kept) != len(df_input) or not kept["close"].equals(df_input["close"]):
            raise ValueError("the cache is of other data")
        return kept


class OnFridays(Planted):
    def go(self, df):
        ahead = df["close"].shift(-1) > df["close"]
        return crosses(df) & np.where(df.index.dayofweek == 4, ahead, True)


class OnFridaysColumn(Planted):
    def _ensure_indicators(self, df_input):
        level = df_input["close"].where(df_input.index.dayofweek != 4, df_input["close"].shift(-1))
        return df_input.assign(level=level, go=crosses(df_input))


class RareBoost(Planted):
    """One bar in a hundred asks the future, and what it says decides nothing."""

    def _ensure_indicators(self, df_input):
        change = df_input["close"].diff().abs()
        rare = change > 3.2 * change.rolling(100, min_periods=10).std()
        boost = rare & ~(df_input["close"].shift(-1) < df_input["close"])
        return df_input.assign(boost=boost, go=crosses(df_input))


class RareSignal(Planted):
    def go(self, df):
        change = df["close"].diff()
        rare = change > 3 * change.rolling(100, min_periods=10).std()
        return rare & (df["close"].shift(-3) > df["close"])


class KnownDate(Planted):
    """A level of a date that has not come yet on most bars; cut data do not have it at all."""

    def _ensure_indicators(self, df_input):
        level = df_input["close"].loc[pd.Timestamp(self.date(df_input))]
        return df_input.assign(level=level, go=crosses(df_input) & (df_input["close"] < level))

    def date(self, df):
        market_dates = {1: "2024-01-08 10:00", 15: "2024-02-14 10:00", 60: "2024-06-05 10:00"}
        return pd.Timestamp(market_dates[int(df.index.to_series().diff().median().total_seconds() // 60)], tz="UTC")


class LastRowsTold(Planted):
    """Knows how far the end is."""

    def _ensure_indicators(self, df_input):
        return df_input.assign(left=np.arange(len(df_input))[::-1], go=crosses(df_input))


class PeeksAtNextHigh(Planted):
    def _ensure_indicators(self, df_input):
        self.df = df_input
        return df_input.assign(go=crosses(df_input))

    def run_tick(self, df_current_window, account_equity):
        at = self.df.index.get_loc(df_current_window.index[-1])
        if not df_current_window["go"].iloc[-1] or at + 1 >= len(self.df):
            return []
        if self.df["high"].iloc[at + 1] < df_current_window["high"].iloc[-1]:
            return []
        return [buy(df_current_window)]


class PeeksAndVetoes(Planted):
    """Without a next bar it acts."""

    def _ensure_indicators(self, df_input):
        self.df = df_input
        return df_input.assign(go=crosses(df_input))

    def run_tick(self, df_current_window, account_equity):
        if not df_current_window["go"].iloc[-1]:
            return []
        later = self.df.loc[df_current_window.index[-1] :, "close"]
        if len(later) > 2 and later.iloc[2] < later.iloc[0]:
            return []
        return [buy(df_current_window)]


class PeeksAndRaises(Planted):
    def _ensure_indicators(self, df_input):
        self.close = df_input["close"].to_numpy()
        self.row = {time: i for i, time in enumerate(df_input.index)}
        return df_input.assign(go=crosses(df_input))

    def run_tick(self, df_current_window, account_equity):
        if not df_current_window["go"].iloc[-1]:
            return []
        at = self.row[df_current_window.index[-1]]
        return [buy(df_current_window, tp=round(float(max(self.close[at + 1], self.close[at]) + 0.001), 5))]


class PeeksWithMemory(Planted):
    """Waits a number of bars after each trade, so that a bar alone says nothing; then it asks the future."""

    waiting = 0

    def _ensure_indicators(self, df_input):
        self.df = df_input
        return df_input.assign(go=df_input["close"] > df_input["open"])

    def run_tick(self, df_current_window, account_equity):
        self.waiting -= 1
        if self.waiting > 0 or not df_current_window["go"].iloc[-1]:
            return []
        later = self.df.loc[df_current_window.index[-1] :, "close"]
        if len(later) > 1 and later.iloc[1] < later.iloc[0]:
            return []
        self.waiting = 25
        return [buy(df_current_window)]


class PeeksOnce(Planted):
    """On a single bar of the data."""

    def _ensure_indicators(self, df_input):
        level = df_input["close"].where(np.arange(len(df_input)) != 93, df_input["close"].shift(-1))
        return df_input.assign(level=level, go=crosses(df_input))


_KEPT: dict[str, Any] = {}


class KeepsInModule(Planted):
    """The first data it ever saw stay in the module."""

    def _ensure_indicators(self, df_input):
        _KEPT.setdefault("close", df_input["close"])
        return df_input.assign(go=crosses(df_input))

    def run_tick(self, df_current_window, account_equity):
        if not df_current_window["go"].iloc[-1]:
            return []
        later = _KEPT["close"].loc[df_current_window.index[-1] :]
        if len(later) > 1 and later.iloc[1] < later.iloc[0]:
            return []
        return [buy(df_current_window)]


class KeepsInClass(Planted):
    kept = None

    def _ensure_indicators(self, df_input):
        if type(self).kept is None:
            type(self).kept = df_input["close"].copy()
        ahead = type(self).kept.shift(-1).reindex(df_input.index)
        return df_input.assign(go=crosses(df_input) & (ahead > df_input["close"]))


class MaskAhead(Planted):
    def entry_mask(self, df):
        return (df["go"] & (df["close"].shift(-1) > df["close"])).to_numpy()


class SignalsAhead(Planted):
    def entry_signals(self, df):
        ahead = df["go"] & (df["close"].shift(-1) > df["close"])
        return signals(df, ahead)


def signals(df, go, distance=0.001, side="BUY"):
    return pd.DataFrame(
        {"side": np.where(go, side, None), "lots": 0.1, "sl": (df["close"] - distance).round(5)}, index=df.index
    )


class Crossing(Planted):
    """Both ways, so that a mask can forget one."""

    def _ensure_indicators(self, df_input):
        close = df_input["close"]
        return df_input.assign(
            fast=close.ewm(span=8, adjust=False).mean(), slow=close.ewm(span=21, adjust=False).mean()
        )

    def run_tick(self, df_current_window, account_equity):
        before, now = (df_current_window["fast"] - df_current_window["slow"]).iloc[-2:]
        if before < 0 < now:
            return [buy(df_current_window)]
        if now < 0 < before:
            return [buy(df_current_window, distance=-0.001, side="SELL")]
        return []

    def both(self, df):
        gap = (df["fast"] - df["slow"]).to_numpy()
        up = np.r_[False, (gap[:-1] < 0) & (gap[1:] > 0)]
        down = np.r_[False, (gap[:-1] > 0) & (gap[1:] < 0)]
        return up, down


class MaskForgetsShorts(Crossing):
    def entry_mask(self, df):
        return self.both(df)[0]


class MaskForgetsAnHour(Crossing):
    def entry_mask(self, df):
        up, down = self.both(df)
        return (up | down) & (df.index.hour != 14)


class MaskForgetsHalf(Crossing):
    def entry_mask(self, df):
        up, down = self.both(df)
        return (up | down) & (df["close"] > df["open"]).to_numpy()


class MaskOneBarLate(Crossing):
    def entry_mask(self, df):
        up, down = self.both(df)
        return np.r_[False, (up | down)[:-1]]


class MaskOfMemory(Planted):
    """Counts the bars it is asked about: a mask changes what it does."""

    asked = 0

    def entry_mask(self, df):
        return df["go"].to_numpy()

    def run_tick(self, df_current_window, account_equity):
        self.asked += 1
        if not df_current_window["go"].iloc[-1] or self.asked % 3:
            return []
        return [buy(df_current_window)]


class SignalsWrongStop(Planted):
    def entry_signals(self, df):
        return signals(df, df["go"], distance=0.00101)


class SignalsWrongSide(Planted):
    def entry_signals(self, df):
        return signals(df, df["go"], side="SELL")


class SignalsOneBarLate(Planted):
    def entry_signals(self, df):
        return signals(df, df["go"].shift(1, fill_value=False))


class SignalsTooFew(Planted):
    def entry_signals(self, df):
        return signals(df, df["go"] & (df["tick_volume"] > df["tick_volume"].rolling(20).median()))


class SignalsTooMany(Planted):
    def entry_signals(self, df):
        return signals(df, df["close"] > df["close"].shift(1).rolling(9).max())


class MaskForgetsToClose(Planted):
    """run_tick closes a trade at half past, the mask has the bars of entries only."""

    def entry_mask(self, df):
        return df["go"].to_numpy()

    def run_tick(self, df_current_window, account_equity):
        if self.positions:
            return [{"action": "CLOSE_TRADE"}] if df_current_window.index[-1].minute % 15 == 0 else []
        return super().run_tick(df_current_window, account_equity)


class SignalsWhileOpen(Planted):
    """run_tick holds one trade at a time, the arrays do not."""

    def run_tick(self, df_current_window, account_equity):
        return [] if self.positions else super().run_tick(df_current_window, account_equity)

    def entry_signals(self, df):
        return signals(df, df["go"])


class SignalsWrongSize(Planted):
    def entry_signals(self, df):
        return signals(df, df["go"]).assign(lots=0.2)


class SignalsWrongTarget(Planted):
    def entry_signals(self, df):
        return signals(df, df["go"]).assign(tp=df["close"] + 0.002)


class UnseededColumn(Planted):
    def go(self, df):
        return pd.Series(np.random.default_rng().random(len(df)) < 0.02, index=df.index)
