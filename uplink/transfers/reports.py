"""What satellites report of packs, artefacts and slots, and what they run."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from ops.live import events
from telemetry import onboard
from telemetry.onboard import StoreEvent
from telemetry.packets.handlers import StoredPacket
from uplink.releases import directing
from uplink.transfers import activation, notices, progress
from uplink.transfers.models import ON_ITS_WAY, Deployment, Holding, State, Transfer

_SLOT_FIELDS = {onboard.Slot.A: "slot_a_sha256", onboard.Slot.B: "slot_b_sha256"}
_MADE_ANEW = ("rollback", "expired")
_FRESH_FOR = 60
_newest: dict[int, tuple[int, int, tuple[str, ...]]] = {}
"""By satellite: volume, serial and digests of what this process knows to be stored."""


def take_store_report(packet: StoredPacket, *, now: datetime) -> None:
    """Handle a STORE_REPORT: files arrive, artefacts become whole or are refused, slots change."""
    body = packet.payload
    number, slot, digest, _, _, length = onboard.STORE_REPORT_LAYOUT.unpack_from(body)
    event, sha256 = StoreEvent(number), digest.hex()
    text = onboard.text_of(body[onboard.STORE_REPORT_LAYOUT.size :][:length])
    match event:
        case StoreEvent.PACK_STORED:
            names = onboard.PACK_NAME + sha256, onboard.CHUNKS_NAME + sha256
            _delivered(packet.satellite_id, *names, now=now)
        case StoreEvent.MANIFEST_STORED:
            _delivered(packet.satellite_id, onboard.MANIFEST_NAME + sha256, now=now)
        case StoreEvent.ARTEFACT_VERIFIED:
            for transfer in _transfers(packet, sha256, ON_ITS_WAY):
                if transfer.created_at.timestamp() * 1e9 <= packet.generated_ns:
                    activation.verified(transfer, now=now)
        case StoreEvent.ARTEFACT_REFUSED:
            for transfer in _transfers(packet, sha256, ON_ITS_WAY):
                progress.fail(transfer, f"refused on board: {text}", now=now)
        case StoreEvent.SLOT_LOADED:
            _slot(packet, slot, sha256)
            for transfer in _transfers(packet, sha256, [State.ACTIVATING]):
                activation.loaded(transfer, now=now)
        case StoreEvent.SLOT_ACTIVATED:
            _slot(packet, slot, sha256, active=True)
            _active(packet.satellite_id, sha256, now=now)
        case StoreEvent.SLOT_REFUSED:
            for transfer in _transfers(packet, sha256, [State.ACTIVATING]):
                progress.fail(transfer, f"the slot refused it: {text}", now=now)
        case StoreEvent.ACTIVATION_HELD:
            for transfer in _transfers(packet, sha256, [State.ACTIVATING]):
                at = transfer.activate_at
                if at is not None and at.timestamp() * 1e9 <= packet.generated_ns:
                    activation.held(transfer, text, now=now)
        case StoreEvent.SLOT_CLEARED:
            _slot(packet, slot, "")
        case StoreEvent.RELEASE_ACCEPTED:
            _released(packet, sha256, now=now)
        case StoreEvent.RELEASE_REFUSED:
            _not_released(packet, sha256, text, now=now)
        case StoreEvent.ARTEFACT_DROPPED:  # an operator asked for it
            Holding.objects.filter(satellite=packet.satellite_id, artefact=sha256).delete()
        case StoreEvent.PACK_REFUSED | StoreEvent.PEER_REFUSED:
            pass  # the transaction's Finished tells the first, holdings the second


def _released(packet: StoredPacket, sha256: str, *, now: datetime) -> None:
    """Signed metadata was accepted; what is on board already may be loaded now."""
    directing.answered(packet.satellite_id, sha256, refusal="")
    notices.taken(packet.satellite_id, sha256, now=now)
    name = onboard.RELEASE_NAME + sha256
    _delivered(packet.satellite_id, name, now=now)
    for transfer in _carrying(packet, name):
        if transfer.verified_at is not None:
            activation.verified(transfer, now=now)


def _not_released(packet: StoredPacket, sha256: str, text: str, *, now: datetime) -> None:
    """Signed metadata was refused, and with it the transfer.

    Unless it was too old: then it is made anew, with what the satellite tells in its inventory, as
    long as the file's attempts last.
    """
    directing.answered(packet.satellite_id, sha256, refusal=text)
    if text.partition(":")[0] in _MADE_ANEW:
        return
    for transfer in _carrying(packet, onboard.RELEASE_NAME + sha256):
        progress.fail(transfer, f"refused on board: {text}", now=now)


def _carrying(packet: StoredPacket, name: str) -> list[Transfer]:
    rows = Transfer.objects.select_for_update(of=["self"]).select_related("satellite", "artefact")
    return list(
        rows.filter(
            pk__in=Transfer.objects.filter(
                satellite_id=packet.satellite_id, state__in=ON_ITS_WAY, shipments__name=name
            ).values("pk")
        )
    )


def take_housekeeping(packet: StoredPacket, *, now: datetime) -> None:
    """Handle an HK_COMPUTE: it says what is in the slots and what runs, once a period."""
    volume, serial, known = _newest.get(packet.satellite_id, (0, 0, ()))
    if packet.volume == volume and packet.serial < serial:
        return  # playback
    fields = onboard.HK_COMPUTE_LAYOUT.unpack_from(packet.payload)
    digests = tuple(_digest(field) for field in fields[9:12])
    if digests == known and packet.volume == volume and packet.serial - serial < _FRESH_FOR:
        return
    row = _deployment(packet)
    if row is not None:
        before = row.active_sha256
        row.slot_a_sha256, row.slot_b_sha256, row.active_sha256 = digests
        row.save()
        if row.active_sha256 != before:
            _announce(row)
        _active(packet.satellite_id, row.active_sha256, now=now)
        _newest[packet.satellite_id] = (packet.volume, packet.serial, digests)


def _deployment(packet: StoredPacket) -> Deployment | None:
    """Return the satellite's row, locked and stamped with this packet; None when it is old news."""
    row, _ = Deployment.objects.select_for_update().get_or_create(satellite_id=packet.satellite_id)
    place = {"volume": packet.volume, "serial": packet.serial}
    if not row.is_older_than(**place, generated_ns=packet.generated_ns):
        return None
    row.reported_ns = packet.generated_ns
    row.reported_volume, row.reported_serial = packet.volume, packet.serial
    return row


