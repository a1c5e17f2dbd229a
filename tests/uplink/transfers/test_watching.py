"""The page of a transfer: its bar of packs, who carried them, and what is expected."""

from datetime import timedelta

import pytest
from django.urls import reverse

from tests.factories import (
    NOON,
    make_contact,
    make_organisation,
    make_satellite,
    make_transfer,
    make_user,
)
from uplink.transfers import bars, forecasts
from uplink.transfers.models import Carriage, Shipment


def test_a_bar_shows_each_pack_by_who_carried_it_and_how_far_it_is():
    packs = [
        bars.Pack(0, 100, 100, "a"),
        bars.Pack(1, 100, 25, "b", is_under_way=True),
        bars.Pack(2, 100, 0, ""),
        bars.Pack(3, 100, 100, ""),
    ]
    colours = bars.colours_of(["a", "b"])
    bar = bars.lay_out(packs, {"a": "by contact 1 over KIR", "b": "by contact 2"}, colours)
    first, second, third, fourth = bar.cells
    assert (first.fill, first.filled) == (colours["a"], bar.cell_width)
    assert second.filled == pytest.approx(bar.cell_width / 4, abs=0.01)
    assert second.title == "pack 1: 25 % acknowledged, by contact 2"
    assert (third.filled, third.title) == (0.0, "pack 2: to go")
    assert (fourth.fill, fourth.title) == (
        bars.ELSEWHERE, "pack 3: acknowledged, was on board already"
    )  # fmt: skip


def test_packs_of_laser_links_have_colours_and_a_mark_of_their_own():
    colours = bars.colours_of(["c1", "c2"], ["SCS-01-A", "SCS-01-B"])
    assert len(set(colours.values())) == 4
    assert not set(bars.LASER_COLOURS) & {*bars.COLOURS, bars.ELSEWHERE, bars.TO_GO}
    packs = [
        bars.Pack(0, 100, 100, "c1"),
        bars.Pack(1, 100, 100, "SCS-01-B", is_by_laser=True),
        bars.Pack(2, 100, 0, ""),
    ]
    bar = bars.lay_out(packs, {"SCS-01-B": "by laser from SCS-01-B"}, colours)
    up, across, _ = bar.cells
    assert (up.dot_x, across.fill) == (None, colours["SCS-01-B"])
    assert across.x < across.dot_x < across.x + bar.cell_width
    assert 0 < bar.dot_radius <= bar.cell_height / 4
    assert across.title == "pack 1: acknowledged, by laser from SCS-01-B"


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (120, 1), (121, 2), (5000, 42)])
def test_any_number_of_packs_fits_the_page(count, rows):
    bar = bars.lay_out([bars.Pack(n, 1, 1, "") for n in range(count)], {}, {})
    assert max(cell.x for cell in bar.cells) + bar.cell_width <= bars.WIDTH
    assert len({cell.y for cell in bar.cells}) == rows
    assert bar.height <= 360


@pytest.mark.django_db
def test_a_page_tells_packs_contacts_and_forecast_and_steers(client):
    client.force_login(make_user(organisation=make_organisation(operates_fleet=True)))
    satellite = make_satellite()
    flown = make_contact(satellite=satellite, aos_at=NOON - timedelta(hours=1), state="COMPLETED")
    make_contact(satellite=satellite, aos_at=NOON + timedelta(hours=1))
    transfer = make_transfer(satellite=satellite)
    Shipment.objects.filter(transfer=transfer, number=0).update(
        size_bytes=100_000_000, acknowledged_bytes=40_000_000, contact=flown
    )
    Carriage.objects.create(
        transfer=transfer, contact=flown, began_at=flown.aos_at, last_at=flown.los_at,
        sent_bytes=41_000_000, arrived_bytes=40_000_000,
    )  # fmt: skip
    forecasts.look_after(now=NOON)
    page = client.get(reverse("transfer", args=[transfer.pk])).content.decode()
    assert "pack 0: 40 % acknowledged, by contact 1 over" in page
    assert "Not certain to be delivered: The contacts up to" in page
    assert "40 MB" in page
    assert "1 MB" in page
    assert "Contacts that may carry the rest" in page
    assert client.post(reverse("change-transfer", args=[transfer.pk, "explode"])).status_code == 404
    answer = client.post(reverse("change-transfer", args=[transfer.pk, "cancel"]), follow=True)
    assert "The transfer is cancelled." in answer.content.decode()
    assert "Try again" in answer.content.decode()
    part = client.get(reverse("transfer", args=[transfer.pk]), headers={"HX-Request": "true"})
    assert b"<html" not in part.content
