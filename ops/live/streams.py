"""Which streams there are, and who may read them. Each room registers its own in `ready`."""

from collections.abc import Callable
from typing import Any

MayRead = Callable[[Any, str], bool]
_readers: dict[str, MayRead] = {}


def register(prefix: str, may_read: MayRead) -> None:
    """Open the streams named `prefix` or `prefix:…` to the users for whom `may_read` says so."""
    _readers[prefix] = may_read


def may_read(user: Any, stream: str) -> bool:
    """Say whether `user` may read `stream`; a stream nobody registered is closed to all."""
    rule = _readers.get(stream.partition(":")[0])
    return rule is not None and bool(user.is_authenticated) and rule(user, stream)
