"""Parts of a satellite by themselves: housekeeping, recorder, store, runtimes."""

import asyncio
import hashlib
import json
import os
from itertools import pairwise

import numpy as np
import pytest

from constellation.simulator import fleet, journal, space
from constellation.simulator.board import housekeeping
from constellation.simulator.recorder import Recorder, serial_of
from constellation.simulator.runtimes import Question, RuntimeFailed, Usage
from constellation.simulator.runtimes.remote import Remote
from constellation.simulator.store import Holdings, Store
from telemetry import onboard
from telemetry.onboard import Apid

NOON_S = 1_787_400_000.0


def days_of_housekeeping(seed: int, *, step_s: float = 10.0, count: int = 1_200) -> list:
    """Return (condition, light) of SCS-01-M over 200 minutes."""
    around = space.Space(fleet.load(None), seed)
    at_s = NOON_S + step_s * np.arange(1, count + 1)
    condition = housekeeping.Condition(at_s=NOON_S)
    lights = around.light("SCS-01-M", at_s).tolist()
    activity, story = housekeeping.Activity(boot_s=NOON_S), []
    for at, light in zip(at_s.tolist(), lights, strict=True):
        drawn = housekeeping.draws(seed, "SCS-01-M", at)
        condition = housekeeping.step(condition, at, light=light, activity=activity, drawn=drawn)
        story.append((condition, light))
    return story


def test_batteries_and_panels_follow_the_eclipses():
    story = days_of_housekeeping(1)
    assert {light for _, light in story} >= {0, 2}
    for (before, _), (after, light) in pairwise(story):
        if light == 0:
            assert after.charge < before.charge
            assert after.panel_c < before.panel_c
        elif light == 2:
            assert after.charge >= before.charge
            assert after.panel_c > before.panel_c
    assert min(one.charge for one, _ in story) > 0.5


def test_one_seed_tells_one_story():
    assert days_of_housekeeping(3, count=100) == days_of_housekeeping(3, count=100)


def test_housekeeping_fits_its_layouts_at_the_extremes():
    around = housekeeping.Activity(
        boot_s=NOON_S - 1e7,
        in_contact=True,
        active="ab" * 32,
        model_bytes=10**12,
        tokens_per_s=1e6,
        queued=10**6,
        running=1,
        neighbours=range(2, 10),
    )
    for charge in (0.05, 1.0):
        for light in (0, 1, 2):
            condition = housekeeping.Condition(at_s=NOON_S, charge=charge)
            drawn = housekeeping.draws(1, "A", NOON_S)
            made = housekeeping.packets(condition, light=light, activity=around, drawn=drawn)
            sizes = {apid: len(payload) for apid, _, payload in made}
            assert sizes == {
                Apid.HK_PLATFORM: onboard.HK_PLATFORM_LAYOUT.size,
                Apid.HK_COMPUTE: onboard.HK_COMPUTE_LAYOUT.size,
                Apid.HK_LINK: onboard.HK_LINK_LAYOUT.size + 2 * 8,
            }


def test_laser_links_are_the_same_from_both_ends_and_within_the_terminals():
    known = fleet.load(None)
    around = space.Space(known, 1)
    linked = {code: around.neighbours(code, NOON_S) for code in known.satellites}
    assert linked["SCS-01-A"]
    assert not linked["STARCLOUD-1"]  # no terminals
    for code, others in linked.items():
        assert len(others) <= known.satellites[code].isl_terminals
        assert all(code in linked[other] for other in others)


def test_a_journal_outlives_a_kill_at_any_byte(tmp_path):
    whole = tmp_path / "whole"
    written = journal.Journal(whole)
    records = [os.urandom(n) for n in (0, 1, 50, 300)]
    for record in records:
        written.append(record)
    content = whole.read_bytes()
    for length in range(len(content) + 1):
        torn = tmp_path / "torn"
        torn.write_bytes(content[:length])
        opened = journal.Journal(torn)
        assert opened.records == records[: len(opened.records)]
        opened.append(b"after")
        assert journal.load(torn) == [*opened.records, b"after"]


