"""A question is taken once, goes to who can answer first, and always ends."""

from datetime import timedelta
from uuid import uuid4

import pytest

from constellation.contacts.models import State as ContactState
from tests.factories import (
    NOON,
    make_contact,
    make_organisation,
    make_query,
    make_satellite,
    make_user,
    make_version,
)
from tests.live import events_of
from uplink.inference import queries, routing
from uplink.inference.models import Attempt, Query, State
from uplink.transfers.models import Deployment, Transfer

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def version():
    return make_version()


def run_on_board(version, satellite=None):
    satellite = satellite or make_satellite()
    Deployment.objects.create(satellite=satellite, active_sha256=version.artefact_id)
    return satellite


def ask(version, **details):
    wanted = {
        "query_id": uuid4(),
        "organisation": details.pop("organisation", None) or make_organisation(),
        "user": None,
        "version": version,
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 64,
        "temperature": 0.0,
        "seed": None,
        "lifetime_s": None,
        "now": NOON,
    }
    return queries.ask(**wanted | details)


def kinds_of(query) -> list[str]:
    return list(events_of(queries.stream_of(query.pk)).values_list("kind", flat=True))


def test_a_question_goes_to_the_open_contact_of_a_satellite_that_runs_the_model(version):
    make_contact(state=ContactState.PASS)  # another satellite, without the model
    later = make_contact(satellite=run_on_board(version), aos_at=NOON + 5 * MINUTE)
    open_now = make_contact(
        satellite=run_on_board(version), aos_at=NOON - MINUTE, state=ContactState.PASS
    )
    query, is_new = ask(version)

    assert is_new
    assert (query.state, query.contact, query.satellite) == (
        State.ROUTED,
        open_now,
        open_now.satellite,
    )
    assert later.satellite != query.satellite
    assert kinds_of(query) == ["queued", "routed"]


def test_asking_again_under_the_same_id_changes_nothing(version):
    make_contact(satellite=run_on_board(version))
    wanted = {"query_id": uuid4(), "organisation": make_organisation()}
    first, is_new = ask(version, **wanted)
    again, is_new_again = ask(version, **wanted)

    assert (is_new, is_new_again) == (True, False)
    assert first == again
    assert kinds_of(first) == ["queued", "routed"]


def test_an_id_that_names_another_question_is_refused(version):
    make_contact(satellite=run_on_board(version))
    wanted = {"query_id": uuid4(), "organisation": make_organisation()}
    ask(version, **wanted)
    with pytest.raises(queries.QueryReused):
        ask(version, **wanted, messages=[{"role": "user", "content": "something else"}])
    with pytest.raises(queries.QueryReused):
        ask(version, query_id=wanted["query_id"])


def test_a_model_that_is_nowhere_is_refused_and_leaves_no_question_behind(version):
    with pytest.raises(routing.NotInOrbit):
        ask(version)
    assert not Query.objects.exists()


def test_a_model_on_its_way_up_makes_the_question_wait_with_the_reason(version):
    satellite = make_satellite()
    Transfer.objects.create(
        organisation=make_organisation(),
        satellite=satellite,
        artefact=version.artefact,
        created_at=NOON,
    )
    query, _ = ask(version)
    assert query.state == State.QUEUED
    assert "on its way to 1 satellites" in query.reason

    contact = make_contact(satellite=run_on_board(version, satellite))
    assert routing.route_all(now=NOON + MINUTE) == 1
    query.refresh_from_db()
    assert (query.state, query.contact, query.reason) == (State.ROUTED, contact, "")


def test_an_organisation_has_so_many_questions_open_and_no_more(version, monkeypatch):
    monkeypatch.setattr(queries, "OPEN_MAX", 2)
    make_contact(satellite=run_on_board(version))
    organisation = make_organisation()
    first, _ = ask(version, organisation=organisation)
    ask(version, organisation=organisation)
    with pytest.raises(queries.TooManyOpen):
        ask(version, organisation=organisation)
    ask(version)

    queries.cancel(query_id=first.pk, now=NOON)
    ask(version, organisation=organisation)


