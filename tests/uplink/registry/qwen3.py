"""Files of the Qwen3 architecture: its tensor names and shapes, tiny with random weights, or of the
full size with none (sparse: a header, and a hole where the weights would be).

Names and shapes are those of transformers' Qwen3ForCausalLM and llama.cpp's `LLM_ARCH_QWEN3`; which
tensors of a Q4_K_M are Q6_K is llama.cpp's `use_more_bits` (llama-quant.cpp).
"""

import json
import random
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter

from constellation.models import HardwareProfile
from ops.accounts.models import Organisation
from uplink.registry import folders, formats
from uplink.registry.models import Artefact, Model, Part, Version

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Shape:
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    feed_forward: int
    vocabulary: int
    context: int = 40_960


REAL = Shape(36, 4096, 32, 8, 128, 12_288, 151_936)
"""config.json of Qwen/Qwen3-8B."""
TINY = Shape(2, 256, 4, 1, 64, 768, 512)

_IN_A_LAYER = {
    # transformers' name: (llama.cpp's name, (rows, columns) or (length,))
    "self_attn.q_proj": ("attn_q", lambda s: (s.heads * s.head_dim, s.hidden)),
    "self_attn.k_proj": ("attn_k", lambda s: (s.kv_heads * s.head_dim, s.hidden)),
    "self_attn.v_proj": ("attn_v", lambda s: (s.kv_heads * s.head_dim, s.hidden)),
    "self_attn.o_proj": ("attn_output", lambda s: (s.hidden, s.heads * s.head_dim)),
    "self_attn.q_norm": ("attn_q_norm", lambda s: (s.head_dim,)),
    "self_attn.k_norm": ("attn_k_norm", lambda s: (s.head_dim,)),
    "mlp.gate_proj": ("ffn_gate", lambda s: (s.feed_forward, s.hidden)),
    "mlp.up_proj": ("ffn_up", lambda s: (s.feed_forward, s.hidden)),
    "mlp.down_proj": ("ffn_down", lambda s: (s.hidden, s.feed_forward)),
    "input_layernorm": ("attn_norm", lambda s: (s.hidden,)),
    "post_attention_layernorm": ("ffn_norm", lambda s: (s.hidden,)),
}


def _tensors(shape: Shape) -> list[tuple[str, str, tuple[int, ...], int]]:
    """transformers' name, llama.cpp's name, shape, layer (-1: none)."""
    embedding = (shape.vocabulary, shape.hidden)
    rows = [("model.embed_tokens.weight", "token_embd.weight", embedding, -1)]
    for layer in range(shape.layers):
        rows += [
            (f"model.layers.{layer}.{name}.weight", f"blk.{layer}.{short}.weight", of(shape), layer)
            for name, (short, of) in _IN_A_LAYER.items()
        ]
    rows.append(("model.norm.weight", "output_norm.weight", (shape.hidden,), -1))
    rows.append(("lm_head.weight", "output.weight", embedding, -1))
    return rows


def _fill(path: Path, size: int, weights: bool) -> None:
    with path.open("r+b") as file:
        at = file.seek(0, 2)
        if weights:
            numbers = random.Random(8)
            while at < size:
                at += file.write(numbers.randbytes(min(_CHUNK, size - at)))
        file.truncate(size)


