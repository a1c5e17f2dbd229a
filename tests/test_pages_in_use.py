"""Every page of the console over a fleet in the middle of its day, and what is sent to them."""

import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.urls import reverse

from constellation.contacts.models import Contact, State
from constellation.models import Satellite
from ops.accounts.models import User
from tests.addresses import pages
from tests.e2e import sample
from tests.factories import make_organisation, make_user, standing
from uplink.inference.models import Query

ROOMS = ("ops.console", "constellation", "telemetry", "uplink")


@pytest.fixture(scope="module")
def fleet(django_db_setup, django_db_blocker):
    with standing(django_db_blocker):
        sample.fill(ahead=timedelta(hours=1))
        yield


@pytest.fixture
def operator(client, fleet, db):
    client.force_login(make_user(organisation=make_organisation(operates_fleet=True)))
    return client


@pytest.fixture
def sampled(client, fleet, db):
    client.force_login(User.objects.get(username="operator"))
    return client


def test_an_operator_of_another_organisation_steers_nothing_here(client, fleet, db):
    client.force_login(make_user(role="operator", organisation=make_organisation()))
    for name in ["rollouts", "releases", "artefacts"]:
        assert client.get(reverse(name)).status_code == 403
    for name in ["clock", "send-model", "change-rollout"]:
        assert client.post(pages()[name], {"action": "pause"}).status_code == 403
    assert Contact.objects.exists()
    assert "0 contacts" in client.get("/contacts").content.decode()
    contact = Contact.objects.first()
    assert client.post(reverse("cancel", args=[contact.pk])).status_code == 404


def test_a_viewer_may_look_and_not_touch(client, fleet, db):
    client.force_login(make_user(role="viewer", organisation=make_organisation()))

    for address in ["/", "/contacts", "/models", "/satellites/SCS-01-C", "/ask"]:
        assert client.get(address).status_code == 200
    for name in ["clock", "book-contact", "send-model", "add-key", "ask"]:
        assert client.post(reverse(name), {"action": "pause"}).status_code == 403


def test_a_viewer_of_another_organisation_sees_no_contact_of_ours(client, fleet, db):
    client.force_login(make_user(role="viewer", organisation=make_organisation()))
    contact = Contact.objects.first()

    assert client.get(reverse("contact", args=[contact.pk])).status_code == 404
    assert "0 contacts" in client.get("/contacts").content.decode()


@pytest.mark.parametrize(
    ("address", "shows"),
    [
        ("/", ["13 satellites", "SCS-01 C", "Model active", "map-facts-json"]),
        ("/?q=SCS-01-C", ["1 satellite<", "SCS-01 C"]),
        ("/contacts", ["timeline-json", "AWA-1", "Scheduled"]),
        ("/contacts?day=2026-235&of=SCS-01-A", ["on 2026-235", "No contact", "SCS-01-A"]),
        ("/contacts/new?of=SCS-01-A", ["Book "]),
        ("/models", ["smollm2-135m-instruct:1.0", "Sending", "13 of 24 packs"]),
        ("/registry/smollm2-135m-instruct/1.0", ["Active", "scs-01", "Apache-2.0"]),
        ("/satellites/SCS-01-C", ["battery_charge", "Element set", "LOAD_SLOT"]),
        ("/satellites/SCS-01-C/latest?plot=mode", ["bus_voltage"]),
        ("/ask", ["Why does the Earth look blue from orbit?"]),
        ("/next-contacts", ["zen-next"]),
    ],
)
def test_a_page_shows_what_there_is(sampled, address, shows):
    answer = sampled.get(address)

    assert answer.status_code == 200
    for words in shows:
        assert words in answer.content.decode()


@pytest.mark.parametrize("address", ["/", "/contacts", "/models"])
def test_htmx_is_given_the_moving_part_alone(sampled, address):
    assert "<html" not in sampled.get(address, headers={"HX-Request": "true"}).content.decode()


def test_a_page_needs_nothing_from_elsewhere_and_runs_no_inline_script(sampled):
    version = "/registry/smollm2-135m-instruct/1.0"
    for address in ["/", "/contacts", "/models", version, "/satellites/SCS-01-C", "/ask", "/login"]:
        answer = sampled.get(address)
        text = answer.content.decode()
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert not re.search(r"(src|href|action)=[\"']?(https?:)?//", text)
        assert not re.search(r"\son[a-z]+=|\sstyle=|javascript:", text)
        for tag in re.findall(r"<script[^>]*>", text):
            assert "src=" in tag or 'type="application/json"' in tag


def test_every_contact_state_has_words_and_a_mark(sampled):
    contact = Contact.objects.filter(state=State.COMPLETED).first()
    for state in State:
        Contact.objects.filter(pk=contact.pk).update(state=state)
        assert sampled.get(reverse("contact", args=[contact.pk])).status_code == 200


def test_a_report_tells_what_went_up_and_down_in_words(sampled):
    contact = Contact.objects.filter(state=State.COMPLETED).first()
    text = sampled.get(reverse("contact", args=[contact.pk])).content.decode()
    assert "Equal to the station's own" in text
    assert "radiated by the station" in text
    assert f"{contact.report['down']['bytes']:,}" in text
    assert "Telecommands" in text

    contact.report |= {"agrees": False, "station": None}
    contact.save()
    text = sampled.get(reverse("contact", args=[contact.pk])).content.decode()
    assert "The station counted otherwise" in text
    assert "–" in text


