"""Signing in over REST, and a user's trading accounts."""

from datetime import timedelta

from django.contrib.auth import authenticate, logout
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework import exceptions, status, viewsets
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts import services
from accounts.filters import AccountFilter
from accounts.models import Account, AccountQuerySet, User
from accounts.serializers import (
    AccountCreateSerializer,
    AccountSerializer,
    LoginSerializer,
    MeSerializer,
    TokenSerializer,
)
from accounts.throttling import LoginThrottle

TOKEN_LIFE = timedelta(days=30)


def signed_in(request: Request) -> User:
    """Who sent the request. Raises NotAuthenticated for nobody."""
    if not isinstance(request.user, User):
        raise exceptions.NotAuthenticated
    return request.user


class LoginView(APIView):
    """A token for a user name and a password; send it as `Authorization: Token <token>`."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginThrottle,)

    def get_authenticate_header(self, request: Request) -> str:
        return "Token"  # without it a wrong password would be answered 403

    @extend_schema(request=LoginSerializer, responses=TokenSerializer)
    def post(self, request: Request) -> Response:
        serializer = LoginSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = authenticate(request, **serializer.validated_data)
        if user is None:
            raise exceptions.AuthenticationFailed("Unknown user name or wrong password.")
        stored, token = AuthToken.objects.create(user, expiry=TOKEN_LIFE)
        return Response(TokenSerializer({"token": token, "expiry": stored.expiry}).data)


class LogoutView(APIView):
    """Make the token of this request useless, or end the browser's session."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        if isinstance(request.auth, AuthToken):
            request.auth.delete()
        else:
            logout(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(APIView):
    """Who the server takes you for."""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(signed_in(request)).data)


class AccountViewSet(viewsets.ModelViewSet[Account]):
    """Trading accounts bots may act on."""

    filterset_class = AccountFilter
    search_fields = ["name", "server"]
    ordering_fields = ["name", "created_at"]

    def get_serializer_class(self) -> type[BaseSerializer[Account]]:
        return AccountCreateSerializer if self.action == "create" else AccountSerializer

    def get_queryset(self) -> AccountQuerySet:
        return Account.objects.owned_by(self.request.user)

    def perform_create(self, serializer: BaseSerializer[Account]) -> None:
        serializer.instance = services.open_account(user=signed_in(self.request), **serializer.validated_data)

    def perform_update(self, serializer: BaseSerializer[Account]) -> None:
        account = self.get_object()
        for name, value in serializer.validated_data.items():
            setattr(account, name, value)
        serializer.instance = services.save_account(account)

    def perform_destroy(self, instance: Account) -> None:
        services.delete_account(instance)
