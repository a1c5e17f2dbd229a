"""A constellation in the middle of its day, for pages: real orbits and passes, made-up activity."""

import hashlib
from datetime import datetime, timedelta
from math import degrees, sin
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction

from constellation import catalogue, visibility
from constellation.contacts.models import Contact, State
from constellation.models import Antenna, HardwareProfile, Satellite, Station
from ops import clock
from ops.accounts.models import Organisation
from ops.models import ClockRow
from telemetry import definitions, times
from telemetry.alarms import keeping
from telemetry.alarms.levels import Level
from telemetry.models import Gap, Reception, Volume
from telemetry.onboard import FRAME_BYTES
from tests.factories import NOON, make_newest, make_organisation, make_query, make_user
from uplink.commands.models import Command
from uplink.inference.models import Segment
from uplink.registry.models import Artefact, Model, Version
from uplink.transfers import forecasts
from uplink.transfers.models import Carriage, Deployment, Shipment, Transfer

NAMES = UUID("6f1e0c62-5b0a-4c5e-9d6a-0d9d2f3d8a11")
PASSWORD = "correct horse battery"
MODEL_BYTES = 98_362_432
PACK_BYTES = 4 * 1024 * 1024
ANSWER = (
    "The Earth looks blue from orbit because most of its surface is water, and because its "
    "atmosphere scatters short wavelengths of sunlight, blue above all, more than long ones. "
    "Clouds and ice add the white, land the green and brown."
)


def fill(ahead: timedelta = timedelta(hours=23)) -> None:
    """Set the clock to noon and fill the database, with contacts booked for `ahead`."""
    set_clock()
    catalogue.load_reference(NOON)
    organisation = make_organisation(
        slug="fleet", name="First Light Operations", operates_fleet=True
    )
    make_user(username="operator", organisation=organisation, password=PASSWORD)
    book(organisation, ahead)
    version = register(organisation)
    carry(organisation, version)
    forecasts.look_after(now=NOON)
    hear()
    ask(organisation, version)
    raise_alarms()


def set_clock() -> None:
    """Let it be noon."""
    ClockRow.objects.all().delete()
    clock.start(epoch=NOON)


def raise_alarms() -> None:
    """Let the batteries of four satellites run low, and an accelerator be hot."""
    satellites = list(Satellite.objects.order_by("-code")[1:6])
    found = [
        keeping.Finding(
            satellite_id=satellite.pk,
            rule="battery" if number < 4 else "heat",
            name="Battery charge" if number < 4 else "Accelerator temperature",
            parameter="battery_charge" if number < 4 else "accelerator_temperature",
            level=Level.DISTRESS if number < 4 else Level.CRITICAL,
            generated_ns=times.to_ns(NOON - timedelta(minutes=number)),
            value=0.28 if number < 4 else 93.4,
            detail="0.28: below 0.3 (Distress)"
            if number < 4
            else "93.4 °C: above 90 °C (Critical)",
        )
        for number, satellite in enumerate(satellites)
    ]
    keeping.keep(found, now=NOON)


def book(organisation: Organisation, ahead: timedelta) -> None:
    """Book the passes of a span, highest first; before noon they were flown."""
    start, end = NOON - min(timedelta(hours=3), ahead), NOON + ahead
    passes = visibility.passes_between(start, end).passes
    antennas = {s.pk: list(s.antennas.all()) for s in Station.objects.prefetch_related("antennas")}
    for each in sorted(passes, key=lambda p: -p.max_elevation_rad):
        for antenna in antennas[each.station.pk]:
            if _book_one(organisation, antenna, each):
                break


def _book_one(organisation: Organisation, antenna: Antenna, each: visibility.Pass) -> bool:
    number = hashlib.sha256(f"{each.satellite.code}{each.aos_at}".encode()).digest()[0]
    state, report = State.SCHEDULED, None
    if each.los_at <= NOON:
        state = State.FAILED if number < 12 else State.COMPLETED
        if state == State.COMPLETED:
            report = _report(1200 + number, 8000 + 31 * number)
    elif each.aos_at <= NOON:
        state = State.PASS
    elif number < 8:
        state = State.CANCELLED
    try:
        with transaction.atomic():
            Contact.objects.create(
                id=uuid5(NAMES, f"{each.satellite.code} {each.station.code} {each.aos_at}"),
                organisation=organisation,
                satellite=each.satellite,
                antenna=antenna,
                aos_at=each.aos_at,
                los_at=each.los_at,
                starts_at=each.aos_at - timedelta(seconds=antenna.setup_s),
                ends_at=each.los_at + timedelta(seconds=antenna.teardown_s),
                tca_at=each.tca_at,
                max_elevation_deg=degrees(each.max_elevation_rad),
                state=state,
                reason="the station was not reached" if state == State.FAILED else "",
                report=report,
                owner="conduct-1" if state == State.PASS else "",
                fencing=1 if state == State.PASS else 0,
            )
    except IntegrityError:
        return False
    return True


