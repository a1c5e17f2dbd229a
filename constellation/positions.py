"""Where the fleet is, as keyframes that a browser interpolates: one propagator of record.

`GET /api/v1/positions` answers `application/octet-stream`, everything little-endian:

    offset        what
    0             uint32 H: length of the header in bytes
    4             H bytes: the header, JSON in UTF-8, padded with blanks so that 4 + H is a
                  multiple of 4
    4 + H         float32[S][K][6]: for each satellite and keyframe x, y, z in metres and
                  vx, vy, vz in m/s, Earth-fixed (ITRS); the velocity is the one seen from
                  the ground, with the Earth's rotation taken off, so that position and
                  velocity belong together
    4 + H + 24SK  uint8[S][K]: light on the satellite: 0 umbra, 1 penumbra, 2 sunlit

The header has

    version       1
    frame         "ITRS"
    start_s       the first keyframe, seconds since 1970-01-01 UTC, mission time; a multiple
                  of the step
    step_s        seconds from keyframe to keyframe (60)
    keyframes     K; keyframe k is at start_s + k * step_s
    satellites    S codes, in the order of the arrays
    epoch_s       S epochs of the element sets used, seconds since 1970
    refused       {code: reason} of satellites that SGP4 refuses at some keyframe; their
                  numbers there are NaN

Between keyframes k and k+1, with h = step_s and u = (t - t_k) / h in [0, 1], Hermite's cubic

    p(u) = (2u³-3u²+1) p0 + (u³-2u²+u) h v0 + (-2u³+3u²) p1 + (u³-u²) h v1

is right to half a metre in a low orbit (and float32 itself to half a metre).
"""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import orjson

from constellation import catalogue
from constellation.models import ElementSet
from constellation.orbits import eclipse

VERSION = 1
STEP_S = 60
MEDIA_TYPE = "application/octet-stream"


def tag(rows: Sequence[ElementSet], start_s: float, keyframe_count: int) -> str:
    """Return an HTTP ETag: the same for the same answer, another for any other."""
    first_s = start_s // STEP_S * STEP_S
    orbits = [[row.satellite.code, catalogue.orbit_key(row)] for row in rows]
    told = orjson.dumps([VERSION, first_s, STEP_S, keyframe_count, orbits])
    return f'"{sha256(told).hexdigest()[:32]}"'


def keyframes(rows: Sequence[ElementSet], start_s: float, keyframe_count: int) -> bytes:
    """Return the keyframes of some satellites from the step at or before `start_s` on."""
    first_s = start_s // STEP_S * STEP_S
    at_s = first_s + STEP_S * np.arange(keyframe_count, dtype=np.float64)
    states = catalogue.orbits(rows).states(at_s)
    light = eclipse.light(states.position_m, eclipse.sun_m(at_s))
    header = orjson.dumps(
        {
            "version": VERSION,
            "frame": "ITRS",
            "start_s": first_s,
            "step_s": STEP_S,
            "keyframes": keyframe_count,
            "satellites": [row.satellite.code for row in rows],
            "epoch_s": [row.epoch_at.timestamp() for row in rows],
            "refused": states.refused,
        }
    )
    header += b" " * (-len(header) % 4)
    both = np.concatenate([states.position_m, states.velocity_m_s], axis=-1)
    return b"".join(
        [
            len(header).to_bytes(4, "little"),
            header,
            both.astype("<f4").tobytes(),
            light.astype(np.uint8).tobytes(),
        ]
    )


def read_keyframes(data: bytes) -> tuple[dict, np.ndarray, np.ndarray]:
    """Return header, states `(S, K, 6)` and light `(S, K)` of an answer, as a client would."""
    length = int.from_bytes(data[:4], "little")
    header = orjson.loads(data[4 : 4 + length])
    shape = len(header["satellites"]), header["keyframes"]
    size = shape[0] * shape[1]
    states = np.frombuffer(data, "<f4", size * 6, 4 + length).reshape(*shape, 6)
    light = np.frombuffer(data, np.uint8, size, 4 + length + size * 24).reshape(shape)
    return header, states, light
