"""Who sent a request, by its token."""

from typing import Any

from knox import auth
from rest_framework import exceptions


class TokenAuthentication(auth.TokenAuthentication):  # type: ignore[misc]  # knox has no types
    """Knox's tokens; a header that cannot be one is a wrong token and not a fault of ours."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        """The user and the token's row. Raises AuthenticationFailed."""
        if not token.isalnum():  # of bytes: ASCII letters and digits; knox would fail to decode others
            raise exceptions.AuthenticationFailed("Invalid token.")
        user, row = super().authenticate_credentials(token)
        return user, row
