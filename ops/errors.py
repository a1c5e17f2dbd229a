"""Refusals: what a caller asked and we will not do, with the reason a caller can act on.

Each room derives its own beside the function that raises it. A refusal is not a bug: doors turn
it into an answer (`ops.api`), commands into a line on the terminal. Everything else crashes.
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """The answer is no. `code` is for programs, the message for people, `extra` for both."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"

    def __init__(self, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.extra = extra


class Invalid(Refusal):
    """What was sent is wrong, and sending it again will not help."""

    status = 400
    code = "invalid"


class Forbidden(Refusal):
    """Who asks may not have it."""

    status = 403
    code = "forbidden"


class NotFound(Refusal):
    """There is no such thing, or it belongs to somebody else."""

    status = 404
    code = "not_found"


class Conflict(Refusal):
    """What is asked contradicts what is already promised."""

    status = 409
    code = "conflict"


class IdReused(Refusal):
    """The id the caller chose already names something else."""

    status = 422
    code = "id_reused"


class TooMuch(Refusal):
    """A quota or a limit is reached; later, or less, may be taken."""

    status = 429
    code = "too_much"


class Unavailable(Refusal):
    """Not now: something outside is away. Asking again later may help."""

    status = 503
    code = "unavailable"
