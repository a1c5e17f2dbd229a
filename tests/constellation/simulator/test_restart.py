"""SIGKILL at any moment, then a start on the same folder: nothing is lost, nothing contradicted."""

import hashlib
import os
import time

import pytest

from constellation.stations import control
from telemetry import onboard
from telemetry.onboard import Apid, Opcode, Slot, StoreEvent
from tests.constellation.simulator import flight
from tests.constellation.simulator.test_uplink import ECHO, load, put_in_service, store_events

SLOW = b'ZENITH-ECHO\n{"delay_s": 0.05, "words": 60}\nsalt'


def merged(*grounds) -> dict[tuple[int, int], bytes]:
    """Unite what several contacts brought down; the same serial must be the same bytes."""
    united: dict[tuple[int, int], bytes] = {}
    for ground in grounds:
        for key, packet in ground.packets.items():
            assert united.setdefault(key, packet) == packet
    return united


async def test_a_contact_goes_on_after_a_kill_with_its_account_intact(simulator, fly):
    before = await fly(contact_id="one", fencing=1)
    before.acknowledges = False
    await before.until(lambda: len(before.payloads(Apid.HK_PLATFORM)) >= 2)
    simulator.kill()
    await before.until(lambda: before.link.room >= 0)
    simulator.start()

    after = await fly(contact_id="one", fencing=2)
    await after.until(lambda: len(after.payloads(Apid.HK_PLATFORM)) >= 3)

    assert after.link.resumed
    assert after.numbers == list(range(1, len(after.numbers) + 1))
    assert set(before.packets) <= set(after.packets)
    merged(before, after)
    await after.close()
    assert control.report(simulator.control, "one")["down_frames"] >= after.frames


async def test_the_recorder_has_its_packets_after_a_kill(simulator, fly):
    before = await fly()
    await before.until(lambda: len(before.payloads(Apid.HK_PLATFORM)) >= 2)
    simulator.kill()
    simulator.start()
    after = await fly(contact_id="two")
    (volume, last) = max(before.packets)

    await after.until(lambda: after.packets)
    await after.send(Apid.GAP_REQUEST, onboard.encode_gap_request(volume, [(0, last)]))
    await after.until(lambda: all((volume, n) in after.packets for n in range(last + 1)))

    merged(before, after)
    await after.close()
    rows = control.manifest(simulator.control, flight.SATELLITE)
    assert set(after.packets) <= {(row[0], row[2]) for row in rows}
    assert {row[1] for row in rows} == {1, 2}  # boots


async def test_a_file_goes_on_from_what_was_received_before_a_kill(simulator, fly):
    content = os.urandom(6_000_000)
    sha = hashlib.sha256(content).hexdigest()
    before = await fly(contact_id="one", fencing=1)
    sender = before.sender(f"pack/{sha}", content, 1)
    parts = simulator.root / "satellites" / flight.SATELLITE / "incoming"
    half = parts / "1-1.part"
    await before.drive(sender, lambda: half.exists() and half.stat().st_size > 4_500_000)
    simulator.kill()
    await before.leave()
    sender.freeze(time.monotonic())
    simulator.start()

    after = await fly(contact_id="one", fencing=2)
    sender.resume(time.monotonic())
    await after.drive(sender, lambda: sender.state.is_over)

    assert sender.state == "finished"
    await after.until(lambda: not half.exists())
    assert (simulator.root / "packs" / sha[:2] / sha).read_bytes() == content
    # Nothing that the satellite had taken in was sent again; at most the burst in which it was
    # killed, which is no longer than what the link carries in the driver's window.
    on_board = control.satellite(simulator.control, flight.SATELLITE)
    assert on_board["file_bytes_repeated"] == 0
    again = after.link.status.radiated_frames - after.radiated_before
    missing = (len(content) - 4_500_000) // onboard.FILE_SEGMENT_BYTES
    assert again < missing + after.link.window_frames


async def test_a_running_answer_goes_on_after_a_kill_word_for_word(simulator, fly):
    before = await fly(contact_id="one", fencing=1)
    sha = await put_in_service(before, SLOW)
    query_id = await before.ask("tell me", max_tokens=100)
    await before.until(lambda: len(before.segments(query_id)) > 6)
    simulator.kill()
    await before.leave()
    simulator.start()

    after = await fly(contact_id="one", fencing=2)
    await after.answer(query_id)

    after.packets = merged(before, after)
    text, end, digest = await after.answer(query_id)
    words = ["echo", sha[:12], "tell", "me", *(f"w{n}" for n in range(60))]
    assert text.split() == words
    assert digest == sha
    assert end["completion_tokens"] == len(words)
    numbers = [onboard.Tokens.decode(one).number for one in after.payloads(Apid.TOKENS)]
    assert len(numbers) == len(set(numbers))  # no segment was given out twice


async def test_slots_counters_and_refusals_outlive_a_kill(simulator, fly):
    before = await fly()
    sha = await put_in_service(before, ECHO + b"salt")
    simulator.kill()
    simulator.start()
    after = await fly(contact_id="two")

    replayed = await after.obeyed(Opcode.NO_OP, b"", counter=2)
    assert replayed[:2] == ("REFUSED", "REPLAYED")
    assert control.satellite(simulator.control, flight.SATELLITE)["active"] == sha
    text, _, digest = await after.answer(await after.ask("still there?"))
    assert digest == sha
    assert text.startswith(f"echo {sha[:12]}")


