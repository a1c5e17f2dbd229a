"""Whatever order segments come down in, the answer is told whole, once, and by one satellite."""

import json
from datetime import timedelta
from itertools import count

import pytest

from constellation.contacts.models import State as ContactState
from telemetry import onboard
from telemetry.onboard import Apid, TokenKind
from telemetry.packets import space
from telemetry.packets.handlers import StoredPacket, handler_of
from tests.factories import NOON, make_contact, make_query, make_satellite
from tests.live import events_of
from uplink.inference import answers, exchange, queries
from uplink.inference.models import Attempt, Segment, State

pytestmark = pytest.mark.django_db
_serials = count()
NOON_S = NOON.timestamp()
USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 2,
    "finish_reason": "stop",
    "accepted_at": NOON_S + 1,
    "started_at": NOON_S + 2,
    "first_token_at": NOON_S + 3,
    "ended_at": NOON_S + 4,
}


@pytest.fixture
def contact():
    return make_contact(state=ContactState.PASS)


@pytest.fixture
def query(contact):
    return make_query(satellite=contact.satellite, contact=contact, state=State.ROUTED)


def packet(query_id, number, kind, text="", *, contact, satellite=None) -> StoredPacket:
    payload = onboard.Tokens(query_id, number, kind, text).encode()
    generated_ns = int((NOON_S + number) * 1e9)
    serial = next(_serials)
    secondary = onboard.Secondary(generated_ns, 1, 1, serial)
    return StoredPacket(
        id=serial,
        satellite_id=(satellite or contact.satellite).pk,
        contact_id=contact.pk,
        apid=Apid.TOKENS,
        sequence_count=0,
        volume=1,
        boot=1,
        serial=serial,
        channel=onboard.DownlinkChannel.TOKENS,
        generated_ns=generated_ns,
        received_at=NOON + timedelta(seconds=number + 0.5),
        data=space.encode_downlink(Apid.TOKENS, 0, secondary, payload),
    )


def answer_of(query, text=("Hel", "lo")):
    """The segments of a whole answer, in order."""
    yield 0, TokenKind.ACCEPTED, query.version.artefact_id
    for number, piece in enumerate(text, 1):
        yield number, TokenKind.TEXT, piece
    yield len(text) + 1, TokenKind.END, json.dumps(USAGE)


def come_down(query, segments, **details):
    for number, kind, text in segments:
        answers.take(packet(query.pk, number, kind, text, **details), now=NOON)
    query.refresh_from_db()


def test_the_handler_is_registered_for_token_packets():
    assert handler_of(Apid.TOKENS) is answers.take


def test_an_answer_in_order_is_delivered_with_its_legs(query, contact):
    come_down(query, answer_of(query), contact=contact)

    assert query.state == State.DELIVERED
    assert (query.prompt_tokens, query.completion_tokens, query.finish_reason) == (11, 2, "stop")
    assert query.first_token_at == NOON + timedelta(seconds=1.5)
    assert query.finished_at == NOON + timedelta(seconds=4)
    progress = answers.read(query.pk)
    assert ("".join(text for _, text in progress.pieces), progress.is_over) == ("Hello", True)
    story = answers.story(progress.query)
    assert story["model_digest"] == query.version.artefact_id
    assert story["downlink_station"] == contact.antenna.station.code
    assert story["legs"]["first_token"] == "2026-08-22T12:00:01.500000Z"


@pytest.mark.parametrize("order", [(3, 2, 1, 0), (0, 3, 1, 2), (2, 0, 0, 3, 1, 3)])
def test_order_and_repeats_change_nothing(query, contact, order):
    segments = list(answer_of(query))
    come_down(query, [segments[n] for n in order], contact=contact)

    assert query.state == State.DELIVERED
    assert Segment.objects.filter(query=query).count() == 4
    kinds = events_of(queries.stream_of(query.pk)).values_list("kind", flat=True)
    assert sorted(kinds) == ["accepted", "delivered", "end", "text", "text"]


def test_a_reader_waits_at_a_hole_and_goes_on_behind_what_it_has(query, contact):
    segments = list(answer_of(query))
    come_down(query, [segments[0], segments[2], segments[3]], contact=contact)
    progress = answers.read(query.pk)
    assert (query.state, progress.pieces, progress.following) == (State.RUNNING, [], 1)

    come_down(query, [segments[1]], contact=contact)
    progress = answers.read(query.pk, after=1)
    assert (progress.pieces, progress.is_over) == ([(2, "lo")], True)


def test_an_error_on_board_fails_the_question_with_its_reason(query, contact):
    error = json.dumps({"code": "no_model", "detail": "no model in the active slot"})
    come_down(query, [(0, TokenKind.ERROR, error)], contact=contact)
    assert (query.state, query.reason) == (State.FAILED, "no model in the active slot")


