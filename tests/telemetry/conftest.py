import pytest

from telemetry.archive import followers
from telemetry.packets import handlers
from tests.factories import make_contact
from tests.telemetry.downlink import Board, Heard


@pytest.fixture
def contact(db):
    return make_contact()


@pytest.fixture
def board(contact):
    return Board(contact.satellite.spacecraft_id)


@pytest.fixture
def heard(contact):
    return Heard(contact)


@pytest.fixture
def no_handlers(monkeypatch):
    """The registry as it is before upper rooms fill it."""
    monkeypatch.setattr(handlers, "_handlers", {})
    monkeypatch.setattr(followers, "_followers", [])
