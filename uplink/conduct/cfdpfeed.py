"""CFDP packets straight from received frames to the senders, past the decoder. Pure.

Only of the live channel of files: what is played back of it is old news to a file engine.
"""

from __future__ import annotations

from collections.abc import Iterator

from telemetry import onboard
from telemetry.frames import aos
from telemetry.frames.reassembly import Reassembler
from telemetry.packets import space


class CfdpFeed:
    """Takes the frames of one link, batch by batch."""

    def __init__(self, spacecraft: int) -> None:
        self._spacecraft = spacecraft
        self._reassembler = Reassembler()

    def pdus(self, frames: bytes) -> Iterator[bytes]:
        """Yield the CFDP PDUs that are complete with these frames."""
        batch = aos.decode(aos.DOWNLINK, frames)
        if not (batch.channel == onboard.DownlinkChannel.FILES).any():
            return
        harvest = self._reassembler.feed(batch, batch.faults(spacecraft=self._spacecraft))
        for packet in harvest.packets:
            if packet.channel != onboard.DownlinkChannel.FILES:
                continue
            try:
                downlink = space.decode_downlink(packet.data)
            except space.BadPacket:
                continue  # the decoder keeps it with its reason
            if downlink.header.apid == onboard.Apid.CFDP_DOWN:
                yield downlink.payload
