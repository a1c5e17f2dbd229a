"""Small model files, made here: right ones, to be broken by tests."""

import json
import math
import struct


def _string(text: str) -> bytes:
    body = text.encode()
    return struct.pack("<Q", len(body)) + body


def gguf(
    *, tensors=(("blk.0.weight", (32, 4), 8),), keys=(), version=3, magic=b"GGUF", data=None
) -> bytes:
    """A GGUF file of zeros: tensors (name, shape, type[, offset]), keys (name, type, bytes)."""
    sizes = {0: (1, 4), 1: (1, 2), 8: (32, 34)}
    keys = [("general.architecture", 8, _string("qwen3")), *keys]
    head = magic + struct.pack("<IQQ", version, len(tensors), len(keys))
    for name, kind, body in keys:
        head += _string(name) + struct.pack("<I", kind) + body
    at = 0
    for name, shape, kind, *place in tensors:
        block, block_bytes = sizes.get(kind, (32, 18))
        head += _string(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}Q", *shape)
        head += struct.pack("<IQ", kind, place[0] if place else at)
        at += -(-math.prod(shape) // block * block_bytes // 32) * 32
    return head + bytes(-len(head) % 32) + (bytes(at) if data is None else data)


def safetensors(
    header: dict | None = None, data: bytes | None = None, *, text: str | None = None
) -> bytes:
    header = header or {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
    }
    body = (text or json.dumps(header)).encode()
    return struct.pack("<Q", len(body)) + body + (bytes(32) if data is None else data)
