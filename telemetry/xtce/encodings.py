"""Data encodings: how integers, floats, texts and binaries lie in a packet."""

from __future__ import annotations

from dataclasses import replace

from telemetry.xtce import amounts, errorcontrol, model
from telemetry.xtce.references import Scope
from telemetry.xtce.xml import Node

LONGEST_INTEGER = 64
LONGEST_TEXT_BITS = 8 * 65_536 * 8
ALL = ("IntegerDataEncoding", "FloatDataEncoding", "StringDataEncoding", "BinaryDataEncoding")
_FORMS = {
    "unsigned": "unsigned",
    "twosComplement": "twosComplement",
    "twosCompliment": "twosComplement",  # as 1.0 and 1.1 spell it
    "signed": "twosComplement",  # in no version; files of missions have it and mean this
    "signMagnitude": "signMagnitude",
    "onesComplement": "onesComplement",
    "onesCompliment": "onesComplement",
    "BCD": "BCD",
    "packedBCD": "packedBCD",
}
_FLOATS = {
    "IEEE754": ("float", (16, 32, 64)),
    "IEEE754_1985": ("float", (16, 32, 64)),
    "IEEE-754": ("float", (16, 32, 64)),  # in no version; files of missions have it
    "MILSTD_1750A": ("milstd1750a", (32, 48)),
}
_CHARACTERS = {
    # name: (as Python calls it, bytes of a unit)
    "US-ASCII": ("ascii", 1),
    "ISO-8859-1": ("latin-1", 1),
    "Windows-1252": ("cp1252", 1),
    "UTF-8": ("utf-8", 1),
    "UTF-16": ("utf-16", 2),
    "UTF-16LE": ("utf-16-le", 2),
    "UTF-16BE": ("utf-16-be", 2),
    "UTF-32": ("utf-32", 4),
    "UTF-32LE": ("utf-32-le", 4),
    "UTF-32BE": ("utf-32-be", 4),
}
_LITTLE = "leastSignificantByteFirst"
UNITS = dict(_CHARACTERS.values())


def read(node: Node, scope: Scope) -> model.Encoding:
    match node.name:
        case "StringDataEncoding":
            return _text(node, scope)
        case "BinaryDataEncoding":
            size = amounts.read(node.needed("SizeInBits"), scope)
            if isinstance(size, int) and size < 0:
                raise node.bad(f"has {size} bits")
            return model.Encoding("binary", size, error=_error(node, scope))
    return _number(node, scope)


def _number(node: Node, scope: Scope) -> model.Encoding:
    is_float = node.name == "FloatDataEncoding"
    size = node.number("sizeInBits", int, 32 if is_float else 8)
    written = node.get("encoding", "IEEE754_1985" if is_float else "unsigned")
    if is_float:
        form, sizes = _FLOATS.get(written, (None, ()))
        if form is None:
            raise node.unsupported(f'encoding="{written[:40]}" is not supported')
        if size not in sizes:
            raise node.unsupported(f'sizeInBits="{size}" of {written} is not supported')
    else:
        form = _FORMS.get(written)
        if form is None:
            raise node.unsupported(f'encoding="{written[:40]}" is not supported')
        if not 0 <= size <= LONGEST_INTEGER:
            raise node.unsupported(f'sizeInBits="{size}" is not supported')
        digit = {"BCD": 8, "packedBCD": 4}.get(form, 1)
        if size % digit:
            raise node.bad(f"{size} bits are no whole {form} digits")
    order, is_reversed = byte_order(node, size), _is_reversed(node)
    return model.Encoding(form, size, order, is_reversed, error=_error(node, scope))


def as_text(node: Node, binary: model.Encoding) -> model.Encoding:
    """Return how a text lies in bytes whose characters nobody says: in UTF-8, as those of XTCE."""
    if isinstance(binary.size, int) and binary.size % 8:
        raise node.unsupported(f"a text of {binary.size} bits")
    return replace(binary, form="text", characters="utf-8", longest_bits=LONGEST_TEXT_BITS)


def as_number(node: Node, binary: model.Encoding) -> model.Encoding:
    """Return how a number lies in plain bits: as an unsigned one, the most significant first."""
    if not isinstance(binary.size, int) or not 0 < binary.size <= LONGEST_INTEGER:
        raise node.unsupported(f"a number of bits other than 1 to {LONGEST_INTEGER}")
    return replace(binary, form="unsigned")


def _is_reversed(node: Node) -> bool:
    written = node.get("bitOrder", "mostSignificantBitFirst")
    if written not in ("mostSignificantBitFirst", "leastSignificantBitFirst"):
        raise node.unsupported(f'bitOrder="{written[:40]}" is not supported')
    return written == "leastSignificantBitFirst"


