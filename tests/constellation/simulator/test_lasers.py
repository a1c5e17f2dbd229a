"""Packs over laser links, against a real simulator: what one has, its neighbours fetch."""

import hashlib
import json
import os

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from constellation.stations import control
from telemetry import onboard
from telemetry.onboard import Apid, Opcode, Slot
from tests.constellation.simulator import flight
from tests.constellation.simulator.test_uplink import ECHO, load, store_events
from uplink.registry.trust import inventory
from uplink.transfers.spreading import holdings

FIRST, SECOND = "SCS-01-M", "SCS-01-J"
"""A pair that holds a laser link at the start of the default clock; both stand over a station."""
GROUND_ID = onboard.GROUND_ENTITY_ID


def key_of(code: str) -> Ed25519PrivateKey:
    return inventory.key_of(flight.MASTER, code)


def manifest_digest(content: bytes, pack_bytes: int) -> str:
    """The digest of the manifest that `Ground.send_artefact` sends, in the form that travels."""
    packs = [content[at : at + pack_bytes] for at in range(0, len(content), pack_bytes)]
    entries = [{"sha256": hashlib.sha256(one).hexdigest(), "size": len(one)} for one in packs]
    fields = {
        "artefact": hashlib.sha256(content).hexdigest(),
        "packs": entries,
        "size": len(content),
    }
    encoded = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(encoded).hexdigest()


def fetch(content: bytes, *peers: str, pack_bytes: int = 256 * 1024) -> bytes:
    """The arguments of the telecommand to fetch `content` from those satellites."""
    head = onboard.FETCH_LAYOUT.pack(
        hashlib.sha256(content).digest(),
        bytes.fromhex(manifest_digest(content, pack_bytes)),
        len(peers),
    )
    return head + b"".join(flight.ENTITY[peer].to_bytes(2) for peer in peers)


def told_of(ground, code: str) -> list[holdings.Holdings]:
    """What came down of a satellite's holdings, whoever brought it; each must be signed by it."""
    return [
        holdings.Holdings.decode(payload, code, key_of(code))
        for payload in ground.payloads(Apid.HOLDINGS)
        if holdings.entity_of(payload) == flight.ENTITY[code]
    ]


def sources_of(report: holdings.Holdings) -> dict[int, int]:
    return {n: span.source for span in report.spans for n in range(span.first, span.last + 1)}


async def both(fly) -> tuple[flight.Ground, flight.Ground]:
    first = await fly()
    second = await fly(satellite=SECOND, antenna="SGS-2")
    return first, second


async def test_a_neighbour_fetches_what_went_up_once_and_runs_it(simulator, fly):
    first, second = await both(fly)
    content = ECHO + os.urandom(1_500_000)
    sha = await first.send_artefact(content)

    ordered = await second.obeyed(Opcode.FETCH, fetch(content, FIRST), counter=1)
    assert ordered[0] == "COMPLETED", ordered
    await second.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(second))

    # Where each pack came from is signed.
    whole = await second.until(lambda: [r for r in told_of(second, SECOND) if r.spans])
    assert sources_of(whole[-1]) == dict.fromkeys(range(6), flight.ENTITY[FIRST])
    assert whole[-1].laser_bytes == len(content)
    assert control.status(simulator.control)["laser_bytes"] >= len(content)

    # It lies in the store once, and is the second satellite's own: it loads, and answers.
    assert len(list((simulator.root / "artefacts" / sha[:2]).iterdir())) == 1
    await second.assign(content, 900)
    loaded = await second.obeyed(Opcode.LOAD_SLOT, load(Slot.A, sha), counter=2)
    assert loaded[0] == "COMPLETED", loaded
    active = await second.obeyed(Opcode.ACTIVATE_SLOT, bytes([Slot.A]), counter=3)
    assert active[0] == "COMPLETED", active
    text, _, digest = await second.answer(await second.ask("who are you"))
    assert (digest, text.split()[0]) == (sha, "echo")


