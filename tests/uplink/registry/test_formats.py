"""Headers of model files are read with bounds, and never believed."""

import math
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from gguf import GGML_QUANT_SIZES, GGUFWriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from tests.uplink.registry.files import gguf, safetensors
from uplink.registry import formats
from uplink.registry.formats import adapters, names
from uplink.registry.formats.gguf import TYPES


@pytest.fixture
def inspect(tmp_path):
    def look(content: bytes, form: str):
        path = tmp_path / "model"
        path.write_bytes(content)
        return formats.inspect(path, form)

    return look


def test_a_gguf_header_is_read(inspect):
    keys = [
        ("qwen3.context_length", 4, struct.pack("<I", 4096)),
        ("tokens", 9, struct.pack("<IQ", 8, 2) + 2 * (struct.pack("<Q", 1) + b"x")),
        ("scores", 9, struct.pack("<IQ", 6, 3) + bytes(12)),
    ]
    said = inspect(gguf(keys=keys), "gguf")
    assert said == {
        "version": 3,
        "tensors": 1,
        "general.architecture": "qwen3",
        "context_length": 4096,
        "tensor_bytes": 136,
        "parameters": 128,
        "types": {"Q8_0": {"tensors": 1, "bytes": 136, "values": 128}},
        "quantisation": "Q8_0",
    }


def test_a_safetensors_header_is_read(inspect):
    assert inspect(safetensors(), "safetensors") == {
        "framework": "pt",
        "tensors": 2,
        "tensor_bytes": 32,
        "parameters": 10,
        "types": {
            "F32": {"tensors": 1, "bytes": 24, "values": 6},
            "BF16": {"tensors": 1, "bytes": 8, "values": 4},
        },
        "quantisation": "F32",
    }


def test_the_tensors_of_a_gguf_lie_where_its_header_says(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(gguf(tensors=(("a", (32, 4), 8), ("b", (3,), 0))))
    data_at = path.stat().st_size - 160 - 32
    assert formats.extents(path, "gguf") == [
        formats.Extent("a", "8", (32, 4), data_at, 136, 34),
        formats.Extent("b", "0", (3,), data_at + 160, 12, 4),
    ]


def test_the_tensors_of_safetensors_lie_where_its_header_says(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(safetensors())
    data_at = path.stat().st_size - 32
    assert formats.extents(path, "safetensors") == [
        formats.Extent("a", "F32", (2, 3), data_at, 24, 4),
        formats.Extent("b", "BF16", (4,), data_at + 24, 8, 2),
    ]


def test_what_has_no_tensors_has_no_extents(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"ZENITH-ECHO\n")
    with pytest.raises(formats.MalformedFile, match="no tensors"):
        formats.extents(path, "echo")
    with pytest.raises(formats.MalformedFile, match="begin with GGUF"):
        formats.extents(path, "gguf")


def test_echo_is_known_by_its_magic(inspect):
    assert inspect(b"ZENITH-ECHO\nhello", "echo") == {}
    with pytest.raises(formats.MalformedFile):
        inspect(b"ZENITH", "echo")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gguf(magic=b"GGML"), "begin with GGUF"),
        (gguf(version=4), "version 4"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 0), "tensors are more"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 40), "keys are more"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 60), "bytes of a string"),
        (gguf(keys=[("k", 99, b"")]), "type 99"),
        (gguf(keys=[("k", 9, struct.pack("<IQ", 0, 1 << 50))]), "items of an array"),
        (gguf(keys=[("general.alignment", 4, struct.pack("<I", 0))]), "alignment"),
        (gguf(tensors=[("t", (31,), 8)]), "whole blocks"),
        (gguf(tensors=[("t", (1 << 41,), 8)], data=bytes(64)), "impossible shape"),
        (gguf(tensors=[("t", (32,), 4)], data=bytes(64)), "type 4, which is not known"),
        (gguf(tensors=[("t", (32,), 8), ("t", (32,), 8)]), "there twice"),
        (gguf(tensors=[("t", (32,), 8), ("u", (32,), 8, 0)]), "'u' overlaps 't'"),
        (gguf(tensors=[("t", (32,), 8, 7)]), "multiple of 32"),
        (gguf(keys=[("general.architecture", 4, bytes(4))]), "there twice"),
        (b"GGUF" + struct.pack(">IQQ", 3, 1, 1), "big-endian GGUF.*Convert it"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "no tensors"),
        (gguf(tensors=[("t", (), 8)], data=b""), "whole blocks"),
        (gguf(tensors=[("t\0", (32,), 8)]), r"'t.x00' holds what does not print"),
        (gguf(keys=[("qwen3.block_count", 5, struct.pack("<i", -5))]), "-5, which is no count"),
        (gguf(keys=[("qwen3.block_count", 10, b"\xff" * 8)]), "which is no count"),
        (gguf(keys=[("adapter.lora.alpha", 6, struct.pack("<f", math.nan))]), "is no number"),
        (gguf()[:-32], "outside of the file"),
        (gguf()[:60], "cut short|more than there may be"),
        (b"", "begin with GGUF"),
        (b"\x80\x04pickle", "begin with GGUF"),
    ],
)
def test_a_broken_gguf_is_refused_with_the_reason(inspect, content, why):
    with pytest.raises(formats.MalformedFile, match=why):
        inspect(content, "gguf")


