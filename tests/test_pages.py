"""Every page of the console: shows what there is, says what to do when there is nothing, and
is closed to strangers."""

import re

import pytest
from django.urls import reverse

from ops.accounts.models import ApiKey
from ops.accounts.roles import may
from tests.addresses import pages
from tests.factories import make_organisation, make_query, make_user

OPEN_TO_ALL = {"login", "logout"}


@pytest.fixture
def operator(client, db):
    organisation = make_organisation(operates_fleet=True)
    client.force_login(make_user(organisation=organisation))
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


def test_a_customer_reads_no_question_of_another_organisation(client, db):
    client.force_login(make_user(role="customer"))
    query = make_query(messages=[{"role": "user", "content": "our secret plan"}])

    assert client.get(reverse("question", args=[query.pk])).status_code == 404
    assert client.post(reverse("cancel-question", args=[query.pk])).status_code == 404
    assert "secret plan" not in client.get("/ask").content.decode()


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
