"""What the senders must hear at once of received frames, past the decoder: CFDP packets and the
newest CLCW. Pure.

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
        self.control_word: int | None = None
        """The operational control field of the last batch's newest frame without a fault."""

    def pdus(self, frames: bytes) -> Iterator[bytes]:
        """Yield the CFDP PDUs that are complete with these frames."""
        batch = aos.decode(aos.DOWNLINK, frames)
        faults = batch.faults(spacecraft=self._spacecraft)
        usable = [index for index, fault in enumerate(faults) if not fault]
        self.control_word = int(batch.ocf[usable[-1]]) if usable else None
        if not (batch.channel == onboard.DownlinkChannel.FILES).any():
            return
        harvest = self._reassembler.feed(batch, faults)
        for packet in harvest.packets:
            if packet.channel != onboard.DownlinkChannel.FILES:
                continue
            try:
                downlink = space.decode_downlink(packet.data)
            except space.BadPacket:
                continue  # the decoder keeps it with its reason
            if downlink.header.apid == onboard.Apid.CFDP_DOWN:
                yield downlink.payload
