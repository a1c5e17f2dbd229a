"""Packets of other missions are sorted by when they were generated, where their definition says it.

Against packets of NOAA-20 and IMAP as they came down, with their times taken out by hand.
"""

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from rest_framework.test import APIClient

from telemetry import definitions, times, xtce
from telemetry.archive import compaction, plots, reading
from telemetry.definitions import generation, keeping
from telemetry.models import Gap, GapState, Newest, Packet, Rejected, Rollup
from telemetry.packets import space
from tests.factories import NOON, make_organisation, make_user
from tests.telemetry.xtce.test_loading import make_definition

pytestmark = pytest.mark.usefixtures("no_handlers")
REFERENCE = Path(__file__).parents[2] / "reference"
JPSS = REFERENCE / "jpss" / "jpss1_geolocation_xtce_v1.xml"
JPSS_PACKETS = REFERENCE / "jpss" / "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1"
IMAP = REFERENCE / "imap_hit" / "hit_packet_definitions.xml"
IMAP_PACKETS = REFERENCE / "imap_hit" / "imap_hit_l0_hk_20100105_v001.pkts"
CDS = {"generation_time": "DOY:86400,MSEC:0.001,USEC:0.000001", "epoch": "1958-01-01T00:00:00Z"}
TICKS = {
    "generation_time": "HIT_SCIENCE.SC_TICK:1;HIT_HSKP.SC_TICK:1",
    "epoch": "2010-01-01T00:00:00Z",
}


def packets_of(path, most):
    data, found, at = path.read_bytes(), [], 0
    while at < len(data) and len(found) < most:
        size = 7 + int.from_bytes(data[at + 4 : at + 6])
        found.append(data[at : at + size])
        at += size
    return found


def cds_of(packet):
    """Return what 301.0-B-4, 3.3 says of the 8 bytes behind the primary header."""
    day, milliseconds, microseconds = struct.unpack_from(">HIH", packet, 6)
    since = timedelta(days=day, milliseconds=milliseconds, microseconds=microseconds)
    return datetime(1958, 1, 1, tzinfo=UTC) + since


def in_force(path, *, at=NOON, **said):
    """Upload a definition and let it read all satellites from an instant on."""
    data = path if isinstance(path, bytes) else path.read_bytes()
    row, _ = keeping.upload(
        uuid4(), data, organisation=make_organisation(), uploaded_by="ann", now=NOON, **said
    )
    keeping.activate(
        uuid4(), definition=row, profile=None, from_at=at, activated_by="ann", now=NOON
    )
    return definitions.load(row.pk)


def generated(contact):
    rows = Packet.objects.filter(satellite=contact.satellite).order_by("generated_ns", "serial")
    return [(times.from_ns(row.generated_ns), bytes(row.data)) for row in rows]


def test_packets_of_noaa_20_are_archived_at_the_times_in_their_headers(contact, board, heard):
    sent = packets_of(JPSS_PACKETS, 120)
    edition = in_force(JPSS, **CDS)
    mixed = [*sent[60:], *sent[:60]]
    for start in range(0, 120, 40):
        at = NOON + timedelta(seconds=start / 10)
        heard.receive(board.frames(mixed[start : start + 40]), now=at)

    assert generated(contact) == sorted((cds_of(packet), packet) for packet in sent)
    name = "ADGPSPOSX"
    group = edition.groups[name]
    span = {"first_ns": times.to_ns(cds_of(sent[0])), "end_ns": times.to_ns(cds_of(sent[-1])) + 1}
    samples = reading.read(contact.satellite_id, group, {name}, **span)
    assert samples.generated_ns.tolist() == [times.to_ns(cds_of(packet)) for packet in sent]
    [table] = edition.xtce.decode(sent).tables
    assert samples.columns[name].raw.tolist() == table.raw[name].tolist()
    newest = Newest.objects.get(group=group)
    assert newest.generated_ns == times.to_ns(cds_of(sent[-1]))
    assert not Gap.objects.filter(state=GapState.OPEN).exists()

    compaction.compact(shortest=1)
    first = Rollup.objects.filter(width_s=60).order_by("first_ns").first()
    assert times.from_ns(first.first_ns) == cds_of(sent[0]).replace(second=0, microsecond=0)
    found = plots.envelope(reading.Span(contact.satellite_id, group, **span), name, points=4)
    assert found.n.sum() == 120


def test_housekeeping_of_imap_counts_ticks_from_an_epoch(contact, board, heard):
    sent = packets_of(IMAP_PACKETS, 20)
    in_force(IMAP, **TICKS)
    heard.receive(board.frames(sent[::-1]))
    epoch = datetime(2010, 1, 1, tzinfo=UTC)
    ticks = [int.from_bytes(packet[6:10]) for packet in sent]
    assert [at for at, _ in generated(contact)] == [
        epoch + timedelta(seconds=tick) for tick in sorted(ticks)
    ]


def test_without_a_word_on_it_packets_have_the_time_at_which_they_came(contact, board, heard):
    in_force(JPSS)
    heard.receive(board.frames(packets_of(JPSS_PACKETS, 3)))
    assert {at for at, _ in generated(contact)} == {NOON}


def test_an_absolute_time_in_what_packets_share_is_taken_by_itself(contact, board, heard):
    """The definition of our own satellites has one, which counts from another."""
    [source] = generation.told_by(definitions.current())
    assert source.terms == (("generated_at", None),)
    packet = board.platform(at=NOON - timedelta(hours=5))
    assert generation.dates([source], definitions.current(), [packet]) == {
        0: times.to_ns(NOON - timedelta(hours=5))
    }


