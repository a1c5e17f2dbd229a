"""A span decoded anew: nothing changes until all of it is done, and nothing is missing then."""

import hashlib
import random
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse
from rest_framework.test import APIClient

from ops import errors
from telemetry import definitions, tasks, times
from telemetry.archive import compaction, reading
from telemetry.models import Latest, Packet, Replay, ReplayPart, Rollup, Segment
from telemetry.models_definitions import DefinitionFile
from telemetry.models_replays import ReplayState
from telemetry.onboard import DownlinkChannel
from telemetry.replays import asking, generations, running, settling
from tests.factories import NOON, make_organisation, make_user

pytestmark = pytest.mark.usefixtures("no_handlers")
HOUR = timedelta(hours=1)


def charges(contact, name="battery_charge"):
    found = reading.read(contact.satellite_id, "HK_PLATFORM", {name}, first_ns=0, end_ns=2**62)
    if found is None:
        return {}
    return dict(zip(found.generated_ns.tolist(), found.columns[name].raw.tolist(), strict=True))


@pytest.fixture
def sent(contact, board, heard):
    """Forty packets, one every minute, and a status; five of them are still missing."""
    packets = [board.platform(charge=n / 100, at=NOON + timedelta(minutes=n)) for n in range(40)]
    heard.receive(board.frames([*packets[:10], *packets[15:], board.status()]))
    return packets


@pytest.fixture
def in_percent(contact):
    """A definition that gives the battery's charge in percent, as a corrected one would."""
    text = (definitions._FOLDER / "scs.xml").read_bytes()
    changed = text.replace(b'"1e-4"', b'"1e-2"')
    return DefinitionFile.objects.create(
        id=uuid4(),
        name="corrected",
        digest=hashlib.sha256(changed).hexdigest(),
        xtce=changed,
        summary={},
        organisation=contact.organisation,
        uploaded_by="somebody",
        uploaded_at=NOON,
    ).pk


def begin(contact, *, first=NOON + 5 * timedelta(minutes=1), end=NOON + HOUR / 2, **details):
    wanted = {
        "replay_id": uuid4(),
        "organisation": contact.organisation,
        "satellites": [contact.satellite],
        "first_at": first,
        "end_at": end,
        "definition": None,
        "asked_by": "somebody",
        "now": NOON,
        **details,
    }
    return asking.begin(**wanted)[0]


def run(replay):
    (part,) = replay.parts.all()
    steps = 1
    while running.run(part.pk, now=NOON):
        steps += 1
    replay.refresh_from_db()
    part.refresh_from_db()
    return part, steps


def values(contact):
    found = reading.read(
        contact.satellite_id, "HK_PLATFORM", {"battery_charge"}, first_ns=0, end_ns=2**62
    )
    at = [times.from_ns(ns) for ns in found.generated_ns.tolist()]
    return dict(zip(at, found.columns["battery_charge"].value.tolist(), strict=True))


def test_readers_change_over_at_once_when_all_is_done(contact, sent, in_percent, monkeypatch):
    monkeypatch.setattr(running, "STEP_PACKETS", 7)
    before, raw = values(contact), charges(contact)
    old = set(Segment.objects.values_list("pk", flat=True))
    replay = begin(contact, definition=in_percent)
    (part,) = replay.parts.all()
    while running.step(part.pk):
        assert values(contact) == before
    asking.complete_if_done(replay.pk, now=NOON)

    after = values(contact)
    assert charges(contact) == raw
    for at, value in after.items():
        inside = NOON + timedelta(minutes=5) <= at < NOON + HOUR / 2
        assert value == pytest.approx(before[at] * (100 if inside else 1))
    part.refresh_from_db()
    assert (part.packets, part.samples, part.generation) == (20, 20, 2)
    assert old <= set(Segment.objects.values_list("pk", flat=True))


def test_a_step_that_is_killed_is_done_again(contact, sent, monkeypatch):
    monkeypatch.setattr(running, "STEP_PACKETS", 6)
    replay = begin(contact)
    (part,) = replay.parts.all()
    for _ in range(3):
        running.step(part.pk)
    with monkeypatch.context() as patch:

        def die(*arguments):
            raise KeyboardInterrupt

        patch.setattr(running, "_next_apid", die)
        patch.setattr(running, "STEP_PACKETS", 100)
        with pytest.raises(KeyboardInterrupt):
            running.step(part.pk)
    part, _ = run(replay)
    assert part.packets == 20
    rows = Segment.objects.filter(generation=2)
    assert sum(row.count for row in rows if row.group == "HK_PLATFORM") == 20


def test_what_comes_down_late_is_in_the_replay_too(contact, sent, board, heard, monkeypatch):
    monkeypatch.setattr(running, "STEP_PACKETS", 4)
    replay = begin(contact)
    (part,) = replay.parts.all()
    for _ in range(4):
        running.step(part.pk)
    heard.receive(board.frames(sent[10:12], DownlinkChannel.PLAYBACK))
    part, _ = run(replay)
    assert replay.state == ReplayState.COMPLETE
    heard.receive(board.frames(sent[12:14], DownlinkChannel.PLAYBACK))

    here = {packet: NOON + timedelta(minutes=n) for n, packet in enumerate(sent)}
    held = {bytes(data) for data in Packet.objects.filter(apid=0x10).values_list("data", flat=True)}
    assert set(values(contact)) == {at for packet, at in here.items() if packet in held}
    part.refresh_from_db()
    assert part.packets == 24