async def test_a_satellite_serves_only_what_is_its_own(simulator, fly):
    # The bytes lie in the fleet's store, but the one that is asked has none of them.
    first, second = await both(fly)
    content = ECHO + os.urandom(300_000)
    sha = await first.send_artefact(content)
    dropped = await first.obeyed(Opcode.DROP_ARTEFACT, bytes.fromhex(sha), counter=1)
    assert dropped[0] == "COMPLETED", dropped

    await second.obeyed(Opcode.FETCH, fetch(content, FIRST), counter=1)

    report = await second.until(lambda: told_of(second, SECOND))
    assert (report[-1].packs, report[-1].spans) == (0, ())
    on_board = control.satellite(simulator.control, SECOND)
    assert (on_board["packs"], on_board["artefacts"]) == (0, [])


async def test_who_serves_wrong_bytes_is_refused_and_named(simulator, fly):
    first, second = await both(fly)
    content = ECHO + os.urandom(600_000)
    sha = await first.send_artefact(content)
    control.set_mischief(simulator.control, rogue={FIRST: "packs"})

    await second.obeyed(Opcode.FETCH, fetch(content, FIRST), counter=1)

    await second.until(lambda: ("PEER_REFUSED", sha) in store_events(second))
    report = (await second.until(lambda: [r for r in told_of(second, SECOND) if r.refused]))[-1]
    assert (report.refused, report.spans) == ((flight.ENTITY[FIRST],), ())
    text = b" ".join(second.payloads(Apid.STORE_REPORT)).decode(errors="ignore")
    assert f"satellite {flight.ENTITY[FIRST]}: pack" in text
    assert control.satellite(simulator.control, SECOND)["packs"] == 0

    # A new order is a new chance, if the ground thinks so.
    control.set_mischief(simulator.control, rogue={})
    await second.obeyed(Opcode.FETCH, fetch(content, FIRST), counter=2)
    await second.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(second))


async def test_a_forged_manifest_is_refused(simulator, fly):
    first, second = await both(fly)
    content = ECHO + os.urandom(100_000)
    sha = await first.send_artefact(content)
    control.set_mischief(simulator.control, rogue={FIRST: "manifest"})

    await second.obeyed(Opcode.FETCH, fetch(content, FIRST), counter=1)

    await second.until(lambda: ("PEER_REFUSED", sha) in store_events(second))
    assert control.satellite(simulator.control, SECOND)["artefacts"] == []


async def test_orders_and_packs_outlive_a_kill(simulator, fly):
    # The neighbour is lost, so that the order stands open when the simulator is killed.
    first, second = await both(fly)
    content = ECHO + os.urandom(900_000)
    sha = await first.send_artefact(content)
    control.set_mischief(simulator.control, lost=[FIRST])
    await second.obeyed(Opcode.FETCH, fetch(content, FIRST), counter=1)
    assert control.satellite(simulator.control, SECOND)["packs"] == 0

    simulator.kill()
    simulator.start()
    assert control.status(simulator.control)["mischief"]["lost"] == [FIRST]
    control.set_mischief(simulator.control, lost=[])

    third = await flight.open_ground(simulator, satellite=SECOND, antenna="SGS-2")
    await third.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(third))
    fetched = control.satellite(simulator.control, SECOND)["fetched"][sha]
    assert fetched == {"bytes": len(content), "from": [flight.ENTITY[FIRST]], "refused": []}
    await third.leave()


async def test_packs_come_from_the_ground_and_from_a_neighbour_at_once(fly):
    first, second = await both(fly)
    content = ECHO + os.urandom(700_000)
    packs = [content[at : at + 256 * 1024] for at in range(0, len(content), 256 * 1024)]
    sha = await first.send_artefact(content)

    name = hashlib.sha256(packs[1]).hexdigest()
    assert await second.send_file(f"pack/{name}", packs[1], 700) == "finished"
    await second.obeyed(Opcode.FETCH, fetch(content, FIRST), counter=1)
    await second.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(second))

    reports = await second.until(
        lambda: [r for r in told_of(second, SECOND) if len(sources_of(r)) == 3]
    )
    assert sources_of(reports[-1]) == {0: 13, 1: GROUND_ID, 2: 13}
    assert reports[-1].laser_bytes == len(content) - len(packs[1])


async def test_an_order_that_cannot_be_read_is_refused(fly):
    ground = await fly()
    short = fetch(b"x", SECOND)[:-1]
    failed = await ground.obeyed(Opcode.FETCH, short, counter=1)
    assert failed[:2] == ("FAILED", "BAD_ARGUMENTS"), failed
