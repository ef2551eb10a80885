"""What the EMA crossover asks for, worked out from its docstring in plain Python, without the platform's indicators."""

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from analysis.candles import Candles
from analysis.instrument import Instrument
from tests.analysis.engine.referee_market import MINUTE

Values = Sequence[float]
SHORT, LONG, ATR, SL, TP, RISK = 21, 50, 14, 2.0, 3.0, 0.01


def ema(values: Values, length: int) -> list[float]:
    """Seeded with the mean of the first values; NaN before."""
    out = [math.nan] * len(values)
    if len(values) < length:
        return out
    out[length - 1] = math.fsum(values[:length]) / length
    for i in range(length, len(values)):
        out[i] = out[i - 1] + (values[i] - out[i - 1]) * 2 / (length + 1)
    return out


def atr(highs: Values, lows: Values, closes: Values, length: int) -> list[float]:
    """Wilder: the mean of the first true ranges, then (previous * (n - 1) + new) / n."""
    out = [math.nan] * len(closes)
    if len(closes) <= length:
        return out
    days = zip(highs[1:], lows[1:], closes, strict=False)
    ranges = [max(high - low, abs(high - before), abs(low - before)) for high, low, before in days]
    out[length] = math.fsum(ranges[:length]) / length
    for i in range(length + 1, len(closes)):
        out[i] = (out[i - 1] * (length - 1) + ranges[i - 1]) / length
    return out


def bars_of(candles: Candles, minutes: int) -> list[dict[str, float]]:
    """Bars of so many minutes: opened, high, low, close."""
    bars: list[dict[str, float]] = []
    columns = (getattr(candles, name).tolist() for name in ("time", "high", "low", "close"))
    for time, high, low, close in zip(*columns, strict=True):
        opened = time - time % (minutes * MINUTE)
        if not bars or bars[-1]["opened"] != opened:
            bars.append({"opened": opened, "high": high, "low": low})
        bar = bars[-1]
        bar["high"], bar["low"], bar["close"] = max(bar["high"], high), min(bar["low"], low), close
    return bars


def crossings(bars: Sequence[Mapping[str, float]]) -> list[tuple[int, int, float, float]]:
    """(open time, +1 or -1, close, ATR) of every bar that completes a crossing of the averages."""
    closes = [bar["close"] for bar in bars]
    short, long_ = ema(closes, SHORT), ema(closes, LONG)
    ranges = atr([bar["high"] for bar in bars], [bar["low"] for bar in bars], closes, ATR)
    found = []
    for i in range(LONG + 2 + 10 - 1, len(bars)):
        before, now = short[i - 1] - long_[i - 1], short[i] - long_[i]
        if before * now < 0 and ranges[i] > 0:
            found.append((int(bars[i]["opened"]), 1 if now > 0 else -1, closes[i], ranges[i]))
    return found


def crossover_plan(
    candles: Candles, instrument: Instrument, minutes: int, fixed: float | None
) -> dict[int, Callable[[float], list[dict[str, Any]]]]:
    """The plan for the referee: what is asked for at the close of which bar, given the equity."""
    return {
        opened: entry(instrument, side, close, range_, fixed)
        for opened, side, close, range_ in crossings(bars_of(candles, minutes))
    }


def entry(
    instrument: Instrument, side: int, close: float, range_: float, fixed: float | None
) -> Callable[[float], list[dict[str, Any]]]:
    """One entry with its levels in ATR; the lots lose a hundredth of the equity at the stop unless they are fixed."""
    stop, target = (to_tick(close + side * distance * range_, instrument) for distance in (-SL, TP))
    loss_per_lot = abs(close - stop) / instrument.tick_size * instrument.tick_value

    def asked(equity: float) -> list[dict[str, Any]]:
        if abs(close - stop) < instrument.tick_size:
            return []
        lots = max(equity * RISK / loss_per_lot, 0.0) if fixed is None else fixed
        name = "BUY" if side > 0 else "SELL"
        return [{"action": "OPEN_TRADE", "side": name, "sl": stop, "tp": target, "lots": lots, "tag": "ema_crossover"}]

    return asked


def to_tick(price: float, instrument: Instrument) -> float:
    """The nearest tick."""
    tick = Decimal(repr(instrument.tick_size))
    return float((Decimal(repr(price)) / tick).to_integral_value(ROUND_HALF_UP) * tick)
