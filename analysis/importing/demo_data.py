"""Candles for a clone without data: seeded, made up, and shaped like a market.

Trading hours follow New York's clock. The volatility of a minute is a daily profile times a slow and a fast
mean-reverting factor (so calm and lively spells cluster) times bursts at the hour of economic news; returns
have fat tails. Spreads widen when volatility is high, at the daily rollover and after a pause, where prices
may also gap.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.candle_store.catalogue import datasets, read_quality
from analysis.candle_store.layout import is_symbol, symbol_dir
from analysis.candle_store.reading import to_moment, to_ms
from analysis.candles import MINUTE_MS, Candles
from analysis.errors import ImportRejected
from analysis.importing.clocks import from_utc, parse_clock
from analysis.importing.demo_profiles import DemoProfile, find_profile
from analysis.importing.importer import store_candles
from analysis.importing.quality import QualityReport, SourceReport

FORMAT = "demo"
_VERSION = 1  # part of the seed: another recipe is another series
_STEPS = 10  # of the price within a minute
_YEAR_MINUTES = 365.25 * 1440
_TAIL = 5.0  # degrees of freedom of Student's t
_LONGEST_GAP_MINUTES = 2 * 1440
_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Minutes:
    """The open minutes of a window: epoch ms, New York's minute of the day, and the pause before each in
    minutes."""

    time: NDArray[np.int64]
    of_day: NDArray[np.int64]
    pause: NDArray[np.int64]
    share_open: float


def make_demo_candles(symbol: str, *, start: datetime, end: datetime, seed: int) -> Candles:
    """Made-up candles with open times in [start, end); the same arguments always give the same candles.

    Raises ImportRejected for a symbol without a profile and for a window without trading hours.
    """
    profile = find_profile(symbol)
    minutes = _open_minutes(profile, to_ms(start), to_ms(end))
    if not len(minutes.time):
        raise ImportRejected(f"{symbol} does not trade from {start.isoformat()} to {end.isoformat()}")
    key = f"{_VERSION}|{symbol}|{seed}|{minutes.time[0]}|{minutes.time[-1]}"
    rng = np.random.default_rng(np.frombuffer(hashlib.sha256(key.encode()).digest(), np.uint32))
    liveliness = _liveliness(profile, minutes, rng)
    per_minute = profile.annual_volatility / np.sqrt(_YEAR_MINUTES * minutes.share_open)
    prices = _prices(profile, minutes, per_minute * liveliness, rng)
    volume = rng.poisson(np.maximum(profile.ticks * liveliness, 1.5))
    spread = _spread(profile, minutes, liveliness, rng)
    traded = volume > 0  # a minute without a tick has no candle
    return Candles(
        symbol=symbol,
        time=minutes.time[traded],
        **{name: values[traded] for name, values in prices.items()},
        tick_volume=volume[traded].astype(np.int64),
        spread=spread[traded],
    )


def store_demo_candles(
    symbol: str, *, start: datetime, end: datetime, seed: int, data_root: Path, imported_at: datetime
) -> QualityReport | None:
    """Make candles and store them; None when the very same are there already.

    Raises ImportRejected when the symbol holds other candles: made-up ones never mix with them.
    """
    if not is_symbol(symbol):
        raise ImportRejected(f"{symbol!r} is not a symbol")
    name = f"seed {seed}, {start.isoformat()} to {end.isoformat()}, recipe {_VERSION}"
    if (known := next((info for info in datasets(data_root) if info.symbol == symbol), None)) is not None:
        folder = symbol_dir(data_root, symbol)
        imports = (read_quality(folder) or {}).get("imports", [])
        if known.quality is not None and [entry["source"]["file"] for entry in imports] == [name]:
            return None
        raise ImportRejected(
            f"{symbol} has other candles already; use another symbol, such as {symbol}-2, or delete {folder}"
        )
    candles = make_demo_candles(symbol, start=start, end=end, seed=seed)
    return store_candles(candles, _source(name, candles), data_root=data_root, imported_at=imported_at)


def _source(name: str, candles: Candles) -> SourceReport:
    return SourceReport(
        file=name,
        sha256=candles.fingerprint(),
        format=FORMAT,
        time_zone="UTC",
        rows=len(candles),
        accepted=len(candles),
        first=to_moment(candles.time[0]),
        last=to_moment(candles.time[-1]),
        duplicates=0,
        refused={},
        examples={},
        notes=("Made-up candles: they say nothing about a strategy's chances on a market",),
    )


def _open_minutes(profile: DemoProfile, start_ms: int, end_ms: int) -> _Minutes:
    first = -(-start_ms // MINUTE_MS)
    time = np.arange(first, -(-end_ms // MINUTE_MS), dtype=np.int64) * MINUTE_MS
    wall = from_utc(time, parse_clock("America/New_York")) // MINUTE_MS
    is_open = _is_open(profile.hours, wall)
    opened = time[is_open]
    pause = np.diff(opened, prepend=opened[:1] - MINUTE_MS) // MINUTE_MS - 1
    share_open = len(opened) / max(len(time), 1)
    return _Minutes(opened, wall[is_open] % 1440, pause, share_open)


def _is_open(hours: str, wall: NDArray[np.int64]) -> NDArray[np.bool_]:
    if hours == "always":
        return np.ones(len(wall), np.bool_)
    day, minute = wall // 1440, wall % 1440
    weekday = (day + 3) % 7  # Monday is 0
    evening = minute >= (18 if hours == "exchange" else 17) * 60
    afternoon = minute < 17 * 60
    is_open: NDArray[np.bool_] = np.select(
        [weekday < 4, weekday == 4, weekday == 6], [afternoon | evening, afternoon, evening], False
    ).astype(np.bool_)
    return is_open & ~_is_holiday(day)


def _is_holiday(day: NDArray[np.int64]) -> NDArray[np.bool_]:
    """New Year's Day and Christmas."""
    date = day.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    of_month = (date - month).astype(np.int64) + 1
    of_year = month.astype(np.int64) % 12 + 1
    return np.asarray(((of_year == 1) & (of_month == 1)) | ((of_year == 12) & (of_month == 25)))


