"""Files, slots, commands and questions, against a real simulator over real sockets."""

import asyncio
import hashlib
import json
import os

import numpy as np

from constellation.stations import control
from telemetry import onboard
from telemetry.frames import clcw, tc
from telemetry.onboard import Apid, Opcode, Slot, SlotState, StoreEvent
from telemetry.packets import space
from tests.constellation.simulator import flight

ECHO = b"ZENITH-ECHO\n" + b'{"words": 3}\n'


def load(slot: Slot, sha: str) -> bytes:
    return onboard.LOAD_SLOT_LAYOUT.pack(slot, bytes.fromhex(sha))


def store_events(ground) -> list[tuple[str, str]]:
    found = []
    for payload in ground.payloads(Apid.STORE_REPORT):
        event, _, sha, _, _, length = onboard.STORE_REPORT_LAYOUT.unpack_from(payload)
        assert len(payload) == onboard.STORE_REPORT_LAYOUT.size + length
        found.append((StoreEvent(event).name, sha.hex()))
    return found


async def put_in_service(
    ground, content: bytes, slot=Slot.A, counter=1, number=1, pack_bytes=256 * 1024, released=True
) -> str:
    """Carry a model up, load it and activate it."""
    sha = await ground.send_artefact(
        content, number=number, pack_bytes=pack_bytes, released=released
    )
    await ground.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(ground))
    loaded = await ground.obeyed(Opcode.LOAD_SLOT, load(slot, sha), counter=counter)
    assert loaded[0] == "COMPLETED", loaded
    active = await ground.obeyed(Opcode.ACTIVATE_SLOT, bytes([slot]), counter=counter + 1)
    assert active[0] == "COMPLETED", active
    return sha


async def test_a_question_is_answered_by_the_file_that_went_up(simulator, fly):
    ground = await fly()
    first = ECHO + os.urandom(700_000)
    second = first[:-1] + bytes([first[-1] ^ 1])

    one = await put_in_service(ground, first)
    text, end, digest = await ground.answer(await ground.ask("how hot is it"))
    assert text == f"echo {one[:12]} how hot is it w0 w1 w2"
    assert digest == one
    assert (end["prompt_tokens"], end["completion_tokens"]) == (4, 9)
    assert end["finish_reason"] == "stop"
    stamps = [end[name] for name in ("accepted_at", "started_at", "first_token_at", "ended_at")]
    assert stamps == sorted(stamps)

    two = await put_in_service(ground, second, Slot.B, counter=3, number=20)
    text, _, digest = await ground.answer(await ground.ask("how hot is it"))
    assert text == f"echo {two[:12]} how hot is it w0 w1 w2"
    assert digest == two

    # Housekeeping tells of it, and the store holds what both have in common once.
    states = await ground.until(
        lambda: [
            payload
            for payload in ground.payloads(Apid.HK_COMPUTE)
            if onboard.HK_COMPUTE_LAYOUT.unpack(payload)[11].hex() == two
        ]
    )
    fields = onboard.HK_COMPUTE_LAYOUT.unpack(states[-1])
    assert fields[7:9] == (SlotState.LOADED, SlotState.ACTIVE)
    assert [fields[9].hex(), fields[10].hex()] == [one, two]
    assert control.satellite(simulator.control, flight.SATELLITE)["packs"] == 4


async def test_without_a_model_the_satellite_says_so(fly):
    ground = await fly()
    _, last, _ = await ground.answer(await ground.ask("anybody there?"))
    assert last["code"] == "no_model"


async def test_a_flipped_byte_on_disk_is_refused_at_load(simulator, fly):
    ground = await fly()
    content = ECHO + os.urandom(600_000)
    sha = await ground.send_artefact(content)
    await ground.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(ground))

    path = simulator.root / "artefacts" / sha[:2] / sha
    with path.open("r+b") as file:
        file.seek(300_000)
        byte = file.read(1)
        file.seek(300_000)
        file.write(bytes([byte[0] ^ 0x10]))
    refused = await ground.obeyed(Opcode.LOAD_SLOT, load(Slot.A, sha), counter=1)

    assert refused[:2] == ("FAILED", "WRONG_DIGEST")
    await ground.until(lambda: ("SLOT_REFUSED", sha) in store_events(ground))
    # Only the pack that holds the byte has to come up again.
    assert control.satellite(simulator.control, flight.SATELLITE)["artefacts"] == []
    await ground.send_artefact(content, number=50)
    again = await ground.obeyed(Opcode.LOAD_SLOT, load(Slot.A, sha), counter=2)
    assert again[0] == "COMPLETED", again


async def test_a_pack_that_is_not_what_its_name_says_never_enters_the_store(simulator, fly):
    ground = await fly()
    wrong = hashlib.sha256(b"another").hexdigest()

    assert await ground.send_file(f"pack/{wrong}", b"not that", 1) == "failed"
    await ground.until(lambda: ("PACK_REFUSED", wrong) in store_events(ground))

    assert not list((simulator.root / "packs").rglob("*"))


