"""Strategies of many styles that know only what has been: none may be accused."""

import random
from collections import Counter, deque
from typing import ClassVar

import numpy as np
import pandas as pd

from analysis.indicators import atr, cmf, ema, macd, slope
from analysis.strategy import BaseStrategy
from tests.analysis.library import ta


class Honest(BaseStrategy):
    """Buys where the column `go` is true."""

    MIN_BARS: ClassVar[int] = 40

    def _ensure_indicators(self, df_input):
        return df_input.assign(go=np.asarray(self.go(df_input), dtype=bool))

    def run_tick(self, df_current_window, account_equity):
        return [buy(df_current_window)] if df_current_window["go"].iloc[-1] else []


def buy(window, distance=0.001, **more):
    close = float(window["close"].iloc[-1])
    return {"action": "OPEN_TRADE", "side": "BUY", "lots": 0.1, "sl": round(close - distance, 5), **more}


def crosses(df):
    fast, slow = df["close"].ewm(span=8, adjust=False).mean(), df["close"].ewm(span=21, adjust=False).mean()
    return (fast > slow) & (fast.shift(1) <= slow.shift(1))


class WritesLists(Honest):
    """A column of values without a hash."""

    def _ensure_indicators(self, df_input):
        levels = [[low, high] for low, high in zip(df_input["low"], df_input["high"], strict=True)]
        return super()._ensure_indicators(df_input).assign(levels=levels)

    def go(self, df):
        return crosses(df)


class GuardedSignals(Honest):
    """Honest as long as the risk settings allow one trade at a time."""

    def go(self, df):
        return df["close"] > df["close"].shift(1)

    def run_tick(self, df_current_window, account_equity):
        return [] if self.positions else super().run_tick(df_current_window, account_equity)

    def entry_signals(self, df):
        sl = (df["close"] - 0.001).round(5)
        return pd.DataFrame({"side": df["go"].astype(int), "lots": 0.1, "sl": sl}, index=df.index)


class MaskThatManages(Honest):
    """Closes a quarter of an hour's end, and says that it does such things."""

    manages_positions = True

    def go(self, df):
        return crosses(df)

    def entry_mask(self, df):
        return df["go"].to_numpy()

    def run_tick(self, df_current_window, account_equity):
        if self.positions:
            return [{"action": "CLOSE_TRADE"}] if df_current_window.index[-1].minute % 15 == 0 else []
        return super().run_tick(df_current_window, account_equity)


class WritesAbsurdSizes(Honest):
    """Refused, and no reason to stumble over."""

    def go(self, df):
        return crosses(df)

    def run_tick(self, df_current_window, account_equity):
        return [{**one, "lots": 10**400} for one in super().run_tick(df_current_window, account_equity)]


class Averages(Honest):
    def go(self, df):
        return crosses(df)


class AdjustedAverages(Honest):
    def go(self, df):
        return df["close"].ewm(halflife=12).mean() > df["close"].ewm(com=30).mean()


class Expanding(Honest):
    def go(self, df):
        change = df["close"].diff()
        return (change - change.expanding(50).mean()) / change.expanding(50).std() > 2


class ExpandingRank(Honest):
    def go(self, df):
        return (df["close"].expanding(30).rank(pct=True) - 0.5).abs() < 0.1


class RollingScore(Honest):
    """A z-score near zero deviation: where noise of the rolling sums is largest."""

    def _ensure_indicators(self, df_input):
        close = df_input["close"].round(4)
        score = (close - close.rolling(5).mean()) / close.rolling(5).std()
        return df_input.assign(score=score, go=score > 1.7)


class RollingKurtosis(Honest):
    """Third and fourth moments are where rolling sums are noisiest."""

    def _ensure_indicators(self, df_input):
        window = df_input["close"].rolling(8)
        return df_input.assign(kurt=window.kurt(), skew=window.skew(), go=crosses(df_input))


class RollingCorrelation(Honest):
    def _ensure_indicators(self, df_input):
        both = df_input["close"].rolling(12).corr(df_input["tick_volume"].astype(float))
        return df_input.assign(both=both, go=both > 0.5)


class RollingQuantileAndRank(Honest):
    def go(self, df):
        return (df["close"] > df["close"].rolling(40).quantile(0.9)) & (df["close"].rolling(20).rank() == 20)


