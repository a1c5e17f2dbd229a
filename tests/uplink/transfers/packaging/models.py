"""Small successive models, made here, and a satellite that puts them together in memory."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from uplink.transfers.packaging import assembling, building, cutting, manifests, wants

LAYERS = 4
SIDE = 128


def weights(seed: int, *, layers: int = LAYERS, side: int = SIDE) -> dict[str, np.ndarray]:
    """Values of a made-up model: matrices, and small vectors between them."""
    rng = np.random.default_rng(seed)
    values = {}
    for layer in range(layers):
        values[f"blk.{layer}.norm"] = rng.normal(1, 0.01, side).astype("f4")
        for part in ("q", "k", "ffn"):
            values[f"blk.{layer}.{part}"] = rng.normal(0, 0.05, (side, side)).astype("f4")
    return values


def tuned(values: dict[str, np.ndarray], seed: int = 9, *, by: float = 2e-5) -> dict:
    rng = np.random.default_rng(seed)
    moved = {name: one + rng.uniform(-by, by, one.shape) for name, one in values.items()}
    return {name: one.astype("f4") for name, one in moved.items()}


def bfloat16(values: np.ndarray) -> bytes:
    return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()


def safetensors(path: Path, values: dict[str, np.ndarray], note: str = "pt") -> Path:
    header, data = {"__metadata__": {"format": note}}, b""
    for name, one in values.items():
        body = bfloat16(one)
        places = [len(data), len(data) + len(body)]
        header[name] = {"dtype": "BF16", "shape": [*one.shape], "data_offsets": places}
        data += body
    head = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)
    return path


class Satellite:
    """Files on board by SHA-256, and one artefact on its way into memory."""

    def __init__(self, manifest: bytes, files: list[bytes | None], done: bytes = b"") -> None:
        self.manifest = manifests.decode(manifest)
        self.content = bytearray(self.manifest.size)
        readers = [None if one is None else _reader(one) for one in files]
        self.assembler = assembling.Assembler(
            self.manifest, readers, self._write, _reader(self.content), done=done
        )

    def _write(self, offset: int, data: bytes | memoryview) -> None:
        self.content[offset : offset + len(data)] = data

    def survey(self) -> wants.Wants:
        """Copy what is there and say what is wanted."""
        list(self.assembler.gather())
        return wants.decode(wants.encode(self.assembler.wants()), len(self.manifest))

    def take(self, path: Path) -> list[tuple[int, str]]:
        with path.open("rb") as file:
            return list(self.assembler.take_pack(file))


def _reader(content: bytes | bytearray):
    return lambda offset, count: bytes(content[offset : offset + count])


def plan(new: Path, *bases: Path) -> building.Plan:
    return building.plan(cutting.cut(new), [cutting.cut(one) for one in bases])


def send(new: Path, base: Path, folder: Path) -> tuple[bytes, int]:
    """Take `new` to a satellite that has `base`; return what arrived and the bytes on air."""
    made = plan(new, base)
    manifest = manifests.encode(made.manifest)
    satellite = Satellite(manifest, [base.read_bytes()])
    shipments = building.pack(made, [satellite.survey()], folder)
    for one in shipments:
        assert all(why == "" for _, why in satellite.take(one.pack.path))
    assert satellite.assembler.is_complete
    assert satellite.assembler.verify()
    return bytes(satellite.content), len(manifest) + sum(one.pack.size for one in shipments)