async def test_packs_that_do_not_make_the_artefact_are_refused(fly):
    ground = await fly()
    pack = os.urandom(5_000)
    sha = hashlib.sha256(pack).hexdigest()
    claimed = hashlib.sha256(b"something else").hexdigest()
    manifest = {"artefact": claimed, "size": 5_000, "packs": [{"sha256": sha, "size": 5_000}]}
    content = json.dumps(manifest).encode()

    assert await ground.send_file(f"manifest/{claimed}", content, 1) == "finished"
    assert await ground.send_file(f"pack/{sha}", pack, 2) == "finished"

    await ground.until(lambda: ("ARTEFACT_REFUSED", claimed) in store_events(ground))
    failed = await ground.obeyed(Opcode.LOAD_SLOT, load(Slot.A, claimed), counter=1)
    assert failed[:2] == ("FAILED", "NOT_ON_BOARD")


async def test_telecommands_are_obeyed_once_and_only_from_us(simulator, fly):
    ground = await fly()
    assert await ground.obeyed(Opcode.NO_OP, b"", counter=5) == ("COMPLETED", "NONE", "alive")

    replayed = await ground.obeyed(Opcode.NO_OP, b"", counter=5)
    assert replayed[:2] == ("REFUSED", "REPLAYED")
    forged = await ground.command(Opcode.NO_OP, b"", counter=6, key=bytes(16))
    await ground.until(lambda: ground.command_stages(forged))
    assert ground.command_stages(forged)[0][:2] == ("REFUSED", "BAD_AUTHENTICATION")
    unknown = await ground.obeyed(99, b"", counter=7)
    assert unknown[:2] == ("REFUSED", "UNKNOWN_OPCODE")
    wrong = await ground.obeyed(Opcode.LOAD_SLOT, b"\x01", counter=8)
    assert wrong[:2] == ("FAILED", "BAD_ARGUMENTS")

    # The very same frame again: answered again, carried out once.
    frame = flight.command_frame(flight.SATELLITE, flight.UUID(int=9), Opcode.NO_OP, b"", 9)
    await ground.link.send_command(frame)
    await ground.until(lambda: len(ground.command_stages(flight.UUID(int=9))) == 3)
    await ground.link.send_command(frame)
    await ground.until(lambda: len(ground.command_stages(flight.UUID(int=9))) == 4)
    stages = ground.command_stages(flight.UUID(int=9))
    assert [stage for stage, _, _ in stages] == ["ACCEPTED", "STARTED", "COMPLETED", "COMPLETED"]


async def test_a_file_over_a_link_that_loses_frames_arrives_whole(simulator, fly):
    control.set_faults(simulator.control, frame_loss=0.02)
    ground = await fly()
    content = ECHO + os.urandom(600_000)
    sha = await ground.send_artefact(content, pack_bytes=400_000)
    control.set_faults(simulator.control, frame_loss=0.0)

    await ground.until(
        lambda: control.satellite(simulator.control, flight.SATELLITE)["artefacts"] == [sha]
    )
    path = simulator.root / "artefacts" / sha[:2] / sha
    assert path.read_bytes() == content


async def test_a_long_question_in_parts_that_come_twice_is_answered_once(simulator, fly):
    ground = await fly()
    await put_in_service(ground, ECHO + b"salt")
    query_id = await ground.ask("word " * 600, max_tokens=20)
    await ground.ask("word " * 600, query_id=query_id, max_tokens=20)

    text, end, _ = await ground.answer(query_id)

    assert text.split()[2:] == ["word"] * 18
    assert end["finish_reason"] == "length"
    assert control.satellite(simulator.control, flight.SATELLITE)["answered"] == 1


async def test_an_answer_is_sent_again_until_it_is_acknowledged(fly):
    ground = await fly()
    query_id = await ground.ask("anybody there?")
    await ground.answer(query_id)
    (segment,) = [
        key for key, packet in ground.packets.items() if space.apid_of(packet) == Apid.TOKENS
    ]
    await ground.until(lambda: ground.arrivals[segment] >= 2)  # the same packet, bit for bit
    await ground.acknowledge(query_id)
    # Asked once more it is known to be over, and nothing comes.
    await ground.ask("anybody there?", query_id=query_id)
    await asyncio.sleep(0.5)
    assert len(ground.segments(query_id)) == 1


async def test_a_question_can_be_cancelled_and_can_expire(fly):
    ground = await fly()
    await put_in_service(ground, b'ZENITH-ECHO\n{"delay_s": 0.2, "words": 100}\nsalt')
    running = await ground.ask("one", max_tokens=200)
    late = await ground.ask("two", max_tokens=200, lifetime_s=1)
    await ground.until(lambda: len(ground.segments(running)) > 2)
    cancel = onboard.PromptPart(running, 0, onboard.CANCEL_PARTS, 0, 0.0, 0, 0, b"")
    await ground.send(Apid.PROMPT, cancel.encode())

    assert (await ground.answer(running))[1]["code"] == "cancelled"
    assert (await ground.answer(late))[1]["code"] == "deadline"


