"""Filters of the lists."""

import django_filters as filters

from accounts.models import Account


class AccountFilter(filters.FilterSet):
    class Meta:
        model = Account
        fields = ["platform", "is_active", "currency"]
