"""Which telecommands there are, and how their arguments become bytes. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime

from telemetry import onboard, times

_SHA256 = re.compile(r"[0-9a-f]{64}")


class BadArguments(ValueError):
    """The arguments are not those of the command."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A telecommand: its opcode, the names of its arguments, and their encoder."""

    opcode: onboard.Opcode
    arguments: tuple[str, ...]
    encode: Callable[..., bytes]


def _slot(value: Any) -> int:
    if not isinstance(value, str) or value not in onboard.Slot.__members__:
        raise BadArguments(f"A slot is A or B, not {value!r}.")
    return onboard.Slot[value]


def _digest(value: Any) -> bytes:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise BadArguments("An artefact is named by the 64 hexadecimal digits of its SHA-256.")
    return bytes.fromhex(value)


def _mode(value: Any) -> int:
    if not isinstance(value, str) or value not in onboard.Mode.__members__:
        raise BadArguments(f"A mode is one of {', '.join(onboard.Mode.__members__)}.")
    return onboard.Mode[value]


def _instant(value: Any) -> int:
    found = parse_datetime(value) if isinstance(value, str) else None
    if found is None or found.tzinfo is None:
        raise BadArguments(f"An instant is RFC 3339, like 2026-08-22T12:00:00Z, not {value!r}.")
    return times.to_ns(found)


WINDOW = ("min_charge", "max_temperature_c", "in_sunlight", "queues_empty")


def _window(value: Any) -> tuple[int, int, int]:
    """Return what must hold at an instant, as `onboard.SLOT_AT_LAYOUT` has it."""
    if not isinstance(value, dict) or set(value) != set(WINDOW):
        raise BadArguments(f"A window is an object with {', '.join(WINDOW)}.")
    for name, least, most in (("min_charge", 0, 1), ("max_temperature_c", -100, 150)):
        number = value[name]
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if not is_number or not least <= number <= most:
            raise BadArguments(f"{name} is a number from {least} to {most}, not {number!r}.")
    flags = onboard.WindowFlag(0)
    for name, flag in (
        ("in_sunlight", onboard.WindowFlag.IN_SUNLIGHT),
        ("queues_empty", onboard.WindowFlag.QUEUES_EMPTY),
    ):
        if not isinstance(value[name], bool):
            raise BadArguments(f"{name} is true or false, not {value[name]!r}.")
        flags |= flag if value[name] else 0
    charge, hottest_c = value["min_charge"], value["max_temperature_c"]
    return round(1e4 * charge), round(100 * hottest_c), int(flags)


def _peers(value: Any) -> list[int]:
    if not isinstance(value, list) or not all(
        type(one) is int and 2 <= one < 65536 for one in value
    ):
        raise BadArguments("Peers are a list of entity ids of satellites, from 2 to 65535.")
    if len(value) > onboard.FETCH_PEERS_MAX:
        raise BadArguments(f"{len(value)} peers; at most {onboard.FETCH_PEERS_MAX} fit.")
    return value


def _fetch(artefact: Any, manifest: Any, peers: Any) -> bytes:
    found = _peers(peers)
    head = onboard.FETCH_LAYOUT.pack(_digest(artefact), _digest(manifest), len(found))
    return head + b"".join(one.to_bytes(2) for one in found)


DEFINITIONS: dict[str, Definition] = {
    one.opcode.name: one
    for one in (
        Definition(onboard.Opcode.NO_OP, (), lambda: b""),
        Definition(
            onboard.Opcode.LOAD_SLOT,
            ("slot", "artefact"),
            lambda slot, artefact: onboard.LOAD_SLOT_LAYOUT.pack(_slot(slot), _digest(artefact)),
        ),
        Definition(
            onboard.Opcode.ACTIVATE_SLOT,
            ("slot",),
            lambda slot: onboard.SLOT_LAYOUT.pack(_slot(slot)),
        ),
        Definition(
            onboard.Opcode.CLEAR_SLOT,
            ("slot",),
            lambda slot: onboard.SLOT_LAYOUT.pack(_slot(slot)),
        ),
        Definition(
            onboard.Opcode.DROP_ARTEFACT,
            ("artefact",),
            lambda artefact: onboard.DROP_ARTEFACT_LAYOUT.pack(_digest(artefact)),
        ),
        Definition(
            onboard.Opcode.SET_MODE,
            ("mode",),
            lambda mode: onboard.SET_MODE_LAYOUT.pack(_mode(mode)),
        ),
        Definition(
            onboard.Opcode.ACTIVATE_SLOT_AT,
            ("slot", "at", "window"),
            lambda slot, at, window: onboard.SLOT_AT_LAYOUT.pack(
                _slot(slot), _instant(at), *_window(window)
            ),
        ),
        Definition(onboard.Opcode.CALL_OFF_ACTIVATION, (), lambda: b""),
        Definition(onboard.Opcode.FETCH, ("artefact", "manifest", "peers"), _fetch),
    )
}


def encode(name: str, arguments: dict[str, Any]) -> tuple[int, bytes]:
    """Return a command's opcode and the bytes of its arguments; `BadArguments` says what is off."""
    definition = DEFINITIONS.get(name)
    if definition is None:
        raise BadArguments(f"{name!r} is not one of {', '.join(DEFINITIONS)}.")
    if set(arguments) != set(definition.arguments):
        wanted = ", ".join(definition.arguments) or "no arguments"
        raise BadArguments(f"{name} takes {wanted}.")
    return definition.opcode, definition.encode(**arguments)
