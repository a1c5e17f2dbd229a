"""What the senders must hear at once of received frames, past the decoder: CFDP packets and the
newest CLCW. Pure.

Only of the live channel of files: what is played back of it is old news to a file engine.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from telemetry import onboard
from telemetry.frames import aos, bitstream, links
from telemetry.frames.reassembly import Reassembler
from telemetry.packets import space

log = logging.getLogger(__name__)


class CfdpFeed:
    """Takes the frames of one link, batch by batch."""

    def __init__(self, spacecraft: int) -> None:
        self._spacecraft = spacecraft
        self._reassembler = Reassembler()
        self._bits: bitstream.Decoder | None = None
        self.control_word: int | None = None
        """The operational control field of the last batch's newest frame without a fault."""

    def _taken(self, piece: bytes, coding: dict[str, Any]) -> bitstream.Taken:
        if self._bits is None:
            self._bits = bitstream.Decoder(links.read_coding(coding))
        return self._bits.feed(piece) if piece else self._bits.finish()

    def pdus(self, frames: bytes, coding: dict[str, Any] | None = None) -> Iterator[bytes]:
        """Yield the CFDP PDUs that are complete with these frames, or with these coded bits.

        A link begins amid a stream of bits: what is cut there is asked for again.
        """
        if coding is None:
            batch = aos.decode(aos.DOWNLINK, frames)
            faults = batch.faults(spacecraft=self._spacecraft)
        else:
            try:
                taken = self._taken(frames, coding)
            except links.BadLink as error:
                log.error("nobody here reads bits so coded: %s", error)
                return  # the decoder sets them aside with the reason
            batch = aos.decode(aos.DOWNLINK, taken.data.tobytes())
            faults = batch.faults(spacecraft=self._spacecraft)
            for index in np.flatnonzero(~taken.is_whole).tolist():
                faults[index] = bitstream.NOT_CORRECTED
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