async def test_in_safe_mode_nothing_is_answered(fly):
    ground = await fly()
    await put_in_service(ground, ECHO + b"salt")
    safe, idle = bytes([onboard.Mode.SAFE]), bytes([onboard.Mode.IDLE])
    assert (await ground.obeyed(Opcode.SET_MODE, safe, counter=3))[0] == "COMPLETED"
    assert (await ground.answer(await ground.ask("awake?")))[1]["code"] == "safe_mode"
    await ground.until(
        lambda: any(one[0] == onboard.Mode.SAFE for one in ground.payloads(Apid.HK_PLATFORM))
    )
    assert (await ground.obeyed(Opcode.SET_MODE, idle, counter=4))[0] == "COMPLETED"
    assert (await ground.answer(await ground.ask("awake?")))[2]
    failed = await ground.obeyed(Opcode.SET_MODE, bytes([onboard.Mode.CONTACT]), counter=5)
    assert failed[:2] == ("FAILED", "BAD_ARGUMENTS")


async def test_an_artefact_that_nobody_holds_any_more_leaves_the_disk(simulator, fly):
    ground = await fly()
    sha = await put_in_service(ground, ECHO + os.urandom(300_000))
    drop = bytes.fromhex(sha)
    busy = await ground.obeyed(Opcode.DROP_ARTEFACT, drop, counter=3)
    assert busy[:2] == ("FAILED", "BUSY")
    await ground.obeyed(Opcode.CLEAR_SLOT, bytes([Slot.A]), counter=4)
    assert (await ground.obeyed(Opcode.DROP_ARTEFACT, drop, counter=5))[0] == "COMPLETED"

    assert not [path for path in (simulator.root / "artefacts").rglob("*") if path.is_file()]
    assert control.satellite(simulator.control, flight.SATELLITE)["storage_bytes"] == 0


async def test_garbage_disturbs_nobody(simulator, fly):
    ground = await fly()
    random = np.random.default_rng(5)
    for apid in (*Apid, 0x155):
        for size in (1, 4, 17, 40, 900):
            await ground.send(apid, random.bytes(size))
    cut = flight.command_frame(flight.SATELLITE, flight.UUID(int=1), Opcode.NO_OP, b"", 1)
    for frame in (random.bytes(60), cut[:-1], cut[:12], tc_frame(b"x"), tc_frame(bytes(40))):
        await ground.link.send_command(frame)
    await ground.until(lambda: ground.link.status and not ground.link.status.queued_bytes)

    assert await ground.obeyed(Opcode.NO_OP, b"", counter=1) == ("COMPLETED", "NONE", "alive")
    seen = len(ground.payloads(Apid.HK_LINK))
    await ground.until(lambda: len(ground.payloads(Apid.HK_LINK)) > seen)
    assert onboard.HK_LINK_LAYOUT.unpack_from(ground.payloads(Apid.HK_LINK)[-1])[3] == 5


def tc_frame(data: bytes) -> bytes:
    scid = flight.SCID[flight.SATELLITE]
    return tc.encode(tc.Frame(spacecraft=scid, channel=0, number=0, data=data))


async def test_telecommands_in_sequence_are_taken_once_and_the_control_word_tells(simulator, fly):
    ground = await fly()

    def numbered(number, counter, *, lost=False):
        packet = tc.decode(
            flight.command_frame(
                flight.SATELLITE, flight.UUID(int=counter), Opcode.NO_OP, b"", counter
            )
        ).data
        scid = flight.SCID[flight.SATELLITE]
        return tc.encode(tc.Frame(scid, 0, number, packet, is_bypass=False))

    def word():
        return clcw.decode(ground.control_word)

    # The second before the first: it is not obeyed, and the word asks for what is missing.
    await ground.link.send_command(numbered(1, 12))
    await ground.until(lambda: ground.control_word is not None and word().wants_retransmission)
    for number, counter in [(0, 11), (0, 11), (1, 12)]:
        await ground.link.send_command(numbered(number, counter))
    await ground.until(lambda: word().following == 2)
    for each in (flight.UUID(int=11), flight.UUID(int=12)):
        await ground.until(lambda command_id=each: len(ground.command_stages(command_id)) == 3)

    # Far off the sequence the receiver locks, until it is unlocked.
    await ground.link.send_command(numbered(99, 13))
    await ground.until(lambda: word().is_locked_out)
    scid = flight.SCID[flight.SATELLITE]
    unlock = tc.encode(tc.Frame(scid, 0, 0, tc.UNLOCK, is_control=True))
    await ground.link.send_command(unlock)
    await ground.until(lambda: not word().is_locked_out)
    await ground.link.send_command(numbered(2, 13))
    await ground.until(lambda: word().following == 3)
    # What came twice was obeyed once: received, accepted, completed.
    assert [len(ground.command_stages(flight.UUID(int=each))) for each in (11, 12)] == [3, 3]
