"""Changes to people and their accounts."""

from accounts.models import User


def ensure_superuser(*, username: str, password: str) -> User:
    """The user, created or brought up to date, who may do everything and signs in with `password`."""
    user, _ = User.objects.get_or_create(username=username)
    user.is_staff = user.is_superuser = user.is_active = True
    if not user.check_password(password):
        user.set_password(password)
    user.save()
    return user
