"""Engineering values into bits: what `bits` and `calibration` do, the other way round."""

from __future__ import annotations

import itertools
import math
import struct
from datetime import datetime
from fractions import Fraction
from typing import Any

import re2

from telemetry.xtce import criteria, encodings, leapseconds, model


class BadValue(ValueError):
    """A value that its type does not take."""


def invertible(calibrator: model.Calibrator | None) -> bool:
    """Say whether an engineering value leads back to one raw value."""
    if calibrator is None:
        return True
    if isinstance(calibrator, model.Polynomial):
        line = _line(calibrator)
        return line is not None and line[1] != 0
    if isinstance(calibrator, model.Spline):
        values = [value for _, value in calibrator.points]
        rising = all(a < b for a, b in itertools.pairwise(values))
        falling = all(a > b for a, b in itertools.pairwise(values))
        return len(values) > 1 and set(calibrator.orders[:-1]) == {1} and (rising or falling)
    return False


def _line(calibrator: model.Polynomial) -> tuple[float, float] | None:
    """Return offset and slope of a polynomial that is a line."""
    offset = slope = 0.0
    for coefficient, exponent in calibrator.terms:
        if exponent > 1 and coefficient:
            return None
        offset, slope = (
            (offset, slope + coefficient) if exponent == 1 else (offset + coefficient, slope)
        )
    return offset, slope


def raw_of(kind: model.ParameterType, value: Any) -> Any:
    """Return the raw value of an engineering one, held to what its type allows: bytes of what lies
    as text or as bytes, numbers of all else."""
    raw = _raw_of(kind, value)
    if isinstance(raw, bytes) or kind.encoding is None or kind.encoding.form != "text":
        return raw
    words = kind.labels[raw][2] if kind.kind == "boolean" else repr(raw)
    return _encoded(kind.encoding, words)


def _raw_of(kind: model.ParameterType, value: Any) -> Any:
    match kind.kind:
        case "integer" | "float":
            return _numeric(kind, value)
        case "enumerated":
            for first, _, label in kind.labels:
                if label == value:
                    return first
            known = ", ".join(label for _, _, label in kind.labels[:8])
            raise BadValue(f"{_shown(value)} is none of {known}")
        case "boolean":
            return _truth(kind, value)
        case "string":
            return _text(kind, value)
        case "binary":
            return _octets(value)
        case "time" | "duration":
            return _time(kind, value)
    raise BadValue(f"{kind.kind} has no raw value")


def _shown(value: Any) -> str:
    return repr(value)[:60]


def number(value: Any) -> int | float:
    if isinstance(value, str):
        found = criteria.number_of(value)
        value = value if found is None else found
    if isinstance(value, int) and value.bit_length() > 1023:
        raise BadValue(f"{hex(value)[:20]}… is too large")
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise BadValue(f"{_shown(value)} is no number")
    return value


def _numeric(kind: model.ParameterType, value: Any) -> int | float:
    given = number(value)
    assert kind.encoding is not None
    form = kind.encoding.form
    is_float = form in ("float", "milstd1750a") or (form == "text" and kind.kind == "float")
    if kind.kind == "integer" and (math.isinf(given) or given != int(given)):
        raise BadValue(f"{_shown(value)} is no whole number")
    if math.isinf(given) and not is_float:
        raise BadValue(f"{_shown(value)} has no bits in an integer")
    if kind.is_valid_calibrated:
        _hold(kind, given)
    raw = given
    if kind.calibrator is not None:
        raw = _inverse(kind.calibrator, given)
    if not is_float:
        raw = int(raw) if isinstance(raw, int) else round(raw)
    if not kind.is_valid_calibrated:
        _hold(kind, raw)
    return raw


def _hold(kind: model.ParameterType, value: float) -> None:
    if kind.valid and not any(bounds.holds(value) for bounds in kind.valid):
        shown = " or ".join(map(str, kind.valid))
        raise BadValue(f"{value} is not {shown}")