def test_a_question_not_sent_yet_moves_to_a_better_contact(version):
    make_contact(satellite=run_on_board(version), aos_at=NOON + 20 * MINUTE)
    query, _ = ask(version)
    better = make_contact(satellite=run_on_board(version), aos_at=NOON + 5 * MINUTE)

    assert routing.route_all(now=NOON + MINUTE) == 1
    assert routing.route_all(now=NOON + MINUTE) == 0
    query.refresh_from_db()
    assert query.contact == better


@pytest.mark.parametrize("end", ["the contact ends", "the contact fails"])
def test_a_question_sent_and_not_heard_of_moves_on_only_when_its_contact_is_over(version, end):
    first = make_contact(satellite=run_on_board(version), state=ContactState.PASS)
    query, _ = ask(version)
    Attempt.objects.create(query=query, satellite=first.satellite, prompts=1, prompted_at=NOON)
    second = make_contact(satellite=run_on_board(version), state=ContactState.PASS)
    assert routing.route_all(now=NOON + MINUTE) == 0

    now = NOON + MINUTE
    if end == "the contact ends":
        now = first.los_at
    else:
        first.state = ContactState.FAILED
        first.save()
    third = make_contact(satellite=second.satellite, aos_at=second.los_at + 2 * MINUTE)
    routing.route_all(now=now)
    query.refresh_from_db()
    assert query.contact in (second, third)


def test_a_question_that_a_satellite_took_stays_there(version):
    contact = make_contact(satellite=run_on_board(version), state=ContactState.PASS)
    query, _ = ask(version)
    Query.objects.filter(pk=query.pk).update(answered_by=contact.satellite, state=State.RUNNING)
    assert routing.route_all(now=contact.los_at) == 0


def test_a_question_without_an_answer_expires_with_what_is_known(version):
    make_contact(satellite=run_on_board(version), aos_at=NOON + 5 * MINUTE)
    query, _ = ask(version, lifetime_s=60)
    assert query.state == State.QUEUED
    assert queries.expire(now=NOON + MINUTE - timedelta(seconds=1)) == 0
    assert queries.expire(now=NOON + MINUTE) == 1
    query.refresh_from_db()
    assert query.state == State.EXPIRED
    assert "none has a contact booked in time" in query.reason
    assert kinds_of(query)[-1] == "expired"


def test_a_question_taken_back_is_told_to_the_satellite_that_has_it(version):
    contact = make_contact(satellite=run_on_board(version))
    query, _ = ask(version)
    attempt = Attempt.objects.create(query=query, satellite=contact.satellite, prompts=1)
    queries.cancel(query_id=query.pk, now=NOON)
    again = queries.cancel(query_id=query.pk, now=NOON)

    attempt.refresh_from_db()
    assert (again.state, attempt.dismiss_due) == (State.CANCELLED, True)
    assert kinds_of(query).count("cancelled") == 1


def test_an_answered_question_cannot_be_taken_back():
    query = make_query(state=State.DELIVERED)
    with pytest.raises(queries.AlreadyOver):
        queries.cancel(query_id=query.pk, now=NOON)


def test_a_stranger_sees_neither_a_question_nor_its_stream():
    query = make_query()
    stream = queries.stream_of(query.pk)
    owner = make_user(organisation=query.organisation, role="customer")
    stranger = make_user(role="customer")
    operator = make_user(organisation=make_organisation(operates_fleet=True))

    assert queries.of_organisation(query.pk, owner.organisation) == query
    assert queries.of_organisation(query.pk, operator.organisation) == query
    with pytest.raises(queries.NoSuchQuery):
        queries.of_organisation(query.pk, stranger.organisation)
    assert queries.may_follow(owner, stream)
    assert not queries.may_follow(stranger, stream)
    assert not queries.may_follow(owner, "query:nonsense")
