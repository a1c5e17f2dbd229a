"""Headers of model files are read with bounds, and never believed."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.uplink.registry.files import gguf, safetensors
from uplink.registry import formats


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
    }


def test_a_safetensors_header_is_read(inspect):
    assert inspect(safetensors(), "safetensors") == {"tensors": 2, "framework": "pt"}


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
        (struct.pack("<Q", 2) + b"[]", "not an object"),
        (struct.pack("<Q", 3) + b"{,}", "not JSON"),
        (safetensors({"a": tensor(0, 4), "b": tensor(2, 6)}, bytes(6)), "overlaps"),
        (safetensors({"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12)), "hole"),
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
        formats.inspect(path, form)
    except formats.MalformedFile:
        pass