def _liveliness(profile: DemoProfile, minutes: _Minutes, rng: np.random.Generator) -> _Floats:
    """The volatility of each minute, 1 on average over the day's profile."""
    count = len(minutes.time)
    mood = 0.35 * _mean_reverting(rng, count, half_life=240)
    mood += 0.30 * _mean_reverting(rng, count, half_life=4000)
    bursts = (minutes.of_day == 8 * 60 + 30) & (rng.random(count) < 0.3)
    news = pd.Series(np.where(bursts, 4.0 * rng.random(count), 0.0)).ewm(halflife=8, adjust=False).mean()
    decayed = news.to_numpy() / (1 - 0.5 ** (1 / 8))  # the mean scales an impulse down; undo it
    # Less the mood's variance (0.35² + 0.30²), so that the mean square of its exponential is 1.
    level = _day_profile(profile.hours)[minutes.of_day] * np.exp(mood - 0.2125)
    return np.asarray(level * (1 + decayed))


def _day_profile(hours: str) -> _Floats:
    """Volatility by New York's minute of the day: quiet after the close, lively at the opens of London and
    New York."""
    minute = np.arange(1440)
    depth = 0.4 if hours == "always" else 1.0

    def hump(centre: int, width: int, height: float) -> _Floats:
        distance = np.minimum(np.abs(minute - centre), 1440 - np.abs(minute - centre))
        return np.asarray(height * np.exp(-0.5 * (distance / width) ** 2))

    shape = 0.45 + hump(20 * 60, 100, 0.3) + hump(3 * 60 + 30, 80, 0.8) + hump(9 * 60 + 45, 110, 1.4)
    profile = (1 - depth) + depth * shape / np.sqrt((shape**2).mean())
    return np.asarray(profile / np.sqrt((profile**2).mean()))


def _mean_reverting(rng: np.random.Generator, count: int, *, half_life: int) -> _Floats:
    """A first-order autoregression of unit variance."""
    noise = rng.standard_normal(count)
    share = 1 - 0.5 ** (1 / half_life)
    deviation = np.sqrt(share / (2 - share))
    noise[0] *= deviation  # the filter takes the first value whole
    filtered = pd.Series(noise).ewm(halflife=half_life, adjust=False).mean()
    return np.asarray(filtered.to_numpy() / deviation)


def _prices(
    profile: DemoProfile, minutes: _Minutes, deviation: _Floats, rng: np.random.Generator
) -> dict[str, _Floats]:
    """Open, high, low and close of a path of several steps a minute, rounded to the instrument's digits."""
    count = len(minutes.time)
    tails = np.sqrt((_TAIL - 2) / rng.chisquare(_TAIL, count))
    steps = rng.standard_normal((count, _STEPS)) * (deviation * tails / np.sqrt(_STEPS))[:, None]
    pause = np.minimum(minutes.pause, _LONGEST_GAP_MINUTES)
    steps[:, 0] += rng.standard_normal(count) * deviation * 0.4 * np.sqrt(np.where(pause > 30, pause, 0))
    path = profile.price * np.exp(np.cumsum(steps, axis=None).reshape(steps.shape))
    # Whole points divided by a power of ten: the very float that the written price parses to.
    ticks = np.maximum(np.rint(path * 10**profile.digits / profile.tick_points), 1)
    price = ticks * profile.tick_points / 10**profile.digits
    return {
        "open": price[:, 0],
        "high": price.max(axis=1),
        "low": price.min(axis=1),
        "close": price[:, -1],
    }


def _spread(
    profile: DemoProfile, minutes: _Minutes, liveliness: _Floats, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Points: noisy, wider in lively minutes, at the rollover (17:00 New York) and after a pause."""
    row = np.arange(len(liveliness))
    noise = 0.85 + 0.4 * rng.random(len(row))
    lively = np.clip(np.sqrt(liveliness), 0.9, 3.0)
    rollover = (minutes.of_day >= 16 * 60 + 55) & (minutes.of_day < 17 * 60 + 20)
    rollover &= profile.hours != "always"
    since_pause = row - np.maximum.accumulate(np.where(minutes.pause > 30, row, -1000))
    widening = 1 + 3.0 * np.exp(-since_pause / 6) + 2.5 * rng.random(len(row)) * rollover
    return np.asarray(np.maximum(np.rint(profile.spread_points * noise * lively * widening), 1), np.int32)
