"""What can be traded, and by which numbers."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from analysis.instrument import Instrument


class InstrumentSpecification(models.Model):
    """A symbol's contract as the broker states it (MT5: `symbol_info`)."""

    class SwapMode(models.TextChoices):
        POINTS = "points", "Points per lot and night"
        MONEY = "money", "Account currency per lot and night"
        PERCENT = "percent", "Per cent of the position's value a year"

    class Weekday(models.IntegerChoices):
        """MT5's count."""

        SUNDAY = 0
        MONDAY = 1
        TUESDAY = 2
        WEDNESDAY = 3
        THURSDAY = 4
        FRIDAY = 5
        SATURDAY = 6

    symbol = models.CharField(primary_key=True, max_length=29)
    description = models.CharField(max_length=255, blank=True)
    source_platform = models.CharField(max_length=50, blank=True)
    digits = models.PositiveSmallIntegerField(
        validators=[MaxValueValidator(15)], help_text="Decimals of a price; a point is 10**-digits"
    )
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
    swap_mode = models.CharField(max_length=8, choices=SwapMode, default=SwapMode.POINTS, help_text="Unit of the swaps")
    swap_long = models.DecimalField(
        max_digits=15, decimal_places=5, default=Decimal(0), help_text="What a long position gains per night; 0 is none"
    )
    swap_short = models.DecimalField(
        max_digits=15, decimal_places=5, default=Decimal(0), help_text="What a short position gains per night"
    )
    swap_triple_day = models.PositiveSmallIntegerField(
        choices=Weekday, default=Weekday.WEDNESDAY, help_text="The night that counts three times; 0 is Sunday"
    )
    margin_rate = models.DecimalField(
        max_digits=10, decimal_places=6, default=Decimal(1), validators=[MinValueValidator(Decimal(0))],
        help_text="Share of the full margin the broker asks for",
    )  # fmt: skip
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
            models.CheckConstraint(condition=Q(digits__lte=15), name="instrument_digits_in_a_double"),
            models.CheckConstraint(
                condition=Q(swap_mode__in=["points", "money", "percent"]), name="instrument_swap_mode_known"
            ),
            models.CheckConstraint(condition=Q(swap_triple_day__lte=6), name="instrument_triple_day_of_a_week"),
            models.CheckConstraint(condition=Q(margin_rate__gte=0), name="instrument_margin_not_negative"),
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
            swap_mode=self.swap_mode,
            swap_long=float(self.swap_long),
            swap_short=float(self.swap_short),
            swap_triple_day=self.swap_triple_day,
            margin_rate=float(self.margin_rate),
        )