def write_gguf(path: Path, shape: Shape = TINY, *, weights: bool = True) -> Path:
    """A Q4_K_M, its header by llama.cpp's own writer."""
    writer = GGUFWriter(path, "qwen3")
    writer.add_name("Qwen3 8B")
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{number}" for number in range(shape.vocabulary)])
    length = 0
    for _, name, sides, layer in _tensors(shape):
        kind = _kind(name, sides, layer, shape.layers)
        values, block_bytes = GGML_QUANT_SIZES[kind]
        as_bytes = (*sides[:-1], sides[-1] // values * block_bytes)
        size = int(np.prod(as_bytes))
        if kind == GGMLQuantizationType.F32:
            writer.add_tensor_info(name, sides, np.dtype(np.float32), size)
        else:
            writer.add_tensor_info(name, as_bytes, np.dtype(np.uint8), size, raw_dtype=kind)
        length += -(-size // 32) * 32
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    begin = -(-path.stat().st_size // 32) * 32
    _fill(path, begin + length, weights)
    return path


def _kind(name: str, sides: tuple[int, ...], layer: int, layers: int) -> GGMLQuantizationType:
    if len(sides) == 1:
        return GGMLQuantizationType.F32
    more = layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2
    is_wide = name == "output.weight" or (("attn_v" in name or "ffn_down" in name) and more)
    return GGMLQuantizationType.Q6_K if is_wide else GGMLQuantizationType.Q4_K


def write_folder(
    folder: Path, shape: Shape = TINY, *, shards: int = 5, weights: bool = True
) -> Path:
    """A folder as the hub has it: BF16 in shards with their index, configuration, tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = _tensors(shape)
    each = -(-len(rows) // shards)
    where, total = {}, 0
    for number in range(shards):
        name = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        part = [
            (one, sides, "BF16") for one, _, sides, _ in rows[number * each : (number + 1) * each]
        ]
        total += write_safetensors(folder / name, part, weights=weights)
        where |= {one: name for one, _, _ in part}
    index = {"metadata": {"total_size": total}, "weight_map": where}
    config = {
        "architectures": ["Qwen3ForCausalLM"],
        "head_dim": shape.head_dim,
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "max_position_embeddings": shape.context,
        "model_type": "qwen3",
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv_heads,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "vocab_size": shape.vocabulary,
    }
    small = {
        "model.safetensors.index.json": index,
        "config.json": config,
        "generation_config.json": {"temperature": 0.6, "top_k": 20, "top_p": 0.95},
        "tokenizer.json": {"version": "1.0", "model": {"type": "BPE", "vocab": {}, "merges": []}},
        "tokenizer_config.json": {"model_max_length": 131_072},
        "vocab.json": {"a": 0},
    }
    for name, said in small.items():
        (folder / name).write_text(json.dumps(said))
    (folder / "merges.txt").write_text("#version: 0.2\na b\n")
    (folder / "LICENSE").write_text("Apache License, Version 2.0\n")
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs\n")
    return folder


def write_safetensors(
    path: Path, rows: list[tuple[str, tuple[int, ...], str]], *, weights: bool = True
) -> int:
    """Write tensors of a name, a shape and a type; return the bytes of weights."""
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, sides, kind in rows:
        size = int(np.prod(sides)) * (4 if kind == "F32" else 2)
        header[name] = {"dtype": kind, "shape": list(sides), "data_offsets": [at, at + size]}
        at += size
    body = json.dumps(header).encode()
    body += b" " * (-len(body) % 8)
    path.write_bytes(struct.pack("<Q", len(body)) + body)
    _fill(path, 8 + len(body) + at, weights)
    return at


def write_adapter(folder: Path, shape: Shape = TINY, *, rank: int = 8) -> Path:
    """A PEFT LoRA adapter of the query and value projections."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, _, sides, _ in _tensors(shape):
        if "q_proj" in name or "v_proj" in name:
            stem = f"base_model.model.{name.removesuffix('.weight')}"
            rows.append((f"{stem}.lora_A.weight", (rank, sides[1]), "F32"))
            rows.append((f"{stem}.lora_B.weight", (sides[0], rank), "F32"))
    write_safetensors(folder / "adapter_model.safetensors", rows)
    config = {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": 16,
        "target_modules": ["q_proj", "v_proj"],
        "base_model_name_or_path": "Qwen/Qwen3-8B",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def register_real(folder: Path, organisation: Organisation) -> dict[str, Version]:
    """Register Qwen3-8B in both forms, of its real size: headers are read, weights are holes."""
    model = Model.objects.create(name="qwen3-8b", organisation=organisation)
    path = write_gguf(folder / "q4.gguf", REAL, weights=False)
    q4 = _artefact(organisation, "1" * 64, path.stat().st_size, "gguf", formats.inspect(path))
    found = folders.read(folders.listed(write_folder(folder / "bf16", REAL, weights=False)))
    assert found.problems == []
    bf16 = _artefact(organisation, "2" * 64, 2_000, "bundle", found.header)
    for number, (name, file) in enumerate(found.files.items()):
        form = "safetensors" if found.roles[name] == "weights" else "file"
        part = _artefact(organisation, f"{number:064x}", file.stat().st_size, form, {})
        Part.objects.create(bundle=bf16, path=name, role=found.roles[name], artefact=part)
    rows = {}
    for version, one, codes in (
        ("q4_k_m", q4, ("scs-01", "nvidia-h100")),
        ("bf16", bf16, ("nvidia-h100",)),
    ):
        rows[version] = Version.objects.create(
            model=model, version=version, artefact=one, licence="Apache-2.0", context_tokens=4096
        )
        rows[version].profiles.set(HardwareProfile.objects.filter(code__in=codes))
    return rows


def _artefact(
    organisation: Organisation, sha256: str, size: int, form: str, header: dict
) -> Artefact:
    return Artefact.objects.create(
        sha256=sha256,
        organisation=organisation,
        size_bytes=size,
        format=form,
        kind="file" if form == "file" else "model",
        header=header,
    )
