"""What the documents tell readers to ask is there to be asked."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e import sample

ASKED = re.findall(r"^\| `(/[^`]+)` \|", Path("docs/orbits.md").read_text(), re.MULTILINE)


@pytest.fixture
def operator(client, db):
    from ops.accounts.models import User

    sample.fill(ahead=timedelta(hours=1))
    client.force_login(User.objects.get(username="operator"))
    return client


def test_every_line_of_the_document_on_orbits_is_answered(operator):
    assert len(ASKED) >= 14
    answered = {address: operator.get(f"/api/v1{address}").status_code for address in ASKED}
    assert set(answered.values()) == {200}, answered


def test_the_horizon_of_the_document_is_taken(operator):
    text = Path("docs/orbits.md").read_text()
    (body,) = re.findall(r"-d '(.+?)'", text)
    answer = operator.patch("/api/v1/stations/KIR", body, content_type="application/json")
    assert answer.status_code == 200