def byte_order(node: Node, size: int) -> tuple[int, ...]:
    """Return the significance of each byte as it comes; empty for the usual order."""
    written = node.get("byteOrder", "mostSignificantByteFirst")
    listed = node.child("ByteOrderList")
    if listed is not None:
        if "byteOrder" in node.attributes:
            raise listed.bad("says a second time what byteOrder says")
        order = [byte.number("byteSignificance", int) for byte in listed.children]
    elif written == "mostSignificantByteFirst" or (written == _LITTLE and size <= 8):
        return ()
    elif written == _LITTLE:
        if size % 8:
            raise node.unsupported(f"{size} bits with the least significant byte first")
        order = list(range(size // 8))
    else:
        try:
            order = [int(text) for text in written.split(",")]
        except ValueError:
            raise node.unsupported(f'byteOrder="{written[:40]}" is not supported') from None
    if size % 8 or sorted(order) != list(range(size // 8)):
        raise node.bad(f"{size} bits do not have bytes of the significances {order[:16]}")
    return () if order == list(range(size // 8))[::-1] else tuple(order)


def _text(node: Node, scope: Scope) -> model.Encoding:
    written = node.get("encoding", "UTF-8")
    if written not in _CHARACTERS:
        raise node.unsupported(f'encoding="{written[:40]}" is not supported')
    characters, unit = _CHARACTERS[written]
    order = node.get("byteOrder", "mostSignificantByteFirst")
    if order == _LITTLE and characters in ("utf-16", "utf-32"):
        characters += "-le"
    elif order not in ("mostSignificantByteFirst", _LITTLE) or (order == _LITTLE and unit == 1):
        raise node.unsupported(f'byteOrder="{order[:40]}" is not supported')
    holder = node.needed("SizeInBits", "Variable")
    size: model.Amount | None = None
    longest = LONGEST_TEXT_BITS
    if holder.name == "Variable":
        longest = holder.number("maxSizeInBits", int, LONGEST_TEXT_BITS)
        if _says_size(holder):
            size = amounts.read(holder, scope)
    else:
        fixed = holder.child("Fixed") or holder
        if fixed.child("FixedValue", "DynamicValue", "DiscreteLookupList") is not None:
            size = amounts.read(fixed, scope)
    if isinstance(size, int) and (size < 0 or size % 8):
        raise holder.unsupported(f"a text of {size} bits")
    tag, end = _tag(holder), _terminator(holder, unit)
    if tag and end:
        # The standard: where there is a leading size, the terminator has no meaning.
        end = b""
    if size is None and not tag and not end:
        raise holder.bad("has no size, no LeadingSize and no TerminationChar")
    return model.Encoding(
        "text",
        size,
        characters=characters,
        terminator=end,
        leading_bits=tag,
        longest_bits=longest,
        error=_error(node, scope),
    )


def _says_size(holder: Node) -> bool:
    """Say whether a Variable has a size. 1.2 demands one even where a tag or a terminator says all;
    files then refer to a parameter that is none."""
    chosen = holder.child("DynamicValue", "DiscreteLookupList")
    if chosen is None:
        return False
    reference = chosen.child("ParameterInstanceRef")
    return reference is None or reference.get("parameterRef") != "_yamcs_ignore"


def _tag(holder: Node) -> int:
    tag = holder.child("LeadingSize")
    if tag is None:
        return 0
    size = tag.number("sizeInBitsOfSizeTag", int, 16)
    if not 1 <= size <= 64:
        raise tag.unsupported(f'sizeInBitsOfSizeTag="{size}" is not supported')
    return size


def _terminator(holder: Node, unit: int) -> bytes:
    node = holder.child("TerminationChar")
    if node is None:
        return b""
    try:
        end = bytes.fromhex(node.words().removeprefix("0x")) if node.words() else bytes(1)
    except ValueError:
        raise node.bad(f'"{node.words()[:40]}" are no hexadecimal digits') from None
    # "00" is the NUL of any character set, whatever its width.
    return end if len(end) % unit == 0 else bytes(-len(end) % unit) + end


def _error(node: Node, scope: Scope) -> model.ErrorControl | None:
    found = errorcontrol.read(node, scope)
    if len(found) > 1:
        raise node.unsupported("more than one code in one parameter")
    return found[0] if found else None


def references(encoding: model.Encoding | None) -> list[model.Reference]:
    return amounts.references(encoding.size) if encoding is not None else []
