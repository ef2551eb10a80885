"""What can be traded, and by which numbers."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from analysis.instrument import Instrument


class InstrumentSpecification(models.Model):
    """A symbol's contract as the broker states it (MT5: `symbol_info`)."""

    symbol = models.CharField(primary_key=True, max_length=29)
    description = models.CharField(max_length=255, blank=True)
    source_platform = models.CharField(max_length=50, blank=True)
    digits = models.PositiveSmallIntegerField(help_text="Decimals of a price; a point is 10**-digits")
    contract_size = models.DecimalField(max_digits=20, decimal_places=5)
    base_currency = models.CharField(max_length=16)
    quote_currency = models.CharField(max_length=16, help_text="Currency of the profit")
    margin_currency = models.CharField(max_length=16)
    min_volume = models.DecimalField(max_digits=12, decimal_places=5)
    max_volume = models.DecimalField(max_digits=12, decimal_places=5)
    volume_step = models.DecimalField(max_digits=12, decimal_places=5)
    tick_size = models.DecimalField(
        max_digits=15,
        decimal_places=10,
        help_text="Smallest price step (trade_tick_size; may exceed a point)",
    )
    tick_value = models.DecimalField(max_digits=15, decimal_places=5, help_text="Account currency per tick and lot")
    spread_points = models.PositiveIntegerField(
        default=0, help_text="Used where neither the candles nor the backtest config give a spread"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["symbol"]
        constraints = [
            models.CheckConstraint(
                condition=Q(tick_size__gt=0, tick_value__gt=0, contract_size__gt=0),
                name="instrument_sizes_positive",
            ),
            models.CheckConstraint(
                condition=Q(min_volume__gt=0, volume_step__gt=0, max_volume__gte=F("min_volume")),
                name="instrument_volumes_ordered",
            ),
        ]

    def __str__(self) -> str:
        return self.symbol

    @property
    def point(self) -> Decimal:
        return Decimal(1).scaleb(-self.digits)

    def to_instrument(self) -> Instrument:
        """The same facts as the engine's plain value."""
        return Instrument(
            symbol=self.symbol,
            digits=self.digits,
            point=float(self.point),
            tick_size=float(self.tick_size),
            tick_value=float(self.tick_value),
            contract_size=float(self.contract_size),
            volume_min=float(self.min_volume),
            volume_max=float(self.max_volume),
            volume_step=float(self.volume_step),
            spread_points=self.spread_points,
            currency_base=self.base_currency,
            currency_profit=self.quote_currency,
            currency_margin=self.margin_currency,
        )
