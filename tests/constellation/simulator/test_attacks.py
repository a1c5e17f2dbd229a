"""The attack table, against a satellite that flies: each refused on board, and the reason told."""

import hashlib
import json
import os
import struct
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from telemetry import onboard
from telemetry.onboard import Apid, EventSeverity, Opcode, Slot, SlotState, StoreEvent
from tests.constellation.simulator import flight
from tests.constellation.simulator.test_uplink import ECHO, load, put_in_service, store_events
from tests.uplink.registry.trust import makers
from tests.uplink.registry.trust.makers import NOON, Ground, choose
from uplink.registry.trust import bundles, inventory, verifying
from uplink.registry.trust.attacks import Attack
from uplink.registry.trust.inventory import Inventory

LINE = "attacked"
US = makers.Satellite(flight.SATELLITE, "scs-01", 10**12)
KEY = inventory.key_of(flight.MASTER, flight.SATELLITE)


class Sender:
    """A ground of its own keys, that tells a satellite true and false things."""

    def __init__(self, link, home: Ground) -> None:
        self.link, self.home, self.files = link, home, 100_000

    async def send(self, bundle: bytes) -> tuple[str, str]:
        """Send metadata; return what the satellite said of it, and why."""
        self.files += 1
        sha = hashlib.sha256(bundle).hexdigest()
        await self.link.send_release(bundle, self.files)
        return (await self.link.until(lambda: refusals(self.link, sha)))[-1]

    async def refused(self, bundle: bytes, attack: Attack) -> None:
        """The satellite refuses by this name: in a report, an event and its signed inventory."""
        word, text = await self.send(bundle)
        assert (word, text.split(":")[0]) == ("RELEASE_REFUSED", attack.name.lower()), text
        told = await self.link.until(lambda: inventories(self.link)[-1:])
        assert told[0].attack is attack
        events = [
            one for one in self.link.payloads(Apid.EVENT_REPORT) if text.encode()[:200] in one
        ]
        assert {onboard.EVENT_REPORT_LAYOUT.unpack_from(one)[0] for one in events} == {
            EventSeverity.DISTRESS
        }

    def bundle(self, number, content, *, counter=None, listed=None, **said) -> bytes:
        """Return honest metadata, but for what is said otherwise."""
        counter = counter or number
        sha = hashlib.sha256(content).hexdigest()
        snapshot = said.pop("snapshot", None) or self.home.snapshot(
            number, listed or range(1, counter + 1)
        )
        choice = choose(counter, said.pop("chosen", sha), len(content), LINE)
        released = {
            "signers": said.pop("signers", None),
            "profiles": said.pop("profiles", ["scs-01"]),
        }
        released |= {"form": said.pop("form", "echo")}
        return bundles.encode(
            snapshot=snapshot,
            release=self.home.release(counter, sha, length=len(content), line=LINE, **released),
            assignment=self.home.assignment(
                said.pop("version", number), snapshot, choice, to=said.pop("to", US), **said
            ),
        )


def refusals(ground, sha) -> list[tuple[str, str]]:
    found = []
    for payload in ground.payloads(Apid.STORE_REPORT):
        event, _, digest, *_ = onboard.STORE_REPORT_LAYOUT.unpack_from(payload)
        if digest.hex() == sha and event >= StoreEvent.RELEASE_ACCEPTED:
            text = payload[onboard.STORE_REPORT_LAYOUT.size :].decode()
            found.append((StoreEvent(event).name, text))
    return found


def inventories(ground) -> list[Inventory]:
    """Return the satellite's reports of itself, each signature checked."""
    payloads = ground.payloads(Apid.INVENTORY)
    return [Inventory.decode(one, ground.satellite, KEY) for one in payloads]


@pytest.fixture
def home(monkeypatch):
    ground = Ground()
    monkeypatch.setattr(flight, "RELEASES", ground)
    return ground


@pytest.fixture
async def sender(home, simulator, fly):
    return Sender(await fly(), home)


OLD, NEW = ECHO + b"old", ECHO + b"new"


async def in_service(sender, number, content, slot, **said) -> str:
    """Have metadata accepted, then the artefact sent, loaded and active."""
    assert await sender.send(sender.bundle(number, content, **said)) == ("RELEASE_ACCEPTED", "")
    link, sha = sender.link, hashlib.sha256(content).hexdigest()
    await link.send_artefact(content, number=1_000 * number, released=False)
    await link.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(link))
    command = 10 * number
    loaded = await link.obeyed(Opcode.LOAD_SLOT, load(slot, sha), counter=command)
    assert loaded[0] == "COMPLETED", loaded
    active = await link.obeyed(Opcode.ACTIVATE_SLOT, bytes([slot]), counter=command + 1)
    assert active[0] == "COMPLETED", active
    return sha


