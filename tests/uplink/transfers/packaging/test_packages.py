"""A model arrives byte for byte, by the fewest bytes, whatever became of the satellite's base."""

import io
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.uplink.registry.files import gguf
from tests.uplink.transfers.packaging import models
from uplink.transfers.packaging import building, cutting, manifests, packs, wants, wire
from uplink.transfers.packaging.codec import Codec, Encoded

OLD = models.weights(1)


@pytest.fixture
def base(tmp_path):
    return models.safetensors(tmp_path / "base", OLD)


@pytest.fixture
def air(tmp_path, base):
    """Send a model to a satellite that has the base; return the fraction of it on air."""

    def send(new):
        content, on_air = models.send(new, base, tmp_path)
        assert content == new.read_bytes()
        return on_air / len(content)

    return send


def test_chunks_follow_tensors_and_blocks(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(gguf(tensors=(("a", (320, 30_000), 8), ("b", (3,), 0))))
    cut = cutting.cut(path)
    assert sum(one.length for one in cut.chunks) == cut.size
    ours = [one for one in cut.chunks if one.tensor == 0]
    assert len(ours) == 10
    assert all(one.length % 34 == 0 for one in ours[:-1])
    assert max(one.length for one in ours) <= cutting.CHUNK_BYTES
    assert [one.offset for one in cut.chunks if one.tensor == 1] == [cut.tensors[1].offset]


@pytest.mark.parametrize("length", [0, 1, 400_000])
def test_what_no_format_explains_is_cut_by_its_content(tmp_path, length):
    path = tmp_path / "model"
    path.write_bytes(np.random.default_rng(1).bytes(length))
    cut = cutting.cut(path)
    assert sum(one.length for one in cut.chunks) == length
    assert not cut.tensors


def test_the_same_model_costs_its_manifest_only(tmp_path, air):
    assert air(models.safetensors(tmp_path / "new", OLD)) < 0.01


def test_an_edited_header_is_not_the_file_again(tmp_path, air):
    assert air(models.safetensors(tmp_path / "new", OLD, note="pt, edited by someone")) < 0.01


def test_tensors_in_another_order_are_referred_to(tmp_path, air):
    assert air(models.safetensors(tmp_path / "new", dict(reversed(OLD.items())))) < 0.015


def test_renamed_tensors_that_were_tuned_find_what_they_come_from(tmp_path, air):
    renamed = {f"model.{name}": one for name, one in reversed(models.tuned(OLD).items())}
    assert air(models.safetensors(tmp_path / "new", renamed)) < 0.2


def test_a_light_fine_tune_is_a_delta(tmp_path, air):
    assert air(models.safetensors(tmp_path / "new", models.tuned(OLD))) < 0.12


def test_tensors_may_come_and_go(tmp_path, air):
    new = {name: one for name, one in OLD.items() if "k" not in name.split(".")}
    new["adapter"] = np.random.default_rng(3).normal(0, 1, (8, 128)).astype("f4")
    assert air(models.safetensors(tmp_path / "new", new)) < 0.03


def test_a_vocabulary_that_grew_is_a_delta_but_for_its_new_rows(tmp_path):
    rng = np.random.default_rng(2)
    rows = rng.normal(0, 0.05, (1100, 600)).astype("f4")
    old = models.safetensors(tmp_path / "old", {"embedding": rows[:1000]})
    new = models.safetensors(tmp_path / "new", {"embedding": rows})
    _, on_air = models.send(new, old, tmp_path)
    assert on_air < 0.35 * new.stat().st_size


def test_a_retrained_model_costs_no_more_than_without_a_base(tmp_path, base):
    new = models.safetensors(tmp_path / "new", models.weights(2))
    _, on_air = models.send(new, base, tmp_path)
    alone = models.plan(new)
    (folder := tmp_path / "alone").mkdir()
    whole = building.pack(alone, [building.expected(alone.manifest, [])], folder)
    assert on_air < sum(one.pack.size for one in whole) + 0.02 * new.stat().st_size


def test_a_damaged_base_costs_its_chunks_only(tmp_path, base):
    new = models.safetensors(tmp_path / "new", models.tuned(OLD) | {"blk.1.k": OLD["blk.1.k"]})
    made = models.plan(new, base)
    sources = made.manifest.sources[0]
    exact = int(np.flatnonzero(sources.kind == manifests.EXACT)[0])
    near = int(np.flatnonzero(sources.kind == manifests.NEAR)[3])
    damaged = bytearray(base.read_bytes())
    for number in (exact, near):
        damaged[sources.offset[number] + 5] ^= 1

    satellite = models.Satellite(manifests.encode(made.manifest), [bytes(damaged)])
    wanted = satellite.survey()
    whole = building.expected(made.manifest, [0])
    assert np.flatnonzero(wanted != whole).tolist() == sorted([exact, near])
    assert wanted[exact] == wanted[near] == wants.LACKING

    (folder := tmp_path / "repair").mkdir()
    for one in building.pack(made, [wanted], folder):
        assert all(not why for _, why in satellite.take(one.pack.path))
    assert satellite.assembler.verify()


def test_packs_made_for_a_whole_base_leave_only_the_damaged_chunks_to_ask_for(tmp_path, base):
    new = models.safetensors(tmp_path / "new", models.tuned(OLD))
    made = models.plan(new, base)
    number = int(np.flatnonzero(made.manifest.sources[0].kind == manifests.NEAR)[2])
    damaged = bytearray(base.read_bytes())
    damaged[made.manifest.sources[0].offset[number]] ^= 1
    satellite = models.Satellite(manifests.encode(made.manifest), [bytes(damaged)])
    list(satellite.assembler.gather())
    (shipment,) = building.pack(made, [building.expected(made.manifest, [0])], tmp_path)
    refused = [one for one in satellite.take(shipment.pack.path) if one[1]]
    assert [one for one, _ in refused] == [number]
    assert "damaged or not on board" in refused[0][1]

    wanted = satellite.survey()
    assert np.flatnonzero(wanted).tolist() == [number]
    (repair,) = building.pack(made, [wanted], tmp_path)
    assert repair.pack.numbers == (number,)
    assert satellite.take(repair.pack.path) == [(number, "")]
    assert satellite.assembler.verify()


def test_one_set_of_packs_serves_satellites_with_different_bases(tmp_path, base):
    other = models.safetensors(tmp_path / "other", models.tuned(OLD, seed=5))
    new = models.tuned(OLD, seed=6)
    new["blk.3.ffn"] = models.weights(8)["blk.3.ffn"]
    path = models.safetensors(tmp_path / "new", new)
    made = models.plan(path, base, other)
    files = [base.read_bytes(), other.read_bytes()]
    fleet = [
        models.Satellite(manifests.encode(made.manifest), held)
        for held in ([files[0], None], [None, files[1]], [None, None], files)
    ]
    wanted = [one.survey() for one in fleet]
    (folder := tmp_path / "packs").mkdir()
    shipments = building.pack(made, wanted, folder)
    for who, satellite in enumerate(fleet):
        mine = [one for one in shipments if who in one.serves]
        for one in mine:
            satellite.take(one.pack.path)
        assert bytes(satellite.content) == path.read_bytes()
        needed = sorted(np.flatnonzero(wanted[who]).tolist())
        assert sorted(n for one in mine for n in one.pack.numbers) == needed
    # What was trained anew has no delta worth the name: one copy serves all four.
    shared = [one for one in shipments if len(one.serves) == len(fleet)]
    retrained = [n for n, one in enumerate(made.new.chunks) if one.length == 128 * 128 * 2][-1]
    assert [retrained in one.pack.numbers for one in shared] == [True]


def test_equal_chunks_travel_once(tmp_path):
    same = models.weights(3)["blk.0.q"]
    new = models.safetensors(tmp_path / "new", {f"t{n}": same for n in range(6)})
    made = models.plan(new)
    satellite = models.Satellite(manifests.encode(made.manifest), [])
    (one,) = building.pack(made, [satellite.survey()], tmp_path)
    assert len(one.pack.numbers) == 2  # the header, and the tensor
    satellite.take(one.pack.path)
    assert bytes(satellite.content) == new.read_bytes()


def test_packs_have_about_the_length_that_was_asked_for(tmp_path):
    path = tmp_path / "new"
    path.write_bytes(np.random.default_rng(1).bytes(6_000_000))
    made = models.plan(path)
    wanted = building.expected(made.manifest, [])
    shipments = building.pack(made, [wanted], tmp_path, pack_bytes=2_000_000)
    assert [one.pack.size <= 2_000_000 for one in shipments] == [True] * 4
    assert {one.pack.path.name for one in shipments} == {one.pack.sha256.hex() for one in shipments}
    assert all(one.pack.path.stat().st_size == one.pack.size for one in shipments)


def test_what_is_here_survives_a_restart(tmp_path):
    new = models.safetensors(tmp_path / "new", OLD)
    made = models.plan(new)
    manifest = manifests.encode(made.manifest)
    satellite = models.Satellite(manifest, [])
    (one,) = building.pack(made, [satellite.survey()], tmp_path)
    with one.pack.path.open("rb") as file:
        taken = satellite.assembler.take_pack(file)
        for _ in range(5):
            next(taken)

    again = models.Satellite(manifest, [], done=satellite.assembler.progress())
    again.content[:] = satellite.content
    again.content[int(made.manifest.offsets[2])] ^= 1
    assert again.assembler.held == 5
    assert again.assembler.recheck() == 1
    assert np.count_nonzero(again.survey() == wants.HELD) == 4
    again.take(one.pack.path)
    assert again.assembler.verify()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    base = models.safetensors(folder / "base", models.weights(1, layers=1, side=48))
    new = models.safetensors(folder / "new", models.tuned(models.weights(1, layers=1, side=48)))
    made = models.plan(new, base)
    (one,) = building.pack(made, [building.expected(made.manifest, [0])], folder)
    return manifests.encode(made.manifest), base.read_bytes(), one.pack.path, new.read_bytes()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda good: b"ZPAX" + good[4:], "does not begin as a pack"),
        (lambda good: good[:4] + b"\x07" + good[5:], "version 7"),
        (lambda good: good[:5] + bytes(32) + good[37:], "another artefact"),
        (lambda good: good[:-1], "cut short"),
        (lambda good: good[:38] + b"\x07" + good[39:], "0x07"),
        (lambda good: good + b"\xff" * 30, "number of a chunk"),
        (lambda good: b"", "does not begin as a pack"),
    ],
)
def test_a_broken_pack_is_refused_with_the_reason(package, change, why):
    manifest, base, path, _ = package
    satellite = models.Satellite(manifest, [base])
    with pytest.raises(wire.Malformed, match=why):
        list(satellite.assembler.take_pack(io.BytesIO(change(path.read_bytes()))))


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_damaged_pack_never_makes_a_wrong_file(package, data):
    manifest, base, path, new = package
    broken = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(packs.HEAD_BYTES, len(broken) - 1))] ^= data.draw(
            st.integers(1, 255)
        )
    satellite = models.Satellite(manifest, [base])
    list(satellite.assembler.gather())
    try:
        list(satellite.assembler.take_pack(io.BytesIO(bytes(broken))))
    except wire.Malformed:
        pass
    offsets = satellite.manifest.offsets
    wanted = satellite.assembler.wants()
    for number in np.flatnonzero(wanted == wants.HELD):
        span = slice(int(offsets[number]), int(offsets[number + 1]))
        assert satellite.content[span] == new[span]
    assert satellite.take(path) or satellite.assembler.is_complete
    assert bytes(satellite.content) == new


def test_a_pack_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    writer = packs.Writer(tmp_path, bytes(32))
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError("cut off")))
    writer.add(packs.Record(0, Encoded(Codec.RAW, b"x")))
    with pytest.raises(OSError, match="cut off"):
        writer.close()
    assert [one.name[:6] for one in tmp_path.iterdir()] == [".open-"]


def test_work_that_is_ended_leaves_nothing_behind(tmp_path, base):
    made = models.plan(models.safetensors(tmp_path / "new", models.tuned(OLD)), base)
    (folder := tmp_path / "packs").mkdir()

    def end():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        building.pack(made, [building.expected(made.manifest, [0])], folder, watch=end)
    assert not list(folder.iterdir())
