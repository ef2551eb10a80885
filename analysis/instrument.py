"""The contract of an instrument as plain numbers."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Instrument:
    """What the engine must know of a symbol. Prices are floats, volumes lots, `tick_value` account currency per tick
    and lot."""

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

    @property
    def pip_size(self) -> float:
        """The pip traders speak of: ten points where the broker quotes a fractional pip (3 or 5 digits)."""
        return self.point * (10 if self.digits in (3, 5) else 1)

    def round_price(self, price: float) -> float:
        """`price` at the nearest tick, without binary noise beyond the instrument's digits."""
        return round(round(price / self.tick_size) * self.tick_size, self.digits)

    def round_volume(self, lots: float) -> float:
        """`lots` rounded down to a volume step; a hair below a step counts as the step."""
        steps = math.floor(lots / self.volume_step + 1e-9)
        return round(steps * self.volume_step, 8)
