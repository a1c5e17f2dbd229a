"""Columns of numbers and bytes into blocks of bits, and back. Pure.

Layout of what is packed, everything big-endian: k + 1 entries of 7 bytes (form, width in bits,
bytes of a base, offset u32), the last of them only the end; then one block a column. PostgreSQL
reads the same layout with its own functions (telemetry/migrations), so that SQL needs no program:

    INT    base, then n times `width` bits: the value less the base
    STEPS  first value, base, then n times `width` bits: the step from the value before, less the
           base; the first of them means nothing
    F4 F8  n IEEE 754 numbers
    WORDS  n lengths (u32), then the bytes of all
    F8_OF  how many different ones (u32), those as F8, then n times `width` bits: which of them
    WORD_OF  how many (u32), their lengths (u32), their bytes, then the same

All columns of one width are packed at once: most of a segment's thousand columns are alike.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


class Form(IntEnum):
    INT, STEPS, F4, F8, WORDS, F8_OF, WORD_OF = range(7)


class BadBlock(ValueError):
    """The bytes are no block of this layout."""


ENTRY = np.dtype([("form", "u1"), ("width", "u1"), ("base", "u1"), ("offset", ">u4")])
_POWERS = np.uint64(1) << np.arange(64, dtype=np.uint64)
_BASES = (1, 2, 4, 8)
_COUNT = struct.Struct(">I")
_TOGETHER = 4_000_000
"""Numbers packed at once at most: the bits of each are bytes for a moment."""
_MANY = 64
"""Fewer floats are not looked through for equal ones."""
Block = tuple[int, int, int, bytes]
"""Form, width, bytes of the base, and the block itself."""


# --- Whole numbers --------------------------------------------------------------------------


def ints(matrix: NDArray, *, quickly: bool = False) -> list[Block]:
    """Return the blocks of the rows of a (k, n) matrix of int64, or uint64 by their bits.

    `quickly` rounds widths up to whole bytes: larger, for what is soon packed again.
    """
    k, n = matrix.shape
    if not n:
        return [(Form.INT, 0, 1, b"\0")] * k
    numbers = matrix.view(np.int64) if matrix.dtype == np.uint64 else matrix
    base, width = _spread(numbers)
    is_step = np.zeros(k, bool)
    above = (numbers - base[:, None]).view(np.uint64)
    if not quickly and n > 2:
        steps = np.diff(numbers, axis=1)
        step_base, step_width = _spread(steps)
        is_step = step_width < width
        base, width = np.where(is_step, step_base, base), np.where(is_step, step_width, width)
        above[is_step, 1:] = (steps[is_step] - step_base[is_step, None]).view(np.uint64)
        above[is_step, 0] = 0
    if quickly:
        width = np.array([0, 8, 16, 32, 64])[np.searchsorted([0, 8, 16, 32, 64], width)]
    first = np.where(is_step, numbers[:, 0], 0)
    base_bytes = np.maximum(_bytes_for(base), _bytes_for(first))
    return _blocks(above, is_step, width, base_bytes, first, base)


def _spread(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the lowest of each row, and the bits that the highest needs above it."""
    low = numbers.min(axis=1)
    spread = (numbers.max(axis=1) - low).view(np.uint64)  # modulo 2^64, as the sums back are
    return low, np.searchsorted(_POWERS, spread, side="right")