def test_a_pass_is_booked_from_its_page_and_cancelled_from_the_contact(sampled):
    Contact.objects.filter(state=State.SCHEDULED).update(state=State.CANCELLED)
    page = sampled.get("/contacts/new?of=SCS-01-A").content.decode()
    form = re.search(r'<form method="post" action="/contacts/book">.*?</form>', page, re.S)[0]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))

    booked = sampled.post("/contacts/book", fields)

    contact = Contact.objects.get(state=State.SCHEDULED)
    assert booked.url == reverse("contact", args=[contact.pk])
    assert contact.booked_by == "operator"
    again = sampled.post("/contacts/book", fields, follow=True)
    assert "taken" in again.content.decode() or "another contact" in again.content.decode()

    sampled.post(reverse("cancel", args=[contact.pk]))
    contact.refresh_from_db()
    assert contact.state == State.CANCELLED


@pytest.mark.parametrize("fields", [{}, {"satellite": "SCS-01-A", "antenna": "AWA-1"}])
def test_half_a_booking_is_refused_in_words(sampled, fields):
    assert sampled.post("/contacts/book", fields).status_code == 400


def test_a_day_that_is_none_is_refused_in_words(sampled):
    assert sampled.get("/contacts?day=yesterday").status_code == 400


def test_the_operator_changes_the_clock_and_comes_back(sampled):
    from ops import clock

    answer = sampled.post("/clock", {"rate": "10", "next": "/models"})
    assert (answer.status_code, answer.url) == (302, "/models")
    assert clock.reading().rate == 10

    sampled.post("/clock", {"action": "pause"})
    assert clock.reading().rate == 0
    assert "PAUSED" in sampled.get("/").content.decode()

    before = clock.now()
    sampled.post("/clock", {"action": "jump", "jump_min": "10"})
    assert (clock.now() - before).total_seconds() == pytest.approx(600, abs=5)
    for wrong in ("soon", "-1e300", "-1", "1e300"):
        assert sampled.post("/clock", {"action": "jump", "jump_min": wrong}).status_code == 400


def test_coming_back_leads_to_no_other_site(sampled):
    answer = sampled.post("/clock", {"rate": "1", "next": "https://elsewhere.example/"})
    assert answer.url == "/"


def test_a_question_is_asked_and_its_page_tells_the_story(sampled):
    from uplink.registry.models import Version

    version = Version.objects.get(version="1.0")
    answer = sampled.post("/ask", {"question": "How high are you?", "version": version.pk})

    query = Query.objects.order_by("-created_at").first()
    assert answer.url == reverse("question", args=[query.pk])
    page = sampled.get(answer.url).content.decode()
    assert "How high are you?" in page
    assert "First token" in page


def test_a_question_nobody_can_answer_is_refused_with_the_reason(sampled):
    from uplink.registry.models import Version

    version = Version.objects.get(version="1.1")
    answer = sampled.post("/ask", {"question": "How high are you?", "version": version.pk})

    assert answer.status_code == 503
    assert "no satellite runs" in answer.content.decode()
    assert "How high are you?" in answer.content.decode()


@pytest.mark.parametrize("fields", [{"question": " "}, {"question": "hi", "version": str(2**40)}])
def test_a_question_without_words_or_model_is_refused(sampled, fields):
    assert sampled.post("/ask", fields).status_code == 400


def test_an_answer_is_shown_with_its_legs(sampled):
    query = Query.objects.get(state="DELIVERED")
    page = sampled.get(reverse("question", args=[query.pk])).content.decode()

    assert "scatters short wavelengths" in page
    assert "21 + 58" in page


FIELDS = sorted(
    {
        name
        for root in ROOMS
        for template in Path(root.replace(".", "/")).rglob("templates/**/*.html")
        for name in re.findall(r'name="(\w+)"', template.read_text())
    }
    | {"day", "of", "open", "plot", "q", "next", "aos_at", "los_at"}
)
JUNK = ["", "x", "\0", "-1", "1e999", "nan", "9" * 40, "2026-13-45T99:00Z", "0001-001", "é" * 9000]


@pytest.mark.parametrize("shift", range(len(JUNK)))
def test_no_junk_in_a_field_breaks_a_page(sampled, shift):
    """All fields in one request, each with other junk, and each junk in each field once: what is
    refused first hides no other field for ever."""
    said = {name: JUNK[(k + shift) % len(JUNK)] for k, name in enumerate(FIELDS)}
    asked = {name: junk[:500] for name, junk in said.items()}  # as long as servers take them
    broken = [
        (name, method.__name__)
        for name, address in pages().items()
        if name != "logout"
        for method, fields in ((sampled.get, asked), (sampled.post, said))
        if method(address, fields).status_code >= 500
    ]
    assert broken == []


def test_a_refused_form_names_the_field_and_what_it_wants(sampled):
    answer = sampled.post("/models/send", {"version": "the newest"})

    assert answer.status_code == 400
    assert "version: Enter a whole number." in answer.content.decode()


def test_unknown_things_are_not_found(sampled):
    for address in ["/satellites/NONE", f"/contacts/{uuid4()}", f"/ask/{uuid4()}"]:
        assert sampled.get(address).status_code == 404


def test_a_satellite_never_heard_says_so(operator, fleet):
    silent = Satellite.objects.order_by("code")[11]
    assert (
        "Nothing has come down yet" in operator.get(f"/satellites/{silent.code}").content.decode()
    )