def _report(up: int, down: int) -> dict:
    sizes = {"frames": up, "bytes": up * FRAME_BYTES}
    came = {"frames": down, "bytes": down * FRAME_BYTES, "batches": down // 7, "bit_bytes": 0}
    return {
        "reason": "until",
        "agrees": True,
        "holders": 1,
        "up": sizes | {"sent_frames": up, "sent_bytes": up * FRAME_BYTES, "packets": up},
        "down": came,
        "station": {"down_frames": down, "down_bytes": down * FRAME_BYTES},
        "tally": {"links": 1, "sent_frames": up, "commands": 3, "file_bytes": up * 1000},
    }


def register(organisation: Organisation) -> Version:
    """Register two versions of a model."""
    model = Model.objects.create(organisation=organisation, name="smollm2-135m-instruct")
    made = []
    for number, size in [("1.0", MODEL_BYTES), ("1.1", MODEL_BYTES + 40_960)]:
        artefact = Artefact.objects.create(
            sha256=hashlib.sha256(number.encode()).hexdigest(),
            organisation=organisation,
            size_bytes=size,
            format="gguf",
        )
        version = Version.objects.create(
            model=model, version=number, artefact=artefact, licence="Apache-2.0"
        )
        version.profiles.set(HardwareProfile.objects.all())
        made.append(version)
    return made[0]


def carry(organisation: Organisation, version: Version) -> None:
    """Some satellites run the model, one is receiving it, one has failed, the others wait."""
    satellites = list(Satellite.objects.order_by("code"))
    for place, satellite in enumerate(satellites):
        state = ["ACTIVE", "ACTIVE", "SENDING", "FAILED", "VERIFYING", "ACTIVE"][place % 6]
        if place > 9:
            state = "QUEUED"
        transfer = Transfer.objects.create(
            id=uuid5(NAMES, f"transfer {satellite.code}"),
            organisation=organisation,
            satellite=satellite,
            artefact=version.artefact,
            version=version,
            state=state,
            reason="pack 7 was refused: checksum failure" if state == "FAILED" else "",
            created_at=NOON - timedelta(hours=2),
            finished_at=NOON - timedelta(minutes=30) if state in ("ACTIVE", "FAILED") else None,
        )
        _pack(transfer, {"SENDING": 0.55, "FAILED": 0.3, "QUEUED": 0.0}.get(state, 1.0))
        active = version.artefact_id if state == "ACTIVE" else ""
        Deployment.objects.create(
            satellite=satellite,
            desired=version.artefact,
            active_sha256=active,
            slot_a_sha256=active,
            reported_ns=int(NOON.timestamp() * 1e9),
        )
        Command.objects.create(
            id=uuid5(NAMES, f"load {satellite.code}"),
            organisation=organisation,
            satellite=satellite,
            name="LOAD_SLOT",
            source=f"transfer:{transfer.pk}",
            state="COMPLETED" if active else "RELEASED",
            created_at=NOON - timedelta(minutes=31),
            sent_at=NOON - timedelta(minutes=31) if active else None,
        )


def _pack(transfer: Transfer, part: float) -> None:
    count = -(-MODEL_BYTES // PACK_BYTES)
    held = int(count * part)
    files = []
    for number in range(count):
        size = min(PACK_BYTES, MODEL_BYTES - number * PACK_BYTES)
        begun = number == held and 0 < part < 1
        there = size if number < held else size // 2 if begun else 0
        files.append(
            Shipment(
                transfer=transfer,
                number=number,
                name=f"pack/{number}",
                size_bytes=size,
                sha256=f"{number:064x}",
                crc32c=0,
                delivered=number < held,
                acknowledged_bytes=there,
                sent_bytes=there,
            )
        )
    _carried(transfer, files)
    Shipment.objects.bulk_create(files)


def _carried(transfer: Transfer, files: list[Shipment]) -> None:
    """Share what is on board among the satellite's last contacts."""
    flown = Contact.objects.filter(
        satellite=transfer.satellite, state__in=[State.COMPLETED, State.PASS]
    )
    contacts = list(flown.order_by("-aos_at")[:3])[::-1]
    there = [each for each in files if each.acknowledged_bytes]
    for place, contact in enumerate(contacts):
        mine = there[place :: len(contacts)]
        for each in mine:
            each.contact = contact
        arrived = sum(each.acknowledged_bytes for each in mine)
        Carriage.objects.create(
            transfer=transfer,
            contact=contact,
            began_at=contact.aos_at,
            last_at=min(contact.los_at, NOON),
            sent_bytes=arrived + 300_000,
            arrived_bytes=arrived,
            files=len(mine),
        )


def hear() -> None:
    """Give most satellites newest values, a recorder and a gap."""
    for place, satellite in enumerate(Satellite.objects.order_by("code")):
        if place == 11:
            continue
        at = NOON - timedelta(hours=7) if place == 9 else NOON - timedelta(minutes=4 * place)
        ns = int(at.timestamp() * 1e9)
        by_group: dict[str, dict[str, tuple]] = {}
        for name, value in _housekeeping(place).items():
            by_group.setdefault(definitions.groups()[name], {})[name] = (value, value)
        for group, known in by_group.items():
            make_newest(satellite, group, known, ns)
        volume = 0x5CA1AB1E + place
        Volume.objects.create(satellite=satellite, volume=volume, following=18_432 + place)
        for first, state in [(401, "closed"), (912, "open")]:
            Gap.objects.create(
                satellite=satellite,
                volume=volume,
                serials=(first, first + 7),
                state=state,
                opened_at=NOON - timedelta(hours=1),
            )
    for contact in Contact.objects.filter(state=State.COMPLETED)[:20]:
        Reception.objects.create(
            contact=contact,
            satellite=contact.satellite,
            station=contact.antenna.station,
            frames=8211,
            frames_lost=3,
            packets=20_113,
            stored=20_101,
            duplicates=12,
            bytes=8211 * 1115,
        )


def _housekeeping(place: int) -> dict[str, object]:
    return {
        "mode": "CONTACT" if place % 3 else "INFERENCE",
        "sunlight": "SUN",
        "battery_charge": round(0.83 + 0.1 * sin(place), 4),
        "battery_current": 3.214,
        "bus_voltage": 28.113,
        "battery_temperature": 17.25,
        "panel_temperature": 41.5,
        "radiator_temperature": -12.75,
        "structure_temperature": 8.0,
        "solar_power": 412.5,
        "uptime": 86_400 + 977 * place,
        "accelerator_load": 0.371,
        "accelerator_temperature": 54.25,
        "accelerator_power": 96.5,
        "ecc_corrected": 12,
        "ecc_uncorrected": 0,
        "uplink_frames_good": 5012 + place,
        "laser_links_up": 2,
        "packs_held": 24,
    }


def ask(organisation: Organisation, version: Version) -> None:
    """Questions in every state that people meet."""
    flying = Contact.objects.filter(state=State.PASS).order_by("aos_at").first()
    done = {
        "satellite": flying.satellite,
        "answered_by": flying.satellite,
        "contact": flying,
        "downlink_contact": flying,
        "uplink_station": flying.antenna.station,
    }

    def legs(at: datetime, *offsets_s: float) -> dict[str, datetime]:
        fields = ["routed_at", "uplinked_at", "accepted_at", "first_token_at", "delivered_at"]
        seconds = zip(fields, offsets_s, strict=False)
        return {name: at + timedelta(seconds=s) for name, s in seconds}

    def one(minutes: float, words: str, state: str, **details: object):
        at = NOON - timedelta(minutes=minutes)
        return make_query(
            id=uuid5(NAMES, words),
            organisation=organisation,
            version=version,
            created_at=at,
            state=state,
            messages=[{"role": "user", "content": words}],
            **details,
        )

    noted = {"model_sha256": version.artefact_id}
    told = legs(NOON - timedelta(minutes=2), 0.1, 0.9, 1.4, 3.2, 11.8)
    answered = one(
        2, "Why does the Earth look blue from orbit?", "DELIVERED",
        prompt_tokens=21, completion_tokens=58, finish_reason="stop", **done, **told, **noted,
    )  # fmt: skip
    pieces = ANSWER.split(" ")
    for number, piece in enumerate(pieces):
        Segment.objects.create(
            query=answered,
            satellite=flying.satellite,
            number=number + 1,
            kind=1,
            text=piece if number == 0 else " " + piece,
            received_at=NOON,
        )
    Segment.objects.create(
        query=answered,
        satellite=flying.satellite,
        number=0,
        kind=0,
        text=version.artefact_id,
        received_at=NOON,
    )
    coming = Contact.objects.filter(state=State.SCHEDULED, aos_at__gt=NOON).first()
    one(
        1, "Summarise the last downlink in one sentence.", "ROUTED",
        satellite=coming.satellite, contact=coming, routed_at=NOON - timedelta(seconds=59),
    )  # fmt: skip
    one(9, "Name three uses of a laser link.", "FAILED", reason="no model in the slot", **done)
    one(30, "How many satellites are in your plane?", "EXPIRED", reason="no contact in time")
