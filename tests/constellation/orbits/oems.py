"""Ephemeris messages for tests, written from SGP4 in the frame and form that a test asks for."""

from datetime import UTC, datetime

import numpy as np
from skyfield.api import EarthSatellite, load
from skyfield.framelib import ICRS_to_J2000, itrs
from skyfield.sgp4lib import TEME

from tests.constellation.orbits import fleet

LINES = fleet.TLE.read_text().splitlines()
TIMESCALE = load.timescale(builtin=True)
SATELLITE = EarthSatellite(LINES[1], LINES[2], LINES[0], TIMESCALE)
"""Skyfield's own reading of the first satellite: ours has no part in what it says."""
META = {
    "OBJECT_NAME": "SCS-01 A",
    "OBJECT_ID": "2025-100A",
    "CENTER_NAME": "EARTH",
    "REF_FRAME": "ITRF2020",
    "TIME_SYSTEM": "UTC",
    "INTERPOLATION": "LAGRANGE",
    "INTERPOLATION_DEGREE": "7",
}
AHEAD_OF_UTC_S = {"UTC": 0.0, "TAI": 37.0, "GPS": 18.0, "TT": 69.184}
"""Since 2017."""


def time_at(at_s):
    """Return Skyfield's time at POSIX seconds."""
    days, seconds = np.divmod(np.asarray(at_s, dtype=float), 86_400.0)
    return TIMESCALE.utc(1970, 1, 1 + days, 0, 0, seconds)


def true_states(at_s, frame="ITRF2020"):
    """Return position (km) and velocity (km/s) of the satellite by Skyfield, `(n, 6)`."""
    place = SATELLITE.at(time_at(at_s))
    if frame.startswith("ITRF"):
        position, velocity = place.frame_xyz_and_velocity(itrs)
    elif frame == "TEME":
        position, velocity = place.frame_xyz_and_velocity(TEME)
    else:
        turn = ICRS_to_J2000 if frame == "EME2000" else np.eye(3)
        return np.column_stack([(turn @ place.position.km).T, (turn @ place.velocity.km_per_s).T])
    return np.column_stack([position.km.T, velocity.km_per_s.T])


def epoch(at_s):
    return f"{datetime.fromtimestamp(round(at_s, 6), UTC):%Y-%m-%dT%H:%M:%S.%f}"


def states(start_s=fleet.NOON_S, count=61, step_s=60.0, frame="ITRF2020", system="UTC"):
    """Return the lines of a segment's data."""
    at_s = start_s + step_s * np.arange(count)
    shown_s = at_s + AHEAD_OF_UTC_S[system]
    rows = true_states(at_s, frame)
    return [
        " ".join([epoch(t), *(f"{v:.9f}" for v in row[:3]), *(f"{v:.12f}" for v in row[3:])])
        for t, row in zip(shown_s, rows, strict=True)
    ]


def segment(lines=None, **meta):
    """Return a segment as KVN; a keyword given as None is left out."""
    lines = states() if lines is None else lines
    meta = {
        **META,
        "START_TIME": lines[0].split()[0] if lines else "2026-08-22T12:00:00",
        "STOP_TIME": lines[-1].split()[0] if lines else "2026-08-22T13:00:00",
        **meta,
    }
    said = [f"{key} = {value}" for key, value in meta.items() if value is not None]
    return "\n".join(["META_START", *said, "META_STOP", *lines]) + "\n"


def message(*segments, version="3.0", created="2026-08-22T10:00:00"):
    """Return a message as KVN."""
    head = f"CCSDS_OEM_VERS = {version}\nCOMMENT made for a test\nCREATION_DATE = {created}\n"
    return head + "ORIGINATOR = ZENITH\n\n" + "\n".join(segments or [segment()])


def as_xml(kvn):
    """Return a message as XML, by its KVN; covariances are given a matrix of their own."""
    out, place = [], "header"
    for line in kvn.splitlines():
        word, _, value = (part.strip() for part in line.partition("="))
        if word == "CCSDS_OEM_VERS":
            out.append(f'<oem id="CCSDS_OEM_VERS" version="{value}"><header>')
        elif word == "META_START":
            out.append("</header><body>" if place == "header" else "</data></segment>")
            out.append("<segment><metadata>")
            place = "meta"
        elif word == "META_STOP":
            out.append("</metadata><data>")
            place = "data"
        elif value and place != "data":
            out.append(f"<{word}>{value}</{word}>")
        elif place == "data" and line.strip():
            names = ["EPOCH", "X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT"]
            pairs = zip(names, line.split(), strict=False)
            leaves = "".join(f"<{name}>{said}</{name}>" for name, said in pairs)
            out.append(f"<stateVector>{leaves}</stateVector>")
    out.append("</data></segment></body></oem>")
    return "\n".join(out)