async def test_metadata_that_lies_is_refused_on_board_by_name(home, sender):
    first = sender.bundle(1, OLD)
    await in_service(sender, 1, OLD, Slot.A)
    new_sha = await in_service(sender, 2, NEW, Slot.B)
    link, stranger = sender.link, Ed25519PrivateKey.generate()
    listed = home.snapshot(3, [1, 2, 3])
    late = {"expires_at": NOON - timedelta(days=1)}
    far = 3 + verifying.JUMP_MOST
    table = [
        (first, Attack.ROLLBACK),
        (sender.bundle(3, OLD, counter=1, listed=[1, 2]), Attack.ROLLBACK),
        (sender.bundle(3, NEW, **late), Attack.EXPIRED),
        (sender.bundle(3, NEW, snapshot=home.snapshot(3, [1, 2, 3], **late)), Attack.EXPIRED),
        (mixed(sender, listed, home.snapshot(3, [3])), Attack.MIX_AND_MATCH),
        (sender.bundle(3, NEW, chosen="ee" * 32), Attack.ARBITRARY_ARTEFACT),
        (sender.bundle(3, NEW, profiles=["nvidia-h100"]), Attack.WRONG_HARDWARE),
        (
            sender.bundle(3, NEW, to=makers.Satellite("SCS-01-J", "scs-01", 1)),
            Attack.WRONG_SATELLITE,
        ),
        (sender.bundle(3, NEW, version=far), Attack.FAST_FORWARD),
        (sender.bundle(3, NEW, counter=far, listed=[far]), Attack.FAST_FORWARD),
        (sender.bundle(3, NEW, signers=home.offline[:1]), Attack.KEY_COMPROMISE),
        (sender.bundle(3, NEW, signers=[home.offline[0], stranger]), Attack.KEY_COMPROMISE),
        (sender.bundle(3, NEW, signer=stranger), Attack.KEY_COMPROMISE),
        (sender.bundle(3, NEW, listed=[2]), Attack.REVOKED),
        (b"{" + b" " * 9_000 + b"}", Attack.ENDLESS_DATA),
        (b"\x00" * 99, Attack.MALFORMED),
        (flipped(sender.bundle(3, NEW)), Attack.KEY_COMPROMISE),
    ]
    for bundle, attack in table:
        await sender.refused(bundle, attack)

    # What runs, ran on; and what an honest ground says next is taken.
    _, _, digest = await link.answer(await link.ask("still there?"))
    assert digest == new_sha
    assert await sender.send(sender.bundle(3, OLD, counter=3)) == ("RELEASE_ACCEPTED", "")
    newest = inventories(link)[-1]
    assert (newest.attack, newest.assignment, newest.counter) == (Attack.NONE, 3, 3)
    assert newest.slot_b == inventory.Held(SlotState.ACTIVE, new_sha, 2)
    numbers = [one.number for one in inventories(link)]
    assert numbers == sorted(set(numbers))


def mixed(sender, listed, other) -> bytes:
    fields = json.loads(sender.bundle(3, NEW, snapshot=listed))
    return json.dumps(fields | {"snapshot": other.to_dict()}).encode()


def flipped(bundle: bytes) -> bytes:
    """Return a bundle as a gateway would send it that changes one digit of the artefact's name."""
    sha = hashlib.sha256(NEW).hexdigest().encode()
    return bundle.replace(sha, sha[:-1] + (b"0" if sha[-1:] != b"0" else b"1"))


async def test_a_slot_takes_what_was_assigned_and_nothing_else(home, simulator, sender):
    link = sender.link
    smuggled = ECHO + b"nobody signed for this"
    sha = await link.send_artefact(smuggled, released=False)
    await link.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(link))
    failed = await link.obeyed(Opcode.LOAD_SLOT, load(Slot.A, sha), counter=1)
    assert failed[:2] == ("FAILED", "NOT_RELEASED")
    assert failed[2].startswith("arbitrary_artefact: ")
    await link.until(lambda: ("SLOT_REFUSED", sha) in store_events(link))

    # The old one is known to be old, also after a restart; the slot that answers is untouched.
    old = await in_service(sender, 1, OLD, Slot.A)
    new = await in_service(sender, 2, NEW, Slot.B)
    simulator.kill()
    await link.leave()
    simulator.start()
    again = await flight.open_ground(simulator, contact_id="again")
    sender.link = again
    cleared = await again.obeyed(Opcode.CLEAR_SLOT, bytes([Slot.A]), counter=30)
    assert cleared[0] == "COMPLETED"
    failed = await again.obeyed(Opcode.LOAD_SLOT, load(Slot.A, old), counter=31)
    assert failed[1] == "NOT_RELEASED"
    assert failed[2].startswith("rollback: counter 1")
    newest = (await again.until(lambda: inventories(again)))[-1]
    assert newest.slot_b.sha256 == new
    # The way back that somebody signed for: a higher counter, the old hash.
    assert await sender.send(sender.bundle(3, OLD)) == ("RELEASE_ACCEPTED", "")
    loaded = await again.obeyed(Opcode.LOAD_SLOT, load(Slot.A, old), counter=32)
    assert loaded[0] == "COMPLETED"
    assert inventories(again)[-1].slot_a.counter == 3
    await again.leave()


