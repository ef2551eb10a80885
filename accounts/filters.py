"""Strict building blocks for every room's filters, and those of accounts."""

from datetime import UTC, datetime
from typing import Any

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django_filters.fields import IsoDateTimeField

from accounts.models import Account

# What the rest of the API reads from the query.
NOT_FILTERS = {"page", "page_size", "ordering", "search", "format"}


class MomentField(IsoDateTimeField):
    """An ISO 8601 time, in UTC once it is read: PostgreSQL does not know every offset Python does."""

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        try:
            return None if moment is None else moment.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("This time is out of range.") from error


class MomentFilter(filters.IsoDateTimeFilter):
    field_class = MomentField


class YesNoField(forms.Field):
    """true or false, and nothing else."""

    def to_python(self, value: Any) -> bool | None:
        if value in (None, ""):
            return None
        if value not in ("true", "false"):
            raise ValidationError("Must be true or false.")
        return bool(value == "true")


class YesNoFilter(filters.BooleanFilter):
    field_class = YesNoField


class StrictFilterSet(filters.FilterSet):
    """A misspelt or empty filter is an error: it must not quietly list everything."""

    FILTER_DEFAULTS = {
        **filters.FilterSet.FILTER_DEFAULTS,
        models.BooleanField: {"filter_class": YesNoFilter},
    }

    def is_valid(self) -> bool:
        for name, value in self.data.items():
            if name not in self.filters and name not in NOT_FILTERS:
                self.form.add_error(
                    None, ValidationError("There is no filter %(name)r.", "unknown_filter", {"name": name})
                )
            elif name in self.filters and value == "":
                self.form.add_error(name, ValidationError("Must not be empty.", code="empty"))
        return bool(super().is_valid())


class AccountFilter(StrictFilterSet):
    class Meta:
        model = Account
        fields = ["platform", "is_active", "currency"]
