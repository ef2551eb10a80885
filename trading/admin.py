"""The admin of instruments."""

from decimal import Decimal

from django.contrib import admin
from django.http import HttpRequest

from trading.models import InstrumentSpecification

SWAP = ("swap_mode", "swap_long", "swap_short", "swap_triple_day")


@admin.register(InstrumentSpecification)
class InstrumentSpecificationAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # not generic at run time
    """Open to correction: a broker's contract is what its terminal says, not what the built-in list says."""

    list_display = (
        "symbol", "description", "digits", "contract", "tick", "value_per_tick", "volumes", "spread_points",
        "last_updated",
    )  # fmt: skip
    list_filter = ("quote_currency", "source_platform")
    search_fields = ("symbol", "description")
    readonly_fields = ("created_at", "last_updated")
    fieldsets = (
        (None, {"fields": ("symbol", "description", "source_platform")}),
        ("Price", {"fields": ("digits", "tick_size", "tick_value", "spread_points")}),
        ("Volume", {"fields": ("contract_size", "min_volume", "max_volume", "volume_step")}),
        ("Currencies", {"fields": ("base_currency", "quote_currency", "margin_currency")}),
        ("Swap and margin", {"fields": (*SWAP, "margin_rate")}),
        ("History", {"fields": ("created_at", "last_updated")}),
    )

    @admin.display(description="contract size", ordering="contract_size")
    def contract(self, instrument: InstrumentSpecification) -> str:
        return _plain(instrument.contract_size)

    @admin.display(description="tick size", ordering="tick_size")
    def tick(self, instrument: InstrumentSpecification) -> str:
        return _plain(instrument.tick_size)

    @admin.display(description="tick value", ordering="tick_value")
    def value_per_tick(self, instrument: InstrumentSpecification) -> str:
        return _plain(instrument.tick_value)

    @admin.display(ordering="min_volume")
    def volumes(self, instrument: InstrumentSpecification) -> str:
        smallest, largest = _plain(instrument.min_volume), _plain(instrument.max_volume)
        return f"{smallest} – {largest} by {_plain(instrument.volume_step)}"

    def get_readonly_fields(self, request: HttpRequest, obj: InstrumentSpecification | None = None) -> tuple[str, ...]:
        """The symbol is the key: changing it would make a second instrument."""
        return self.readonly_fields if obj is None else ("symbol", *self.readonly_fields)


def _plain(value: Decimal) -> str:
    """Without the zeros a column of many decimals adds."""
    return f"{value.normalize():,f}"
