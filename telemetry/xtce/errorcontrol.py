"""Codes that show whether bits arrived as they were sent: CRC, XOR, parity and checksums."""

from __future__ import annotations

import zlib
from functools import lru_cache

from telemetry.xtce import model
from telemetry.xtce.references import Scope
from telemetry.xtce.xml import Node

CHECKSUMS = {
    # name: bits of the code
    "sum8": 8,
    "sum16": 16,
    "sum24": 24,
    "sum32": 32,
    "unix_sum": 16,
    "fletcher4": 4,
    "fletcher8": 8,
    "fletcher16": 16,
    "fletcher32": 32,
    "adler32": 32,
}


def read(node: Node | None, scope: Scope) -> tuple[model.ErrorControl, ...]:
    """Return the codes that an encoding's ErrorDetectCorrect asks for."""
    holder = node.child("ErrorDetectCorrect") if node is not None else None
    if holder is None:
        return ()
    if not holder.children:
        raise holder.bad("names no code")
    return tuple(_code(child, scope) for child in holder.children)


def _code(node: Node, scope: Scope) -> model.ErrorControl:
    reference = node.get("reference", "start")
    if reference not in ("start", "end"):
        raise node.bad(f'reference="{reference[:20]}" is neither start nor end')
    place = {
        "is_from_end": reference == "end",
        "skip_bits": node.number("bitsFromReference", int, 0),
        "parameter": scope.parameter(node, node.get("parameterRef"))
        if node.get("parameterRef")
        else "",
        "line": node.line,
    }
    if place["skip_bits"] < 0:
        raise node.bad("bitsFromReference is negative")
    if node.name == "CRC":
        return _crc(node, place)
    if node.name == "Checksum":
        name = node.attribute("name")
        if name not in CHECKSUMS:
            raise node.unsupported(f'name="{name[:40]}" is not supported')
        if node.number("hashSizeInBits", int, CHECKSUMS[name]) != CHECKSUMS[name]:
            raise node.unsupported(f"{name} of other than {CHECKSUMS[name]} bits")
        return model.ErrorControl(name, CHECKSUMS[name], **place)
    if node.name == "XOR":
        return model.ErrorControl("xor", 8, **place)
    form = node.attribute("type")
    if form not in ("Even", "Odd"):
        raise node.bad(f'type="{form[:20]}" is neither Even nor Odd')
    return model.ErrorControl("parity", 1, is_odd=form == "Odd", **place)


def _crc(node: Node, place: dict) -> model.ErrorControl:
    polynomial = node.needed("Polynomial")
    digits = polynomial.words().removeprefix("0x")
    terms = [_exponent(term) for term in polynomial.children]
    width = node.number("width", int, max(terms) if terms else len(digits) * 4)
    if not 3 <= width <= 64:
        raise node.unsupported(f"a width of {width} bits is not supported")

    def number(name: str) -> int:
        part = node.child(name)
        if part is None:
            return 0
        try:
            value = int(part.words(), 16)
        except ValueError:
            value = -1
        if not 0 <= value < 1 << width:
            raise part.bad(f'"{part.words()[:60]}" are no {width} bits in hexadecimal')
        return value

    return model.ErrorControl(
        "crc",
        width,
        # As 1.0 has it, term by term; the highest is the width and no part of the remainder.
        polynomial=sum(1 << each for each in set(terms) if each < width)
        if terms
        else number("Polynomial"),
        initial=number("InitRemainder"),
        final=number("FinalXOR"),
        reflects_data=node.flag("reflectData", False),
        reflects_remainder=node.flag("reflectRemainder", False),
        **place,
    )


def _exponent(term: Node) -> int:
    exponent = term.number("exponent", int)
    if not 0 <= exponent <= 64 or term.number("coefficient", float) != 1:
        raise term.bad("is no term of a polynomial over two elements")
    return exponent


def covered(code: model.ErrorControl, at: int, size: int, end: int) -> tuple[int, int]:
    """Return the first bit and the end of what the code of `size` bits at bit `at` covers, in a
    container that ends at bit `end`."""
    if code.is_from_end:
        return at + size, end - code.skip_bits
    return code.skip_bits, at


