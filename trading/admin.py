"""The admin of instruments."""

from django.contrib import admin
from django.http import HttpRequest

from trading.models import InstrumentSpecification


@admin.register(InstrumentSpecification)
class InstrumentSpecificationAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # not generic at run time
    """Open to correction: a broker's contract is what its terminal says, not what the built-in list says."""

    list_display = (
        "symbol", "description", "digits", "contract_size", "tick_size", "tick_value", "min_volume", "volume_step",
        "spread_points", "source_platform", "last_updated",
    )  # fmt: skip
    list_filter = ("quote_currency", "source_platform")
    search_fields = ("symbol", "description")
    readonly_fields = ("created_at", "last_updated")
    fieldsets = (
        (None, {"fields": ("symbol", "description", "source_platform")}),
        ("Price", {"fields": ("digits", "tick_size", "tick_value", "spread_points")}),
        ("Volume", {"fields": ("contract_size", "min_volume", "max_volume", "volume_step")}),
        ("Currencies", {"fields": ("base_currency", "quote_currency", "margin_currency")}),
        ("History", {"fields": ("created_at", "last_updated")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: InstrumentSpecification | None = None) -> tuple[str, ...]:
        """The symbol is the key: changing it would make a second instrument."""
        return self.readonly_fields if obj is None else ("symbol", *self.readonly_fields)