def _inverse(calibrator: model.Calibrator, value: float) -> float:
    if isinstance(calibrator, model.Polynomial):
        line = _line(calibrator)
        assert line is not None
        offset, slope = line
        return (value - offset) / slope
    assert isinstance(calibrator, model.Spline)
    points = sorted(calibrator.points, key=lambda point: point[1])
    if not points[0][1] <= value <= points[-1][1] and not calibrator.extrapolates:
        raise BadValue(f"{value:g} is not from {points[0][1]:g} to {points[-1][1]:g}")
    pairs = list(itertools.pairwise(points))
    (x0, y0), (x1, y1) = next((p for p in pairs if value <= p[1][1]), pairs[-1])
    return x0 + (value - y0) * (x1 - x0) / (y1 - y0)


def _truth(kind: model.ParameterType, value: Any) -> int:
    zero, one = (label for _, _, label in kind.labels)
    if isinstance(value, bool):
        return int(value)
    if value in (zero, one):
        return int(value == one)
    if isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return int(value.lower() in ("true", "1"))
    raise BadValue(f"{_shown(value)} is neither {zero} nor {one}")


def _text(kind: model.ParameterType, value: Any) -> bytes:
    if not isinstance(value, str):
        raise BadValue(f"{_shown(value)} is no text")
    if kind.characters and not kind.characters[0] <= len(value) <= kind.characters[1]:
        least, most = kind.characters
        raise BadValue(f"has {len(value)} characters, not {least} to {most}")
    if kind.pattern and re2.fullmatch(kind.pattern, value) is None:
        raise BadValue(f"{_shown(value)} does not match {kind.pattern[:60]}")
    assert kind.encoding is not None
    return _encoded(kind.encoding, value)


def _encoded(encoding: model.Encoding, text: str) -> bytes:
    characters = encoding.characters
    try:
        return text.encode(
            {"utf-16": "utf-16-be", "utf-32": "utf-32-be"}.get(characters, characters)
        )
    except UnicodeEncodeError:
        raise BadValue(f"{_shown(text)} is no text of {characters}") from None


def _octets(value: Any) -> bytes:
    if isinstance(value, str):
        try:
            return bytes.fromhex(value.strip().removeprefix("0x"))
        except ValueError:
            raise BadValue(f"{_shown(value)} are no hexadecimal digits") from None
    if not isinstance(value, bytes | bytearray):
        raise BadValue(f"{_shown(value)} are no bytes")
    return bytes(value)


def _time(kind: model.ParameterType, value: Any) -> int | float:
    """Return the counter for an instant (text, aware datetime or ns), or a duration in seconds or
    as XML Schema writes it (PT5S)."""
    if kind.kind == "duration":
        seconds = criteria.duration_s(value) if isinstance(value, str) else None
        elapsed = Fraction(number(value) if seconds is None else seconds) * 10**9
    else:
        try:
            at = (
                criteria.instant_ns(value.isoformat() if isinstance(value, datetime) else value)
                if isinstance(value, str | datetime)
                else int(number(value))
            )
        except (ValueError, OverflowError):
            raise BadValue(f"{_shown(value)} is no instant") from None
        if kind.epoch.is_atomic:
            at = leapseconds.tai_from_utc(at)
        elapsed = Fraction(at - kind.epoch.epoch_ns)
    raw = (elapsed - kind.offset_ns) / kind.scale_ns
    assert kind.encoding is not None
    return float(raw) if kind.encoding.form in ("float", "milstd1750a") else round(raw)


# --- Bits -----------------------------------------------------------------------------------


