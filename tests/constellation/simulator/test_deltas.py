"""A next version comes as chunks, against a real simulator over real sockets."""

import hashlib

import numpy as np
import pytest

from constellation.stations import control
from telemetry import onboard
from telemetry.onboard import Apid, Slot
from tests.constellation.simulator import flight
from tests.constellation.simulator.test_uplink import ECHO, put_in_service, store_events
from uplink.transfers.packaging import building, cutting, manifests, packs, wants

NOISE = np.random.default_rng(5).bytes(900_000)
OLD = ECHO + NOISE
NEW = ECHO + b"a second edition" + NOISE[:400_000] + b"edited" + NOISE[400_010:]


class Package:
    """NEW against OLD, and what a satellite with all of OLD wants."""

    def __init__(self, folder):
        for name, content in (("old", OLD), ("new", NEW)):
            (folder / name).write_bytes(content)
        self.folder = folder
        self.plan = building.plan(cutting.cut(folder / "new"), [cutting.cut(folder / "old")])
        self.sha = self.plan.manifest.sha256.hex()
        self.manifest = manifests.encode(self.plan.manifest)
        self.expected = building.expected(self.plan.manifest, [0])

    def packs(self, wanted=None) -> list[packs.Pack]:
        made = building.pack(self.plan, [self.expected if wanted is None else wanted], self.folder)
        return [one.pack for one in made]

    async def send(self, ground, number, wanted=None) -> int:
        """Send packs; return their bytes."""
        for one in self.packs(wanted):
            name = f"chunks/{one.sha256.hex()}"
            assert await ground.send_file(name, one.path.read_bytes(), number) == "finished"
            number += 1
        return sum(one.size for one in self.packs(wanted))

    def wanted(self, ground) -> list[tuple[int, np.ndarray]]:
        """Return the want-lists heard, each with the packs that had been taken."""
        found = []
        for payload in ground.payloads(Apid.WANT_LIST):
            sha, taken, first, count, length = onboard.WANT_LIST_LAYOUT.unpack_from(payload)
            body = payload[onboard.WANT_LIST_LAYOUT.size :]
            assert (sha.hex(), first, count, len(body)) == (self.sha, 0, len(self.expected), length)
            found.append((taken, wants.decode(body, count)))
        return found


@pytest.fixture
def package(tmp_path):
    (tmp_path / "package").mkdir()
    return Package(tmp_path / "package")


def damage(simulator, package, *numbers) -> list[int]:
    """Flip a bit of the base on disk where the manifest has the ranges of chunks; return the
    numbers of all chunks that this is a loss for (ranges of neighbours overlap)."""
    sources = package.plan.manifest.sources[0]
    places = [int(sources.offset[number]) + 9 for number in numbers]
    sha = hashlib.sha256(OLD).hexdigest()
    with (simulator.root / "artefacts" / sha[:2] / sha).open("r+b") as file:
        for at in places:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 4]))
    return [
        number
        for number, (start, length) in enumerate(zip(sources.offset, sources.length, strict=True))
        if any(start <= at < start + length for at in places)
    ]


async def test_a_next_version_arrives_by_its_differences(simulator, fly, package):
    ground = await fly()
    await put_in_service(ground, OLD)
    name = f"manifest/{package.sha}"
    assert await ground.send_file(name, package.manifest, 50) == "finished"
    ((taken, wanted),) = await ground.until(lambda: package.wanted(ground))
    assert taken == 0
    assert wanted.tolist() == package.expected.tolist()

    on_air = len(package.manifest) + await package.send(ground, 51)
    await ground.until(lambda: ("ARTEFACT_VERIFIED", package.sha) in store_events(ground))
    assert on_air < 0.01 * len(NEW)
    path = simulator.root / "artefacts" / package.sha[:2] / package.sha
    assert path.read_bytes() == NEW
    assert not list((simulator.root / "satellites" / flight.SATELLITE / "deltas").glob("*/bytes"))

    # It runs as if it had come whole, and another satellite gets the same packs for nothing.
    await ground.assign(NEW, 90)
    loaded = await ground.obeyed(
        onboard.Opcode.LOAD_SLOT,
        onboard.LOAD_SLOT_LAYOUT.pack(Slot.B, bytes.fromhex(package.sha)),
        counter=9,
    )
    assert loaded[0] == "COMPLETED"
    assert package.sha in control.satellite(simulator.control, flight.SATELLITE)["artefacts"]