def test_a_replay_may_be_dropped_and_cancelled(contact, sent, in_percent):
    before = values(contact)
    done = begin(contact, definition=in_percent)
    run(done)
    assert values(contact) != before
    asking.drop(replay_id=done.pk, now=NOON)
    assert values(contact) == before

    other = begin(contact)
    (part,) = other.parts.all()
    assert part.generation == 3
    running.step(part.pk)
    running.step(part.pk)
    assert asking.cancel(replay_id=other.pk, now=NOON).state == ReplayState.CANCELLED
    assert not running.run(part.pk, now=NOON)
    while running.sweep():
        pass
    assert set(Segment.objects.values_list("generation", flat=True)) == {1}
    with pytest.raises(asking.ReplayIsOver):
        asking.cancel(replay_id=done.pk, now=NOON)


def test_of_two_replays_the_newer_is_read_where_they_meet():
    found = generations.layered((0, 100), [(40, 60, 3), (20, 50, 2)])
    assert found == [(0, 20, 1), (20, 40, 2), (40, 60, 3), (60, 100, 1)]


def test_beginning_again_changes_nothing_and_other_words_are_refused(contact, sent):
    wanted = {"replay_id": uuid4()}
    first = begin(contact, **wanted)
    assert begin(contact, **wanted) == first
    assert ReplayPart.objects.count() == 1
    with pytest.raises(errors.IdReused):
        begin(contact, end=NOON + HOUR, **wanted)
    with pytest.raises(asking.CannotReplay):
        begin(contact, end=NOON - HOUR)


def test_beat_goes_on_with_replays(contact, sent, monkeypatch):
    queued = []
    monkeypatch.setattr(tasks.replay_part, "delay", queued.append)
    replay = begin(contact)
    tasks.go_on_with_replays()
    (part,) = replay.parts.all()
    assert queued == [part.pk]
    tasks.replay_part(part.pk)
    replay.refresh_from_db()
    assert replay.state == ReplayState.COMPLETE
    queued.clear()
    tasks.go_on_with_replays()
    assert queued == []


def test_a_replay_does_not_touch_the_latest_values(contact, sent, in_percent):
    before = Latest.objects.get(parameter="battery_charge").value
    run(begin(contact, end=NOON + HOUR, definition=in_percent))
    assert Latest.objects.get(parameter="battery_charge").value == before


def test_replays_over_http(contact, sent, client):
    api = APIClient()
    user = make_user(role="operator", organisation=make_organisation(operates_fleet=True))
    url = f"/api/v1/replays/{uuid4()}"
    wanted = {
        "satellites": [contact.satellite.code],
        "from": "2026-08-22T12:00:00Z",
        "to": "2026-08-22T13:00:00Z",
    }
    assert api.put(url, wanted, format="json").status_code == 401
    for role, status in (("customer", 403), ("viewer", 403)):
        api.force_authenticate(make_user(role=role, organisation=user.organisation))
        assert api.put(url, wanted, format="json").status_code == status
    api.force_authenticate(user)
    assert api.put(url, wanted, format="json").status_code == 201
    assert api.put(url, wanted, format="json").status_code == 200
    for wrong in (
        wanted | {"satellites": ["NOBODY"]},
        wanted | {"profile": "x"},
        wanted | {"definition": str(uuid4())},
        wanted | {"to": "2026-08-22T11:00:00Z"},
        {"satellites": wanted["satellites"]},
    ):
        assert api.put(f"/api/v1/replays/{uuid4()}", wrong, format="json").status_code == 400
    assert api.put(url, wanted | {"to": "2026-08-22T14:00:00Z"}, format="json").status_code == 422

    run(Replay.objects.get())
    (part,) = api.get(url).json()["parts"]
    assert (part["progress"], part["packets"], part["done"]) == (1.0, 36, True)
    assert [row["state"] for row in api.get("/api/v1/replays").json()["results"]] == ["complete"]
    assert api.post(f"{url}/cancel").status_code == 409
    client.force_login(user)
    assert contact.satellite.code in client.get(reverse("replays")).content.decode()
    assert api.delete(url).json()["state"] == "dropped"
    form = {"satellites": "NOBODY", "first_at": "2026-08-22 12:00", "end_at": "2026-08-22 13:00"}
    assert client.post(reverse("begin-replay"), form).status_code == 400
    form["satellites"] = contact.satellite.code
    assert client.post(reverse("begin-replay"), form).status_code == 302
    assert Replay.objects.count() == 2


# --- Made final -----------------------------------------------------------------------------


def erase():
    while settling.clear():
        pass


def generations_of(model):
    return set(model.objects.filter(group="HK_PLATFORM").values_list("generation", flat=True))