def compute(code: model.ErrorControl, data: int, size_bits: int) -> int:
    """Return the code over `size_bits` bits. Checksums and XOR take bits to whole bytes, filled
    with zeros behind."""
    if code.method == "parity":
        return (data.bit_count() & 1) ^ code.is_odd
    fill = -size_bits % 8
    if code.method == "crc" and not fill:
        return _crc_of(code, (data << fill).to_bytes((size_bits + fill) // 8))
    if code.method == "crc":
        return _crc_bits(code, data, size_bits)
    octets = (data << fill).to_bytes((size_bits + fill) // 8)
    if code.method == "xor":
        found = 0
        for each in octets:
            found ^= each
        return found
    return _checksum(code.method, octets)


def _checksum(name: str, octets: bytes) -> int:
    if name == "adler32":
        return zlib.adler32(octets)
    if name == "unix_sum":  # the sum of BSD, turned right by a bit before each byte
        found = 0
        for each in octets:
            found = ((found >> 1) + ((found & 1) << 15) + each) & 0xFFFF
        return found
    if name.startswith("sum"):
        width = CHECKSUMS[name]
        step = width // 8
        padded = octets + bytes(-len(octets) % step)
        words = (int.from_bytes(padded[at : at + step]) for at in range(0, len(padded), step))
        return sum(words) & ((1 << width) - 1)
    return _fletcher(CHECKSUMS[name] // 2, octets)


def _fletcher(half: int, octets: bytes) -> int:
    """Return Fletcher's sums modulo 2^half - 1 of blocks of `half` bits, the second one first."""
    total = int.from_bytes(octets)
    bits = len(octets) * 8
    fill = -bits % half
    total, bits = total << fill, bits + fill
    modulus, first, second = (1 << half) - 1, 0, 0
    for shift in range(bits - half, -1, -half):
        first = (first + (total >> shift & modulus)) % modulus
        second = (second + first) % modulus
    return second << half | first


def _reflected(value: int, width: int) -> int:
    return int(f"{value:0{width}b}"[::-1], 2)


@lru_cache(64)
def _table(polynomial: int, width: int) -> tuple[int, ...]:
    top, mask = 1 << (width - 1), (1 << width) - 1
    table = []
    for octet in range(256):
        remainder = octet << (width - 8) if width >= 8 else octet >> (8 - width)
        for _ in range(8):
            remainder = (remainder << 1 ^ polynomial) & mask if remainder & top else remainder << 1
        table.append(remainder & mask)
    return tuple(table)


_REFLECTED = bytes(_reflected(octet, 8) for octet in range(256))


def _crc_of(code: model.ErrorControl, octets: bytes) -> int:
    if code.width < 8:
        return _crc_bits(code, int.from_bytes(octets), len(octets) * 8)
    table, mask, shift = _table(code.polynomial, code.width), (1 << code.width) - 1, code.width - 8
    if code.reflects_data:
        octets = octets.translate(_REFLECTED)
    remainder = code.initial
    for each in octets:
        remainder = (remainder << 8) & mask ^ table[remainder >> shift ^ each]
    return _finished(code, remainder)


def _crc_bits(code: model.ErrorControl, data: int, size_bits: int) -> int:
    if code.reflects_data and size_bits % 8 == 0 and size_bits:
        data = int.from_bytes(data.to_bytes(size_bits // 8).translate(_REFLECTED))
    top, mask, remainder = 1 << (code.width - 1), (1 << code.width) - 1, code.initial
    for at in range(size_bits - 1, -1, -1):
        is_one = bool(remainder & top) ^ bool(data >> at & 1)
        remainder = remainder << 1 & mask
        if is_one:
            remainder ^= code.polynomial
    return _finished(code, remainder)


def _finished(code: model.ErrorControl, remainder: int) -> int:
    if code.reflects_remainder:
        remainder = _reflected(remainder, code.width)
    return remainder ^ code.final
