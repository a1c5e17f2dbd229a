"""LoRA adapters by their tensors: two thin matrices for each weight that they change.

llama.cpp writes `blk.0.attn_q.weight.lora_a` and `.lora_b`, shape (in, rank) and (rank, out),
fastest first (convert_lora_to_gguf.py). PEFT writes `base_model.model.` before the weight's name
and `.lora_A.weight`, `.lora_B.weight` behind it, shape (rank, in) and (out, rank).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from uplink.registry.formats.header import Extent, Header, MalformedFile

_GGUF = re.compile(r"(?P<weight>.+)\.lora_(?P<half>[ab])")
_PEFT = re.compile(
    r"(?:base_model\.model\.)?(?P<weight>.+)\.lora_(?P<half>[AB])(?:\.default)?\.weight"
)
RANK_MAX = 1_024


@dataclass(frozen=True, slots=True)
class Change:
    """What an adapter does to one weight: its name in the base, its two sides and the rank."""

    weight: str
    inputs: int
    outputs: int
    rank: int


def of(header: Header) -> dict[str, Any] | None:
    """Return rank, alpha and target modules of an adapter; None for a model.

    `MalformedFile` when only some tensors are an adapter's, a half lacks its other, or ranks
    disagree within a pair.
    """
    is_named = header.keys.get("general.type") == "adapter"
    found = changes(header)
    if not found:
        if is_named:
            raise MalformedFile("The file says that it is an adapter, and has no LoRA tensors.")
        return None
    ranks = sorted({each.rank for each in found})
    said: dict[str, Any] = {
        "rank": ranks[-1],
        "targets": sorted({_module(each.weight) for each in found}),
        "weights": len(found),
    }
    if "adapter.lora.alpha" in header.keys:
        said["alpha"] = header.keys["adapter.lora.alpha"]
    return said


def changes(header: Header) -> list[Change]:
    """Return what an adapter changes, weight by weight; empty when no tensor is an adapter's."""
    pattern = _GGUF if header.form == "gguf" else _PEFT
    halves: dict[str, dict[str, Extent]] = {}
    others = []
    for each in header.tensors:
        match = pattern.fullmatch(each.name)
        if match is None:
            others.append(each.name)
            continue
        halves.setdefault(match["weight"], {})[match["half"].lower()] = each
    if not halves:
        return []
    if others:
        raise MalformedFile(
            f"{len(others)} tensors are not an adapter's, {others[0]!r} for one: an adapter holds "
            "LoRA pairs alone."
        )
    return [_change(header.form, weight, pair) for weight, pair in halves.items()]


def _change(form: str, weight: str, pair: dict[str, Extent]) -> Change:
    if len(pair) != 2:
        raise MalformedFile(f"{weight!r} has half a LoRA pair.")
    # (rows, columns) of A: rank × inputs, and of B: outputs × rank.
    a, b = (pair[half].shape for half in "ab")
    if len(a) != 2 or len(b) != 2:
        raise MalformedFile(f"The LoRA pair of {weight!r} is not two matrices.")
    if form == "gguf":
        a, b = a[::-1], b[::-1]
    (rank, inputs), (outputs, rank_of_b) = a, b
    if rank != rank_of_b or not 1 <= rank <= RANK_MAX:
        raise MalformedFile(f"The LoRA pair of {weight!r} has the ranks {rank} and {rank_of_b}.")
    return Change(weight, inputs, outputs, rank)


def _module(weight: str) -> str:
    """Return `q_proj` of `model.layers.0.self_attn.q_proj`, `attn_q` of `blk.0.attn_q.weight`."""
    return weight.removesuffix(".weight").rpartition(".")[2]


def misfits(changed: list[Change], base: Header) -> list[str]:
    """Return a line for each weight that the base does not have, or has in another shape."""
    shapes = {each.name: each.shape for each in base.tensors}
    lines = []
    for each in changed:
        name = each.weight if base.form == "gguf" else f"{each.weight}.weight"
        shape = shapes.get(name)
        wanted = (each.inputs, each.outputs)
        if base.form != "gguf":
            wanted = wanted[::-1]
        if shape is None:
            lines.append(f"the base has no {name}")
        elif tuple(shape) != wanted:
            lines.append(f"{name} is {list(shape)} in the base and {list(wanted)} in the adapter")
    return lines