async def test_of_a_damaged_base_only_its_chunks_are_asked_for(simulator, fly, package):
    ground = await fly()
    await put_in_service(ground, OLD)
    sources = package.plan.manifest.sources[0]
    exact = int(np.flatnonzero(sources.kind == manifests.EXACT)[2])
    near = int(np.flatnonzero(sources.kind == manifests.NEAR)[0])
    lost = damage(simulator, package, exact, near)

    # The ground is quick: packs for a whole base are up before it hears of the damage.
    await ground.send_file(f"manifest/{package.sha}", package.manifest, 50)
    await package.send(ground, 51)
    heard = await ground.until(
        lambda: [wanted for taken, wanted in package.wanted(ground) if taken]
    )
    assert {exact, near} <= set(lost)
    assert len(lost) < len(heard[-1]) / 2
    assert np.flatnonzero(heard[-1]).tolist() == lost
    assert set(heard[-1][lost]) == {wants.LACKING}

    await package.send(ground, 60, heard[-1])
    await ground.until(lambda: ("ARTEFACT_VERIFIED", package.sha) in store_events(ground))
    path = simulator.root / "artefacts" / package.sha[:2] / package.sha
    assert path.read_bytes() == NEW


async def test_chunks_survive_a_kill_and_may_come_before_their_manifest(simulator, fly, package):
    ground = await fly()
    await put_in_service(ground, OLD)
    await package.send(ground, 50)
    simulator.kill()
    simulator.start()
    again = await fly()
    await again.send_file(f"manifest/{package.sha}", package.manifest, 60)
    await again.until(lambda: ("ARTEFACT_VERIFIED", package.sha) in store_events(again))
    path = simulator.root / "artefacts" / package.sha[:2] / package.sha
    assert path.read_bytes() == NEW
    # Who asks again is told that it is there.
    await again.send_file(f"manifest/{package.sha}", package.manifest, 61)
    await again.until(lambda: store_events(again).count(("ARTEFACT_VERIFIED", package.sha)) == 2)


async def test_chunks_that_are_not_the_artefact_are_refused(fly, package):
    ground = await fly()
    wrong = "77" * 32
    broken = package.manifest[:5] + bytes.fromhex(wrong) + package.manifest[37:]
    assert await ground.send_file(f"manifest/{package.sha}", broken, 1) != "finished"
    await ground.until(lambda: ("ARTEFACT_REFUSED", package.sha) in store_events(ground))

    # All chunks are what the manifest says, and still it is another file.
    alone = building.plan(package.plan.new)
    for one in building.pack(alone, [building.expected(alone.manifest, [])], package.folder):
        content = one.pack.path.read_bytes()
        content = content[:5] + bytes.fromhex(wrong) + content[37:]
        name = f"chunks/{hashlib.sha256(content).hexdigest()}"
        assert await ground.send_file(name, content, 2) == "finished"
    await ground.send_file(f"manifest/{wrong}", broken, 3)
    await ground.until(lambda: ("ARTEFACT_REFUSED", wrong) in store_events(ground))


async def test_json_manifests_and_plain_packs_are_taken_as_before(fly):
    ground = await fly()
    content = ECHO + b"ZPAK at the beginning of a pack makes it no pack of chunks"
    sha = await ground.send_artefact(content, pack_bytes=len(ECHO))
    await ground.until(lambda: ("ARTEFACT_VERIFIED", sha) in store_events(ground))
    assert sha == hashlib.sha256(content).hexdigest()
    assert not [event for event in store_events(ground) if event[0].endswith("REFUSED")]


async def test_what_is_no_pack_of_chunks_is_refused(fly):
    ground = await fly()
    for number, content in enumerate((b"plain", b"ZPAK\x01" + bytes(32)), start=1):
        sha = hashlib.sha256(b"x" if number == 2 else content).hexdigest()
        assert await ground.send_file(f"chunks/{sha}", content, number) == "failed"
        await ground.until(lambda sha=sha: ("PACK_REFUSED", sha) in store_events(ground))