async def test_a_satellite_with_old_metadata_goes_back_to_its_other_slot(home, sender):
    link = sender.link
    old = await in_service(sender, 1, OLD, Slot.A)
    await in_service(sender, 2, NEW, Slot.B)
    # Nothing is installed by this, and so no release has to say so.
    again = await link.obeyed(Opcode.LOAD_SLOT, load(Slot.A, old), counter=30)
    assert again[0] == "COMPLETED"
    active = await link.obeyed(Opcode.ACTIVATE_SLOT, bytes([Slot.A]), counter=31)
    assert active[0] == "COMPLETED"

    # Unless it was withdrawn.
    snapshot = home.snapshot(3, [1])
    notice = bundles.encode(
        snapshot=snapshot, assignment=home.assignment(3, snapshot, choice=None, to=US)
    )
    assert await sender.send(notice) == ("RELEASE_ACCEPTED", "")
    failed = await link.obeyed(Opcode.ACTIVATE_SLOT, bytes([Slot.B]), counter=32)
    assert failed[:2] == ("FAILED", "NOT_RELEASED")
    assert failed[2].startswith("revoked: ")
    assert inventories(link)[-1].attack is Attack.REVOKED


async def test_a_gateway_that_kept_everything_brings_nothing_that_was_withdrawn(
    home, simulator, sender
):
    # Metadata and packs of before lie with the gateway; the satellite has heard of none of it but
    # of the withdrawal, and forgets that in no restart.
    link, before = sender.link, sender.bundle(1, OLD)
    snapshot = home.snapshot(2, [2])
    notice = bundles.encode(
        snapshot=snapshot, assignment=home.assignment(2, snapshot, choice=None, to=US)
    )
    assert await sender.send(notice) == ("RELEASE_ACCEPTED", "")
    simulator.kill()
    await link.leave()
    simulator.start()
    sender.link = link = await flight.open_ground(simulator, contact_id="again")
    sha = await link.send_artefact(OLD, released=False)
    await link.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(link))
    await sender.refused(before, Attack.ROLLBACK)
    # Nor with the stolen key of the director: the release is not in the snapshot, and the snapshot
    # in which it was is older than what is known.
    await sender.refused(sender.bundle(3, OLD, counter=1, listed=[2]), Attack.REVOKED)
    old = home.snapshot(1, [1, 2])
    await sender.refused(sender.bundle(4, OLD, counter=1, snapshot=old), Attack.ROLLBACK)
    failed = await link.obeyed(Opcode.LOAD_SLOT, load(Slot.A, sha), counter=1)
    assert failed[:2] == ("FAILED", "NOT_RELEASED")
    await link.leave()


async def test_what_the_director_bans_is_not_activated_not_even_at_an_instant(sender):
    link = sender.link
    old = await in_service(sender, 1, OLD, Slot.A)
    new = await in_service(sender, 2, NEW, Slot.B)
    at_ns = round((told_s(sender) + 8.0) * 1e9)
    armed = onboard.SLOT_AT_LAYOUT.pack(Slot.A, at_ns, 0, 15_000, 0)
    assert (await link.obeyed(Opcode.ACTIVATE_SLOT_AT, armed, counter=30))[0] == "COMPLETED"
    ban = sender.bundle(3, NEW, counter=2, listed=[1, 2], bans=[old])
    assert await sender.send(ban) == ("RELEASE_ACCEPTED", "")
    await link.until(lambda: ("SLOT_REFUSED", old) in store_events(link))
    assert inventories(link)[-1].attack is Attack.REVOKED
    _, _, digest = await link.answer(await link.ask("still there?"))
    assert digest == new
    failed = await link.obeyed(Opcode.ACTIVATE_SLOT, bytes([Slot.A]), counter=31)
    assert failed[2].startswith("revoked: ")


