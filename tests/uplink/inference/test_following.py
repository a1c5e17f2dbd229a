"""Whoever reads an answer is not sent away because the database restarts."""

from uuid import uuid4

import pytest
from django.db import OperationalError, ProgrammingError

from tests.factories import make_query
from uplink.inference import answers, following
from uplink.inference.answers import Progress
from uplink.inference.models import State

pytestmark = pytest.mark.django_db(transaction=True)


async def follow() -> list[Progress | None]:
    return [progress async for progress in following.follow(uuid4())]


@pytest.fixture
def whole():
    query = make_query(state=State.DELIVERED)
    return Progress(query, [(1, "Hello")], following=2, is_over=True)


async def test_a_database_that_is_away_is_waited_for(monkeypatch, whole):
    said = iter([OperationalError("the connection was closed"), OperationalError("no"), whole])

    def read(*_: object, **__: object) -> Progress:
        answer = next(said)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(answers, "read", read)
    monkeypatch.setattr(following, "LOOK_S", 0.01)
    assert await follow() == [whole]


async def test_a_mistake_of_ours_is_not_waited_out(monkeypatch):
    def read(*_: object, **__: object) -> Progress:
        raise ProgrammingError("no such column")

    monkeypatch.setattr(answers, "read", read)
    with pytest.raises(ProgrammingError):
        await follow()
