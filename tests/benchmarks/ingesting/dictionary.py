"""Two containers, of 30 and of 1,000 parameters, as XTCE and as the bytes of many packets.

They stand beside those of our satellites. Values vary as telemetry does: measurements drift and
are noisy, states change now and then, counters count, some numbers are floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

import telemetry.definitions
from telemetry import xtce

NARROW, WIDE = "BENCH_NARROW", "BENCH_WIDE"
APIDS = {NARROW: 0x3F0, WIDE: 0x3F1}
"""Far from those of our satellites, which become more."""
SCALES = 100
"""Different calibrators, so that no two neighbours share theirs."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Parameters of one sort: their type in the packet (NumPy) and how many each container has."""

    name: str
    dtype: str
    narrow: int
    wide: int


KINDS = (
    Kind("measured", ">u2", 10, 400),
    Kind("curved", ">i2", 5, 100),
    Kind("level", ">u1", 5, 250),
    Kind("state", ">u1", 4, 100),
    Kind("flag", ">u1", 2, 50),
    Kind("counter", ">u4", 2, 50),
    Kind("real", ">f4", 2, 50),
)
SIZES = {
    NARROW: sum(kind.narrow for kind in KINDS),
    WIDE: sum(kind.wide for kind in KINDS),
}
_LABELS = ("OFF", "STANDBY", "ON", "FAULT")


def load() -> xtce.Definition:
    """Return our satellites' definition with the two containers in it."""
    path = Path(telemetry.definitions.__file__).parent / "scs.xml"
    root = ElementTree.fromstring(path.read_bytes())
    space = root.tag.removesuffix("SpaceSystem")
    types, parameters, containers = (
        root.find(f".//{space}{name}")
        for name in ("ParameterTypeSet", "ParameterSet", "ContainerSet")
    )
    for kind in KINDS:
        for number in range(SCALES if kind.name in ("measured", "curved") else 1):
            types.append(_parsed(root, _type(kind.name, number)))
    for container, apid in APIDS.items():
        names = list(_names(container))
        for name, kind, number in names:
            kind = f"{kind}_{number % SCALES}" if kind in ("measured", "curved") else f"{kind}_0"
            text = f'<Parameter name="{name}" parameterTypeRef="bench_{kind}_type"/>'
            parameters.append(_parsed(root, text))
        entries = "".join(f'<ParameterRefEntry parameterRef="{name}"/>' for name, _, _ in names)
        text = (
            f'<SequenceContainer name="{container}"><EntryList>{entries}</EntryList>'
            '<BaseContainer containerRef="PACKET"><RestrictionCriteria>'
            f'<Comparison parameterRef="packet_apid" value="{apid}"/>'
            "</RestrictionCriteria></BaseContainer></SequenceContainer>"
        )
        containers.append(_parsed(root, text))
    return xtce.load(ElementTree.tostring(root))


def _names(container: str) -> list[tuple[str, str, int]]:
    """Return (parameter, kind, number) in the order of the packet."""
    return [
        (f"{container.lower()}_{kind.name}_{number}", kind.name, number)
        for kind in KINDS
        for number in range(kind.wide if container == WIDE else kind.narrow)
    ]


def _parsed(root: ElementTree.Element, text: str) -> ElementTree.Element:
    space = root.tag.removesuffix("SpaceSystem").strip("{}")
    return ElementTree.fromstring(text.replace(" ", f' xmlns="{space}" ', 1))


def _type(kind: str, number: int) -> str:
    named = f'name="bench_{kind}_{number}_type"'
    if kind == "real":
        body = '<FloatDataEncoding sizeInBits="32"/>'
        return f'<FloatParameterType {named} sizeInBits="32">{body}</FloatParameterType>'
    if kind in ("measured", "curved"):
        terms = f'<Term coefficient="{0.001 * (number + 1):.4f}" exponent="1"/>'
        form = "unsigned"
        if kind == "curved":
            form = "twosComplement"
            terms += f'<Term coefficient="{1e-7 * (number + 1):.2e}" exponent="2"/>'
        body = (
            "<UnitSet><Unit>V</Unit></UnitSet>"
            f'<IntegerDataEncoding sizeInBits="16" encoding="{form}"><DefaultCalibrator>'
            f"<PolynomialCalibrator>{terms}</PolynomialCalibrator></DefaultCalibrator>"
            "</IntegerDataEncoding>"
        )
        return f"<FloatParameterType {named}>{body}</FloatParameterType>"
    bits = 32 if kind == "counter" else 8
    body = f'<IntegerDataEncoding sizeInBits="{bits}" encoding="unsigned"/>'
    if kind == "state":
        items = "".join(
            f'<Enumeration value="{value}" label="{label}"/>' for value, label in enumerate(_LABELS)
        )
        body += f"<EnumerationList>{items}</EnumerationList>"
        return f"<EnumeratedParameterType {named}>{body}</EnumeratedParameterType>"
    if kind == "flag":
        return f"<BooleanParameterType {named}>{body}</BooleanParameterType>"
    return f'<IntegerParameterType {named} signed="false">{body}</IntegerParameterType>'


def payloads(container: str, n: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return (n, size) bytes: what follows the headers in n successive packets."""
    parts = []
    for kind in KINDS:
        k = kind.wide if container == WIDE else kind.narrow
        parts.append(
            _VALUES[kind.name](n, k, random).astype(kind.dtype).view(np.uint8).reshape(n, -1)
        )
    return np.concatenate(parts, axis=1)


def _measured(n: int, k: int, random: np.random.Generator) -> NDArray:
    drift = np.cumsum(random.integers(-1, 2, (n, k), np.int32), axis=0)
    return np.clip(
        random.integers(500, 60_000, k) + drift + random.integers(-2, 3, (n, k)), 0, 65535
    )


def _curved(n: int, k: int, random: np.random.Generator) -> NDArray:
    phase = np.arange(n)[:, None] / 600 + random.uniform(0, 6, k)
    return (random.uniform(100, 8000, k) * np.sin(phase) + random.integers(-1, 2, (n, k))).round()


def _level(n: int, k: int, random: np.random.Generator) -> NDArray:
    return random.integers(20, 200, k) + random.integers(0, 4, (n, k))


def _states(most: int, often: float) -> object:
    def values(n: int, k: int, random: np.random.Generator) -> NDArray:
        moves = random.integers(1, most, (n, k)) * (random.random((n, k)) < often)
        return np.cumsum(moves, axis=0) % most

    return values


def _counter(n: int, k: int, random: np.random.Generator) -> NDArray:
    return random.integers(0, 10**8, k) + np.cumsum(random.integers(0, 3, (n, k)), axis=0)


def _real(n: int, k: int, random: np.random.Generator) -> NDArray:
    drift = np.cumsum(random.integers(-2, 3, (n, k)), axis=0)
    return random.uniform(-50, 50, k) + 0.01 * drift


_VALUES = {
    "measured": _measured,
    "curved": _curved,
    "level": _level,
    "state": _states(4, 0.02),
    "flag": _states(2, 0.01),
    "counter": _counter,
    "real": _real,
}
