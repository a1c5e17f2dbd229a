"""Spreading as it is decided: who gets files, who is to fetch, and what a report changes."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from constellation.contacts.models import Demand
from constellation.contacts.models import State as ContactState
from ops import clock
from telemetry import onboard
from tests.factories import (
    NOON,
    PASS,
    make_contact,
    make_organisation,
    make_profile,
    make_satellite,
    make_user,
)
from tests.live import events_of
from tests.uplink.transfers import trio
from tests.uplink.transfers.board import hear, store_report
from tests.uplink.transfers.trio import (
    MASTER,
    PACK_BYTES,
    TRIO,
    ask,
    contact_of,
    orders_to,
    planned,
    satellite,
    tell,
)
from uplink.commands.models import Command
from uplink.registry.trust import inventory
from uplink.transfers import (
    forecasts,
    holding,
    overview,
    packing,
    progress,
    requests,
    spreads,
)
from uplink.transfers.models import (
    Forecast,
    Holding,
    Shipment,
    Spread,
    State,
    Transfer,
)
from uplink.transfers.spreading import holdings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fleet(settings, tmp_path):
    trio.load(settings, tmp_path)


@pytest.fixture
def artefact():
    return trio.packed()


def test_one_satellite_of_a_group_is_sent_the_packs_and_the_others_fetch(artefact):
    contact_of(TRIO[1], 60)
    contact_of(TRIO[0], 3000)
    contact_of(TRIO[2], 4000)
    transfers = ask(artefact, *TRIO)
    everything = set(range(6))
    assert planned(artefact) == {TRIO[1]: everything}

    for code in TRIO:
        (order,) = orders_to(code)
        others = [satellite(one).entity_id for one in TRIO if one != code]
        assert order.arguments == {
            "artefact": artefact.pk,
            "manifest": packing.digest_of(packing.manifest_of(artefact)),
            "peers": sorted(others),
        }
    rows = {code: Spread.objects.get(transfer=transfers[code]) for code in TRIO}
    assert (rows[TRIO[1]].uploads, rows[TRIO[1]].laser) == ([[0, 5]], [])
    assert (rows[TRIO[0]].uploads, rows[TRIO[0]].laser) == ([], [[0, 5]])
    # Whoever fetches is ready when its own contact has brought the order.
    assert rows[TRIO[0]].expected_at >= NOON + timedelta(seconds=3000)
    # The planner books contacts for what contacts have to carry, and no more.
    demands = {row.satellite.code: row.up_bytes for row in Demand.objects.all()}
    assert demands[TRIO[1]] == artefact.size_bytes
    assert demands[TRIO[0]] == demands[TRIO[2]] == 0
    # To plan again changes nothing.
    before = set(Shipment.objects.values_list("pk", flat=True))
    planned(artefact, at_s=5)
    assert set(Shipment.objects.values_list("pk", flat=True)) == before
    assert len(orders_to(TRIO[0])) == 1


def test_a_forecast_counts_on_laser_links(artefact):
    # Its own contact comes late; it has its order, and fetches what the other gets before.
    contact_of(TRIO[0], 60)
    contact_of(TRIO[1], 1800)
    fetching = ask(artefact, *TRIO[:2])[TRIO[1]]
    planned(artefact)
    Command.objects.update(state="COMPLETED")
    planned(artefact, at_s=1)
    forecasts.look_after(now=NOON)

    row = Forecast.objects.get(transfer=fetching)

    expected_at = Spread.objects.get(transfer=fetching).expected_at
    # In most cases by laser; what nineteen of twenty bring may be its own contact.
    assert row.legs[0]["station"] == "laser"
    assert expected_at <= row.median_at <= expected_at + timedelta(seconds=60)


def test_a_forecast_is_made_anew_when_only_the_laser_plan_changed(artefact):
    contact_of(TRIO[0], 60)
    contact_of(TRIO[1], 1800)
    fetching = ask(artefact, *TRIO[:2])[TRIO[1]]
    planned(artefact)
    Command.objects.update(state="COMPLETED")
    planned(artefact, at_s=1)
    assert forecasts.look_after(now=NOON) == 2
    assert forecasts.look_after(now=NOON) == 0
    row = Spread.objects.get(transfer=fetching)
    row.expected_at += timedelta(seconds=0.2)  # what a plan made anew says
    row.save()
    before = Forecast.objects.get(transfer=fetching).median_at
    row.expected_at += timedelta(minutes=10)
    row.save()
    assert forecasts.look_after(now=NOON) == 2
    assert Forecast.objects.get(transfer=fetching).median_at > before + timedelta(minutes=5)


def test_groups_without_links_get_a_copy_each(artefact):
    codes = (TRIO[0], TRIO[1], "SCS-01-J", "SCS-01-M")
    for number, code in enumerate(codes):
        contact_of(code, 60 + 1000 * number)
    ask(artefact, *codes)
    assert planned(artefact) == {TRIO[0]: set(range(6)), "SCS-01-J": set(range(6))}
    assert orders_to("SCS-01-M")[0].arguments["peers"] == [satellite("SCS-01-J").entity_id]


def test_who_wants_it_without_lasers_is_served_by_contacts_alone(artefact):
    contact_of(TRIO[0], 60)
    transfers = ask(artefact, TRIO[0], TRIO[1])
    alone = ask(artefact, TRIO[2], laser=False)[TRIO[2]]

    assert planned(artefact).keys() == {TRIO[0], TRIO[2]}
    assert alone.shipments.count() == 7
    assert not Spread.objects.filter(transfer=alone).exists()
    assert not orders_to(TRIO[2])
    with pytest.raises(requests.errors.IdReused):
        requests.request(
            transfer_id=transfers[TRIO[0]].pk,
            satellite=satellite(TRIO[0]),
            artefact=artefact,
            version=None,
            organisation=artefact.organisation,
            now=NOON,
            activate=False,
            laser=False,
        )


def test_what_came_by_laser_is_told_and_completes_the_transfer(artefact):
    contact_of(TRIO[0], 60)
    transfers = ask(artefact, *TRIO[:2])
    planned(artefact)
    fetching = transfers[TRIO[1]]
    source = satellite(TRIO[0]).entity_id

    tell(TRIO[1], artefact, [source, source, None, None, None, source])

    told = progress.summary(Transfer.objects.get(pk=fetching.pk))
    assert (told["packs"], told["delivered_packs"], told["laser_packs"]) == (6, 3, 3)
    assert told["acknowledged_bytes"] == told["laser_bytes"] == 3 * PACK_BYTES - 88
    assert told["sent_bytes"] == 0

    verified = store_report(onboard.StoreEvent.ARTEFACT_VERIFIED, artefact.pk)
    tell(TRIO[1], artefact, [source] * 6, at_s=20.0)
    hear(
        satellite(TRIO[1]),
        onboard.Apid.STORE_REPORT,
        verified,
        now=NOON + timedelta(seconds=21),
    )
    fetching.refresh_from_db()
    assert fetching.state == State.VERIFIED
    client = APIClient()
    client.force_authenticate(make_user(role="viewer"))
    body = client.get(f"/api/v1/transfers/{fetching.pk}").json()
    assert body["sources"] == [
        {"source": TRIO[0], "packs": 6, "bytes": artefact.size_bytes, "spans": [[0, 5]]}
    ]
    assert body["spread"]["peers"] == [TRIO[0]]
    assert body["laser"] is True
    pages = Client()
    pages.force_login(make_user(organisation=make_organisation(operates_fleet=True)))
    page = pages.get(reverse("transfer", args=[fetching.pk])).content.decode()
    assert "6 of 6 packs" in page
    assert f"by laser from {TRIO[0]} <strong>6</strong>" in page
    assert page.count(f", by laser from {TRIO[0]}") == 6
    page = pages.get(reverse("transfer", args=[transfers[TRIO[0]].pk])).content.decode()
    assert "0 of 6 packs" in page
    assert "Contacts of its own carry it" in page


def test_packs_on_board_by_whatever_way_are_not_sent_up(artefact):
    contact_of(TRIO[0], 60)
    ask(artefact, *TRIO[:2])
    planned(artefact)
    other = satellite(TRIO[1]).entity_id
    # The gateway got one from a satellite that had it from elsewhere.
    tell(TRIO[0], artefact, [None, other, None, None, None, None])
    assert planned(artefact, at_s=2) == {TRIO[0]: {0, 2, 3, 4, 5}}
    # A neighbour brings the report: the plan believes it, since it is signed.
    tell(TRIO[0], artefact, [None, other, None, other, None, None], by=TRIO[2], at_s=3.0)
    assert planned(artefact, at_s=4) == {TRIO[0]: {0, 2, 4, 5}}
    assert Holding.objects.filter(told_by=satellite(TRIO[2])).count() == 1


def test_a_report_that_a_gateway_made_up_is_not_believed(artefact):
    forged = holdings.Holdings(
        entity_id=satellite(TRIO[1]).entity_id,
        at_ns=int(NOON.timestamp() * 1e9),
        artefact=artefact.pk,
        packs=6,
        first=0,
        count=6,
        laser_bytes=0,
        spans=(holdings.Span(1, 0, 5),),
    ).encode(TRIO[1], inventory.key_of(MASTER, TRIO[0]))
    with pytest.raises(holdings.BadHoldings, match="not this satellite's"):
        hear(satellite(TRIO[0]), onboard.Apid.HOLDINGS, forged, now=NOON)
    assert not Holding.objects.exists()


def test_an_older_report_changes_nothing(artefact):
    tell(TRIO[0], artefact, [1] * 6, at_s=10.0)
    tell(TRIO[0], artefact, [None] * 6, at_s=5.0)
    assert holding.newest(artefact=artefact).get().spans == [[1, 0, 5]]


def test_what_a_report_says_again_is_not_told_on_unless_it_completes_the_transfer(artefact):
    first = contact_of(TRIO[0], 60)
    transfers = ask(artefact, *TRIO)
    planned(artefact)
    gateway = transfers[TRIO[0]]
    Transfer.objects.filter(pk=gateway.pk).update(state=State.SENDING)
    tell(TRIO[0], artefact, [1, 1, None, None, None, None], at_s=61)
    said = events_of("transfers").count()
    tell(TRIO[0], artefact, [1, 1, None, None, None, None], at_s=62)
    assert events_of("transfers").count() == said
    assert holding.newest(artefact=artefact).get().reported_ns > first.aos_at.timestamp() * 1e9

    tell(TRIO[0], artefact, [1] * 6, at_s=63)
    gateway.refresh_from_db()
    assert gateway.state == State.SENDING  # its manifest is still to come
    gateway.shipments.update(delivered=True)
    tell(TRIO[0], artefact, [1] * 6, at_s=64)
    gateway.refresh_from_db()
    assert gateway.state == State.VERIFYING


def test_a_pack_whose_file_was_taken_back_and_that_is_there_counts(artefact):
    contact_of(TRIO[0], 60)
    transfer = ask(artefact, *TRIO[:2])[TRIO[0]]
    assert planned(artefact) == {TRIO[0]: set(range(6))}
    transfer.shipments.filter(number=5).delete()
    tell(TRIO[0], artefact, [1, 1, 1, 1, 2, 1])
    told = progress.summary(transfer)
    assert told["delivered_packs"] == told["packs"] == 6
    assert told["acknowledged_bytes"] == told["size_bytes"]


def test_a_gateway_that_falls_silent_is_planned_around(artefact):
    # The first contact was flown and nothing was heard of the satellite in it.
    lost = contact_of(TRIO[0], 60)
    contact_of(TRIO[1], 900)
    transfers = ask(artefact, *TRIO[:2])
    assert planned(artefact) == {TRIO[0]: set(range(6))}
    begun = transfers[TRIO[0]].shipments.get(number=0)
    begun.sequence, begun.engine, begun.sent_bytes = 77, {}, 50_000
    begun.save()

    lost.state = ContactState.COMPLETED
    lost.save()
    found = planned(artefact, at_s=700)

    assert found == {TRIO[1]: set(range(6))}
    # What had left for the lost one stays on its account.
    assert progress.summary(transfers[TRIO[0]])["sent_bytes"] == 50_000
    # It is heard again, by way of a neighbour, with packs: those need not go up.
    tell(TRIO[0], artefact, [1, 1, None, None, None, None], by=TRIO[2], at_s=800.0)
    assert planned(artefact, at_s=810)[TRIO[1]] == {2, 3, 4, 5}


def test_who_lied_is_not_asked_again_and_contacts_bring_the_rest(artefact):
    contact_of(TRIO[0], 60)
    contact_of(TRIO[1], 900)
    ask(artefact, *TRIO[:2])
    planned(artefact)
    tell(TRIO[0], artefact, [1] * 6)
    tell(TRIO[1], artefact, [None] * 6, refused=[TRIO[0]], at_s=50.0)

    assert planned(artefact, at_s=60) == {TRIO[1]: set(range(6))}
    # Under a new order the satellite would ask it again: it is not named any more.
    tell(TRIO[1], artefact, [None] * 6, at_s=70.0)
    assert planned(artefact, at_s=80) == {TRIO[1]: set(range(6))}
    assert Spread.objects.get(transfer__satellite__code=TRIO[1]).refused == [
        satellite(TRIO[0]).entity_id
    ]


def test_links_that_bring_nothing_are_not_waited_for(artefact):
    contact_of(TRIO[0], 60)
    contact_of(TRIO[1], 600)
    ask(artefact, *TRIO[:2])
    planned(artefact)
    tell(TRIO[0], artefact, [1] * 6)
    (order,) = orders_to(TRIO[1])
    order.state = "COMPLETED"
    order.save()
    assert planned(artefact, at_s=100) == {}
    # Ten minutes on it has the order, sees the others by the plan, and has nothing.
    tell(TRIO[1], artefact, [None] * 6, at_s=650.0)
    assert planned(artefact, at_s=660) == {TRIO[1]: set(range(6))}
    row = Spread.objects.get(transfer__satellite__code=TRIO[1])
    assert row.left_to_ground_until == NOON + timedelta(seconds=660) + spreads.LEFT_TO_GROUND


def test_a_cancelled_transfer_fetches_no_more(artefact):
    contact_of(TRIO[0], 60)
    transfers = ask(artefact, *TRIO[:2])
    planned(artefact)
    (order,) = orders_to(TRIO[1])
    order.state = "COMPLETED"
    order.save()
    requests.cancel(transfers[TRIO[1]].pk, now=NOON)
    # Both at one instant, so that their order is not told.
    assert {tuple(one.arguments["peers"]) for one in orders_to(TRIO[1])} == {
        (satellite(TRIO[0]).entity_id,),
        (),
    }
    requests.cancel(transfers[TRIO[0]].pk, now=NOON)
    assert [one.state for one in orders_to(TRIO[0])] == ["CANCELLED"]


def test_an_order_that_nobody_heard_is_given_again(artefact):
    contact_of(TRIO[0], 60)
    ask(artefact, *TRIO[:2])
    planned(artefact)
    (order,) = orders_to(TRIO[1])
    order.state, order.sent_at = "SENT", NOON
    order.save()
    planned(artefact, at_s=50)
    assert len(orders_to(TRIO[1])) == 1
    planned(artefact, at_s=70)
    assert [one.state for one in orders_to(TRIO[1])] == ["SENT", "RELEASED"]


def test_a_later_transfer_comes_from_who_has_it(artefact):
    contact_of(TRIO[0], 60)
    first = ask(artefact, TRIO[0])[TRIO[0]]
    assert first.shipments.count() == 7  # alone, it needs no plan
    Transfer.objects.filter(pk=first.pk).update(
        state=State.VERIFIED, verified_at=NOON, finished_at=NOON
    )
    contact_of(TRIO[1], 900)
    ask(artefact, TRIO[1])
    assert planned(artefact, at_s=10) == {TRIO[0]: set(range(6))}  # its own, never asked again
    assert Spread.objects.get().laser == [[0, 5]]


def test_the_map_of_packs_over_http(artefact, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)
    tell(TRIO[0], artefact, [1, 1, satellite(TRIO[1]).entity_id, None, None, None], laser_bytes=5)
    client = APIClient()
    url = f"/api/v1/holdings?artefact={artefact.pk}"
    assert client.get(url).status_code == 401
    client.force_authenticate(make_user(role="customer", organisation=make_organisation()))
    assert client.get(url).status_code == 403
    client.force_authenticate(make_user(role="viewer"))

    body = client.get(url).json()

    assert body["packs"] == 6
    assert body["satellites"] == [
        {
            "satellite": TRIO[0],
            "reported_ns": int((NOON.timestamp() + 1.0) * 1e9),
            "told_by": TRIO[0],
            "spans": [["ground", 0, 1], [TRIO[1], 2, 2]],
            "refused": [],
            "laser_bytes": 5,
        }
    ]
    assert client.get("/api/v1/holdings").status_code == 400
    assert client.get("/api/v1/holdings?artefact=" + "0" * 64).status_code == 404
    assert client.get(url + "&colour=red").status_code == 400


def test_who_flies_nobody_knows_where_is_served_by_contacts(artefact):
    able = make_profile(isl_terminals=4, isl_bit_per_s=10**11)
    lone = [make_satellite(profile=able, code=f"LONE-{n}") for n in range(2)]
    for one in lone:
        make_contact(satellite=one, aos_at=NOON, los_at=NOON + PASS)
    ask(artefact, "LONE-0", "LONE-1")
    assert planned(artefact) == {"LONE-0": set(range(6)), "LONE-1": set(range(6))}


def test_the_page_of_models_tells_of_packs_by_laser(artefact):
    contact_of(TRIO[0], 60)
    ask(artefact, *TRIO[:2])
    planned(artefact)
    source = satellite(TRIO[0]).entity_id
    tell(TRIO[1], artefact, [source, source, None, None, None, source])

    rows = {row.transfer.satellite.code: row for row in overview.transfers(NOON)}

    assert rows[TRIO[1]].packs == ["held"] * 3 + ["waiting"] * 3
    assert rows[TRIO[1]].held_bytes == 3 * PACK_BYTES - 88
    assert rows[TRIO[1]].size_bytes == artefact.size_bytes
    assert rows[TRIO[0]].packs == ["waiting"] * 6


def test_satellites_without_lasers_are_left_as_they_were(artefact):
    plain = make_satellite()
    ask(artefact, TRIO[0])
    row, _ = requests.request(
        transfer_id=uuid4(),
        satellite=plain,
        artefact=artefact,
        version=None,
        organisation=artefact.organisation,
        now=NOON,
        activate=False,
    )
    assert row.shipments.count() == 7
    assert not Spread.objects.filter(transfer=row).exists()
