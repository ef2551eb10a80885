"""What the admin pages of this app have in common."""

import json
from typing import Any, ClassVar

from django.db import models
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html

from accounts.admin import GuardedDeletion

NOTHING = "–"
KEPT = "Runs are results and are kept: what a run was made with cannot be deleted."


class LinkedAdmin(GuardedDeletion):
    """Rows that lists of other models lead to by `linked_by`, lookups outside the filters shown."""

    linked_by: ClassVar[tuple[str, ...]] = ()

    class Media:
        css: ClassVar = {"all": ["bots/results.css"]}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in self.linked_by or super().lookup_allowed(lookup, value, request)


class ReadOnlyAdmin(LinkedAdmin):
    """Shown to those who may view or change; nobody adds or changes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class KeptAdmin(ReadOnlyAdmin):
    """Results: never deleted by hand either."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may_change(self, request: HttpRequest) -> bool:
        """Whether the user may do what an action does; `has_change_permission` only speaks of the form."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")


def object_link(target: models.Model | None, text: str = "") -> str:
    """A link to the admin page of `target`, NOTHING for None."""
    if target is None:
        return NOTHING
    meta = target._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[target.pk])
    return format_html('<a href="{}">{}</a>', url, text or str(target))


def list_link(model: type[models.Model], text: str, **lookup: object) -> str:
    """A link to the admin list of `model`, narrowed to `lookup`."""
    meta = model._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist", query=lookup)
    return format_html('<a href="{}">{}</a>', url, text)


def preformatted(text: str) -> str:
    """Source code, JSON or a traceback as it is."""
    return format_html('<pre class="source">{}</pre>', text) if text else NOTHING


def pretty_json(value: object) -> str:
    """A JSON value, indented."""
    return preformatted(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)) if value else NOTHING


def rendered(part: str, **context: object) -> str:
    """A part of a result (bots/templates/bots/results)."""
    return render_to_string(f"bots/results/{part}.html", context)
