"""Which streams there are, and who may read them. Each room registers its own in `ready`."""

from collections.abc import Callable
from typing import Any

LONGEST_NAME = 100
"""Characters of a stream's name (`models.Stream.name`)."""
MayRead = Callable[[Any, str], bool]
_readers: dict[str, MayRead] = {}
_parts: dict[str, str] = {}


def register(prefix: str, may_read: MayRead, *, part: str = "") -> None:
    """Open the streams named `prefix` or `prefix:…` to the users for whom `may_read` says so.

    `part` names the member of payloads out of which readers may choose, and whose newest values
    stand for the older ones where a reader wants to hear less often.
    """
    _readers[prefix] = may_read
    _parts[prefix] = part


def part_of(stream: str) -> str:
    """Return the member of payloads that can be chosen from, or the empty string."""
    return _parts.get(stream.partition(":")[0], "")


def may_read(user: Any, stream: str) -> bool:
    """Say whether `user` may read `stream`; a stream nobody registered is closed to all."""
    rule = _readers.get(stream.partition(":")[0])
    return rule is not None and bool(user.is_authenticated) and rule(user, stream)
