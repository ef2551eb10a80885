"""The platform's money as backtrader asks for it: lots that add up, P&L and commission in whole cents."""

from typing import Any

import backtrader as bt

from analysis.engine.kernel.ledger import to_cents
from analysis.instrument import Instrument

_cents = to_cents.py_func  # type: ignore[attr-defined]


class Lots(float):
    """A volume whose sums have no binary noise: backtrader takes a trade for closed when its size is exactly zero."""

    __slots__ = ()

    def __add__(self, other: float) -> "Lots":
        return Lots(round(float(self) + float(other), 8))

    def __sub__(self, other: float) -> "Lots":
        return Lots(round(float(self) - float(other), 8))

    def __rsub__(self, other: float) -> "Lots":
        return Lots(round(float(other) - float(self), 8))

    def __neg__(self) -> "Lots":
        return Lots(-float(self))

    __radd__ = __add__


class InstrumentCosts(bt.CommInfoBase):
    """What lots of one instrument cost and bring, in account currency.

    A value is lots x price x the worth of a price unit: what `order_target_value` and sizers count in.
    """

    params: Any = (
        ("instrument", None),
        ("stocklike", True),
        ("commtype", bt.CommInfoBase.COMM_FIXED),
    )

    @classmethod
    def of(cls, instrument: Instrument, commission_per_lot: float) -> "InstrumentCosts":
        """For an instrument; `commission_per_lot` is account currency per lot and side."""
        return cls(
            instrument=instrument, commission=commission_per_lot, mult=instrument.tick_value / instrument.tick_size
        )

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        return float(_cents(round(abs(size), 8) * self.p.commission)) / 100

    def getvaluesize(self, size: float, price: float) -> float:
        """What lots are worth at a price; negative for a short."""
        return float(size) * price * float(self.p.mult)

    def getvalue(self, position: Any, price: float) -> float:
        """What a position is worth at a price; negative for a short."""
        return self.getvaluesize(position.size, price)

    def getoperationcost(self, size: float, price: float) -> float:
        """What lots are worth at a price."""
        return abs(self.getvaluesize(size, price))

    def getsize(self, price: float, cash: float) -> float:
        """Lots worth `cash` at a price, rounded down to a volume step."""
        return float(self.p.instrument.round_volume(cash / (price * self.p.mult)))

    def profitandloss(self, size: float, price: float, newprice: float) -> float:
        """What `size` lots gained from `price` to `newprice`, before costs, in whole cents."""
        return float(_cents(float(size) * (newprice - price) * self.p.mult)) / 100
