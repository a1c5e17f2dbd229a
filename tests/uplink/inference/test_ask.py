"""`manage.py ask` prints the answer as it arrives and then every leg."""

import io

import pytest
from django.core.management import CommandError, call_command

from constellation.contacts.models import State as ContactState
from ops import clock
from tests.factories import make_contact, make_organisation, make_version
from tests.uplink.inference.test_openai import TEXT, Satellite
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
