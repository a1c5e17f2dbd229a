"""Satellites, stations, passes, contacts and laser links as a CZML document, as Cesium loads it.

Positions are Earth-fixed, sampled beyond both ends of the span, and interpolated by Lagrange's
polynomials of degree 7: at 60 s steps in low orbit that leaves millimetres. Lines are held by
references to the two things they join. (CZML Guide, "CZML Structure" and "Content",
github.com/AnalyticalGraphicsInc/czml-writer/wiki.)
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from constellation.models import Satellite, Station
from constellation.orbits.frames import FloatArray
from constellation.questions import rfc3339

MEDIA_TYPE = "application/json"
DEGREE = 7
PADDING = 4
"""Samples before and after the span: Lagrange's polynomial is at its best in the middle."""
SATELLITE_RGBA = [122, 196, 255, 255]
STATION_RGBA = [255, 214, 102, 255]
COLOURS = {
    "pass": [160, 170, 180, 110],
    "contact": [80, 220, 140, 255],
    "laser": [255, 110, 110, 200],
}
Packet = dict[str, Any]
Span = tuple[datetime, datetime]


def document(name: str, start_at: datetime, end_at: datetime, now: datetime) -> Packet:
    """Return the packet that comes first, with the clock of the span."""
    current = now if start_at <= now <= end_at else start_at
    return {
        "id": "document",
        "name": name,
        "version": "1.0",
        "clock": {
            "interval": interval(start_at, end_at),
            "currentTime": rfc3339(current),
            "multiplier": 1,
            "range": "CLAMPED",
            "step": "SYSTEM_CLOCK_MULTIPLIER",
        },
    }


def satellite(
    each: Satellite, span: Span, epoch_s: float, at_s: FloatArray, position_m: FloatArray
) -> Packet:
    """Return a satellite where it is at some instants, `(n,)` and `(n, 3)` in ITRS."""
    samples = np.column_stack([at_s - epoch_s, np.round(position_m, 2)])
    return {
        "id": f"satellite/{each.code}",
        "name": each.name,
        "availability": interval(*span),
        "position": {
            "referenceFrame": "FIXED",
            "epoch": rfc3339(datetime.fromtimestamp(epoch_s, UTC)),
            "interpolationAlgorithm": "LAGRANGE",
            "interpolationDegree": min(DEGREE, len(samples) - 1),
            "cartesian": samples.ravel().tolist(),
        },
        "point": {"pixelSize": 5, "color": {"rgba": SATELLITE_RGBA}},
        "label": _label(each.name, SATELLITE_RGBA),
        "path": {
            "width": 1,
            "leadTime": 2_700,
            "trailTime": 2_700,
            "resolution": 60,
            "material": {"solidColor": {"color": {"rgba": [*SATELLITE_RGBA[:3], 90]}}},
        },
    }


def station(each: Station) -> Packet:
    """Return a station where it stands."""
    place = [each.longitude_deg, each.latitude_deg, each.altitude_m]
    return {
        "id": f"station/{each.code}",
        "name": each.name,
        "position": {"cartographicDegrees": place},
        "point": {"pixelSize": 7, "color": {"rgba": STATION_RGBA}},
        "label": _label(each.code, STATION_RGBA),
    }


def line(
    packet_id: str, name: str, kind: str, ends: tuple[str, str], spans: Sequence[Span]
) -> Packet:
    """Return a line between two things, shown in some spans and in no others.

    `kind` is a key of `COLOURS`; `ends` are ids of packets.
    """
    shown = [interval(*span) for span in spans]
    return {
        "id": packet_id,
        "name": name,
        "availability": shown if len(shown) > 1 else shown[0],
        "polyline": {
            "show": [{"interval": each, "boolean": True} for each in shown],
            "positions": {"references": [f"{end}#position" for end in ends]},
            "arcType": "NONE",
            "width": 2 if kind == "contact" else 1,
            "material": {"solidColor": {"color": {"rgba": COLOURS[kind]}}},
        },
    }


def merged(spans: Iterable[Span], within: Span) -> list[Span]:
    """Return spans cut to another, in order, those that touch joined, empty ones left out."""
    result: list[Span] = []
    for start_at, end_at in sorted(spans):
        start_at, end_at = max(start_at, within[0]), min(end_at, within[1])
        if start_at >= end_at:
            continue
        if result and start_at <= result[-1][1]:
            result[-1] = (result[-1][0], max(end_at, result[-1][1]))
        else:
            result.append((start_at, end_at))
    return result


def interval(start_at: datetime, end_at: datetime) -> str:
    """Return an ISO 8601 interval."""
    return f"{rfc3339(start_at)}/{rfc3339(end_at)}"


def _label(text: str, rgba: list[int]) -> Packet:
    return {
        "text": text,
        "font": "11px sans-serif",
        "fillColor": {"rgba": rgba},
        "pixelOffset": {"cartesian2": [9, 0]},
        "horizontalOrigin": "LEFT",
    }