def test_an_answer_of_another_model_is_no_answer(query, contact):
    segments = list(answer_of(query))
    segments[0] = (0, TokenKind.ACCEPTED, "ab" * 32)
    come_down(query, segments, contact=contact)
    assert (query.state, query.reason) == (
        State.FAILED,
        "answered by another model: abababababab",
    )


def test_two_satellites_never_answer_one_question_twice(query, contact):
    other = make_contact(state=ContactState.PASS)
    Attempt.objects.create(query=query, satellite=other.satellite, prompts=1)
    mine, theirs = list(answer_of(query)), list(answer_of(query, ("Good", "bye")))
    come_down(query, mine[:2], contact=contact)
    come_down(query, theirs[:2], contact=other)
    come_down(query, mine[2:], contact=contact)
    come_down(query, theirs[2:], contact=other)

    progress = answers.read(query.pk)
    assert "".join(text for _, text in progress.pieces) == "Hello"
    assert query.answered_by == contact.satellite
    # The other one is told to stop, and what it said is acknowledged so that it forgets it.
    (ack,) = sent(other, Apid.TOKEN_ACK)
    assert onboard.TokenAck.decode(ack).following == 4


def test_a_question_nobody_asked_is_refused_aloud(contact):
    stranger = make_query()
    strange = packet(stranger.pk, 0, TokenKind.ACCEPTED, contact=contact)
    stranger.delete()
    with pytest.raises(answers.UnknownQuestion):
        answers.take(strange, now=NOON)


def sent(contact, apid, now=NOON, **details) -> list[bytes]:
    outgoing = exchange.due(
        satellite_id=contact.satellite_id, contact_id=contact.pk, now=now, **details
    )
    return [each.payload for each in outgoing if each.apid == apid]


def test_a_question_is_sent_once_and_again_only_when_nothing_is_heard(query, contact):
    (prompt,) = sent(contact, Apid.PROMPT)
    assert onboard.PromptPart.decode(prompt).query_id == query.pk
    assert sent(contact, Apid.PROMPT, NOON + timedelta(seconds=4)) == []
    assert len(sent(contact, Apid.PROMPT, NOON + timedelta(seconds=5))) == 1

    come_down(query, [(0, TokenKind.ACCEPTED, query.version.artefact_id)], contact=contact)
    assert sent(contact, Apid.PROMPT, NOON + timedelta(seconds=60)) == []


def test_somebody_waits_from_the_first_sending_to_the_last_word(query, contact):
    assert not exchange.awaited(contact.satellite_id)
    sent(contact, Apid.PROMPT)
    assert exchange.awaited(contact.satellite_id)
    assert not exchange.awaited(make_satellite().pk)

    segments = list(answer_of(query))
    come_down(query, segments[:-1], contact=contact)
    assert exchange.awaited(contact.satellite_id)
    come_down(query, segments[-1:], contact=contact)
    assert not exchange.awaited(contact.satellite_id)


def test_a_question_is_up_when_its_last_part_has_left(contact):
    messages = [{"role": "user", "content": "x" * 2000}]
    query = make_query(
        satellite=contact.satellite, contact=contact, state=State.ROUTED, messages=messages
    )
    outgoing = exchange.due(satellite_id=contact.satellite_id, contact_id=contact.pk, now=NOON)
    assert [each.uplinked for each in outgoing] == [None, None, query.pk]

    for _ in range(2):
        exchange.uplinked(query_ids=[query.pk], contact_id=contact.pk, now=NOON)
    query.refresh_from_db()
    assert (query.state, query.uplinked_at) == (State.UPLINKED, NOON)
    assert query.uplink_station == contact.antenna.station


def test_what_came_is_acknowledged_once_until_more_comes(query, contact):
    segments = list(answer_of(query))
    come_down(query, [segments[0], segments[2]], contact=contact)
    (ack,) = sent(contact, Apid.TOKEN_ACK)
    assert onboard.TokenAck.decode(ack) == onboard.TokenAck(query.pk, 1, frozenset({2}))
    assert sent(contact, Apid.TOKEN_ACK) == []

    come_down(query, [segments[2]], contact=contact)  # repeated: our acknowledgement was lost
    assert len(sent(contact, Apid.TOKEN_ACK)) == 1


def test_a_question_taken_back_is_dismissed_on_board(query, contact):
    assert len(sent(contact, Apid.PROMPT)) == 1
    queries.cancel(query_id=query.pk, now=NOON)
    (cancellation,) = sent(contact, Apid.PROMPT)
    assert onboard.PromptPart.decode(cancellation).parts == onboard.CANCEL_PARTS
    assert sent(contact, Apid.PROMPT) == []

    # It still talks: the word was lost, so it is told again; what it says changes nothing.
    come_down(query, list(answer_of(query))[:2], contact=contact)
    assert query.state == State.CANCELLED
    assert len(sent(contact, Apid.PROMPT)) == 1


def test_another_satellite_gets_nothing(query):
    assert sent(make_contact(satellite=make_satellite()), Apid.PROMPT) == []
