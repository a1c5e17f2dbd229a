"""The live link: resumed by number, told its gaps, closed to strangers."""

import asyncio

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, connections

from ops.live import consumer, events, hub, streams
from ops.live.consumer import Live
from ops.live.models import Event
from tests.factories import make_user
from tests.ops.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)

publish = database_sync_to_async(events.publish, thread_sensitive=False)


@pytest.fixture(autouse=True)
def _as_in_a_web_process(monkeypatch):
    # Web processes keep no connection in a thread; a kept one would outlive its event loop.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)


@pytest.fixture(autouse=True)
def _open_stream(monkeypatch):
    monkeypatch.setitem(streams._readers, "tides", lambda user, stream: user.role == "operator")


def socket_to(user):
    return Socket(Live.as_asgi(), "/ws/live", user)


async def signed_in(role="operator"):
    socket = socket_to(await database_sync_to_async(make_user, thread_sensitive=False)(role=role))
    assert (await socket.connect())["type"] == "websocket.accept"
    return socket


async def heard(socket, count):
    """The next messages that are no heartbeats."""
    found = []
    while len(found) < count:
        message = await socket.receive_json_from(timeout=30)
        if "heartbeat" not in message:
            found.append(message)
    return found


async def test_a_watcher_sees_what_is_published_after_it_came():
    await publish("tides", "low", {"m": 0.4})
    socket = await signed_in()
    await socket.send_json_to({"subscribe": [{"stream": "tides", "after": None}]})
    assert await heard(socket, 1) == [{"subscribed": "tides", "number": 1}]

    await publish("tides", "high", {"m": 3.1})

    assert await heard(socket, 1) == [
        {"stream": "tides", "number": 2, "kind": "high", "payload": {"m": 3.1}}
    ]
    await socket.disconnect()


async def test_a_watcher_that_was_cut_off_gets_what_it_missed_in_order():
    for height_m in range(5):
        await publish("tides", "level", {"m": height_m})
    socket = await signed_in()

    await socket.send_json_to({"subscribe": [{"stream": "tides", "after": 2}]})

    assert [m.get("number") for m in await heard(socket, 4)] == [5, 3, 4, 5]
    await socket.disconnect()


async def test_without_valkey_events_arrive_all_the_same(monkeypatch):
    # A hint is only a hint: with none at all, the hub's own look finds the event.
    monkeypatch.setattr(events, "_hint", lambda stream, number: None)
    socket = await signed_in()
    await socket.send_json_to({"subscribe": [{"stream": "tides", "after": None}]})
    await heard(socket, 1)

    await publish("tides", "level", {})

    [event] = await heard(socket, 1)
    assert event["number"] == 1
    await socket.disconnect()


async def test_a_watcher_far_behind_is_told_its_gap(monkeypatch):
    monkeypatch.setattr(consumer, "FAR_BEHIND", 3)
    for _ in range(6):
        await publish("tides", "level", {})
    socket = await signed_in()

    await socket.send_json_to({"subscribe": [{"stream": "tides", "after": 1}]})

    gap = {"gap": {"stream": "tides", "first": 2, "last": 6}}
    assert gap in await heard(socket, 2)
    await socket.disconnect()


async def test_events_that_were_forgotten_are_a_gap():
    for _ in range(4):
        await publish("tides", "level", {})
    await database_sync_to_async(
        Event.objects.filter(number__lte=2).delete, thread_sensitive=False
    )()
    socket = await signed_in()

    await socket.send_json_to({"subscribe": [{"stream": "tides", "after": 0}]})

    messages = await heard(socket, 4)
    assert {"gap": {"stream": "tides", "first": 1, "last": 2}} in messages
    assert [m["number"] for m in messages if "kind" in m] == [3, 4]
    await socket.disconnect()


async def test_a_wish_changes_on_the_fly(monkeypatch):
    monkeypatch.setitem(streams._parts, "tides", "values")
    socket = await signed_in()
    both = {"stream": "tides", "only": ["m", "wind"]}
    await socket.send_json_to({"subscribe": [both]})
    await heard(socket, 1)
    await publish("tides", "level", {"values": {"m": 1, "wind": 5, "salt": 7}})
    [event] = await heard(socket, 1)
    assert (event["payload"], event["since"]) == ({"values": {"m": 1, "wind": 5}}, 0)

    await socket.send_json_to(
        {"subscribe": [{"stream": "tides", "only": ["salt"], "every_s": 0.3}]}
    )
    assert await heard(socket, 1) == [{"subscribed": "tides", "number": 1}]
    await publish("tides", "level", {"values": {"m": 2}})
    await publish("tides", "level", {"values": {"salt": 8}})
    told = await heard(socket, 1)
    if told[0]["number"] < 3:  # the first was looked at before the second came
        told = await heard(socket, 1)
    assert told[0]["payload"] == {"values": {"salt": 8}}
    for salt in range(9, 12):
        await publish("tides", "level", {"values": {"salt": salt}})
    told = []
    while not told or told[-1]["number"] < 6:
        told += await heard(socket, 1)
    assert sum(each["merged"] for each in told) == 3
    assert told[-1]["payload"] == {"values": {"salt": 11}}
    await socket.disconnect()


