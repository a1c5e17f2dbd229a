"""Every page of the console: shows what there is, says what to do when there is nothing, and
is closed to strangers."""

import re
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.urls import get_resolver, reverse

from constellation.contacts.models import Contact, State
from constellation.models import Satellite
from ops.accounts.models import ApiKey
from ops.accounts.roles import may
from tests.e2e import sample
from tests.factories import make_organisation, make_query, make_user
from uplink.inference.models import Query

ROOMS = ("ops.console", "constellation", "telemetry", "uplink")
OPEN_TO_ALL = {"login", "logout"}
A_UUID = "6f1e0c62-5b0a-4c5e-9d6a-0d9d2f3d8a11"


def pages():
    """Every named address that a page module serves, with made-up arguments."""
    found = {}
    for entry in get_resolver().url_patterns:
        module = getattr(entry, "urlconf_name", None)
        if not str(getattr(module, "__name__", module)).endswith(".pages"):
            continue
        for pattern in entry.url_patterns:
            names = pattern.pattern.converters
            values = {n: A_UUID if "id" in n else "SCS-01-C" for n in names}
            found[pattern.name] = reverse(pattern.name, kwargs=values)
    return found


@pytest.fixture
def fleet(db):
    sample.fill(ahead=timedelta(hours=1))


@pytest.fixture
def operator(client, db):
    organisation = make_organisation(operates_fleet=True)
    client.force_login(make_user(organisation=organisation))
    return client


@pytest.fixture
def sampled(client, fleet):
    from ops.accounts.models import User

    client.force_login(User.objects.get(username="operator"))
    return client


@pytest.mark.parametrize("name", sorted(set(pages()) - OPEN_TO_ALL))
def test_who_is_not_signed_in_is_asked_to(client, db, name):
    for method in (client.get, client.post):
        answer = method(pages()[name])
        assert answer.status_code in (302, 405)
        if answer.status_code == 302:
            assert answer.url.startswith("/login?next=")


@pytest.mark.parametrize("name", sorted(set(pages()) - OPEN_TO_ALL))
def test_a_customer_sees_only_what_customers_may(client, db, name):
    user = make_user(role="customer")
    client.force_login(user)
    theirs = {"ask", "asked-before", "question", "cancel-question", "models"}
    for method in (client.get, client.post):
        status = method(pages()[name]).status_code
        assert status != 403 if name in theirs else status in (403, 405)


def test_an_operator_of_another_organisation_steers_nothing_here(client, fleet):
    client.force_login(make_user(role="operator", organisation=make_organisation()))
    for name in ["rollouts", "releases", "artefacts"]:
        assert client.get(reverse(name)).status_code == 403
    for name in ["clock", "send-model", "change-rollout"]:
        assert client.post(pages()[name], {"action": "pause"}).status_code == 403
    assert Contact.objects.exists()
    assert "0 contacts" in client.get("/contacts").content.decode()
    contact = Contact.objects.first()
    assert client.post(reverse("cancel", args=[contact.pk])).status_code == 404


def test_a_customer_reads_no_question_of_another_organisation(client, db):
    client.force_login(make_user(role="customer"))
    query = make_query(messages=[{"role": "user", "content": "our secret plan"}])

    assert client.get(reverse("question", args=[query.pk])).status_code == 404
    assert client.post(reverse("cancel-question", args=[query.pk])).status_code == 404
    assert "secret plan" not in client.get("/ask").content.decode()


def test_a_viewer_may_look_and_not_touch(client, fleet):
    client.force_login(make_user(role="viewer", organisation=make_organisation()))

    for address in ["/", "/contacts", "/models", "/satellites/SCS-01-C", "/ask"]:
        assert client.get(address).status_code == 200
    for name in ["clock", "book-contact", "send-model", "add-key", "ask"]:
        assert client.post(reverse(name), {"action": "pause"}).status_code == 403


def test_a_viewer_of_another_organisation_sees_no_contact_of_ours(client, fleet):
    client.force_login(make_user(role="viewer", organisation=make_organisation()))
    contact = Contact.objects.first()

    assert client.get(reverse("contact", args=[contact.pk])).status_code == 404
    assert "0 contacts" in client.get("/contacts").content.decode()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/", "manage.py load_reference"),
        ("/contacts", "Choose a pass and book it"),
        ("/contacts/new", "No pass in the next day"),
        ("/models", "manage.py register_model"),
        ("/artefacts", "manage.py register_model"),
        ("/ask", "No model is registered"),
        ("/keys", "No key yet"),
    ],
)
def test_an_empty_page_says_what_to_do(operator, address, says):
    answer = operator.get(address)

    assert answer.status_code == 200
    assert says in re.sub(r"\s+", " ", answer.content.decode())


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
    assert sampled.post("/clock", {"action": "jump", "jump_min": "soon"}).status_code == 400


def test_coming_back_leads_to_no_other_site(sampled):
    answer = sampled.post("/clock", {"rate": "1", "next": "https://elsewhere.example/"})
    assert answer.url == "/"


def test_a_key_is_shown_once_and_can_be_revoked(operator):
    page = operator.post("/keys/new", {"name": "night run"}).content.decode()
    shown = re.search(r'<code id="new-key">(zk_[^<]+)</code>', page)[1]
    assert shown not in operator.get("/keys").content.decode()

    key = ApiKey.objects.get(name="night run")
    operator.post(reverse("revoke-key", args=[key.pk]))
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_key_of_another_organisation_cannot_be_revoked(operator):
    from ops.accounts import keys

    key, _ = keys.issue(user=make_user(), name="theirs")

    assert operator.post(reverse("revoke-key", args=[key.pk])).status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


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
JUNK = ["", "x", "\0", "-1", "1e999", "nan", "9" * 40, "2026-13-45T99:00Z", "0001-001", "é" * 1500]


@pytest.mark.parametrize("junk", JUNK, ids=[repr(each[:12]) for each in JUNK])
def test_no_junk_in_a_field_breaks_a_page(sampled, junk):
    said = dict.fromkeys(FIELDS, junk)
    broken = [
        (name, method.__name__)
        for name, address in pages().items()
        if name != "logout"
        for method in (sampled.get, sampled.post)
        if method(address, said).status_code >= 500
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


def test_pages_are_offered_only_to_those_who_may_open_them(client, db):
    user = make_user(role="customer")
    client.force_login(user)
    page = client.get("/ask").content.decode()

    assert 'href="/models"' in page
    assert 'href="/contacts"' not in page
    assert not may(user, "contacts.view_contact")


def test_no_address_of_a_page_is_shadowed_by_another_of_the_same_name():
    # Django resolves a name used twice to the last one: a page would link to the API.
    for name, address in pages().items():
        assert not address.startswith("/api/"), name
