"""Rearranging bytes so that a general compressor sees their order: planes, differences, gaps.

Every function is undone exactly by its neighbour and takes bytes of any length. Those that run on
board work in place or in small pieces: memory is what a satellite lacks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
_PIECE_BYTES = 1 << 17
_UNSIGNED = {1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}


def split(data: Bytes, stride: int) -> Bytes:
    """Return the first bytes of all items of `stride` bytes, then the second, and so on.

    What is left behind the last whole item stays at the end.
    """
    whole = len(data) // stride * stride
    if stride == 1 or not whole:
        return data
    planes = data[:whole].reshape(-1, stride).T.reshape(-1)
    return np.concatenate([planes, data[whole:]]) if whole < len(data) else planes


def join(planes: Bytes, stride: int) -> Bytes:
    """Undo `split`; a new array unless nothing has to move."""
    whole = len(planes) // stride * stride
    if stride == 1 or not whole:
        return planes
    data = np.empty_like(planes)
    data[:whole].reshape(-1, stride)[:] = planes[:whole].reshape(stride, -1).T
    data[whole:] = planes[whole:]
    return data


def gather(data: Bytes) -> tuple[Bytes, Bytes]:
    """Return a bit a byte that says which are not zero, and those bytes themselves."""
    filled = data != 0
    return np.packbits(filled), data[filled]


def scatter(mask: Bytes, values: Bytes, length: int) -> Bytes:
    """Undo `gather`; ValueError when the bits do not count the values."""
    data = np.zeros(length, np.uint8)
    taken = 0
    step = _PIECE_BYTES
    for start in range(0, length, step):
        piece = data[start : start + step]
        filled = np.unpackbits(mask[start // 8 : (start + step) // 8], count=len(piece))
        count = int(np.count_nonzero(filled))
        if taken + count > len(values):
            raise ValueError(f"{len(values)} values are fewer than the bits that are set")
        piece[filled.view(bool)] = values[taken : taken + count]
        taken += count
    if taken != len(values):
        raise ValueError(f"{len(values)} values, {taken} bits that are set")
    return data


def subtract(new: Bytes, base: Bytes, width: int) -> Bytes:
    """Return how far each number of `width` bytes moved, small steps of either sign small.

    Numbers of 2 and 4 bytes are taken as floats whose bits are put in the order of their values
    (ZipLLM and FM-Delta do alike), so that a step across a power of two stays small. Bytes beyond
    the last whole number are XORed.
    """
    assert len(new) == len(base)
    moved = new ^ base
    whole = len(new) // width * width
    kind = _UNSIGNED[width]
    step = _in_order(new[:whole].view(kind)) - _in_order(base[:whole].view(kind))
    bits = 8 * width
    negative = (step >> (bits - 1)).astype(bool)
    moved[:whole].view(kind)[:] = (step << 1) ^ np.where(negative, kind.type(2**bits - 1), 0)
    return moved


def add(moved: Bytes, base: Bytes, width: int) -> None:
    """Undo `subtract` in place: `moved` becomes the new bytes."""
    assert len(moved) == len(base)
    whole = len(moved) // width * width
    kind = _UNSIGNED[width]
    one = kind.type(1)
    numbers, of_base = moved[:whole].view(kind), base[:whole].view(kind)
    for start in range(0, len(numbers), _PIECE_BYTES // width):
        piece = numbers[start : start + _PIECE_BYTES // width]
        step = (piece >> one) ^ (~(piece & one) + one)
        step += _in_order(of_base[start : start + len(piece)])
        piece[:] = _out_of_order(step)
    moved[whole:] ^= base[whole:]


def _in_order(numbers: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.unsignedinteger]:
    """Return IEEE bit patterns as unsigned numbers that are ordered as the floats are."""
    bits = 8 * numbers.itemsize
    if bits == 8:
        return numbers
    top = numbers.dtype.type(1 << (bits - 1))
    return np.where(numbers & top, ~numbers, numbers | top)


def _out_of_order(numbers: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.unsignedinteger]:
    bits = 8 * numbers.itemsize
    if bits == 8:
        return numbers
    top = numbers.dtype.type(1 << (bits - 1))
    return np.where(numbers & top, numbers ^ top, ~numbers)
