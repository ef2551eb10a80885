"""The platform's expected failures. Each class says what the API answers; `config.problems` maps them."""


class PlatformError(Exception):
    """A request that cannot be carried out, with a reason for the person who sent it."""

    code = "platform_error"
    status = 400

    def __init__(self, message: str, *, field: str | None = None, **extra: object) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.extra = extra


class Invalid(PlatformError):
    """Input that breaks a rule: answered 400 with the field and the rule."""

    code = "invalid"


class Conflict(PlatformError):
    """The request is sound but the present state of the object forbids it: answered 409."""

    code = "conflict"
    status = 409
