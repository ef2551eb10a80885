"""What the made-up instruments are like: rough magnitudes of the real ones, enough to try strategies on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from analysis.errors import ImportRejected


@dataclass(frozen=True)
class DemoProfile:
    """`annual_volatility` is a fraction, `spread_points` the usual spread, `ticks` a usual minute's tick volume.

    `hours`: forex (Sunday 17:00 to Friday 17:00 New York), exchange (the same with a daily break from 17:00 to
    18:00), or always. Prices are multiples of `tick_points` points.
    """

    price: float
    digits: int
    annual_volatility: float
    spread_points: int
    ticks: int
    hours: str = "forex"
    tick_points: int = 1


PROFILES: Mapping[str, DemoProfile] = MappingProxyType({
    "EURUSD": DemoProfile(1.0850, 5, 0.075, 8, 60),
    "GBPUSD": DemoProfile(1.2700, 5, 0.085, 12, 65),
    "AUDUSD": DemoProfile(0.6600, 5, 0.100, 10, 50),
    "NZDUSD": DemoProfile(0.6100, 5, 0.105, 16, 40),
    "USDCAD": DemoProfile(1.3500, 5, 0.065, 14, 50),
    "USDCHF": DemoProfile(0.8900, 5, 0.075, 14, 45),
    "USDJPY": DemoProfile(148.50, 3, 0.095, 10, 70),
    "EURJPY": DemoProfile(160.50, 3, 0.100, 16, 70),
    "XAUUSD": DemoProfile(2050.0, 2, 0.160, 18, 150, "exchange"),
    "XAGUSD": DemoProfile(24.000, 3, 0.300, 25, 90, "exchange"),
    "US500": DemoProfile(4800.0, 2, 0.170, 50, 110, "exchange", tick_points=25),
    "BTCUSD": DemoProfile(45000.0, 2, 0.550, 1500, 120, "always"),
})  # fmt: skip


def find_profile(symbol: str) -> DemoProfile:
    """The profile of `EURUSD`, and of `EURUSD.demo` or `EURUSD-x` as well. Raises ImportRejected without
    one."""
    base = re.split(r"[._#-]", symbol)[0].upper()
    if base not in PROFILES:
        raise ImportRejected(f"There is no demo profile for {symbol!r}; known are {', '.join(PROFILES)}")
    return PROFILES[base]