def test_a_time_long_after_reception_is_not_believed_and_that_is_told(contact, board, heard):
    sent = packets_of(JPSS_PACKETS, 2)
    early = cds_of(sent[0]) - timedelta(days=1)
    in_force(JPSS, at=early - timedelta(days=1), **CDS)
    heard.receive(board.frames(sent), now=early)

    assert {at for at, _ in generated(contact)} == {early}
    told = Rejected.objects.get(kind="unread")
    assert told.apid == 11
    assert told.reason.startswith(f"says {cds_of(sent[0]):%Y-%m-%dT%H:%M}")
    assert "the time at which it came" in told.reason


def test_order_of_arrival_still_places_the_counts(contact, board, heard):
    """A clock on board that goes wild moves no count to another round."""
    in_force(JPSS, **CDS)
    first = packets_of(JPSS_PACKETS, 1)[0]

    def packet(count, day):
        head = space.encode(11, count, b"x")[:4] + first[4:6]
        return head + struct.pack(">H", day) + first[8:]

    for n, day in enumerate([23_000, 100, 22_000, 60_000, 23_001]):
        at = NOON + timedelta(seconds=n)
        heard.receive(board.frames([packet(2 * n, day), packet(2 * n + 1, day)]), now=at)
    rows = Packet.objects.filter(satellite=contact.satellite).order_by("serial")
    assert [row.serial for row in rows] == list(range(10))
    assert not Gap.objects.exists()


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"generation_time": "NOPE:1", "epoch": "1958-01-01T00:00:00Z"}, "no parameter 'NOPE'"),
        ({"generation_time": "DOY", "epoch": "1958-01-01T00:00:00Z"}, "how many seconds a count"),
        ({"generation_time": "DOY:x", "epoch": "1958-01-01T00:00:00Z"}, "are a number"),
        ({"generation_time": "DOY:1/0", "epoch": "1958-01-01T00:00:00Z"}, "are a number"),
        ({"generation_time": "DOY:-1", "epoch": "1958-01-01T00:00:00Z"}, "between"),
        ({"generation_time": "DOY:86400"}, "an epoch, which is missing"),
        ({"generation_time": "DOY:86400", "epoch": "yesterday"}, "epoch is an instant"),
        ({"generation_time": "DOY:86400", "epoch": "1958-01-01"}, "offset from UTC"),
        ({"generation_time": "DOY:1", "epoch": "0001-01-01T00:00:00Z"}, "outside of 1678"),
        ({"generation_time": "DOY[:1", "epoch": "1958-01-01T00:00:00Z"}, "no parameter 'DOY['"),
        ({"generation_time": "DOY:1,", "epoch": "1958-01-01T00:00:00Z"}, "no parameter ''"),
        ({"epoch": "1958-01-01T00:00:00Z"}, "generation_time, which is missing"),
        (CDS | {"scale": "gps"}, "scale is one of utc, tai"),
    ],
)
def test_what_cannot_be_a_time_is_refused_in_words(said, refusal, db):
    client = APIClient()
    client.force_authenticate(make_user(role="operator"))
    url = f"/api/v1/definitions/{uuid4()}?" + "&".join(f"{k}={v}" for k, v in said.items())
    answer = client.put(url, JPSS.read_bytes(), content_type="application/xml")
    assert answer.status_code == 400
    assert refusal in answer.json()["detail"]


def test_what_is_said_of_time_is_told_and_belongs_to_the_id(db):
    client = APIClient()
    client.force_authenticate(make_user(role="operator"))
    url, body = f"/api/v1/definitions/{uuid4()}", JPSS.read_bytes()
    said = "?" + "&".join(f"{name}={value}" for name, value in CDS.items())
    answers = [client.put(url + said, body, content_type="application/xml") for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 200]
    assert answers[0].json()["generation_time"] == {
        "sources": [[["DOY", "86400"], ["MSEC", "1/1000"], ["USEC", "1/1000000"]]],
        "epoch": "1958-01-01T00:00:00+00:00",
        "scale": "utc",
    }
    assert client.put(url, body, content_type="application/xml").status_code == 422


def test_seconds_of_atomic_time_have_their_leap_seconds_taken_out():
    # 1980-01-06T00:00:19 TAI is the epoch of GPS; 1,325,030,418 s later 18 leap seconds had come.
    definition = xtce.load(JPSS.read_bytes())
    told = generation.read("MSEC:1", "1980-01-06T00:00:19Z", "tai", definition)
    [source] = generation.of_json(told)
    table = xtce.Table("c", [0], {"MSEC": np.array([1_325_030_418])}, {})
    at = times.from_ns(int(source.read(table)[0]))
    assert at == datetime(2022, 1, 1, 0, 0, 0, tzinfo=UTC)


def test_fractions_of_seconds_are_exact():
    source = generation.of_json(
        {"sources": [[["T", "1/65536"]]], "epoch": "2000-01-01T00:00:00+00:00", "scale": "utc"}
    )[0]
    counts = np.array([0, 1, 65_536 * 10**9 + 32_768], np.int64)
    table = xtce.Table("c", [0, 1, 2], {"T": counts}, {})
    since = source.read(table) - 946_684_800 * 10**9
    assert since.tolist() == [0, 15_258, 10**18 + 500_000_000]


def test_a_definition_without_times_has_none():
    assert generation.told_by(xtce.load(make_definition())) == ()


def test_the_page_of_definitions_says_how_packets_tell_their_time(client, db):
    in_force(JPSS, **CDS)
    client.force_login(make_user(role="operator"))
    text = client.get("/definitions").content.decode()
    assert "DOY x 86400 s + MSEC x 1/1000 s + USEC x 1/1000000 s since 1958-01-01T00:00:00Z" in text
    assert generation.words({"sources": [[["AT", None]]], "epoch": "", "scale": "utc"}) == "AT"
