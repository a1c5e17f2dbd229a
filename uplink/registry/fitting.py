"""What a model needs to run, by its own header, and whether a kind of satellite has it. Pure.

Memory = weights + KV cache + working memory. The KV cache of a transformer holds, for each token of
context, a key and a value of `kv_heads` heads in each layer, 16 bits each (llama.cpp and vLLM by
default). Working memory is an estimate on the careful side: the logits of a batch in 32 bits, and
what a runtime takes before any model is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BATCH_TOKENS = 512
RUNTIME_BYTES = 256 * 1024**2
KV_VALUE_BYTES = 2
SLOTS = 2
"""Two versions lie on board at once: the one that runs and the one that is to."""

READS = {
    # runtime: formats of weights it loads
    "llama.cpp": {"gguf"},
    "vllm": {"gguf", "safetensors"},
    "transformers": {"safetensors"},
}


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that running takes, and bytes that lie in storage."""

    weights_bytes: int
    kv_cache_bytes: int
    working_bytes: int
    storage_bytes: int
    context_tokens: int
    is_estimated_whole: bool
    """False when the header does not tell the shape of the attention: then without KV cache."""

    @property
    def memory_bytes(self) -> int:
        return self.weights_bytes + self.kv_cache_bytes + self.working_bytes


def need(
    header: Mapping[str, Any],
    *,
    carried_bytes: int,
    context_tokens: int,
    base: Need | None = None,
) -> Need:
    """Return what an artefact with such a header needs; an adapter runs on top of its base."""
    if base is not None:
        return Need(
            weights_bytes=base.weights_bytes + header.get("tensor_bytes", carried_bytes),
            kv_cache_bytes=base.kv_cache_bytes,
            working_bytes=base.working_bytes,
            storage_bytes=base.storage_bytes + SLOTS * carried_bytes,
            context_tokens=base.context_tokens,
            is_estimated_whole=base.is_estimated_whole,
        )
    per_token = kv_bytes_per_token(header)
    if "tensor_bytes" not in header:  # an echo has no tensors and needs nothing
        return Need(0, 0, 0, SLOTS * carried_bytes, context_tokens, True)
    return Need(
        weights_bytes=header["tensor_bytes"],
        kv_cache_bytes=(per_token or 0) * context_tokens,
        working_bytes=RUNTIME_BYTES + 4 * BATCH_TOKENS * header.get("vocabulary", 0),
        storage_bytes=SLOTS * carried_bytes,
        context_tokens=context_tokens,
        is_estimated_whole=per_token is not None,
    )


def kv_bytes_per_token(header: Mapping[str, Any]) -> int | None:
    """Return the bytes of KV cache for a token, or None when the header does not tell."""
    layers, heads = header.get("layers"), header.get("heads")
    if not layers or not heads:
        return None
    width = header.get("embedding_length", 0) // heads
    kv_heads = header.get("kv_heads") or heads
    key, value = header.get("key_length") or width, header.get("value_length") or width
    return layers * kv_heads * (key + value) * KV_VALUE_BYTES


def misfits(
    needed: Need,
    *,
    weights: str,
    runtime: str,
    memory_bytes: int | None,
    storage_bytes: int,
) -> list[str]:
    """Return why a kind of satellite cannot run it, with numbers; nothing when it can.

    `weights` is the format of the weights. What the profile does not tell is not judged.
    """
    found = []
    if weights in ("gguf", "safetensors") and weights not in READS.get(runtime, {weights}):
        readers = sorted(name for name, formats in READS.items() if weights in formats)
        found.append(f"its runtime {runtime} does not read {weights} ({', '.join(readers)} would)")
    if memory_bytes is not None and needed.memory_bytes > memory_bytes:
        found.append(
            f"it needs {gib(needed.memory_bytes)} of accelerator memory "
            f"(weights {gib(needed.weights_bytes)}, KV cache {gib(needed.kv_cache_bytes)} for "
            f"{needed.context_tokens} tokens, working memory {gib(needed.working_bytes)}), "
            f"and there are {gib(memory_bytes)}"
        )
    if needed.storage_bytes > storage_bytes:
        found.append(
            f"two slots of it need {gib(needed.storage_bytes)} of storage, and there are "
            f"{gib(storage_bytes)}"
        )
    return found


def gib(count: int) -> str:
    """Bytes as people compare memory: `15.3 GiB`."""
    if count < 1024**3:
        return f"{count / 1024**2:.1f} MiB"
    return f"{count / 1024**3:.1f} GiB"
