"""Strict building blocks for every room's filters, and those of accounts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from rest_framework.exceptions import ValidationError as Refused
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.formats import MOMENT, NOT_A_MOMENT, NOT_A_UUID, UUID
from accounts.models import Account

# What the rest of the API reads from the query.
NOT_FILTERS = {"page", "page_size", "ordering", "search", "format"}


class MomentField(IsoDateTimeField):
    """An RFC 3339 time, in UTC once it is read: PostgreSQL does not know every offset Python does."""

    def to_python(self, value: Any) -> datetime | None:
        if value and not MOMENT.fullmatch(value):
            raise ValidationError(NOT_A_MOMENT)
        moment = super().to_python(value.upper() if value else value)
        try:
            return None if moment is None else moment.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("This time is out of range.") from error


class MomentFilter(filters.IsoDateTimeFilter):
    field_class = MomentField


class IdField(forms.UUIDField):
    """A UUID in its usual spelling."""

    def to_python(self, value: Any) -> Any:
        if value and not UUID.fullmatch(value):
            raise ValidationError(NOT_A_UUID)
        return super().to_python(value)


class IdFilter(filters.UUIDFilter):
    field_class = IdField


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


class StrictOrderingFilter(OrderingFilter):
    """`?ordering=-status,name`: a field that cannot be ordered by is an error, and equal rows keep their place."""

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: APIView) -> Sequence[str] | None:
        """The fields to order by, ending in the key: without it a row could be on two pages or on none."""
        text = request.query_params.get(self.ordering_param)
        if text is None:
            return self.get_default_ordering(view)
        known = self._known(view)
        wanted = text.split(",")
        for term in wanted:
            if term not in known:
                raise Refused({self.ordering_param: f"Must be one of {', '.join(known)}, or several with commas."})
        return (*wanted, "pk")

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """OpenAPI: a list of the names this view orders by."""
        (parameter,) = super().get_schema_operation_parameters(view)
        names = {"type": "array", "items": {"type": "string", "enum": self._known(view)}, "minItems": 1}
        return [{**parameter, "schema": names, "explode": False, "style": "form"}]

    def _known(self, view: APIView) -> list[str]:
        fields: list[str] = view.ordering_fields  # type: ignore[attr-defined]
        return [sign + name for name in fields for sign in ("", "-")]


class AccountFilter(StrictFilterSet):
    class Meta:
        model = Account
        fields = ["platform", "is_active", "currency"]