def tensor(start, stop, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "cut short"),
        (struct.pack("<Q", 1 << 60) + b"{}", "not possible"),
        (struct.pack("<Q", 1 << 30) + b"{}", "not possible in a file of 10"),
        (struct.pack("<Q", 2) + b"{}", "no tensors"),
        (safetensors(text='{"a": {"dtype": "F32", "shape": {}, "data_offsets": [0, 4]}}'), "shape"),
        (safetensors({"\ud800": tensor(0, 4)}, bytes(4)), "holds what does not print"),
        (struct.pack("<Q", 2) + b"[]", "not an object"),
        (struct.pack("<Q", 3) + b"{,}", "not JSON"),
        (safetensors({"a": tensor(0, 4), "b": tensor(2, 6)}, bytes(6)), "overlaps"),
        (safetensors({"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12)), "hole"),
        (safetensors(text='{"a": {}, "a": {}}'), "there twice"),
        (safetensors({"__metadata__": 3}, b""), "metadata"),
        (safetensors({"a": tensor(0, 8)}, bytes(8)), "size of its shape"),
        (safetensors({"a": tensor(0, 4)}, bytes(9)), "the file 9"),
        (safetensors({"a": tensor(0, 4, dtype="PICKLE")}, bytes(4)), "not described"),
        (safetensors({"a": {"dtype": "F32"}}, bytes(4)), "not described"),
        (safetensors({"a": tensor(0, -4, shape=(-1,))}, bytes(4)), "impossible"),
        (safetensors({"a": 7}, bytes(4)), "not described"),
    ],
)
def test_a_broken_safetensors_is_refused_with_the_reason(inspect, content, why):
    with pytest.raises(formats.MalformedFile, match=why):
        inspect(content, "safetensors")


def test_words_of_a_header_are_kept_so_that_they_can_be_stored_and_shown(inspect):
    name = b"\0qwen" + b"x" * 1_000_000
    said = inspect(gguf(keys=[("general.name", 8, struct.pack("<Q", len(name)) + name)]), "gguf")
    assert said["general.name"] == "qwen" + "x" * 195
    header = {"__metadata__": {"format": "p\ud800t\0"}, "a": tensor(0, 4)}
    assert inspect(safetensors(header, bytes(4)), "safetensors")["framework"] == "pt"


def test_the_first_part_of_a_split_file_may_have_no_tensors(inspect):
    alone = gguf(tensors=(), keys=[("split.count", 2, struct.pack("<H", 2))])
    assert inspect(alone, "gguf")["general.architecture"] == "qwen3"


def test_a_file_that_was_cut_in_its_header_is_still_known_for_what_it_is(inspect, tmp_path):
    with pytest.raises(formats.MalformedFile, match=r"A header of .* not possible in a file of 20"):
        inspect(safetensors()[:20], None)


def test_pickles_are_no_format(inspect):
    with pytest.raises(formats.MalformedFile, match="not a format"):
        inspect(b"\x80\x04", "pickle")


@pytest.mark.parametrize(("form", "content"), [("gguf", gguf()), ("safetensors", safetensors())])
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_header_is_read_or_refused_by_name(tmp_path, form, content, data):
    broken = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    path = Path(tmp_path) / "model"
    path.write_bytes(broken[: data.draw(st.integers(0, len(broken)))])
    try:
        said = formats.inspect(path, form)
    except formats.MalformedFile as refusal:
        said = str(refusal)
    assert said is not None
    assert said != ""


def test_block_sizes_are_those_of_llama_cpp():
    for number, (values, block_bytes) in GGML_QUANT_SIZES.items():
        if int(number) in TYPES:
            assert TYPES[int(number)] == (number.name, values, block_bytes)
    assert set(TYPES) <= {int(number) for number in GGML_QUANT_SIZES}


def test_the_headers_of_other_writers_are_read_as_they_meant(tmp_path):
    arrays = {"blk.0.attn_q.weight": np.ones((4, 64), np.float32), "norm": np.ones(7, np.float16)}
    writer = GGUFWriter(tmp_path / "m.gguf", "qwen3")
    for name, values in arrays.items():
        writer.add_tensor(name, values)
    writer.add_head_count_kv([2, 4])
    for step in ("header", "kv_data", "tensors"):
        getattr(writer, f"write_{step}_to_file")()
    writer.close()
    save_file(arrays, tmp_path / "m.safetensors")

    for name in ("m.gguf", "m.safetensors"):
        content = (tmp_path / name).read_bytes()
        found = {each.name: each for each in formats.extents(tmp_path / name)}
        for key, values in arrays.items():
            one = found[key]
            assert content[one.offset : one.offset + one.length] == values.tobytes()
            assert one.shape == (values.shape[::-1] if name == "m.gguf" else values.shape)
    assert formats.inspect(tmp_path / "m.gguf")["kv_heads"] == 4


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (pickle.dumps({"weight": 1}), "a pickle, which runs code"),
        (b"PK\x03\x04archive/data.pkl", "as torch writes around a pickle"),
        (b"\x89HDF\r\n\x1a\n", "Save the weights as safetensors"),
        (b"\x1f\x8b\x08", "an archive"),
        (b"lmgg", "from before GGUF"),
        (b"hello", "neither GGUF nor safetensors"),
        (b"", "neither GGUF nor safetensors"),
    ],
)
def test_what_runs_code_is_refused_by_its_bytes_and_told_what_to_do(tmp_path, content, says):
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(formats.MalformedFile, match=says):
        formats.detect(path)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("pytorch_model.bin", "pytorch_model.bin is a pickle"),
        ("folder/model.PT", "model.PT is a pickle"),
        ("modeling_qwen3.py", "no model brings code into orbit"),
        ("model.onnx", "of a format that is not flown"),
        ("weights.tar.gz", "an archive"),
        ("model.safetensors", None),
    ],
)
def test_what_runs_code_is_refused_by_its_name(name, says):
    why = names.of_name(name)
    assert why is None if says is None else says in why


