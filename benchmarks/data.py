"""The benchmark's candles: a deterministic EURUSD-like series, made once and kept under var/."""

from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

SEED = 20251120
ONE_YEAR, TEN_YEARS = 371_270, 3_706_736
BARS = {1: ONE_YEAR, 10: TEN_YEARS}
POINT = 1e-5

_MINUTE_MS, _DAY_MS, _MONDAY_MS = 60_000, 86_400_000, 1_420_416_000_000  # 2015-01-05
_STEPS = 46  # prices within a minute: sets the ratio of range to volatility
_SIGMA = 1.05e-4  # of a minute, as a share of the price
_REVERSION = 4e-6  # pull towards 1.10 a minute: ten years stay between 0.9 and 1.4
_BOUNCE = 0.02  # share of a minute's move that the next one takes back
_RECORDED = 0.988  # share of the minutes of a trading week that have a candle


def candles_file(folder: Path, bars: int) -> Path:
    """An .npz with int64 `time` (epoch milliseconds) and float64 `open`, `high`, `low`, `close`; made when absent."""
    path = folder / f"candles-{SEED}-{bars}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        time, prices = make_candles(bars)
        names = ("open", "high", "low", "close")
        part = path.with_name(path.stem + ".part.npz")
        np.savez(part, time=time, **dict(zip(names, prices, strict=True)))
        part.replace(path)
    return path


def make_candles(bars: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Times and a (4, bars) array of prices; a shorter series is the beginning of a longer one."""
    rng = np.random.default_rng(SEED)
    time = _times(np.random.default_rng(SEED + 1), bars)
    volatility = _SIGMA * _seasons(time) * _clusters(np.random.default_rng(SEED + 2), bars)
    gap = np.where(np.diff(time, prepend=time[0]) > _DAY_MS, 6.0, 0.12)  # a weekend, a minute
    prices = np.empty((4, bars))
    price, move = 1.10, 0.0
    for start in range(0, bars, 2**18):
        part = slice(start, min(start + 2**18, bars))
        noise = rng.standard_normal((2**18, _STEPS + 1))[: part.stop - part.start]
        price, move = _walk(price, move, noise, volatility[part], gap[part], prices[:, part])
    return time, np.round(prices / POINT) * POINT


def _times(rng: np.random.Generator, bars: int) -> NDArray[np.int64]:
    days = bars // 1_300 + 7
    day = np.arange(days * 7 // 5 + 7)
    day = day[day % 7 < 5]
    minutes = (day[:, None] * 1_440 + np.arange(1_440)).ravel()
    minutes = minutes[rng.random(len(minutes)) < _RECORDED]
    return minutes[:bars] * _MINUTE_MS + _MONDAY_MS


def _seasons(time: NDArray[np.int64]) -> NDArray[np.float64]:
    """Quiet nights, busy afternoons."""
    hour = time % _DAY_MS / 3_600_000
    return 0.55 + 0.45 * (1 - np.cos((hour - 2.0) / 24 * 2 * np.pi)) + 0.35 * np.exp(-(((hour - 14.5) / 2.0) ** 2))


def _clusters(rng: np.random.Generator, bars: int) -> NDArray[np.float64]:
    """Volatility that comes and goes over hours."""
    noise = np.empty(bars)
    _autoregress(rng.standard_normal(bars), 0.997, noise)
    return np.exp(0.35 * noise - 0.06)


@njit
def _autoregress(noise, keep, out):
    value, scale = 0.0, np.sqrt(1 - keep * keep)
    for bar in range(len(noise)):
        value = keep * value + scale * noise[bar]
        out[bar] = value


@njit
def _walk(price, move, noise, volatility, gap, out):
    for bar in range(len(noise)):
        sigma = volatility[bar]
        price *= 1 + gap[bar] * sigma * noise[bar, 0]
        out[0, bar] = highest = lowest = begun = price
        step = sigma / np.sqrt(noise.shape[1] - 1)
        for leg in range(1, noise.shape[1]):
            price *= 1 + step * noise[bar, leg]
            highest, lowest = max(highest, price), min(lowest, price)
        price += _REVERSION * (1.10 - price) - _BOUNCE * move
        move = price - begun
        highest, lowest = max(highest, price), min(lowest, price)
        out[1, bar], out[2, bar], out[3, bar] = highest, lowest, price
    return price, move
