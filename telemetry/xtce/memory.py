"""Memory of columns that nobody looks at any more, kept for the next ones.

A page that is new to a process costs the kernel about as much as reading the numbers that are
put on it, and the allocator gives large arrays back as soon as they are dropped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WORTH_KEEPING_BYTES = 128 * 1024
_KEPT_BYTES = 32 * 1024 * 1024
_kept: dict[int, NDArray[np.uint64]] = {}
"""By identity: taking one out and putting one in are single steps, whatever thread does them."""


class _Lent:
    """Holds memory while an array on it is alive, and then takes it back."""

    def __init__(self, memory: NDArray[np.uint64], count: int) -> None:
        self._memory = memory
        self.__array_interface__ = {**memory.__array_interface__, "shape": (count,)}

    def __del__(self) -> None:
        held = sum(each.nbytes for each in list(_kept.values()))
        if held + self._memory.nbytes <= _KEPT_BYTES:
            _kept[id(self._memory)] = self._memory


def numbers(rows: int, count: int) -> NDArray[np.uint64]:
    """Return an array of `rows` times `count` numbers of 64 bits, with anything in them."""
    wanted = rows * count
    if wanted * 8 < _WORTH_KEEPING_BYTES:
        return np.empty((rows, count), np.uint64)
    for key, memory in list(_kept.items()):
        if wanted <= memory.size <= 4 * wanted and _kept.pop(key, None) is not None:
            break
    else:
        memory = np.empty(wanted, np.uint64)
    return np.asarray(_Lent(memory, wanted)).reshape(rows, count)