def test_a_recorder_lets_go_only_of_what_was_released(tmp_path):
    recorder = Recorder(tmp_path, volume_if_new=77)
    made = [
        packet
        for _ in range(40)
        for packet in recorder.record_all(
            [(Apid.EVENT_REPORT, round(NOON_S * 1e9), bytes(3_000)) for _ in range(20)]
        )
    ]
    assert [serial_of(packet) for packet in made] == list(range(800))
    assert len(list(tmp_path.glob("*.segment"))) > 2
    recorder.release(500)

    again = Recorder(tmp_path, volume_if_new=78)
    assert (again.volume, again.oldest_serial, again.next_serial) == (77, 500, 800)
    assert again.packet(499) is None
    assert [again.packet(serial) for serial in range(500, 800)] == made[500:]
    assert len(again.manifest(sent_only=False)) == 800
    assert again.manifest() == []
    # The sequence count of the APID goes on too.
    following = again.record(Apid.EVENT_REPORT, 0, b"x")
    assert int.from_bytes(following[2:4]) & 0x3FFF == 800


def test_a_recorder_killed_between_packet_and_account_makes_the_account_good(tmp_path):
    recorder = Recorder(tmp_path, volume_if_new=1)
    for _ in range(5):
        recorder.record(Apid.EVENT_REPORT, 0, b"text")
    expected = recorder.manifest(sent_only=False)
    path = tmp_path / "manifest.bin"
    path.write_bytes(path.read_bytes()[:-25])
    assert Recorder(tmp_path, volume_if_new=2).manifest(sent_only=False) == expected


def test_satellites_hold_bits_and_the_fleet_holds_the_bytes_once(tmp_path):
    store = Store(tmp_path / "store")
    content = os.urandom(5_000)
    sha = hashlib.sha256(content).hexdigest()
    for n in range(50):
        received = tmp_path / "received"
        received.write_bytes(content)
        held = Holdings(tmp_path / f"{n}.bitmap", store)
        held.add(store.add_pack(received, sha))
    assert sum(path.stat().st_size for path in (tmp_path / "store" / "packs").rglob(sha)) == 5_000
    assert (tmp_path / "7.bitmap").stat().st_size == 1
    again = Holdings(tmp_path / "7.bitmap", Store(tmp_path / "store"))
    assert sha in again
    assert (again.count, again.size) == (1, 5_000)
    again.remove(sha)
    assert sha not in Holdings(tmp_path / "7.bitmap", Store(tmp_path / "store"))


@pytest.fixture
async def openai_server():
    """A server of the OpenAI wire format, as small as it can be; yields its URL."""
    asked = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        asked.append(json.loads(await reader.readexactly(length)))
        status = b"200 OK" if asked[-1]["model"] == "known" else b"404 Not Found"
        pieces = [{"choices": [{"delta": {"content": text}}]} for text in ("Hot", ", very.")]
        pieces.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        pieces.append({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}})
        body = b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces)
        body += b"data: [DONE]\n\n"
        writer.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", asked
    server.close()


async def test_an_openai_compatible_server_answers_by_url(openai_server):
    url, asked = openai_server
    runtime = Remote(url, "known")
    question = Question([{"role": "user", "content": "How hot?"}], 20, 0.5, 3)
    pieces = [piece async for piece in runtime.answer(question)]
    await runtime.close()
    assert pieces == ["Hot", ", very.", Usage(9, 3, "stop")]
    assert asked[0]["messages"] == question.messages
    assert (asked[0]["max_tokens"], asked[0]["temperature"], asked[0]["seed"]) == (20, 0.5, 3)


async def test_a_server_that_refuses_or_is_away_is_a_failure_with_its_reason(openai_server):
    url, _ = openai_server
    question = Question([{"role": "user", "content": "How hot?"}], 20, 0.5, 3)
    for runtime, reason in (
        (Remote(url, "unknown"), "answered 404"),
        (Remote("http://127.0.0.1:9/v1", "known"), "ConnectError"),
    ):
        with pytest.raises(RuntimeFailed, match=reason):
            _ = [piece async for piece in runtime.answer(question)]
        await runtime.close()