class TimeWindow(Honest):
    def go(self, df):
        return df["close"] >= df["close"].rolling("5h", min_periods=1).max()


class CumulativeDelta(Honest):
    def _ensure_indicators(self, df_input):
        delta = (np.sign(df_input["close"] - df_input["open"]) * df_input["tick_volume"]).cumsum()
        return df_input.assign(delta=delta, go=delta > delta.rolling(30).mean() + 50)


class DayVwap(Honest):
    def _ensure_indicators(self, df_input):
        day = df_input.index.date
        paid = (df_input["close"] * df_input["tick_volume"]).groupby(day).cumsum()
        vwap = paid / df_input["tick_volume"].groupby(day).cumsum()
        return df_input.assign(vwap=vwap, go=(df_input["close"] > vwap) & crosses(df_input))


class ThirdBarOfDay(Honest):
    def go(self, df):
        return df.groupby(df.index.date).cumcount() == 2


class DayHighSoFar(Honest):
    def go(self, df):
        return df["high"] >= df.groupby(df.index.date)["high"].cummax()


class LaterLags(Honest):
    def go(self, df):
        lags = pd.concat({lag: df["close"].shift(lag) for lag in (1, 2, 3, 5, 8)}, axis=1)
        return df["close"] > lags.max(axis=1)


class CompletedDays(Honest):
    def _ensure_indicators(self, df_input):
        days = df_input[["high", "low"]].resample("1D").agg({"high": "max", "low": "min"}).dropna().shift(1)
        level = days.reindex(df_input.index, method="ffill")
        return df_input.assign(day_high=level["high"], go=df_input["close"] > level["high"])


class CompletedFourHours(Honest):
    """Labelled by their end: known from the bar that opens then."""

    def _ensure_indicators(self, df_input):
        closes = df_input["close"].resample("4h", label="right", closed="left").last().dropna()
        slow = closes.ewm(span=10).mean().rename("slow")
        return pd.merge_asof(df_input, slow, left_index=True, right_index=True).assign(
            go=lambda frame: frame["close"] > frame["slow"]
        )


