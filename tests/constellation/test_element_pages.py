"""The pages of element sets: what flies, how old and how far off; files, sources, history."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from constellation import catalogue, intake
from constellation.models import ElementFile, ElementSet, ElementSource
from constellation.orbits import omm
from ops import clock
from tests.constellation.orbits import fleet as reference
from tests.constellation.orbits import malformed
from tests.factories import NOON, make_organisation, make_user

MEAN = reference.element_sets()[0]


def newer(hours=2, **changes):
    moved = replace(MEAN, epoch_at=MEAN.epoch_at + timedelta(hours=hours), **changes)
    return omm.to_json([moved])


@pytest.fixture
def operator(client, db, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)
    client.force_login(make_user(organisation=make_organisation(operates_fleet=True)))
    return client


@pytest.fixture
def fleet(operator):
    catalogue.load_reference(NOON)
    intake.take_file(
        file_id=uuid4(),
        data=newer(0, mean_anomaly_deg=MEAN.mean_anomaly_deg + 0.1),
        source="flight dynamics",
        now=NOON,
    )
    return operator


def text(answer):
    return answer.content.decode()


def test_the_page_shows_age_and_drift(fleet):
    page = text(fleet.get("/elements"))
    assert "Flown by 13 satellites" in page
    assert "flight dynamics" in page
    # A tenth of a degree of anomaly is 12 km and 1.58 s.
    assert "12.0" in page
    assert "-1.58 s" in page
    assert "SCS-01 D" in text(fleet.get("/elements?by=age"))
    by_drift = text(fleet.get("/elements?by=drift"))
    assert by_drift.index("SCS-01 A<") < by_drift.index("SCS-01 B<")
    assert "Flown by 1 satellite<" in text(fleet.get("/elements?q=SCS-01-B"))
    assert fleet.get("/elements?by=colour").status_code == 400


def test_an_empty_page_says_what_to_do(operator):
    page = text(operator.get("/elements"))
    assert "No satellite flies yet" in page
    assert "No source yet" in page


def test_a_file_is_taken_and_its_wrong_entries_are_told(fleet):
    case = malformed.CASES[0]
    file = SimpleUploadedFile("today.tle", case.data)
    answer = fleet.post(
        reverse("upload-elements"), {"file": file, "priority": "5", "source": ""}, follow=True
    )
    assert "1 taken, 0 kept as history, 1 refused." in text(answer)
    assert case.said in text(answer)
    row = ElementFile.objects.get(name="today.tle")
    assert (row.priority, row.taken) == (5, ["SCS-01-B"])


def test_an_upload_without_a_file_is_refused(fleet):
    answer = fleet.post(reverse("upload-elements"), {})
    assert answer.status_code == 400
    assert "file: This field is required." in text(answer)


def test_the_history_shows_what_is_flown_and_what_was_wrong(fleet):
    file = SimpleUploadedFile("today.tle", malformed.CASES[0].data)
    fleet.post(reverse("upload-elements"), {"file": file})
    page = text(fleet.get("/satellites/SCS-01-A/elements"))
    assert page.count("<strong>flown</strong>") == 1
    assert malformed.CASES[0].said in page
    assert fleet.get("/satellites/NOBODY/elements").status_code == 404


def test_a_set_is_disabled_enabled_and_ordered_from_its_page(fleet):
    row = ElementSet.objects.get(source="flight dynamics")
    url = reverse("change-element-set", args=[row.pk])
    for form, state, priority in (
        ({"action": "disable"}, "DISABLED", 100),
        ({"action": "enable"}, "ENABLED", 100),
        ({"action": "priority", "priority": "7"}, "ENABLED", 7),
    ):
        answer = fleet.post(url, form)
        assert answer.url == "/satellites/SCS-01-A/elements"
        row.refresh_from_db()
        assert (row.state, row.priority) == (state, priority)
    for form in ({}, {"action": "delete"}, {"action": "priority"}):
        assert fleet.post(url, form).status_code == 400
    for number in ("x", "9" * 30, "999999"):
        answer = fleet.post(reverse("change-element-set", args=[number]), {"action": "enable"})
        assert answer.status_code == 404


def test_a_source_is_added_and_switched_off_from_the_page(fleet):
    form = {
        "name": "CelesTrak",
        "url": "https://celestrak.org/gp",
        "form": "json",
        "priority": "0",
        "interval_h": "6",
    }
    assert fleet.post(reverse("add-element-source"), form).status_code == 302
    row = ElementSource.objects.get()
    assert (row.interval_s, row.form) == (21_600, "json")
    assert "https://celestrak.org/gp" in text(fleet.get("/elements"))
    assert fleet.post(reverse("add-element-source"), form).status_code == 409
    assert fleet.post(reverse("add-element-source"), form | {"interval_h": "1"}).status_code == 400

    url = reverse("change-element-source", args=[row.pk])
    assert "asked within a minute" in text(fleet.post(url, {"action": "ask"}, follow=True))
    assert fleet.post(url, {"action": "disable"}).status_code == 302
    row.refresh_from_db()
    assert not row.is_enabled
    assert fleet.post(url, {"action": "ask"}).status_code == 409
    assert fleet.post(url, {"action": "x"}).status_code == 400


def test_a_viewer_looks_and_changes_nothing(fleet, client):
    client.force_login(make_user(role="viewer"))
    assert "Take a file" not in text(client.get("/elements"))
    assert "Disable" not in text(client.get("/satellites/SCS-01-A/elements"))
    row = ElementSet.objects.first()
    for url in (
        reverse("upload-elements"),
        reverse("add-element-source"),
        reverse("change-element-set", args=[row.pk]),
        reverse("change-element-source", args=[uuid4()]),
    ):
        assert client.post(url, {}).status_code == 403