async def test_an_instant_is_kept_by_the_satellites_own_clock_over_a_kill(simulator, fly):
    ground = await fly()
    old = await put_in_service(ground, ECHO + b"old")
    new = await ground.send_artefact(ECHO + b"new", number=10)
    await ground.until(lambda: ("ARTEFACT_VERIFIED", new) in store_events(ground))
    loaded = await ground.obeyed(Opcode.LOAD_SLOT, load(Slot.B, new), counter=3)
    assert loaded[0] == "COMPLETED", loaded

    def at(seconds):
        mission_s = time.time() + simulator.started["mission"] - began_s + seconds
        return onboard.SLOT_AT_LAYOUT.pack(Slot.B, round(mission_s * 1e9), 0, 15_000, 0)

    began_s = time.time()
    mission = control.status(simulator.control)["mission"]
    simulator.started["mission"] = mission
    late = await ground.obeyed(Opcode.ACTIVATE_SLOT_AT, at(-1), counter=4)
    assert late[:2] == ("FAILED", "BAD_ARGUMENTS")
    empty = onboard.SLOT_AT_LAYOUT.pack(Slot.A, 2**62, 0, 15_000, 0)
    assert (await ground.obeyed(Opcode.ACTIVATE_SLOT_AT, empty, counter=5))[0] == "COMPLETED"
    called_off = await ground.obeyed(Opcode.CALL_OFF_ACTIVATION, b"", counter=6)
    assert called_off[0] == "COMPLETED"
    armed = await ground.obeyed(Opcode.ACTIVATE_SLOT_AT, at(4), counter=7)
    assert armed[0] == "COMPLETED", armed
    assert control.satellite(simulator.control, flight.SATELLITE)["active"] == old
    await ground.leave()
    simulator.kill()
    simulator.start()  # no contact is open when the instant comes
    deadline = time.monotonic() + 30
    while control.satellite(simulator.control, flight.SATELLITE)["active"] != new:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    after = await fly(contact_id="two")
    _, _, digest = await after.answer(await after.ask("who are you?"))
    assert digest == new


HELD = {
    "the battery is at 20 %": (5_000, 15_000, 0),
    "the accelerator has": (0, -5_000, 0),
    "1 question is being answered": (0, 15_000, 0),
}


@pytest.mark.parametrize("why", HELD)
async def test_at_the_instant_the_satellite_looks_at_its_window_itself(simulator, fly, why):
    ground = await fly()
    slow = b'ZENITH-ECHO\n{"delay_s": 0.4, "words": 20}\n'
    old = await put_in_service(ground, slow + b"old")
    new = await ground.send_artefact(slow + b"new", number=10)
    await ground.until(lambda: ("ARTEFACT_VERIFIED", new) in store_events(ground))
    loaded = await ground.obeyed(Opcode.LOAD_SLOT, load(Slot.B, new), counter=3)
    assert loaded[0] == "COMPLETED", loaded
    if "battery" in why:
        control.set_troubles(simulator.control, flight.SATELLITE, charge_most=0.2)
        told = len(ground.payloads(Apid.HK_PLATFORM))
        await ground.until(lambda: len(ground.payloads(Apid.HK_PLATFORM)) > told + 1)
    if "question" in why:
        await ground.ask("how hot is it")

    def at(seconds, window):
        mission_s = control.status(simulator.control)["mission"] + seconds
        return onboard.SLOT_AT_LAYOUT.pack(Slot.B, round(mission_s * 1e9), *window)

    armed = await ground.obeyed(Opcode.ACTIVATE_SLOT_AT, at(3, HELD[why]), counter=4)
    assert armed[0] == "COMPLETED", armed
    await ground.until(lambda: ("ACTIVATION_HELD", new) in store_events(ground))
    head = onboard.STORE_REPORT_LAYOUT
    reports = ground.payloads(Apid.STORE_REPORT)
    held = next(one for one in reports if one[0] == StoreEvent.ACTIVATION_HELD)
    assert held[head.size :].decode().startswith(why)
    on_board = control.satellite(simulator.control, flight.SATELLITE)
    assert (on_board["active"], on_board["slots"]["B"]) == (old, ["LOADED", new])
    # It is told once, and the next instant counts for itself.
    if "question" not in why:
        again = await ground.obeyed(Opcode.ACTIVATE_SLOT_AT, at(2, (0, 15_000, 0)), counter=5)
        assert again[0] == "COMPLETED", again
        await ground.until(lambda: ("SLOT_ACTIVATED", new) in store_events(ground))


async def test_a_verified_artefact_is_put_together_even_when_killed_before(simulator, fly):
    ground = await fly()
    content = ECHO + os.urandom(9_000_000)
    sha = hashlib.sha256(content).hexdigest()
    await ground.send_artefact(content, pack_bytes=3_000_000)
    simulator.kill()  # while it is hashed, or just after
    simulator.start()

    ground = await fly(contact_id="two")
    await ground.until(
        lambda: control.satellite(simulator.control, flight.SATELLITE)["artefacts"] == [sha]
    )
    loaded = await ground.obeyed(Opcode.LOAD_SLOT, load(Slot.B, sha), counter=1)
    assert loaded[0] == "COMPLETED"
    assert not [one for one in store_events(ground) if one[0].endswith("REFUSED")]


def test_the_clock_goes_on_from_what_it_was_told(simulator):
    at = time.time()
    for generation, rate in ((5, 20.0), (4, 1.0)):  # the older one changes nothing
        told = control.tell_clock(
            simulator.control,
            wall_anchor=at,
            mission_anchor=1_787_500_000.0,
            rate=rate,
            generation=generation,
        )
        assert told == 5
    simulator.kill()
    simulator.start()

    expected_s = 1_787_500_000.0 + (time.time() - at) * 20.0
    assert abs(simulator.mission_s() - expected_s) < 10.0
