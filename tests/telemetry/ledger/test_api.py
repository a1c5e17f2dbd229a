"""The books over HTTP and on pages, and the way down to the bytes that were rejected."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from ops import clock
from telemetry.ledger import api as ledger_api
from telemetry.models import Gap, GapState, Packet, RawBatch, Rejected
from telemetry.onboard import Apid, DownlinkChannel
from telemetry.packets import space
from tests.factories import NOON, make_contact, make_organisation, make_user
from tests.telemetry.downlink import Board, Heard

pytestmark = pytest.mark.usefixtures("no_handlers")
BARE = space.encode(Apid.HK_PLATFORM, 99, b"bare")


@pytest.fixture
def received(contact, board, heard, monkeypatch):
    """Ten packets of which two are missing, one bare, three of a foreign APID, one frame spoilt;
    then a dump that repeats one and brings one of the missing."""
    packets = [board.platform(at=NOON + timedelta(seconds=n)) for n in range(10)]
    camera = [space.encode(0x351, n, b"%d" % n) for n in (4, 5, 7)]
    heard.receive(board.frames([*packets[:2], *packets[4:], BARE, *camera]))
    spoilt = bytearray(board.frames([board.status()])[0])
    spoilt[90] ^= 1
    heard.receive(bytes(spoilt))
    later = NOON + timedelta(seconds=30)
    heard.receive(board.frames(packets[1:3], DownlinkChannel.PLAYBACK), now=later)
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(minutes=1))
    return contact


@pytest.fixture
def get(received):
    client = APIClient()
    client.force_authenticate(make_user(role="operator"))
    return lambda address, **query: client.get(f"/api/v1/{address}?{urlencode(query)}")


def row_of(body, channel, apid):
    (row,) = (r for r in body["apids"] if (r["channel"], r["apid"]) == (channel, apid))
    return row


def test_the_books_of_a_contact_name_every_channel_and_apid(received, get):
    (body,) = get("completeness", contact=received.id).json()["results"]

    live = row_of(body, 0, Apid.HK_PLATFORM)
    assert live["name"] == "HK_PLATFORM"
    assert (live["expected"], live["received"], live["missing"]) == (10, 9, 2)
    assert (live["stored"], live["rejected"], live["reasons"]) == (8, 1, {"header": 1})
    dump = row_of(body, 3, Apid.HK_PLATFORM)
    assert (dump["received"], dump["stored"], dump["duplicates"]) == (2, 1, 1)
    camera = row_of(body, 0, 0x351)
    assert (camera["expected"], camera["missing"], camera["unknown"]) == (4, 1, 3)
    assert body["packets"]["received"] == 14
    assert body["frames"] == {
        "expected": 2,
        "received": 3,
        "used": 2,
        "rejected": 1,
        "lost": 0,
        "corrected_symbols": 0,
        "reasons": {"bad FECF": 1},
    }
    assert body["gaps"] == {"missing": 2, "recovered": 1, "lost": 0, "open_gaps": 2}


def test_gaps_that_closed_are_told_apart_from_those_that_never_will(received, get):
    recorder = Gap.objects.filter(state=GapState.OPEN, volume=Board(1).volume)
    recorder.update(state=GapState.LOST)
    (day,) = get("completeness").json()["results"]
    (contact,) = get("completeness", by="contact").json()["results"]
    assert day["gaps"] == contact["gaps"]
    assert day["gaps"] == {"missing": 1, "recovered": 1, "lost": 1, "open_gaps": 1}


def test_days_add_up_the_contacts_and_satellites_may_be_named(received, get):
    other = make_contact(satellite=received.satellite, aos_at=NOON + timedelta(hours=2))
    board = Board(received.satellite.spacecraft_id, serial=100)
    Heard(other).receive(board.frames([board.platform()]), now=NOON)

    (day,) = get("completeness", satellite=received.satellite.code).json()["results"]
    assert (day["day"], row_of(day, 0, Apid.HK_PLATFORM)["stored"]) == ("2026-08-22", 9)
    (sums,) = get("completeness").json()["results"]
    assert sums["packets"] == day["packets"]
    assert sums["gaps"] == day["gaps"]
    assert day["gaps"] == {"missing": 92, "recovered": 1, "lost": 0, "open_gaps": 3}
    assert "apids" not in sums
    assert get("completeness", to="2026-08-20T00:00:00Z").json()["results"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"satellite": "NOBODY"}, 400),
        ({"from": "2026-08-23T00:00:00Z", "to": "2026-08-22T00:00:00Z"}, 400),
        ({"from": "2020-08-23T00:00:00Z"}, 400),
        ({"by": "moon"}, 400),
        ({"contact": "6f1e0c62-5b0a-4c5e-9d6a-0d9d2f3d8a11"}, 404),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(get, query, status):
    assert get("completeness", **query).status_code == status


def test_contacts_that_are_too_many_are_cut_and_that_is_told(received, get, monkeypatch):
    make_contact(satellite=received.satellite, aos_at=received.aos_at - timedelta(hours=2))
    assert "is_cut" not in get("completeness", by="contact").json()
    monkeypatch.setattr(ledger_api, "BY_CONTACT_MAX", 1)
    body = get("completeness", by="contact").json()
    assert body["is_cut"]
    assert [each["contact"] for each in body["results"]] == [str(received.id)]


def test_from_the_books_down_to_the_bytes(received, get):
    of = f"satellites/{received.satellite.code}/telemetry"
    (packet,) = get(f"{of}/rejected", kind="packet", apid=Apid.HK_PLATFORM).json()["results"]
    assert (packet["code"], packet["contact"]) == ("header", str(received.id))
    data = get(packet["data"].removeprefix("/api/v1/"))
    assert data.content == BARE
    assert "attachment" in data["Content-Disposition"]

    (frame,) = get(f"{of}/rejected", kind="frame").json()["results"]
    batches = get(f"{of}/batches", contact=received.id).json()["results"]
    assert [batch["number"] for batch in batches] == [3, 2, 1]
    assert {batch["state"] for batch in batches} == {"decoded"}
    batch = next(batch for batch in batches if batch["id"] == frame["batch"])
    assert get(batch["frames"].removeprefix("/api/v1/")).content == bytes(
        RawBatch.objects.get(pk=batch["id"]).frames
    )
    (gap,) = get(f"{of}/gaps", apid=0x351).json()["results"]
    assert (gap["first"], gap["last"], gap["volume"], gap["contact"]) == (
        6,
        6,
        None,
        str(received.id),
    )
    assert len(get(f"{of}/gaps", contact=received.id, state="open").json()["results"]) == 2


def test_the_fleet_says_who_is_not_settled(received, get, board, heard):
    heard.store(board.frames([board.platform()]))
    RawBatch.objects.filter(number=2).update(decoded=False, failure="LookupError: no")
    (row,) = get("completeness/unsettled").json()["results"]
    assert (row["satellite"], row["missing"], row["open_gaps"]) == (received.satellite.code, 2, 2)
    assert (row["undecoded_batches"], row["set_aside_batches"]) == (1, 1)
    assert row["oldest_gap_at"] == "2026-08-22T12:00:00Z"


def test_customers_and_strangers_are_refused(received):
    code, rejected = received.satellite.code, Rejected.objects.first()
    addresses = [
        "completeness",
        "completeness/unsettled",
        f"satellites/{code}/telemetry/rejected",
        f"satellites/{code}/telemetry/rejected/{rejected.pk}/data",
        f"satellites/{code}/telemetry/batches",
        f"satellites/{code}/telemetry/batches/{rejected.batch_id}/frames",
    ]
    client = APIClient()
    for address in addresses:
        assert client.get(f"/api/v1/{address}").status_code == 401
    for role, status in (("customer", 403), ("operator", 200)):
        client.force_authenticate(make_user(role=role))
        for address in addresses:
            assert client.get(f"/api/v1/{address}").status_code == status, address


def test_an_operator_of_another_house_reads_no_contact_of_ours(received):
    client = APIClient()
    stranger = make_user(role="operator", organisation=make_organisation(operates_fleet=False))
    client.force_authenticate(stranger)
    assert client.get("/api/v1/completeness", {"contact": received.id}).status_code == 403
    assert client.get("/api/v1/completeness", {"by": "contact"}).status_code == 403


def test_the_pages_show_the_books(received, client):
    client.force_login(make_user(role="operator"))
    code = received.satellite.code
    fleet = client.get(reverse("completeness")).content.decode()
    assert f'href="/satellites/{code}/completeness"' in fleet
    own = client.get(reverse("satellite-books", args=[code])).content.decode()
    assert "APID 849" in own
    assert "no telemetry packet with a secondary header" in own
    assert "header 1" in own
    assert "1 recovered since" in own
    contact = client.get(reverse("contact", args=[received.pk])).content.decode()
    assert "hk_platform" in contact
    assert client.get(reverse("satellite-books", args=["NOBODY"])).status_code == 404
    assert Packet.objects.count() == 12