async def test_a_wish_that_cannot_be_met_is_refused_with_the_reason(monkeypatch):
    socket = await signed_in()
    await socket.send_json_to({"subscribe": [{"stream": "tides", "only": ["m"]}]})
    [answer] = await heard(socket, 1)
    assert answer == {"refused": "tides", "detail": "of tides there is nothing to choose"}
    monkeypatch.setitem(streams._parts, "tides", "values")
    await socket.send_json_to({"subscribe": [{"stream": "tides", "every_s": -1}]})
    [answer] = await heard(socket, 1)
    assert answer["refused"] == "tides"
    assert "every_s" in answer["detail"]
    await socket.disconnect()


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"after": "41"}, "after is the number of an event"),
        ({"after": True}, "after is"),
        ({"after": -1}, "after is"),
        ({"after": 2**63}, "after is"),
        ({"every": 2}, "every is not known; known are stream, after, only, every_s"),
    ],
)
async def test_a_subscription_that_says_something_else_is_refused(told, why):
    socket = await signed_in()
    await socket.send_json_to({"subscribe": [{"stream": "tides", **told}]})
    [answer] = await heard(socket, 1)
    assert answer["refused"] == "tides"
    assert why in answer["detail"]
    await socket.disconnect()


@pytest.mark.parametrize("name", ["tides:\0", "tides:" + "x" * 95])
async def test_a_name_that_no_stream_has_is_refused_and_harms_nobody(name):
    other, socket = await signed_in(), await signed_in()
    await other.send_json_to({"subscribe": [{"stream": "tides"}]})
    await heard(other, 1)
    await socket.send_json_to({"subscribe": [{"stream": name}]})
    assert await heard(socket, 1) == [{"refused": name[:100]}]

    await publish("tides", "high", {"m": 3.1})
    assert [m["number"] for m in await heard(other, 1)] == [1]
    await socket.disconnect()
    await other.disconnect()


async def test_a_watcher_that_could_not_be_told_the_number_is_let_go(monkeypatch):
    async def away(names):
        raise OperationalError("the database is away")

    found, woken = hub.Hub(), asyncio.Event()
    monkeypatch.setattr(hub, "_newest", away)
    with pytest.raises(OperationalError):
        await found.watch("tides", woken)
    assert found._watchers == {}


async def test_a_number_that_was_never_given_is_a_gap():
    await publish("tides", "low", {"m": 0.4})
    socket = await signed_in()
    await socket.send_json_to({"subscribe": [{"stream": "tides", "after": 99}]})
    assert await heard(socket, 2) == [
        {"subscribed": "tides", "number": 1},
        {"gap": {"stream": "tides", "first": 1, "last": 1}},
    ]
    await publish("tides", "high", {"m": 3.1})
    assert [m["number"] for m in await heard(socket, 1)] == [2]
    await socket.disconnect()


async def test_many_watchers_see_every_event_once():
    sockets = [await signed_in() for _ in range(5)]
    for socket in sockets:
        await socket.send_json_to({"subscribe": [{"stream": "tides", "after": None}]})
        await heard(socket, 1)

    await asyncio.gather(*(publish("tides", "level", {"n": n}) for n in range(20)))

    for socket in sockets:
        assert [m["number"] for m in await heard(socket, 20)] == list(range(1, 21))
        await socket.disconnect()


async def test_a_stranger_is_refused_the_stream():
    socket = await signed_in(role="customer")

    await socket.send_json_to({"subscribe": [{"stream": "tides"}, {"stream": "no-such-stream"}]})

    assert await heard(socket, 2) == [{"refused": "tides"}, {"refused": "no-such-stream"}]
    await socket.disconnect()


async def test_nobody_in_particular_is_sent_away():
    socket = socket_to(AnonymousUser())
    await socket.connect()

    assert (await socket.receive_output(timeout=30))["code"] == 4401


@pytest.mark.parametrize(
    "nonsense", ["[1]", '{"subscribe": 7}', "not json", '{"subscribe": [1]}', "", b"\x00\x01"]
)
async def test_nonsense_closes_the_link(nonsense):
    socket = await signed_in()

    key = "bytes" if isinstance(nonsense, bytes) else "text"
    await socket.send_input({"type": "websocket.receive", key: nonsense})

    while (output := await socket.receive_output(timeout=30))["type"] != "websocket.close":
        assert "heartbeat" in output["text"]
    assert output["code"] == 4400


async def test_heartbeats_carry_mission_time(monkeypatch):
    monkeypatch.setattr(consumer, "HEARTBEAT_S", 0.05)
    socket = await signed_in()

    beats = [await socket.receive_json_from(timeout=30) for _ in range(3)]

    assert all(set(beat) == {"heartbeat", "rate", "paused", "simulated"} for beat in beats)
    assert beats[0]["heartbeat"] < beats[1]["heartbeat"] < beats[2]["heartbeat"]
    await socket.disconnect()


async def test_a_database_that_is_away_ends_no_link(monkeypatch):
    monkeypatch.setattr(consumer, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(consumer, "AGAIN_S", 0.05)
    read, reads = consumer._clock_reading, []

    async def away_at_times():
        reads.append(None)
        if len(reads) in (2, 3):
            raise OperationalError("the database system is starting up")
        return await read()

    monkeypatch.setattr(consumer, "_clock_reading", away_at_times)
    socket = await signed_in()

    for _ in range(4):
        assert "heartbeat" in await socket.receive_json_from(timeout=30)
    assert len(reads) >= 6
    await socket.disconnect()


async def test_a_link_that_cannot_go_on_is_closed_so_that_the_page_makes_another(monkeypatch):
    async def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(consumer, "_clock_reading", broken)
    socket = await signed_in()

    output = await socket.receive_output(timeout=30)

    assert (output["type"], output["code"]) == ("websocket.close", 1011)