def test_what_a_settled_replay_hides_is_erased_and_what_is_read_stays(contact, sent, in_percent):
    """A segment that reaches out of the span holds what is read beside it."""
    compaction.compact(shortest=1)
    replay = begin(contact, first=NOON - HOUR, end=NOON + HOUR, definition=in_percent)
    part_of_it = begin(contact, definition=in_percent)
    run(part_of_it)
    run(replay)
    compaction.compact(shortest=1)
    before = values(contact)
    assert generations_of(Segment) == generations_of(Rollup) == {1, 2, 3}

    erase()
    assert generations_of(Segment) == {1, 2, 3}  # nobody settled anything
    settling.settle(replay_id=part_of_it.pk, now=NOON)
    erase()
    assert values(contact) == before
    assert generations_of(Segment) == {1, 2, 3}  # generation 1 reaches out of it


def test_a_settled_replay_over_all_of_it_leaves_nothing_else(
    contact, sent, in_percent, board, heard
):
    compaction.compact(shortest=1)
    replay = begin(contact, first=NOON - HOUR, end=NOON + HOUR, definition=in_percent)
    run(replay)
    compaction.compact(shortest=1)
    before = values(contact)
    settling.settle(replay_id=replay.pk, now=NOON)
    erase()
    assert values(contact) == before
    assert generations_of(Segment) == generations_of(Rollup) == {2}
    assert replay.parts.get().cleared

    heard.receive(board.frames(sent[10:12], DownlinkChannel.PLAYBACK))
    assert generations_of(Segment) == {1, 2}
    assert len(values(contact)) == len(before) + 2
    erase()
    assert generations_of(Segment) == {2}
    assert len(values(contact)) == len(before) + 2


def test_a_settled_replay_cannot_be_dropped_and_others_cannot_be_settled(contact, sent):
    replay = begin(contact)
    with pytest.raises(asking.ReplayIsOver, match="running"):
        settling.settle(replay_id=replay.pk, now=NOON)
    run(replay)
    first = settling.settle(replay_id=replay.pk, now=NOON)
    assert settling.settle(replay_id=replay.pk, now=NOON + HOUR).settled_at == first.settled_at
    with pytest.raises(asking.ReplayIsOver, match="erased"):
        asking.drop(replay_id=replay.pk, now=NOON)


def test_beat_settles_what_was_complete_for_long_and_left_nothing_unread(contact, sent, settings):
    settings.ZENITH_KEEP_DAYS = {"superseded": 30}
    replay, doubtful = begin(contact), begin(contact)
    run(replay)
    run(doubtful)
    doubtful.parts.update(unread=1)
    day = timedelta(days=1)
    assert settling.settle_old(now=NOON + 29 * day) == 0
    assert settling.settle_old(now=NOON + 31 * day) == 1
    settings.ZENITH_KEEP_DAYS = {}
    assert settling.settle_old(now=NOON + 99 * day) == 0
    replay.refresh_from_db()
    doubtful.refresh_from_db()
    assert replay.settled_at == NOON + 31 * day
    assert doubtful.settled_at is None


def in_sql(contact, *more):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generated_at, value FROM telemetry_samples(%s, 'battery_charge', %s, %s"
            + (", %s)" if more else ")"),
            [contact.satellite.code, NOON - HOUR, NOON + 2 * HOUR, *more],
        )
        return dict(cursor.fetchall())


def test_sql_reads_of_each_span_what_holds(contact, sent, in_percent):
    minute = timedelta(minutes=1)
    first = in_sql(contact)
    assert first == pytest.approx(values(contact))
    run(begin(contact, definition=in_percent))
    run(begin(contact, first=NOON + 20 * minute, end=NOON + 25 * minute))
    assert in_sql(contact) == pytest.approx(values(contact))
    assert in_sql(contact) != first
    assert in_sql(contact, 1) == first
    assert len(in_sql(contact, 3)) == 5


def test_sql_layers_replays_as_readers_do(contact):
    chance = random.Random(4)
    for _ in range(12):
        start = chance.randrange(0, 50)
        replay = begin(
            contact,
            first=NOON + timedelta(minutes=start),
            end=NOON + timedelta(minutes=start + chance.randrange(1, 20)),
        )
        if chance.random() < 0.8:
            Replay.objects.filter(pk=replay.pk).update(state=ReplayState.COMPLETE)
    first_ns, end_ns = times.to_ns(NOON + HOUR / 6), times.to_ns(NOON + HOUR)
    with connection.cursor() as cursor:
        asked = [contact.satellite_id, first_ns, end_ns]
        cursor.execute("SELECT * FROM telemetry_pieces(%s, %s, %s) ORDER BY 1", asked)
        found = cursor.fetchall()
    assert _merged(found) == _merged(generations.pieces(*asked))


def _merged(pieces):
    """Return pieces with neighbours of one generation joined."""
    whole = []
    for first, end, generation in pieces:
        if whole and whole[-1][1:] == [first, generation]:
            whole[-1][1] = end
        else:
            whole.append([first, end, generation])
    return whole