def told_s(sender) -> float:
    """Return the satellite's time as its newest report tells it."""
    return inventories(sender.link)[-1].at_ns / 1e9


async def test_a_compromised_director_is_rotated_out(home, sender):
    assert await sender.send(sender.bundle(9_000, OLD, counter=1)) == ("RELEASE_ACCEPTED", "")
    stolen, home.director = home.director, Ed25519PrivateKey.generate()
    home.root_version = 2
    usurped = Ground(offline=[home.offline[0], stolen], director=Ed25519PrivateKey.generate())
    await sender.refused(bundles.encode(roots=[usurped.root(version=2)]), Attack.KEY_COMPROMISE)
    assert await sender.send(bundles.encode(roots=[home.root()])) == ("RELEASE_ACCEPTED", "")
    again = sender.bundle(9_001, OLD, counter=1, signer=stolen)
    await sender.refused(again, Attack.KEY_COMPROMISE)
    # Numbers begin anew under the new key.
    fresh = sender.bundle(9_000, NEW, counter=2, version=1)
    assert await sender.send(fresh) == ("RELEASE_ACCEPTED", "")
    newest = inventories(sender.link)[-1]
    assert (newest.root, newest.assignment, newest.counter) == (2, 1, 2)


async def test_weights_that_are_malformed_are_refused_although_they_are_signed_for(sender):
    # A GGUF file that announces 2^60 tensors (uplink/registry/formats has bounds).
    content = b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0) + os.urandom(1_000)
    link, sha = sender.link, hashlib.sha256(content).hexdigest()
    bundle = sender.bundle(1, content, form="gguf")
    assert await sender.send(bundle) == ("RELEASE_ACCEPTED", "")
    await link.send_artefact(content, released=False)
    await link.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(link))

    failed = await link.obeyed(Opcode.LOAD_SLOT, load(Slot.A, sha), counter=1)

    assert failed[:2] == ("FAILED", "NOT_RELEASED")
    assert failed[2].startswith("bad_weights: ")
    assert inventories(link)[-1].attack is Attack.BAD_WEIGHTS


async def test_a_malicious_gateway_changes_nothing_but_the_time_it_takes(sender):
    link = sender.link
    content = ECHO + os.urandom(600_000)
    sha = hashlib.sha256(content).hexdigest()
    assert await sender.send(sender.bundle(1, content)) == ("RELEASE_ACCEPTED", "")
    packs = [content[:300_000], content[300_000:]]
    names = [hashlib.sha256(pack).hexdigest() for pack in packs]
    # Bits flipped, and one pack in the place of the other, under CFDP checksums that fit.
    spoilt = bytes([packs[0][0] ^ 1]) + packs[0][1:]
    assert await link.send_file(f"pack/{names[0]}", spoilt, 1) == "failed"
    assert await link.send_file(f"pack/{names[0]}", packs[1], 2) == "failed"
    # A manifest in another order: the packs are true, the artefact is not.
    sizes = [{"sha256": one, "size": 300_000} for one in names]
    sizes[1]["size"] = len(packs[1])
    turned = {"artefact": sha, "size": len(content), "packs": sizes[::-1]}
    await link.send_file(f"manifest/{sha}", json.dumps(turned).encode(), 3)
    for number, (name, pack) in enumerate(zip(names, packs, strict=True), start=4):
        assert await link.send_file(f"pack/{name}", pack, number) == "finished"
    await link.until(lambda: ("ARTEFACT_REFUSED", sha) in store_events(link))
    failed = await link.obeyed(Opcode.LOAD_SLOT, load(Slot.A, sha), counter=1)
    assert failed[:2] == ("FAILED", "NOT_ON_BOARD")

    await link.send_artefact(content, number=10, pack_bytes=300_000, released=False)
    await link.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(link))
    loaded = await link.obeyed(Opcode.LOAD_SLOT, load(Slot.A, sha), counter=2)
    assert loaded[0] == "COMPLETED"


async def test_a_satellite_that_was_never_told_whom_to_trust_installs_nothing(tmp_path, home):
    fleet = tmp_path / "fleet.json"
    fleet.write_text("{}")
    process = flight.Simulator(tmp_path / "simulator", options=["--fleet", str(fleet)])
    process.start()
    try:
        sender = Sender(await flight.open_ground(process), home)
        await sender.refused(sender.bundle(1, OLD), Attack.NO_ROOT)
        with pytest.raises(AssertionError, match="no_root"):
            await put_in_service(sender.link, OLD, released=False)
        await sender.link.leave()
    finally:
        process.stop()
