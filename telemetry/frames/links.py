"""A mission's link as a value: which coding and which frames, as its engineers wrote it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from telemetry.frames import aos, cadu, randomiser, reedsolomon, sync, tm, uslp
from telemetry.frames.batch import BadLayout, Batch, Service

Layout = aos.Layout | tm.Layout | uslp.Layout


class BadLink(ValueError):
    """A link is not described so; the message says where and what would be right."""


@dataclass(frozen=True, slots=True)
class Link:
    """How frames are laid out, and how they are coded; without a coding, frames lie one behind the
    other."""

    layout: Layout
    coding: cadu.Coding | None = None

    def decode(self, data: bytes) -> Batch:
        """Read frames whose coding is undone."""
        if isinstance(self.layout, aos.Layout):
            return aos.decode(self.layout, data)
        if isinstance(self.layout, tm.Layout):
            return tm.decode(self.layout, data)
        return uslp.decode(self.layout, data)

    @property
    def frame_bytes(self) -> int | None:
        """Length of a frame, or None where frames say their own."""
        return self.layout.frame_bytes


STANDARD_CODING = {"randomiser": "tm", "reed_solomon": {"parity_bytes": 32, "interleave": 5}}
"""How the downlink of our satellites is coded: frames of 1,115 bytes are what it was made for."""
OURS = {"downlink": Link(aos.DOWNLINK), "uplink": Link(aos.UPLINK)}
"""The links of our own satellites."""

_SEQUENCES = {"tm": randomiser.Sequence.TM, "tm-long": randomiser.Sequence.TM_LONG, "none": None}
_SERVICES = {"idle": Service.IDLE, "units": Service.UNITS, "bits": Service.BITS}
_NOTHING: Any = object()


class _Fields:
    """The fields of one object, each asked for once; what nobody asked for is an error."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, Mapping):
            raise BadLink(f"{path.rstrip('.') or 'the link'} is an object of fields, not {value!r}")
        self.path, self._left = path, dict(value)

    def take(self, name: str, kind: type, default: Any = _NOTHING) -> Any:
        value = self._left.pop(name, default)
        if value is _NOTHING:
            raise BadLink(f"{self.path}{name} is missing")
        if value is not default and not (
            isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        ):
            words = {int: "a whole number", bool: "true or false", str: "a text", dict: "an object"}
            raise BadLink(f"{self.path}{name} is {words[kind]}, not {value!r}")
        return value

    def choose(self, name: str, choices: Mapping[str, Any], default: Any = _NOTHING) -> Any:
        value = self.take(name, str, default)
        if value not in choices:
            raise BadLink(f"{self.path}{name} is one of {', '.join(choices)}, not {value!r}")
        return choices[value]

    def done(self, allowed: str) -> None:
        if self._left:
            unknown = ", ".join(sorted(map(str, self._left)))
            raise BadLink(
                f"{self.path.rstrip('.') or 'the link'} has no {unknown}; there is {allowed}"
            )


def read(value: Any) -> Link:
    """Read a link from the object that its JSON gives; BadLink says what is wrong with it."""
    fields = _Fields(value, "")
    try:
        layout = fields.choose("frames", _LAYOUTS)(fields)
        coding = _coding(fields.take("coding", dict, None), layout)
        fields.done(_ALLOWED[type(layout)])
        return Link(layout, coding)
    except BadLink:
        raise
    except (BadLayout, reedsolomon.BadCode, ValueError) as error:
        raise BadLink(str(error)) from error


def read_coding(value: Any) -> cadu.Coding:
    """Read how our downlink is coded, as the `coding` of a link; BadLink says what is wrong."""
    if value is None:
        raise BadLink("coding is an object of fields")
    try:
        return _coding(value, aos.DOWNLINK)
    except BadLink:
        raise
    except ValueError as error:
        raise BadLink(f"coding: {error}") from error


def _aos(fields: _Fields) -> aos.Layout:
    return aos.Layout(
        fields.take("frame_bytes", int),
        has_ocf=fields.take("ocf", bool),
        has_fecf=fields.take("fecf", bool),
        has_header_check=fields.take("header_check", bool, False),
        insert_bytes=fields.take("insert_bytes", int, 0),
        services=_services(fields),
    )


def _services(fields: _Fields) -> dict[int, Service]:
    named = _Fields(fields.take("services", dict, {}), "services.")
    services = {}
    for channel in list(named._left):
        if not (str(channel).isascii() and str(channel).isdecimal()):
            raise BadLink(f"services are named by their virtual channel, not {channel!r}")
        services[int(channel)] = named.choose(channel, _SERVICES)
    return services


def _tm(fields: _Fields) -> tm.Layout:
    return tm.Layout(
        fields.take("frame_bytes", int),
        has_fecf=fields.take("fecf", bool),
        has_extended_count=fields.take("extended_count", bool, False),
    )


def _uslp(fields: _Fields) -> uslp.Layout:
    return uslp.Layout(
        fields.take("frame_bytes", int, None),
        fecf_bytes=fields.take("fecf_bytes", int),
        insert_bytes=fields.take("insert_bytes", int, 0),
        truncated_bytes=fields.take("truncated_bytes", int, None),
    )


_LAYOUTS: dict[str, Callable[[_Fields], Layout]] = {"aos": _aos, "tm": _tm, "uslp": _uslp}
_ALLOWED = {
    aos.Layout: "frames, frame_bytes, ocf, fecf, header_check, insert_bytes, services, coding",
    tm.Layout: "frames, frame_bytes, fecf, extended_count, coding",
    uslp.Layout: "frames, frame_bytes, fecf_bytes, insert_bytes, truncated_bytes, coding",
}


def _coding(value: Any, layout: Layout) -> cadu.Coding | None:
    if value is None:
        return None
    if layout.frame_bytes is None:
        raise BadLink("coding: frames of variable length have no place in units of one length")
    fields = _Fields(value, "coding.")
    marker = fields.take("marker", str, f"{sync.ASM:08x}")
    try:
        number = int(marker, 16)
    except ValueError as error:
        raise BadLink(f"coding.marker is 8 hexadecimal digits, not {marker!r}") from error
    coding = cadu.Coding(
        layout.frame_bytes,
        _code(fields.take("reed_solomon", dict, None)),
        fields.choose("randomiser", _SEQUENCES),
        number,
        fields.take("marker_errors", int, 3),
        fields.take("flywheel", int, 4),
    )
    fields.done("marker, marker_errors, flywheel, randomiser, reed_solomon")
    return coding


def _code(value: Any) -> reedsolomon.Code | None:
    if value is None:
        return None
    fields = _Fields(value, "coding.reed_solomon.")
    code = reedsolomon.Code(
        fields.take("parity_bytes", int),
        fields.take("interleave", int),
        fields.choose("basis", {"dual": True, "conventional": False}, "dual"),
        fields.take("fill_bytes", int, 0),
    )
    fields.done("parity_bytes, interleave, basis, fill_bytes")
    return code
