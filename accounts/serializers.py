"""Strict building blocks for every room's serializers, and those of accounts."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers

from accounts.formats import DECIMAL, DIGITS, MOMENT, NOT_A_MOMENT
from accounts.models import Account, User

MAX_JSON_DEPTH = 20
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def plain_json(value: Any, depth: int = 0) -> Any:
    """`value` if PostgreSQL can keep it as JSON. Raises ValidationError for NUL, half characters, infinity, depth."""
    if depth > MAX_JSON_DEPTH:
        raise serializers.ValidationError(f"Must not be nested deeper than {MAX_JSON_DEPTH} levels.")
    if isinstance(value, str) and _NOT_STORABLE.search(value):
        raise serializers.ValidationError("Must not contain null or incomplete characters.")
    if isinstance(value, float) and not math.isfinite(value):
        raise serializers.ValidationError("Numbers must be finite.")
    if isinstance(value, Mapping):
        return {plain_json(k, depth + 1): plain_json(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [plain_json(item, depth + 1) for item in value]
    return value


class StrictSerializer(serializers.Serializer[Any]):
    """Unknown fields of the body are an error that names them: nothing is silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            writable = {name for name, field in self.fields.items() if not field.read_only}
            problems = {
                str(name): ["This field is read-only." if name in self.fields else "Unknown field."]
                for name in data
                if name not in writable
            }
            if problems:
                raise serializers.ValidationError(problems, code="unknown_field")
        return super().to_internal_value(data)


class StrictCharField(serializers.CharField):
    """Text only: DRF would turn the number 5 into "5"."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class StrictIntegerField(serializers.IntegerField):
    """Whole numbers only: DRF would take "5" and true."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class QueryIntegerField(serializers.IntegerField):
    """Whole numbers of a query, which is text: DRF would take "5.0" and " 5 "."""

    def to_internal_value(self, data: Any) -> int:
        if not DIGITS.fullmatch(str(data)):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class StrictFloatField(serializers.FloatField):
    """Finite numbers only."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        number = float(super().to_internal_value(data))
        if not math.isfinite(number):
            self.fail("invalid")
        return number


class StrictBooleanField(serializers.BooleanField):
    """true and false only: DRF would take 1, "yes" and "on"."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictChoiceField(serializers.ChoiceField):
    """Text only, one of the choices."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class StrictDecimalField(serializers.DecimalField):
    """A number, or better its decimal text, which is what answers have: DRF would also take "1_0", " 5 " and "٣"."""

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, str | int | float):
            self.fail("invalid")
        if isinstance(data, str) and not DECIMAL.fullmatch(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictDateTimeField(serializers.DateTimeField):
    """An RFC 3339 time. DRF would take one without a zone for UTC, and a date for its midnight."""

    default_error_messages: ClassVar = {"invalid": NOT_A_MOMENT}

    def to_internal_value(self, value: Any) -> datetime:
        if not (isinstance(value, str) and MOMENT.fullmatch(value)):
            self.fail("invalid")
        return super().to_internal_value(value.upper())


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """The same for rows."""

    serializer_field_mapping: ClassVar = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: StrictCharField,
        models.TextField: StrictCharField,
        models.BooleanField: StrictBooleanField,
        models.IntegerField: StrictIntegerField,
        models.BigIntegerField: StrictIntegerField,
        models.PositiveIntegerField: StrictIntegerField,
        models.DecimalField: StrictDecimalField,
        models.DateTimeField: StrictDateTimeField,
    }
    serializer_choice_field = StrictChoiceField


class LoginSerializer(StrictSerializer):
    username = StrictCharField(max_length=150)
    password = StrictCharField(max_length=128, trim_whitespace=False, write_only=True)


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()
    expiry = serializers.DateTimeField(allow_null=True)


class MeSerializer(serializers.ModelSerializer[User]):
    email = serializers.CharField(read_only=True)

    class Meta:
        model = User
        fields = ["id", "username", "email", "is_staff"]
        read_only_fields = fields


class AccountSerializer(StrictModelSerializer):
    class Meta:
        model = Account
        fields = [
            "id", "name", "platform", "login", "server", "currency", "leverage", "balance", "equity", "is_active",
            "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = ["id", "balance", "equity", "created_at", "updated_at"]
        validators: ClassVar[list[Any]] = []  # what is taken the database decides: 409, race or not


class AccountCreateSerializer(AccountSerializer):
    """A new paper account may say what it starts with; a MetaTrader account is told by its terminal."""

    balance = StrictDecimalField(max_digits=15, decimal_places=2, min_value=Decimal(0), required=False)

    class Meta(AccountSerializer.Meta):
        read_only_fields = ["id", "equity", "created_at", "updated_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "balance" in attrs and attrs.get("platform", Account.Platform.PAPER) != Account.Platform.PAPER:
            raise serializers.ValidationError({"balance": "The terminal tells the balance of a MetaTrader account."})
        return attrs
