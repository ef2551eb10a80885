"""The contract of an instrument as plain numbers, and the arithmetic of its ticks and volume steps."""

import math
from dataclasses import dataclass

# A quotient this close below a whole number is that number: 0.3 / 0.1 is 2.9999999999999996 in binary.
_HAIR = 1e-9
SWAP_MODES = ("points", "money", "percent")


@dataclass(frozen=True)
class Instrument:
    """What the engine must know of a symbol. Prices are floats, volumes lots, `tick_value` account currency
    per tick and lot.

    `swap_long` and `swap_short` are what a position gains (negative: pays) per lot and night, in the unit
    `swap_mode` names: points, account currency, or per cent of its value a year (of 360 days). On
    `swap_triple_day` (MT5's count: 0 is Sunday, 3 Wednesday) it is booked three times. `margin_rate` is the
    share of the full margin the broker asks for. Raises ValueError for numbers no instrument can have.
    """

    symbol: str
    digits: int
    point: float
    tick_size: float
    tick_value: float
    contract_size: float
    volume_min: float
    volume_max: float
    volume_step: float
    spread_points: int = 0
    currency_base: str = ""
    currency_profit: str = ""
    currency_margin: str = ""
    swap_mode: str = "points"
    swap_long: float = 0.0
    swap_short: float = 0.0
    swap_triple_day: int = 3
    margin_rate: float = 1.0

    def __post_init__(self) -> None:
        for name in ("point", "tick_size", "tick_value", "contract_size", "volume_min", "volume_step"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{self.symbol}: {name} must be a positive number, not {value!r}")
        if not (math.isfinite(self.volume_max) and self.volume_max >= self.volume_min):
            raise ValueError(f"{self.symbol}: volume_max must not be below volume_min")
        if not 0 <= self.digits <= 15 or self.spread_points < 0:
            raise ValueError(f"{self.symbol}: digits and spread_points must not be negative")
        if self.swap_mode not in SWAP_MODES or self.swap_triple_day not in range(7):
            raise ValueError(f"{self.symbol}: swap_mode must be one of {', '.join(SWAP_MODES)}, the triple day 0 to 6")
        if not all(map(math.isfinite, (self.swap_long, self.swap_short, self.margin_rate))) or self.margin_rate < 0:
            raise ValueError(f"{self.symbol}: swaps and margin_rate must be numbers, margin_rate not negative")

    @property
    def pip_size(self) -> float:
        """The pip traders speak of: ten points where the broker quotes a fractional pip (3 or 5 digits), else
        a point."""
        return round(self.point * (10 if self.digits in (3, 5) else 1), self.digits)

    @property
    def pip_value(self) -> float:
        """Account currency per pip and lot."""
        return self.pip_size / self.tick_size * self.tick_value

    def to_ticks(self, price: float) -> int:
        """The whole number of ticks nearest to `price`; exactly between two, the higher."""
        return math.floor(price / self.tick_size + 0.5)

    def from_ticks(self, ticks: int) -> float:
        """The price of a whole number of ticks, without binary noise beyond the instrument's digits."""
        return round(ticks * self.tick_size, self.digits)

    def round_price(self, price: float) -> float:
        """`price` at the nearest tick, without binary noise beyond the instrument's digits."""
        return self.from_ticks(self.to_ticks(price))

    def to_steps(self, lots: float) -> int:
        """Whole volume steps in `lots`, rounded down; a hair below a step counts as the step."""
        return math.floor(lots / self.volume_step + _HAIR)

    def from_steps(self, steps: int) -> float:
        """Lots of a whole number of volume steps."""
        return round(steps * self.volume_step, 8)

    def round_volume(self, lots: float) -> float:
        """`lots` rounded down to a volume step; a hair below a step counts as the step."""
        return self.from_steps(self.to_steps(lots))
