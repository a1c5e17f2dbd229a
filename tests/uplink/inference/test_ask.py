"""`manage.py ask` prints the answer as it arrives and then every leg."""

import io
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from constellation.contacts.models import State as ContactState
from ops import clock
from tests.factories import make_contact, make_organisation, make_version
from tests.uplink.inference.test_openai import TEXT, Satellite
from uplink.inference import queries
from uplink.inference.management.commands.ask import Command
from uplink.inference.models import Query
from uplink.transfers.models import Deployment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def contact():
    make_organisation(operates_fleet=True)
    contact = make_contact(aos_at=clock.now(), state=ContactState.PASS)
    contact.version = make_version()
    Deployment.objects.create(
        satellite=contact.satellite, active_sha256=contact.version.artefact_id
    )
    return contact


def ask(**options) -> tuple[str, str]:
    said, aside = io.StringIO(), io.StringIO()
    call_command("ask", "how hot is it?", stdout=said, stderr=aside, **options)
    return said.getvalue(), aside.getvalue()


def test_the_answer_and_its_legs(contact):
    satellite = Satellite(contact)
    said, aside = ask()
    satellite.join()
    answer, _, story = said.partition("\n")
    assert answer == "".join(TEXT)
    for leg in ("queued", "routed", "first token", "finished", "delivered"):
        assert f"  {leg} " in story
    assert f"{contact.satellite.code} by {contact.antenna.station.code}" in story
    assert contact.version.artefact_id[:16] in story
    assert f"routed to {contact.satellite.code}" in aside


def test_a_refusal_is_one_line(contact):
    with pytest.raises(CommandError, match="gpt-9"):
        ask(model="gpt-9")


@pytest.mark.parametrize(
    ("question", "options", "said"),
    [
        ("hot?", {"max_tokens": 0}, "--max-tokens must be between 1 and 4096"),
        ("hot?", {"temperature": float("nan")}, "--temperature must be between 0 and 2"),
        ("hot?", {"temperature": -1.0}, "--temperature must be between 0 and 2"),
        ("hot?", {"lifetime": -5}, "--lifetime must be between 1 and 604800"),
        ("hot?", {"model": "a\0b"}, "--model holds characters that no name has"),
        (" ", {}, "The question is empty"),
        ("hot\udcff", {}, "The question is not UTF-8 text"),
    ],
)
def test_what_the_wire_would_refuse_is_refused_here_by_its_option(contact, question, options, said):
    with pytest.raises(CommandError, match=said):
        call_command("ask", question, **options)


def test_a_question_that_no_satellite_had_says_so(contact):
    query, _ = queries.ask(
        query_id=uuid4(),
        organisation=contact.version.model.organisation,
        user=None,
        version=contact.version,
        messages=[{"role": "user", "content": "hot?"}],
        max_tokens=8,
        temperature=0.0,
        seed=1,
        lifetime_s=60,
        now=clock.now(),
    )
    Query.objects.filter(pk=query.pk).update(satellite=None)
    query.refresh_from_db()
    said = io.StringIO()

    Command(stdout=said)._tell_story(query)

    assert "satellite    none yet" in said.getvalue()
    assert "None" not in said.getvalue()