class WarmUpByLength(Honest):
    """A warm-up that is what there is, up to a hundred rows; short data give nothing."""

    def go(self, df):
        length = min(100, max(len(df) // 2, 2))
        return crosses(df) if length == 100 else df["close"] > df["close"].rolling(length).mean().shift(1) + 1e9


class RefusesShortData(Honest):
    def _ensure_indicators(self, df_input):
        if len(df_input) < 300:
            raise ValueError("not enough bars")
        return super()._ensure_indicators(df_input)

    def go(self, df):
        return crosses(df)


class NothingAtFirst(Honest):
    """NaN heads of every kind."""

    def _ensure_indicators(self, df_input):
        average = df_input["close"].rolling(200).mean()
        trend = pd.Series(np.where(average.isna(), None, np.where(df_input["close"] > average, "up", "down")))
        return df_input.assign(average=average, trend=trend.to_numpy(), go=crosses(df_input) & average.notna())


class FilledForward(Honest):
    def _ensure_indicators(self, df_input):
        high = df_input["high"].shift(2)
        pivot = high.where(high >= df_input["high"].rolling(5).max()).ffill()
        return df_input.assign(pivot=pivot, go=df_input["close"] > pivot)


class Categories(Honest):
    def _ensure_indicators(self, df_input):
        extent = (df_input["high"] - df_input["low"]).rolling(20).mean()
        mood = pd.cut(df_input["close"].pct_change(20), [-1, -0.001, 0.001, 1], labels=["down", "flat", "up"])
        liveliness = pd.Categorical(np.where(extent > extent.shift(20), "more", "less"))
        return df_input.assign(mood=mood, liveliness=liveliness, go=(mood == "up") & crosses(df_input))


class CategoriesFound(Honest):
    """Categories are those of the data: their codes depend on what there is."""

    def _ensure_indicators(self, df_input):
        hours = pd.Series(df_input.index.strftime("%a-%H"), index=df_input.index).astype("category")
        return df_input.assign(hours=hours, go=hours.isin(["Fri-09", "Wed-15"]))


class NullableTypes(Honest):
    def _ensure_indicators(self, df_input):
        higher = (df_input["close"] > df_input["open"]).astype("boolean").shift(1)
        run = higher.astype("Int64").rolling(4).sum().astype("Float64")
        return df_input.assign(higher=higher, run=run, go=(run == 4).fillna(False))


class NewFrame(Honest):
    """The prepared table is another object, with columns of its own in another order."""

    def _ensure_indicators(self, df_input):
        columns = {"go": crosses(df_input).to_numpy(), "session": df_input.index.hour // 8}
        columns |= {name: df_input[name].to_numpy() for name in reversed(list(df_input.columns))}
        return pd.DataFrame(columns, index=df_input.index)


class ZonesAndTimes(Honest):
    def _ensure_indicators(self, df_input):
        local = df_input.index.tz_convert("Europe/Berlin")
        since = pd.Series(df_input.index, index=df_input.index).where(crosses(df_input)).ffill()
        age = df_input.index - pd.DatetimeIndex(since)
        morning = (local.hour >= 9) & (local.hour < 12)
        return df_input.assign(local=local, since=since, age=age, go=crosses(df_input) & morning)


class BusyHours(Honest):
    def go(self, df):
        return crosses(df) & (df.index.hour >= 7) & (df.index.hour < 17) & (df.index.dayofweek < 4)


class SeededChance(BaseStrategy):
    """Chance that is the same in every run: drawn per call."""

    MIN_BARS = 20

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.random = random.Random(7)

    def run_tick(self, df_current_window, account_equity):
        return [buy(df_current_window)] if self.random.random() < 0.02 else []


class SeededColumn(Honest):
    """A random column of a generator: the first rows are the same however many there are."""

    def go(self, df):
        return np.random.default_rng(3).random(len(df)) < 0.01


class MovesTheStop(Honest):
    """Asks for its positions and manages them."""

    def go(self, df):
        return crosses(df)

    def run_tick(self, df_current_window, account_equity):
        close = float(df_current_window["close"].iloc[-1])
        if self.positions:
            trade = self.positions[0]
            if trade.unrealized > 20 and (trade.sl is None or trade.sl < trade.entry_price):
                return [{"action": "MODIFY_TRADE", "trade_id": trade.id, "sl": trade.entry_price}]
            return [{"action": "CLOSE_TRADE", "trade_id": trade.id}] if trade.unrealized < -30 else []
        risk = {"risk_percent": 0.5, "sl": round(close - 0.002, 5)}
        return [{"action": "OPEN_TRADE", "side": "BUY", **risk}] if df_current_window["go"].iloc[-1] else []


class SizeByEquity(Honest):
    def go(self, df):
        return crosses(df)

    def run_tick(self, df_current_window, account_equity):
        if not df_current_window["go"].iloc[-1]:
            return []
        return [buy(df_current_window, lots=round(max(account_equity, 0) / 1_000_000, 2) + 0.01)]


class WaitsAfterTrades(Honest):
    """State on self: a pause counted in calls."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.waiting = 0

    def go(self, df):
        return df["close"] > df["open"]

    def run_tick(self, df_current_window, account_equity):
        self.waiting -= 1
        if self.waiting > 0 or not df_current_window["go"].iloc[-1]:
            return []
        self.waiting = 40
        return [buy(df_current_window)]


class RemembersInDeques(BaseStrategy):
    """Deque, dict and counter, filled from what it was shown."""

    MIN_BARS = 5

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.closes: deque[float] = deque(maxlen=60)
        self.touched: Counter[int] = Counter()

    def run_tick(self, df_current_window, account_equity):
        close = float(df_current_window["close"].iloc[-1])
        self.closes.append(close)
        level = int(close * 10_000) // 20
        self.touched[level] += 1
        if len(self.closes) < 60 or close < max(self.closes) or self.touched[level] % 3:
            return []
        return [buy(df_current_window)]


class RunningBox(BaseStrategy):
    """Builds a box, waits for the breakout, and places orders that wait as well."""

    MIN_BARS = 30

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.box: dict[str, float] = {}

    def run_tick(self, df_current_window, account_equity):
        last = df_current_window.iloc[-1]
        if not self.box and last.name.hour == 8:
            self.box = {"high": float(df_current_window["high"].max()), "low": float(df_current_window["low"].min())}
        elif self.box and last.name.hour == 12:
            self.box = {}
        elif self.box and last["close"] > self.box["high"] and not self.orders and not self.positions:
            price = round(self.box["high"] - 0.0001, 5)
            expiry = last.name + pd.Timedelta(hours=6)
            return [
                {"action": "OPEN_TRADE", "side": "BUY", "lots": 0.1, "entry_type": "limit", "price": price,
                 "sl": round(price - 0.002, 5), "expiry": expiry, "tag": f"{self.box['low']:.5f}"}
            ]  # fmt: skip
        return []


class OnlineKalman(Honest):
    """A loop over the rows in Python."""

    def go(self, df):
        estimate, variance, found = df["close"].iloc[0], 1.0, []
        for price in df["close"].to_numpy():
            variance += 1e-5
            gain = variance / (variance + 1e-3)
            estimate += gain * (price - estimate)
            variance *= 1 - gain
            found.append(price > estimate + 1e-4)
        return found


class LearnsOnTheFirstPart(Honest):
    """Fits on rows that have been, applies to those that follow; before that there is nothing."""

    def _ensure_indicators(self, df_input):
        change = df_input["close"].diff()
        first = change.iloc[1:35]
        if len(first) < 34:
            return df_input.assign(score=np.nan, go=False)
        score = (change - first.mean()) / first.std()
        score.iloc[:35] = np.nan
        return df_input.assign(score=score, go=score > 2)


class TaIndicators(Honest):
    def _ensure_indicators(self, df_input):
        frame = df_input.copy()
        frame.ta.rsi(length=14, append=True)
        frame.ta.macd(append=True)
        frame.ta.bbands(length=20, append=True)
        frame.ta.atr(length=14, append=True)
        frame.ta.adx(length=14, append=True)
        frame.ta.stoch(append=True)
        frame["go"] = frame["RSI_14"] < 30 if "RSI_14" in frame else False
        return frame


class MoreTaIndicators(Honest):
    def _ensure_indicators(self, df_input):
        frame = df_input.copy()
        high, low, close = frame["high"], frame["low"], frame["close"]
        bars = (high, low, close)
        found = [
            ta.supertrend(*bars, length=10), ta.cci(*bars), ta.kama(close), ta.hma(close), ta.linreg(close),
            ta.zscore(close), ta.psar(high, low), ta.donchian(high, low), ta.aroon(high, low),
        ]  # fmt: skip
        frame = pd.concat([frame, *(one for one in found if one is not None)], axis=1)
        return frame.assign(go=crosses(frame))


class VolumeTaIndicators(Honest):
    def _ensure_indicators(self, df_input):
        frame = df_input.copy()
        close, volume = frame["close"], frame["tick_volume"].astype(float)
        frame["obv"] = ta.obv(close, volume)
        frame["mfi"] = ta.mfi(frame["high"], frame["low"], close, volume)
        return frame.assign(go=crosses(frame))


class HouseIndicators(Honest):
    def _ensure_indicators(self, df_input):
        high, low, close = df_input["high"], df_input["low"], df_input["close"]
        flow = cmf(high, low, close, df_input["tick_volume"], 20)
        frame = df_input.join(macd(close, 12, 26, 9)).assign(atr=atr(high, low, close, 14), cmf=flow)
        frame["slope"] = slope(ema(close, 21), 5)
        return frame.assign(go=(frame["slope"] > 0) & (frame["slope"].shift(1) <= 0))


class ConvolvedPast(Honest):
    """Fourier convolution of the past alone: every value has noise of the size of the largest."""

    def _ensure_indicators(self, df_input):
        from scipy.signal import fftconvolve, lfilter

        close = df_input["close"].to_numpy()
        smooth = fftconvolve(close - close[0], np.ones(15) / 15)[: len(close)] + close[0]
        return df_input.assign(smooth=smooth, filtered=lfilter([0.1], [1, -0.9], close), go=crosses(df_input))


class FlagOfRounding(Honest):
    """A flag that rounding alone decides where the price stands still: the transform rounds by the length of all."""

    def _ensure_indicators(self, df_input):
        from scipy.signal import fftconvolve

        close = df_input["close"].to_numpy()
        smooth = fftconvolve(close, np.ones(3) / 3)[: len(close)]
        rising = np.r_[False, np.diff(smooth) > 0]
        return df_input.assign(rising=rising, go=rising & crosses(df_input))


class NearlyZeroDivisor(Honest):
    """A ratio whose divisor is noise on flat stretches."""

    def _ensure_indicators(self, df_input):
        close = df_input["close"].round(3)
        spread = close.rolling(6).var()
        slope_ = close.rolling(6).mean().diff()
        return df_input.assign(ratio=slope_ / spread, sharpe=slope_ / spread**0.5, go=crosses(df_input))


class Thresholds(Honest):
    """A flag of a difference that is zero but for rounding."""

    def _ensure_indicators(self, df_input):
        close = df_input["close"].round(4)
        same = close.rolling(10).mean() - close.rolling(10).sum() / 10
        return df_input.assign(flag=close.rolling(4).var() > 1e-18, same=same, go=crosses(df_input))


class NumpyState(BaseStrategy):
    """An array of its own, written row by row, and the window's rows through numpy."""

    MIN_BARS = 50

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = np.zeros(0)

    def run_tick(self, df_current_window, account_equity):
        closes = df_current_window["close"].to_numpy()
        self.seen = np.append(self.seen[-200:], closes[-1])
        if closes[-1] <= closes[:-1].max() or self.seen.mean() > closes[-1]:
            return []
        return [buy(df_current_window, tp=round(closes[-1] + 0.002, 5))]


class WarnsAndLogs(Honest):
    """Log of negative numbers, divisions by zero, objects in columns."""

    def _ensure_indicators(self, df_input):
        change = df_input["close"].diff()
        with np.errstate(all="ignore"):
            odd = np.log(change) / (change - change)
        candle = [tuple(row) for row in df_input[["open", "close"]].to_numpy()]
        return df_input.assign(odd=odd, candle=candle, go=crosses(df_input))


class Masked(Honest):
    def go(self, df):
        return crosses(df)

    def entry_mask(self, df):
        return df["go"].to_numpy()


class MaskedWide(Honest):
    """A mask may be wider than what run_tick acts on."""

    manages_positions = True

    def go(self, df):
        return crosses(df)

    def entry_mask(self, df):
        return (df["go"] | (df["close"] > df["open"])).to_numpy()

    def run_tick(self, df_current_window, account_equity):
        if self.positions:
            age = df_current_window.index[-1] - pd.Timestamp(self.positions[0].entry_time, unit="ms", tz="UTC")
            return [{"action": "CLOSE_TRADE"}] if age > pd.Timedelta(hours=3) else []
        return super().run_tick(df_current_window, account_equity)


class Signalled(Honest):
    def go(self, df):
        return crosses(df)

    def entry_signals(self, df):
        stop = (df["close"] - 0.001).round(5)
        return pd.DataFrame({"side": np.where(df["go"], "BUY", None), "lots": 0.1, "sl": stop}, index=df.index)


class FlagWhereTrue(Honest):
    """A fast path by numbers: side as a sign, sizes by risk."""

    def go(self, df):
        return crosses(df)

    def entry_signals(self, df):
        side = df["go"].astype(int)
        return pd.DataFrame({"side": side, "risk_percent": 1.0, "sl": df["close"] - 0.002}, index=df.index)

    def run_tick(self, df_current_window, account_equity):
        if not df_current_window["go"].iloc[-1]:
            return []
        stop = float(df_current_window["close"].iloc[-1]) - 0.002
        return [{"action": "OPEN_TRADE", "side": "long", "risk_percent": 1, "sl": stop}]


class TradesLate(Honest):
    """Its first action comes after everything that is looked at anyway."""

    def go(self, df):
        return (np.arange(len(df)) > 2_500) & crosses(df)


class NeverTrades(Honest):
    def go(self, df):
        return df["close"] < 0


class CountsItsCalls(BaseStrategy):
    """Every hundredth call."""

    MIN_BARS = 10
    calls = 0

    def run_tick(self, df_current_window, account_equity):
        self.calls += 1
        return [buy(df_current_window)] if self.calls % 100 == 0 else []


class KeepsItsFrame(Honest):
    """Holds on to the whole table, but reads no row behind the window's last."""

    def _ensure_indicators(self, df_input):
        self.table = df_input.assign(go=crosses(df_input))
        return self.table

    def run_tick(self, df_current_window, account_equity):
        now = df_current_window.index[-1]
        return [buy(df_current_window)] if self.table.loc[:now, "go"].iloc[-1] else []