def _digest(field: bytes) -> str:
    return "" if field == onboard.NO_DIGEST else field.hex()


def _transfers(packet: StoredPacket, sha256: str, states: list[State]) -> list[Transfer]:
    rows = Transfer.objects.select_for_update(of=["self"]).select_related("satellite", "artefact")
    return list(rows.filter(satellite_id=packet.satellite_id, artefact_id=sha256, state__in=states))


def _delivered(satellite_id: int, *names: str, now: datetime) -> None:
    rows = Transfer.objects.select_for_update(of=["self"]).select_related("satellite", "artefact")
    for transfer in rows.filter(
        Q(satellite_id=satellite_id, state__in=[State.QUEUED, State.SENDING, State.SUSPENDED]),
        pk__in=Transfer.objects.filter(
            satellite_id=satellite_id, shipments__name__in=names, shipments__delivered=False
        ).values("pk"),
    ):
        progress.files_delivered(transfer, names, now=now)


def _slot(packet: StoredPacket, slot: int, sha256: str, *, active: bool = False) -> None:
    """Note what a slot holds, unless something newer is known already."""
    row = _deployment(packet)
    if row is None:
        return
    if slot in _SLOT_FIELDS:
        field = _SLOT_FIELDS[onboard.Slot(slot)]
        if not sha256 and getattr(row, field) == row.active_sha256:
            row.active_sha256 = ""
        setattr(row, field, sha256)
    if active:
        row.active_sha256 = sha256
    row.save()
    _announce(row)


def _active(satellite_id: int, sha256: str, *, now: datetime) -> None:
    """The satellite runs this artefact: the transfers that were to bring that about are done."""
    if not sha256:
        return
    rows = Transfer.objects.select_for_update(of=["self"]).select_related("satellite", "artefact")
    for transfer in rows.filter(
        satellite_id=satellite_id, artefact_id=sha256, state=State.ACTIVATING
    ):
        progress.move(transfer, State.ACTIVE, now=now)


def _announce(row: Deployment) -> None:
    events.publish(
        progress.STREAM,
        "deployment",
        {
            "satellite": row.satellite.code,
            "desired": row.desired_id,
            "active": row.active_sha256,
            "slot_a": row.slot_a_sha256,
            "slot_b": row.slot_b_sha256,
        },
    )
