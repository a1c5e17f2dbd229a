"""Engineering values: of whole columns, of one value in one packet, and of values that a definition
writes down."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.xtce import bits, calibration, criteria, layout, model

Get = criteria.Get
Column = NDArray | list


def engineering(kind: model.ParameterType, raw: Column, get: Get, contexts: Contexts) -> Column:
    """Return the engineering values of a column.

    `get` gives the columns that it refers to; `contexts` the tests of its context calibrators.
    """
    match kind.kind:
        case "binary":
            return raw
        case "string":
            assert kind.encoding is not None
            return [text(kind.encoding, each) for each in raw]
        case "time" | "duration":
            since = 0
            if kind.epoch.parameter:
                since = get(model.Reference(kind.epoch.parameter))
            return calibration.times_ns(kind, raw, since)
        case "enumerated":
            return calibration.labels(kind.labels, raw)
        case "boolean":
            return raw != 0
    value = _calibrated(kind, raw, get, contexts)
    if value is not None:
        return value
    return raw.astype(np.float64, copy=False) if kind.kind == "float" else raw


Contexts = tuple[tuple[criteria.Test, model.Calibrator], ...]


def contexts(kind: model.ParameterType, types: criteria.Types) -> Contexts:
    """Return the context calibrators of a type, ready to be tested."""
    return tuple(
        (criteria.compiled(context, types), calibrator)
        for context, calibrator in kind.context_calibrators
    )


def _calibrated(
    kind: model.ParameterType, raw: NDArray, get: Get, tests: Contexts
) -> NDArray[np.float64] | None:
    value = None
    if kind.calibrator is not None:
        value = calibration.calibrated(kind.calibrator, raw, get)
    if not tests:
        return value
    found = raw.astype(np.float64) if value is None else value
    is_open = np.ones(len(raw), bool)
    for holds, calibrator in tests:
        chosen = is_open & np.broadcast_to(np.asarray(holds(get), bool), (len(raw),))
        if chosen.any():
            found = np.where(chosen, calibration.calibrated(calibrator, raw, get), found)
            is_open &= ~chosen
    return found


def text(encoding: model.Encoding, raw: bytes) -> str:
    """Return the text without its fill of zeros; what is no text shows as U+FFFD."""
    characters = encoding.characters
    if characters in ("utf-16", "utf-32") and not raw.startswith(_MARKS[characters]):
        characters += "-be"  # without a mark, the more significant byte comes first (RFC 2781)
    return raw.decode(characters, "replace").rstrip("\0")


_MARKS = {
    "utf-16": (b"\xfe\xff", b"\xff\xfe"),
    "utf-32": (b"\x00\x00\xfe\xff", b"\xff\xfe\x00\x00"),
}


def written(kind: model.ParameterType, raw: list[bytes]) -> NDArray:
    """Return the numbers that texts write: whole ones as int64, those of floats as float64, and of
    a boolean 0 or 1. BadBits when a text is no such number."""
    assert kind.encoding is not None
    found = [_number_in(kind, text(kind.encoding, each).strip()) for each in raw]
    is_bad = np.array([each is None for each in found], bool)
    if is_bad.any():
        raise bits.BadBits(f"is a text that is no {kind.kind}", is_bad)
    return np.array(found, np.float64 if kind.kind == "float" else np.int64)


def _number_in(kind: model.ParameterType, words: str) -> int | float | None:
    if kind.kind == "boolean":
        zero, one = (label for _, _, label in kind.labels)
        if words in (zero, one):
            return int(words == one)
        return {"false": 0, "0": 0, "true": 1, "1": 1}.get(words.lower())
    found = criteria.number_of(words)
    if kind.kind == "float" or found is None:
        return None if found is None else float(found)
    return found if isinstance(found, int) and -(1 << 63) <= found < 1 << 63 else None


def single(
    leaf: layout.Leaf, packet: bytes, at: int, size: int, is_calibrated: bool, get: Get
) -> Any:
    """Return one value of one packet: raw, or engineering."""
    kind, encoding = leaf.parameter.type, leaf.encoding
    if not leaf.is_number:
        raw = bits.octets_of(packet, at, size)
        if leaf.is_written:
            return _one(kind, written(kind, [raw]), is_calibrated, get)
        return text(encoding, raw) if is_calibrated and kind.kind == "string" else raw
    whole = bits.of_packet(packet, at, size)
    is_plain = encoding.form == "unsigned" and not encoding.byte_order
    if is_plain and not encoding.is_bit_reversed and (not is_calibrated or _is_same(kind)):
        return whole
    return _one(kind, bits.number(encoding, np.array([whole], np.uint64)), is_calibrated, get)


def _one(kind: model.ParameterType, column: Column, is_calibrated: bool, get: Get) -> Any:
    if is_calibrated:
        column = engineering(kind, column, get, contexts(kind, _unknown))
    found = column[0]
    return found.item() if isinstance(found, np.generic) else found


def _is_same(kind: model.ParameterType) -> bool:
    return kind.kind == "integer" and kind.calibrator is None and not kind.context_calibrators


def _unknown(reference: model.Reference) -> model.ParameterType:
    return _ANY


_ANY = model.ParameterType("", "float", None)


def constant(kind: model.ParameterType, written: str, is_calibrated: bool) -> Any:
    """Return what an initialValue means; None when it says nothing that can be compared.

    It is an engineering value; a raw one is known where both are the same, and of labels.
    """
    if kind.kind == "string":
        return written
    if kind.kind == "boolean":
        is_on = written in ("true", "1") or written == kind.labels[1][2]
        return is_on if is_calibrated else int(is_on)
    if kind.kind == "enumerated":
        if is_calibrated:
            return written
        return next((first for first, _, label in kind.labels if label == written), None)
    if kind.kind in ("integer", "float"):
        has_calibrator = kind.calibrator is not None or bool(kind.context_calibrators)
        return None if has_calibrator and not is_calibrated else criteria.number_of(written)
    return None
