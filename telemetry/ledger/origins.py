"""Our packets, which name themselves by volume and serial, told from those of other makers.

Of an APID of ours, a packet must be what the on-board interface says. Of any other APID, one that
carries our secondary header and a volume of this satellite's recorder is ours too: its serial is
one of those that must not be missing. All others are kept by their APID and their own count.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from telemetry import definitions, onboard
from telemetry.frames.reassembly import Extracted
from telemetry.models import Volume
from telemetry.packets import space
from telemetry.storing import Arrived

_OURS = frozenset(int(apid) for apid in onboard.Apid)


@dataclass(frozen=True, slots=True)
class Refused:
    """A packet that cannot be used: the reason as the ledger counts it, and in words."""

    code: str
    reason: str
    channel: int
    data: bytes
    frame: int = 0
    """In which it ended."""


@dataclass(slots=True)
class Sorted:
    """Packets of a batch: ours, those of other makers, and those that are not what they should
    be."""

    ours: list[Arrived] = field(default_factory=list)
    foreign: list[Extracted] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def sort(
    satellite_id: int, packets: list[Extracted], edition: definitions.Edition | None = None
) -> Sorted:
    """Tell the packets of a batch apart, each kind in the order in which it came.

    `edition` is the satellite's definition, by default the one that comes with Zenith. Of one that
    does not know our header all packets are foreign, whatever APIDs they have.
    """
    found = Sorted()
    if edition is not None and not definitions.shipped().header_parameters <= (
        edition.header_parameters
    ):
        for packet in packets:
            _take_foreign(packet, found)
        return found
    perhaps: list[tuple[Arrived, Extracted]] = []
    for packet in packets:
        is_ours = space.apid_of(packet.data) in _OURS
        try:
            downlink = space.decode_downlink(packet.data)
        except space.BadPacket as error:
            if is_ours or error.code in space.BROKEN:
                refused = Refused(error.code, str(error), packet.channel, packet.data, packet.frame)
                found.refused.append(refused)
            else:
                found.foreign.append(packet)
            continue
        arrived = Arrived(downlink, packet.channel, packet.data, packet.frame)
        if is_ours:
            found.ours.append(arrived)
        else:
            perhaps.append((arrived, packet))
    if perhaps:
        _judge(satellite_id, perhaps, found)
    return found


def _take_foreign(packet: Extracted, found: Sorted) -> None:
    """Take a packet of another maker's satellite if it is a space packet at all."""
    header = space.decode_header(packet.data)
    if header.version or header.packet_bytes != len(packet.data):
        code = "version" if header.version else "length"
        reason = f"version {header.version}, announces {header.packet_bytes} bytes"
        refused = Refused(code, reason, packet.channel, packet.data, packet.frame)
        found.refused.append(refused)
    else:
        found.foreign.append(packet)


def _judge(satellite_id: int, perhaps: list[tuple[Arrived, Extracted]], found: Sorted) -> None:
    """Take as ours the packets of unknown APIDs whose volume is one of this satellite's."""
    known = {arrived.key[0] for arrived in found.ours}
    told = Counter(arrived.key[0] for arrived, _ in perhaps)
    if not told.keys() <= known:
        rows = Volume.objects.filter(satellite_id=satellite_id, volume__gte=0)
        known.update(rows.values_list("volume", flat=True))
    if not known:
        # The first that is ever heard of it: what most of them name is its volume.
        known = {told.most_common(1)[0][0]}
    for arrived, packet in perhaps:
        if arrived.key[0] in known:
            found.ours.append(arrived)
        else:
            found.foreign.append(packet)
