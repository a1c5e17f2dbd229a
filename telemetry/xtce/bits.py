"""Columns of numbers out of many packets, wherever their bits lie, and what the bits mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from telemetry.xtce import model

PADDING_BYTES = 16
"""Bytes to lie behind the last packet, so that a wide window may read past a field."""
_U8 = np.uint64(8)


class BadBits(ValueError):
    """Bits that mean nothing in their encoding; `rows` says in which packets."""

    def __init__(self, message: str, rows: NDArray[np.bool_]) -> None:
        super().__init__(message)
        self.rows = rows


def read(
    buffer: bytes, n: int, stride_bytes: int, offset_bits: int, size_bits: int
) -> NDArray[np.unsignedinteger]:
    """Return (n,) unsigned integers of `size_bits` (1-64), most significant byte first, in the
    narrowest type that holds them.

    `buffer` holds n rows of `stride_bytes`, then PADDING_BYTES.
    """
    first, shift = divmod(offset_bits, 8)
    span = shift + size_bits
    for width in (8, 16, 32, 64):
        if span <= width:
            window = np.ndarray(
                (n,), f">u{width // 8}", buffer, offset=first, strides=(stride_bytes,)
            ).astype(f"u{width // 8}")
            if span < width:
                window >>= window.dtype.type(width - span)
            if shift:
                window &= window.dtype.type((1 << size_bits) - 1)
            return window
    # 65 to 71 bits: eight whole bytes and a part of the ninth.
    high = read(buffer, n, stride_bytes, offset_bits, 64 - shift).astype(np.uint64)
    low_bits = span - 64
    low = read(buffer, n, stride_bytes, offset_bits + 64 - shift, low_bits)
    return high << np.uint64(low_bits) | low.astype(np.uint64)


def gather(buffer: bytes, starts_bits: NDArray[np.int64], size_bits: int) -> NDArray[np.uint64]:
    """Return unsigned integers of `size_bits` (1-64) from each of the bits given."""
    octets = np.frombuffer(buffer, np.uint8)
    windows = octets[(starts_bits >> 3)[:, None] + np.arange(9)]
    high = np.ascontiguousarray(windows[:, :8]).view(">u8")[:, 0].astype(np.uint64)
    shift = (starts_bits & 7).astype(np.uint64)
    ninth = windows[:, 8].astype(np.uint64) >> (_U8 - shift)
    return (high << shift | ninth) >> np.uint64(64 - size_bits)


def number(encoding: model.Encoding, value: NDArray[np.unsignedinteger]) -> NDArray:
    """Return what the bits of a numeric encoding mean: int64, float64, or uint64 of 64 bits.

    BadBits when a decimal digit is none.
    """
    size = encoding.bits
    if encoding.is_bit_reversed:
        value = _reversed(value.astype(np.uint64), size)
    if encoding.byte_order:
        value = _ordered(value.astype(np.uint64), encoding.byte_order)
    match encoding.form:
        case "float":
            return floating(value, size)
        case "milstd1750a":
            return _milstd1750a(value.astype(np.uint64), size)
        case "BCD" | "packedBCD":
            return _decimal(value.astype(np.uint64), size, 8 if encoding.form == "BCD" else 4)
    return signed(value, encoding.form, size)


def _ordered(value: NDArray[np.uint64], order: tuple[int, ...]) -> NDArray[np.uint64]:
    """Return the values whose bytes come with the significances given."""
    last = len(order) - 1
    if order == tuple(range(len(order))):
        return value.byteswap() >> np.uint64(64 - 8 * len(order))
    found = np.zeros_like(value)
    for place, significance in enumerate(order):
        octet = value >> np.uint64(8 * (last - place)) & np.uint64(0xFF)
        found |= octet << np.uint64(8 * significance)
    return found


_REVERSED = np.array([int(f"{octet:08b}"[::-1], 2) for octet in range(256)], np.uint8)


def _reversed(value: NDArray[np.uint64], size_bits: int) -> NDArray[np.uint64]:
    """Return the values with the bits of each byte in the other order; of a size that is no whole
    number of bytes, all bits of the value."""
    octets = _REVERSED[value[:, None].view(np.uint8)]
    found = np.ascontiguousarray(octets).view(np.uint64)[:, 0]
    if size_bits % 8:
        return found.byteswap() >> np.uint64(64 - size_bits)
    return found


def signed(value: NDArray[np.unsignedinteger], form: str, size_bits: int) -> NDArray:
    """Return what the bits mean in the given form of integer: int64, or uint64 as they came."""
    if form == "unsigned":
        return value.astype(np.uint64 if size_bits == 64 else np.int64)
    value = value.astype(np.uint64)
    if form == "twosComplement":
        unused = np.uint64(64 - size_bits)
        return (value << unused).view(np.int64) >> np.int64(64 - size_bits)
    sign = np.uint64(1) << np.uint64(size_bits - 1)
    is_negative = (value & sign) != 0
    if form == "signMagnitude":
        magnitude = (value & ~sign).astype(np.int64)
    else:
        ones = np.uint64((1 << size_bits) - 1)
        magnitude = np.where(is_negative, ~value & ones, value).astype(np.int64)
    return np.where(is_negative, -magnitude, magnitude)


def floating(value: NDArray[np.unsignedinteger], size_bits: int) -> NDArray[np.float64]:
    """Return IEEE 754 numbers of 16, 32 or 64 bits."""
    whole = value.astype(f"u{size_bits // 8}").view(f"f{size_bits // 8}")
    with np.errstate(invalid="ignore"):  # a signalling NaN is telemetry like any other
        return whole.astype(np.float64)


def _milstd1750a(value: NDArray[np.uint64], size_bits: int) -> NDArray[np.float64]:
    """Return numbers of MIL-STD-1750A: 24 bits of mantissa, 8 of exponent, both in two's
    complement, and in the extended form of 48 bits 16 more of mantissa behind."""
    high = value >> np.uint64(size_bits - 32)
    exponent = signed(high & np.uint64(0xFF), "twosComplement", 8)
    mantissa, width = high >> _U8, 24
    if size_bits == 48:
        mantissa, width = mantissa << np.uint64(16) | value & np.uint64(0xFFFF), 40
    fraction = signed(mantissa, "twosComplement", width).astype(np.float64)
    return np.ldexp(fraction, (exponent - (width - 1)).astype(np.int32))


def _decimal(value: NDArray[np.uint64], size_bits: int, digit_bits: int) -> NDArray[np.int64]:
    found = np.zeros(len(value), np.int64)
    mask = np.uint64((1 << digit_bits) - 1)
    is_bad = np.zeros(len(value), bool)
    for shift in range(size_bits - digit_bits, -1, -digit_bits):
        digit = (value >> np.uint64(shift) & mask).astype(np.int64)
        is_bad |= digit > 9
        found = found * 10 + digit
    if is_bad.any():
        raise BadBits("has a digit that is no decimal one", is_bad)
    return found


def of_packet(packet: bytes, offset_bits: int, size_bits: int) -> int:
    """Return an unsigned integer of any size out of one packet that has it."""
    end = offset_bits + size_bits
    whole = int.from_bytes(packet[offset_bits >> 3 : (end + 7) >> 3])
    # A mask as wide as what is there: a size that no packet has costs nothing.
    return whole >> (-end % 8) & ((1 << min(size_bits, len(packet) * 8)) - 1)


def octets_of(packet: bytes, offset_bits: int, size_bits: int) -> bytes:
    """Return bits as bytes; those of an odd number lie in the last bits of them."""
    if offset_bits % 8 == 0 and size_bits % 8 == 0:
        return packet[offset_bits >> 3 : (offset_bits + size_bits) >> 3]
    return of_packet(packet, offset_bits, size_bits).to_bytes(-(-size_bits // 8))