def _bytes_for(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    needed = np.full(len(numbers), 8)
    for size in (4, 2, 1):
        bound = 1 << (8 * size - 1)
        needed[(numbers >= -bound) & (numbers < bound)] = size
    return needed


def _blocks(
    above: NDArray[np.uint64],
    is_step: NDArray[np.bool_],
    width: NDArray,
    base_bytes: NDArray,
    first: NDArray[np.int64],
    base: NDArray[np.int64],
) -> list[Block]:
    blocks: dict[int, Block] = {}
    kinds = (width << 5) | (base_bytes << 1) | is_step
    for kind in np.unique(kinds).tolist():
        bits, size, steps = kind >> 5, kind >> 1 & 0xF, kind & 1
        rows = np.flatnonzero(kinds == kind)
        parts = [first[rows].astype(f">i{size}").view(np.uint8).reshape(-1, size)] if steps else []
        parts.append(base[rows].astype(f">i{size}").view(np.uint8).reshape(-1, size))
        parts.append(bits_of(above[rows], bits))
        packed = np.concatenate(parts, axis=1)
        form = Form.STEPS if steps else Form.INT
        whole, length = packed.tobytes(), packed.shape[1]
        for place, row in enumerate(rows.tolist()):
            block = whole[place * length : (place + 1) * length]
            blocks[row] = (form, bits, size, block)
    return [blocks[row] for row in range(len(above))]


def bits_of(rows: NDArray[np.uint64], width: int) -> NDArray[np.uint8]:
    """Return (r, ceil(n * width / 8)) bytes: the lowest `width` bits of each number of a row."""
    r, n = rows.shape
    if not width:
        return np.zeros((r, 0), np.uint8)
    size = next(size for size in _BASES if 8 * size >= width)
    octets = rows.astype(f">u{size}").view(np.uint8).reshape(r, n, size)
    if width == 8 * size:
        return octets.reshape(r, n * size)
    together = max(1, _TOGETHER // n)
    return np.concatenate(
        [
            np.packbits(
                np.unpackbits(octets[start : start + together], axis=2)[
                    :, :, 8 * size - width :
                ].reshape(-1, n * width),
                axis=1,
            )
            for start in range(0, r, together)
        ]
    )


def numbers_of(octets: NDArray[np.uint8], n: int, width: int) -> NDArray[np.uint64]:
    """Return the (r, n) numbers that `bits_of` packed."""
    r, length = octets.shape
    if not width:
        return np.zeros((r, n), np.uint64)
    size = next(size for size in _BASES if 8 * size >= width)
    if width == 8 * size:
        whole = np.ascontiguousarray(octets).view(f">u{size}").reshape(r, n)
        return whole.astype(np.uint64)
    window = next((size for size in (2, 4, 8) if 8 * size >= width + 7), None)
    if window is None:
        return _unpacked(octets, n, width)
    places, shifts = _windows(n, width, window)
    words = np.zeros((r, length), shifts.dtype)
    for place in range(window):
        # The octets behind the last are zeros: no number reaches into them.
        words <<= 8
        words[:, : max(length - place, 0)] |= octets[:, place:]
    found = words[:, places]
    found >>= shifts
    found &= (1 << width) - 1
    return found.astype(np.uint64)


@lru_cache(maxsize=64)
def _windows(n: int, width: int, size: int) -> tuple[NDArray[np.intp], NDArray]:
    """Return in which octet each number begins, and how far to its right the window of `size`
    octets from there goes on, in bits."""
    bits = np.arange(n, dtype=np.intp) * width
    return bits >> 3, (8 * size - width - (bits & 7)).astype(f"u{size}")


def _unpacked(octets: NDArray[np.uint8], n: int, width: int) -> NDArray[np.uint64]:
    """The same for numbers that lie in up to nine octets."""
    r = len(octets)
    loose = np.zeros((r, n, 64), np.uint8)
    loose[:, :, 64 - width :] = np.unpackbits(octets, axis=1)[:, : n * width].reshape(r, n, width)
    return np.packbits(loose, axis=2).view(">u8").reshape(r, n).astype(np.uint64)


# --- Other columns --------------------------------------------------------------------------


def reals(matrix: NDArray[np.float64], *, quickly: bool = False) -> list[Block]:
    """Return the blocks of the rows of a (k, n) matrix of floats: as float32 where nothing is lost
    by it, as a list of the different ones where that is shorter."""
    with np.errstate(invalid="ignore", over="ignore"):
        single = matrix.astype(np.float32)
        is_exact = ((single == matrix) | np.isnan(matrix)).all(axis=1).tolist()
    short, long = single.astype(">f4"), matrix.astype(">f8")
    blocks = []
    for row, exact in enumerate(is_exact):
        plain = (short if exact else long)[row].tobytes()
        block = (Form.F4 if exact else Form.F8, 0, 0, plain)
        if not quickly and matrix.shape[1] >= _MANY:
            listed = _listed(matrix[row])
            block = listed if len(listed[3]) < len(plain) else block
        blocks.append(block)
    return blocks


def _listed(column: NDArray[np.float64]) -> Block:
    different, which = np.unique(column.view(np.uint64), return_inverse=True)
    width = int(len(different) - 1).bit_length()
    listed = different.view(np.float64).astype(">f8").tobytes()
    indices = bits_of(which.astype(np.uint64)[None], width).tobytes()
    return Form.F8_OF, width, 0, _COUNT.pack(len(different)) + listed + indices


def words(column: Sequence[bytes]) -> Block:
    """Return the block of a column of bytes."""
    different = list(dict.fromkeys(column))
    if len(different) * 2 > len(column):
        lengths = np.array([len(each) for each in column], ">u4").tobytes()
        return Form.WORDS, 0, 0, lengths + b"".join(column)
    place = {each: index for index, each in enumerate(different)}
    which = np.array([place[each] for each in column], np.uint64)
    width = (len(different) - 1).bit_length()
    lengths = np.array([len(each) for each in different], ">u4").tobytes()
    head = _COUNT.pack(len(different)) + lengths + b"".join(different)
    return Form.WORD_OF, width, 0, head + bits_of(which[None], width).tobytes()


# --- Blocks together ------------------------------------------------------------------------


def assemble(blocks: Sequence[Block]) -> bytes:
    """Return entries and blocks as one."""
    entries = np.zeros(len(blocks) + 1, ENTRY)
    if blocks:
        entries["form"][:-1], entries["width"][:-1], entries["base"][:-1] = (
            [block[place] for block in blocks] for place in range(3)
        )
    sizes = [len(block[3]) for block in blocks]
    entries["offset"] = entries.nbytes + np.cumsum([0, *sizes])
    return entries.tobytes() + b"".join([block[3] for block in blocks])


def disassemble(data: bytes, count: int) -> list[Block]:
    """Return the `count` blocks of what `assemble` made; BadBlock when it is not whole."""
    size = ENTRY.itemsize * (count + 1)
    if len(data) < size:
        raise BadBlock(f"{len(data)} bytes are too few for {count} columns")
    entries = np.frombuffer(data, ENTRY, count + 1)
    offsets = entries["offset"].astype(np.int64)
    if offsets[0] != size or offsets[-1] != len(data) or (np.diff(offsets) < 0).any():
        raise BadBlock("the offsets make no sense")
    places = offsets.tolist()
    heads = zip(
        entries["form"].tolist(), entries["width"].tolist(), entries["base"].tolist(), strict=True
    )
    return [
        (*head, data[start:end])
        for head, start, end in zip(list(heads)[:-1], places, places[1:], strict=False)
    ]


def read(block: Block, n: int) -> NDArray | list[bytes]:
    """Return the n values of one block: int64, float64 or bytes."""
    form, width, size, data = block
    return _integers(form, width, size, data, 1, n)[0] if form <= Form.STEPS else _other(block, n)


def read_all(blocks: Sequence[Block], n: int) -> list[NDArray | list[bytes]]:
    """Return the n values of each block: int64, float64 or bytes."""
    return [read(block, n) for block in blocks]


def read_whole(blocks: Sequence[Block], n: int) -> NDArray[np.int64]:
    """Return the (k, n) matrix of blocks of whole numbers."""
    found = np.empty((len(blocks), n), np.int64)
    alike: dict[tuple[int, int, int], list[int]] = {}
    for place, block in enumerate(blocks):
        if block[0] > Form.STEPS:
            raise BadBlock(f"form {block[0]} where whole numbers are")
        alike.setdefault(block[:3], []).append(place)
    for (form, width, size), places in alike.items():
        data = b"".join([blocks[place][3] for place in places])
        found[places] = _integers(form, width, size, data, len(places), n)
    return found


def read_real(blocks: Sequence[Block], n: int) -> NDArray[np.float64]:
    """Return the (k, n) matrix of blocks of floats."""
    found = np.empty((len(blocks), n))
    for place, block in enumerate(blocks):
        if block[0] not in (Form.F4, Form.F8, Form.F8_OF):
            raise BadBlock(f"form {block[0]} where floats are")
        found[place] = _other(block, n)
    return found


def _integers(form: int, width: int, size: int, data: bytes, r: int, n: int) -> NDArray[np.int64]:
    head = size * (1 + (form == Form.STEPS))
    length = head + -(-n * width // 8)
    if size not in _BASES or width > 64 or len(data) != r * length:
        raise BadBlock(f"{len(data)} bytes for {r} times {n} numbers of {width} bits")
    octets = np.frombuffer(data, np.uint8).reshape(r, length)
    bases = np.ascontiguousarray(octets[:, :head]).view(f">i{size}").astype(np.int64)
    if not width:
        steps = np.arange(n) if form == Form.STEPS else np.zeros(n, np.int64)
        return bases[:, :1] + bases[:, -1:] * steps
    numbers = numbers_of(octets[:, head:], n, width).view(np.int64)
    numbers += bases[:, -1:]
    if form == Form.STEPS and n:
        numbers[:, 0] = bases[:, 0]
        np.cumsum(numbers, axis=1, out=numbers)
    return numbers


def _other(block: Block, n: int) -> NDArray | list[bytes]:
    form, width, _, data = block
    try:
        if form in (Form.F4, Form.F8):
            return np.frombuffer(data, ">f4" if form == Form.F4 else ">f8", n).astype(np.float64)
        if form == Form.WORDS:
            return _cut(data, n)[0]
        (count,) = _COUNT.unpack_from(data)
        if form == Form.F8_OF:
            end = 4 + 8 * count
            different = np.frombuffer(data, ">f8", count, 4).astype(np.float64)
            return different[_which(data[end:], n, width)]
        if form == Form.WORD_OF:
            different, end = _cut(data, count, 4)
            return [different[place] for place in _which(data[end:], n, width).tolist()]
    except (struct.error, ValueError, IndexError) as error:
        raise BadBlock(str(error)) from error
    raise BadBlock(f"there is no form {form}")


def _which(data: bytes, n: int, width: int) -> NDArray[np.int64]:
    octets = np.frombuffer(data, np.uint8)[None]
    return numbers_of(octets, n, width)[0].view(np.int64)


def _cut(data: bytes, n: int, start: int = 0) -> tuple[list[bytes], int]:
    begin = start + 4 * n
    ends = begin + np.cumsum(np.frombuffer(data, ">u4", n, start), dtype=np.int64)
    starts = [begin, *ends.tolist()]
    if starts[-1] > len(data):
        raise BadBlock("words are cut short")
    return [data[a:b] for a, b in itertools.pairwise(starts)], starts[-1]
