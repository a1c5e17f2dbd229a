"""Lists that come in pages: every row once, whatever they are ordered by."""

from datetime import UTC, datetime

import pytest

from constellation.models import ElementFile
from tests.factories import make_organisation, make_satellite, make_user
from uplink.transfers.models import Deployment

NOON = datetime(2026, 8, 22, 12, tzinfo=UTC)


@pytest.fixture
def operator(client, db):
    client.force_login(make_user(organisation=make_organisation(operates_fleet=True)))
    return client


def rows_of(client, address: str) -> list[dict]:
    rows, pages = [], 0
    while address:
        page = client.get(address).json()
        rows += page["results"]
        address, pages = page["next"], pages + 1
        assert pages < 10
    return rows


def test_rows_ordered_by_what_they_refer_to_come_in_pages(operator):
    satellites = [make_satellite() for _ in range(5)]
    Deployment.objects.bulk_create(Deployment(satellite=each) for each in satellites)

    rows = rows_of(operator, "/api/v1/deployments?limit=2")

    assert [row["satellite"] for row in rows] == sorted(each.code for each in satellites)


def test_many_rows_of_one_instant_come_once_each(operator):
    ElementFile.objects.bulk_create(
        ElementFile(
            name="catalogue", sha256="0" * 64, size_bytes=1, priority=0, given_by="", loaded_at=NOON
        )
        for _ in range(1_600)
    )

    rows = rows_of(operator, "/api/v1/element-files?limit=500")

    assert len(rows) == len({row["id"] for row in rows}) == 1_600
