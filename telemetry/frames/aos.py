"""AOS transfer frames of fixed length (CCSDS 732.0-B-4), one to encode and many to decode.

The frames have neither a header error control field nor an insert zone; their data field is one
M_PDU (4.1.4.2): packets one behind the other, some beginning in one frame and ending in a later.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry import onboard

VERSION = 0b01
"""Transfer frame version number of AOS (4.1.2.2.2)."""
COUNT_MODULUS = 1 << 24
_HEADER = struct.Struct(">H I H")
_FECF = struct.Struct(">H")


@dataclass(frozen=True, slots=True)
class Layout:
    """What the two ends agreed on beforehand; nothing in a frame says it."""

    frame_bytes: int
    has_ocf: bool
    has_fecf: bool

    @property
    def zone_bytes(self) -> int:
        """Bytes left for packets."""
        overhead = onboard.AOS_HEADER_BYTES + onboard.MPDU_HEADER_BYTES
        trailer = onboard.OCF_BYTES * self.has_ocf + onboard.FECF_BYTES * self.has_fecf
        return self.frame_bytes - overhead - trailer


UPLINK = Layout(onboard.FRAME_BYTES, has_ocf=False, has_fecf=True)
DOWNLINK = Layout(onboard.FRAME_BYTES, has_ocf=True, has_fecf=True)


class NotWholeFrames(ValueError):
    """The bytes are no whole number of frames."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames as received, by columns of n.

    Nothing is judged but the checksum: a column of a frame that is not intact holds what the bits
    happen to say.

    Attributes
    ----------
    data : (n, frame_bytes) array of uint8
    version, spacecraft, channel, count, first_header, ocf : (n,) arrays of int64
        `ocf` is zero where the layout has none.
    is_replay, is_intact : (n,) arrays of bool
        `is_intact` is true throughout when the layout has no FECF.
    """

    layout: Layout
    data: NDArray[np.uint8]
    version: NDArray[np.int64]
    spacecraft: NDArray[np.int64]
    channel: NDArray[np.int64]
    count: NDArray[np.int64]
    is_replay: NDArray[np.bool_]
    first_header: NDArray[np.int64]
    ocf: NDArray[np.int64]
    is_intact: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.data)

    def zone(self, index: int) -> bytes:
        """Return the packet zone of frame `index`."""
        start = onboard.AOS_HEADER_BYTES + onboard.MPDU_HEADER_BYTES
        return self.data[index, start : start + self.layout.zone_bytes].tobytes()

    def faults(self, *, spacecraft: int) -> list[str]:
        """Return for each frame why it cannot be used, or the empty string when it can."""
        checks = (
            (self.is_intact, "bad FECF"),
            (self.version == VERSION, "wrong version"),
            (self.spacecraft == spacecraft, "wrong spacecraft"),
        )
        faults = np.full(len(self), "", dtype=object)
        for passes, reason in reversed(checks):
            faults[~passes] = reason
        return faults.tolist()


def crc(data: bytes | memoryview) -> int:
    """Return the frame error control field of `data`: CRC-16 0x1021, all ones first (4.1.6.2)."""
    return binascii.crc_hqx(data, 0xFFFF)


def encode(
    layout: Layout,
    *,
    spacecraft: int,
    channel: int,
    count: int,
    first_header: int,
    zone: bytes,
    ocf: bytes = b"",
    is_replay: bool = False,
) -> bytes:
    """Return one frame.

    `zone` fills the packet zone exactly; `ocf` is 4 bytes where the layout has one, else empty.
    ValueError when a part does not fit.
    """
    if len(zone) != layout.zone_bytes:
        raise ValueError(f"a packet zone is {layout.zone_bytes} bytes, got {len(zone)}")
    if len(ocf) != onboard.OCF_BYTES * layout.has_ocf:
        raise ValueError(f"the operational control field has {len(ocf)} bytes")
    if not (0 <= spacecraft < 256 and 0 <= channel < 64 and 0 <= first_header < 2048):
        raise ValueError(f"spacecraft {spacecraft}, channel {channel} or {first_header} too large")
    identifier = VERSION << 14 | spacecraft << 6 | channel
    counted = count % COUNT_MODULUS << 8 | is_replay << 7
    frame = _HEADER.pack(identifier, counted, first_header) + zone + ocf
    return frame + _FECF.pack(crc(frame)) if layout.has_fecf else frame


def decode(layout: Layout, data: bytes) -> Batch:
    """Read n frames that lie one behind the other; NotWholeFrames when a part is left over."""
    n, rest = divmod(len(data), layout.frame_bytes)
    if rest:
        raise NotWholeFrames(f"{len(data)} bytes are no multiple of {layout.frame_bytes}")
    rows = np.frombuffer(data, np.uint8).reshape(n, layout.frame_bytes)
    octets = rows[:, :8].astype(np.int64)
    identifier = octets[:, 0] << 8 | octets[:, 1]
    return Batch(
        layout=layout,
        data=rows,
        version=identifier >> 14,
        spacecraft=identifier >> 6 & 0xFF,
        channel=identifier & 0x3F,
        count=octets[:, 2] << 16 | octets[:, 3] << 8 | octets[:, 4],
        is_replay=octets[:, 5] >> 7 == 1,
        first_header=(octets[:, 6] << 8 | octets[:, 7]) & 0x7FF,
        ocf=_operational_control(layout, rows),
        is_intact=_intact(layout, data, n),
    )


def _operational_control(layout: Layout, rows: NDArray[np.uint8]) -> NDArray[np.int64]:
    if not layout.has_ocf:
        return np.zeros(len(rows), np.int64)
    end = layout.frame_bytes - onboard.FECF_BYTES * layout.has_fecf
    field = np.ascontiguousarray(rows[:, end - onboard.OCF_BYTES : end])
    return field.view(">u4")[:, 0].astype(np.int64)


def _intact(layout: Layout, data: bytes, n: int) -> NDArray[np.bool_]:
    """Return which frames agree with their checksum: run over all of a frame it leaves zero."""
    if not layout.has_fecf:
        return np.ones(n, bool)
    view, size = memoryview(data), layout.frame_bytes
    return np.fromiter(
        (crc(view[start : start + size]) == 0 for start in range(0, n * size, size)), bool, n
    )