def lora(rank=4, inputs=64, outputs=32, prefix="base_model.model.model.layers.0.self_attn.q_proj"):
    return {
        f"{prefix}.lora_A.weight": np.ones((rank, inputs), np.float32),
        f"{prefix}.lora_B.weight": np.ones((outputs, rank), np.float32),
    }


def test_an_adapter_tells_its_rank_and_what_it_changes(tmp_path):
    path, base = tmp_path / "adapter", tmp_path / "base"
    save_file(lora(), path)
    assert formats.inspect(path)["adapter"] == {"rank": 4, "targets": ["q_proj"], "weights": 1}

    changed = adapters.changes(formats.read(path))
    weight = "model.layers.0.self_attn.q_proj.weight"
    save_file({weight: np.ones((32, 64), np.float32)}, base)
    assert adapters.misfits(changed, formats.read(base)) == []
    save_file({weight: np.ones((64, 64), np.float32)}, base)
    assert adapters.misfits(changed, formats.read(base)) == [
        f"{weight} is [64, 64] in the base and [32, 64] in the adapter"
    ]
    save_file({"other": np.ones((64, 64), np.float32)}, base)
    assert adapters.misfits(changed, formats.read(base)) == [f"the base has no {weight}"]


def test_a_gguf_adapter_is_one_by_its_tensors_too(tmp_path):
    path = tmp_path / "adapter"
    name = "blk.0.attn_q.weight"
    path.write_bytes(gguf(tensors=[(f"{name}.lora_a", (64, 4), 0), (f"{name}.lora_b", (4, 32), 0)]))
    assert formats.inspect(path)["adapter"] == {"rank": 4, "targets": ["attn_q"], "weights": 1}
    assert adapters.changes(formats.read(path)) == [adapters.Change(name, 64, 32, 4)]


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        (lora() | {"model.norm.weight": np.ones(4, np.float32)}, "not an adapter's"),
        (dict(list(lora().items())[:1]), "half a LoRA pair"),
        (lora() | {k: v for k, v in lora(rank=5).items() if "lora_A" in k}, "ranks 5 and 4"),
        (dict.fromkeys(lora(), np.ones(4, np.float32)), "not two matrices"),
    ],
)
def test_half_an_adapter_is_refused(tmp_path, tensors, says):
    save_file(tensors, tmp_path / "adapter")
    with pytest.raises(formats.MalformedFile, match=says):
        formats.inspect(tmp_path / "adapter")
