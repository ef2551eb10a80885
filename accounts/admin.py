"""The admin of people, their trading accounts and their API tokens."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import PROTECT, QuerySet
from django.http import HttpRequest
from knox.models import get_token_model

from accounts.models import Account, User

admin.site.site_header = admin.site.site_title = "Botyard"
admin.site.index_title = "Administration"

AuthToken = get_token_model()


class GuardedDeletion(admin.ModelAdmin):  # type: ignore[type-arg] # not generic at run time
    """Deleting is offered row by row, and only where the database would allow it.

    Django's own way is to load and list everything that stands in the way, which may be a million results.
    """

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not self.is_in_use(obj))

    def is_in_use(self, row: Any) -> bool:
        """Whether a row of another table protects this one."""
        return any(
            relation.related_model._base_manager.filter(**{relation.field.name: row}).exists()
            for relation in row._meta.related_objects
            if relation.on_delete is PROTECT
        )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


@admin.register(User)
class UserAdmin(GuardedDeletion, DjangoUserAdmin):  # type: ignore[type-arg] # not generic at run time
    """Django's page for users, without the ways up it gives to staff who may edit users."""

    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "last_login")
    date_hierarchy = "date_joined"
    powers = ("is_staff", "is_superuser", "groups", "user_permissions")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        shown = ("last_login", "date_joined")
        return shown if request.user.is_superuser else (*shown, *self.powers)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    """Only a superuser may change a superuser, or the password would be a way up."""
    return user is None or not user.is_superuser or request.user.is_superuser


@admin.register(Account)
class AccountAdmin(GuardedDeletion):
    list_display = ("name", "user", "platform", "server", "login", "currency", "balance", "equity", "is_active")
    list_filter = ("platform", "is_active", "currency", ("user", admin.RelatedOnlyFieldListFilter))
    search_fields = ("id", "name", "server", "login", "user__username")
    date_hierarchy = "created_at"
    list_select_related = ("user",)
    autocomplete_fields = ("user",)
    readonly_fields = ("id", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "user", "platform", "is_active")}),
        ("MetaTrader", {"fields": ("server", "login")}),
        ("Money", {"fields": ("currency", "leverage", "balance", "equity")}),
        ("Identity", {"fields": ("id", "created_at", "updated_at")}),
    )


admin.site.unregister(AuthToken)  # knox's page shows digests, and whoever adds a token reads it


@admin.register(AuthToken)
class AuthTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # not generic at run time
    """Who has tokens and until when; they are made by signing in over the API and can only be revoked here."""

    list_display = ("begins_with", "user", "created", "expiry")
    list_display_links = None
    list_filter = ("created", "expiry")
    search_fields = ("token_key", "user__username")
    list_select_related = ("user",)
    actions = ("revoke",)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # its confirmation shows digests
        return actions

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description="Revoke selected tokens", permissions=["delete"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[Any]) -> None:
        for token in tokens:
            self.log_change(request, token.user, f"Revoked token {self.begins_with(token)}")
        revoked, _ = tokens.delete()
        self.message_user(request, f"{revoked} token{'s'[: revoked != 1]} revoked")

    @admin.display(ordering="token_key")
    def begins_with(self, token: Any) -> str:
        return f"{token.token_key[:8]}…"