def bits_of(encoding: model.Encoding, raw: int | float) -> int:
    """Return the bits of a number in its encoding, as they are sent."""
    size = encoding.bits
    found = _form(encoding, raw, size)
    if encoding.byte_order:
        last = len(encoding.byte_order) - 1
        moved = 0
        for place, significance in enumerate(encoding.byte_order):
            moved |= (found >> 8 * significance & 0xFF) << 8 * (last - place)
        found = moved
    if encoding.is_bit_reversed:
        if size % 8:
            return int(f"{found:0{size}b}"[::-1], 2)
        octets = found.to_bytes(size // 8)
        return int.from_bytes(bytes(int(f"{octet:08b}"[::-1], 2) for octet in octets))
    return found


def _form(encoding: model.Encoding, raw: int | float, size: int) -> int:
    if encoding.form == "float":
        try:
            return int.from_bytes(struct.pack({16: ">e", 32: ">f", 64: ">d"}[size], float(raw)))
        except OverflowError:
            raise BadValue(f"{raw} is too large for {size} bits") from None
    if encoding.form == "milstd1750a":
        return _milstd1750a(float(raw), size)
    value = int(raw)
    low, high = 0, (1 << size) - 1
    if encoding.form in ("twosComplement", "signMagnitude", "onesComplement"):
        high = (1 << (size - 1)) - 1
        low = -high - (encoding.form == "twosComplement")
    if encoding.form in ("BCD", "packedBCD"):
        high = 10 ** (size // (8 if encoding.form == "BCD" else 4)) - 1
    if not low <= value <= high:
        raise BadValue(f"{value} is not from {low} to {high}, as {size} bits hold it")
    match encoding.form:
        case "signMagnitude" if value < 0:
            return 1 << (size - 1) | -value
        case "onesComplement" if value < 0:
            return ~-value & ((1 << size) - 1)
        case "BCD" | "packedBCD":
            digit = 8 if encoding.form == "BCD" else 4
            digits = f"{value:0{size // digit}d}"
            return sum(int(d) << digit * at for at, d in enumerate(reversed(digits)))
    return value & ((1 << size) - 1)


def _milstd1750a(value: float, size: int) -> int:
    if value == 0:
        return 0
    if not math.isfinite(value):
        raise BadValue(f"{value} is no number of MIL-STD-1750A")
    width = 24 if size == 32 else 40
    fraction, exponent = math.frexp(value)
    if fraction == -0.5:  # normalised in two's complement: -1 times half the power
        fraction, exponent = -1.0, exponent - 1
    mantissa = round(math.ldexp(fraction, width - 1))
    if mantissa == 1 << (width - 1):
        mantissa, exponent = mantissa >> 1, exponent + 1
    if exponent < -128:
        return 0  # less than what is left of precision there
    if exponent > 127:
        raise BadValue(f"{value} is too large for {size} bits")
    mantissa &= (1 << width) - 1
    if size == 32:
        return mantissa << 8 | exponent & 0xFF
    return (mantissa >> 16) << 24 | (exponent & 0xFF) << 16 | mantissa & 0xFFFF


def octets_of(encoding: model.Encoding, content: bytes, size: int | None) -> tuple[int, int]:
    """Return value and size in bits of a text or a binary, in a box of `size` bits if given."""
    bits = int.from_bytes(content)
    if encoding.form == "binary":
        if size is None:
            size = len(content) * 8
        if len(content) != -(-size // 8) or bits.bit_length() > size:
            raise BadValue(f"has {len(content) * 8} bits, not {size}")
        return bits, size
    whole = content
    if encoding.leading_bits:
        told = len(content) * 8
        if told.bit_length() > encoding.leading_bits:
            raise BadValue(f"has {told} bits, more than its leading size can say")
        bits, used = told << told | int.from_bytes(content), encoding.leading_bits + told
        return _boxed(bits, used, size, encoding)
    if encoding.terminator:
        unit = encodings.UNITS[encoding.characters]
        parts = [content[at : at + unit] for at in range(0, len(content), unit)]
        if encoding.terminator in parts or (unit == 1 and encoding.terminator in content):
            raise BadValue("has the terminator in it")
        if size is None or len(content) * 8 < size:
            whole = content + encoding.terminator
    return _boxed(int.from_bytes(whole), len(whole) * 8, size, encoding)


def _boxed(bits: int, used: int, size: int | None, encoding: model.Encoding) -> tuple[int, int]:
    if used > (encoding.longest_bits if size is None else size):
        raise BadValue(f"has {used} bits, more than {size or encoding.longest_bits}")
    return (bits, used) if size is None else (bits << (size - used), size)
