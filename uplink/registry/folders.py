"""A model as a folder of files, as the Hugging Face hub lays one out: read whole, judged whole.

Pure: paths in, and what was found with every problem at once. Files that belong to no model are
left out and named; those that run code when they are opened are a problem.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uplink.registry import formats
from uplink.registry.formats import Header, MalformedFile, adapters, names
from uplink.registry.formats.header import described, word

FILES_MAX = 1_000
SMALL_FILE_BYTES_MAX = 64 * 1024 * 1024
"""Of a configuration or a tokenizer; the largest in use have some 35 MB."""
INDEX = "model.safetensors.index.json"
CONFIG, ADAPTER_CONFIG = "config.json", "adapter_config.json"
_CONFIGURATION = {CONFIG, ADAPTER_CONFIG, "generation_config.json", "preprocessor_config.json"}
_TOKENIZER = {
    "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "vocab.txt",
    "merges.txt", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",
    "chat_template.json",
}  # fmt: skip
_TOKENIZERS = (
    {"tokenizer.json"},
    {"tokenizer.model"},
    {"vocab.txt"},
    {"vocab.json", "merges.txt"},
)
"""Any of these is a tokenizer."""
_WORDS = {"LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE", "README.md"}
_SPLIT = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
_LAYER = re.compile(r"model\.layers\.(\d+)\.")
_OF_CONFIG = {
    "context_length": "max_position_embeddings",
    "layers": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "key_length": "head_dim",
    "value_length": "head_dim",
    "vocabulary": "vocab_size",
}
_NEEDED = ("layers", "heads", "embedding_length", "context_length")


@dataclass
class Found:
    """The files to keep by path with their role, what they say together, and what is wrong."""

    files: dict[str, Path] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files.values())

    @property
    def weights(self) -> list[str]:
        return [path for path, role in self.roles.items() if role == "weights"]


def role_of(name: str) -> str | None:
    """Return what a file of this name is in a model's folder; None when it belongs to none."""
    if name.endswith((".safetensors", ".gguf")):
        return "weights"
    if name.endswith(".safetensors.index.json"):
        return "index"
    if name in _CONFIGURATION:
        return "configuration"
    if name in _TOKENIZER:
        return "tokenizer"
    return "other" if name in _WORDS else None


def listed(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by their names; subfolders and hidden files are left out."""
    return {
        path.name: path
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".")
    }


def read(files: Mapping[str, Path]) -> Found:
    """Return what the files are as one model, and everything that is wrong with them."""
    found = Found()
    if len(files) > FILES_MAX:
        found.problems.append(f"{len(files)} files are more than {FILES_MAX}")
        return found
    for name, path in files.items():
        role = role_of(name)
        if why := names.of_name(name):
            found.problems.append(why.rstrip("."))
        elif role is None:
            found.left_out.append(name)
        else:
            found.files[name], found.roles[name] = path, role
    small = _small_files(found)
    headers = _headers(found)
    forms = {header.form for header in headers.values()}
    if not found.weights:
        found.problems.append("there is no weights file: *.safetensors or *.gguf")
    elif len(forms) > 1:
        found.problems.append("GGUF and safetensors are in one folder: import one of them")
    elif forms == {"gguf"}:
        _gguf(found, headers)
    elif forms:
        _safetensors(found, headers, small)
    if not found.problems:
        found.header |= {"weights": forms.pop(), "files": len(found.files)}
    return found


def _small_files(found: Found) -> dict[str, Any]:
    """Return the JSON files by name; what is too large or broken is a problem."""
    said: dict[str, Any] = {}
    for name, path in found.files.items():
        if found.roles[name] == "weights":
            continue
        size = path.stat().st_size
        if not 0 < size <= SMALL_FILE_BYTES_MAX:
            found.problems.append(f"{name} has {size} bytes, not 1 to {SMALL_FILE_BYTES_MAX}")
        elif name.endswith(".json"):
            try:
                said[name] = json.loads(path.read_bytes())
            except (ValueError, RecursionError) as error:
                found.problems.append(f"{name} is not JSON: {error}")
    return said


def _headers(found: Found) -> dict[str, Header]:
    headers = {}
    for name in found.weights:
        try:
            headers[name] = formats.read(found.files[name], Path(name).suffix[1:])
        except MalformedFile as error:
            found.problems.append(f"{name}: {str(error).rstrip('.')}")
    return headers


# --- GGUF -------------------------------------------------------------------------------------


def _gguf(found: Found, headers: dict[str, Header]) -> None:
    """One file says everything; a split one must be there whole. The rest is left out."""
    for name in [name for name, role in found.roles.items() if role != "weights"]:
        found.left_out.append(name)
        del found.files[name], found.roles[name]
    matches = [_SPLIT.fullmatch(name) for name in headers]
    is_split = all(matches) and len({(m["stem"], m["count"]) for m in matches}) == 1
    if len(headers) > 1 and not is_split:
        found.problems.append(
            f"{len(headers)} GGUF files are not the splits of one: import them one by one "
            f"({', '.join(headers)})"
        )
        return
    if all(matches):
        count = int(matches[0]["count"])
        missing = set(range(1, count + 1)) - {int(m["number"]) for m in matches}
        if missing:
            found.problems.append(
                f"of {count} splits there are {count - len(missing)}: "
                f"{', '.join(map(str, sorted(missing)))} missing"
            )
    found.header |= _together(found, headers)


# --- safetensors ------------------------------------------------------------------------------


def _safetensors(found: Found, headers: dict[str, Header], small: dict[str, Any]) -> None:
    if ADAPTER_CONFIG in small:
        _adapter(found, headers, small[ADAPTER_CONFIG])
        return
    _shards(found, headers, small)
    if not any(names <= set(found.files) for names in _TOKENIZERS):
        found.problems.append("there is no tokenizer: tokenizer.json or tokenizer.model")
    if CONFIG not in found.files:
        found.problems.append(f"there is no {CONFIG}")
    elif CONFIG in small:
        _configured(found, headers, small[CONFIG])
    found.header |= _together(found, headers)


def _shards(found: Found, headers: dict[str, Header], small: dict[str, Any]) -> None:
    """Hold the index to what the files have, both ways."""
    if INDEX not in found.files:
        if len(headers) > 1:
            found.problems.append(f"{len(headers)} safetensors files and no {INDEX}")
        return
    index = small.get(INDEX)
    wanted = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(wanted, dict) or not all(isinstance(v, str) for v in wanted.values()):
        found.problems.append(f"{INDEX} has no weight_map of tensors and files")
        return
    have = {each.name: name for name, header in headers.items() for each in header.tensors}
    for name in sorted(set(wanted.values()) - set(found.files)):
        found.problems.append(f"{INDEX} names {word(name)}, which is not there")
    for name in sorted(set(found.weights) - set(wanted.values())):
        found.problems.append(f"{name} is not in {INDEX}")
    known = {tensor: name for tensor, name in wanted.items() if name in headers}
    astray = [tensor for tensor, name in known.items() if have.get(tensor) != name]
    unlisted = [tensor for tensor in have if tensor not in wanted]
    for what, some in (("is not in the file that the index names", astray),
                       ("is not in the index", unlisted)):  # fmt: skip
        if some:
            more = f" (and {len(some) - 1} more)" if len(some) > 1 else ""
            found.problems.append(f"tensor {word(some[0])}{more} {what}")
    total = sum(each.length for header in headers.values() for each in header.tensors)
    metadata = index.get("metadata")
    said = metadata.get("total_size") if isinstance(metadata, dict) else None
    if said is not None and said != total and not found.problems:
        found.problems.append(f"{INDEX} says {said} bytes in all, the files have {total}")


def _configured(found: Found, headers: dict[str, Header], config: Any) -> None:
    if not isinstance(config, dict):
        found.problems.append(f"{CONFIG} is not an object")
        return
    if "auto_map" in config:
        found.problems.append(
            f"{CONFIG} asks for code of the model's own (auto_map): no model brings code into orbit"
        )
    for name, key in _OF_CONFIG.items():
        value = config.get(key)
        if type(value) is int and 0 < value < 2**31:
            found.header[name] = value
        elif value is not None:
            found.problems.append(f"{CONFIG}: {key} is {word(repr(value))}, not a count")
    if missing := [_OF_CONFIG[name] for name in _NEEDED if name not in found.header]:
        found.problems.append(f"{CONFIG} does not say {', '.join(missing)}")
    kind = config.get("model_type")
    if isinstance(kind, str):
        found.header["general.architecture"] = word(kind)[:64]
    shapes = {each.name: each.shape for h in headers.values() for each in h.tensors}
    layers = {int(m[1]) for m in map(_LAYER.match, shapes) if m}
    wanted = found.header.get("layers")
    if layers and wanted and layers != set(range(wanted)):
        found.problems.append(
            f"{CONFIG} says {wanted} layers, the tensors have {len(layers)} (0 to {max(layers)})"
        )
    embedding = shapes.get("model.embed_tokens.weight")
    sides = (found.header.get("vocabulary"), found.header.get("embedding_length"))
    if embedding and None not in sides and tuple(embedding) != sides:
        found.problems.append(
            f"{CONFIG} says a vocabulary of {sides[0]} by {sides[1]}, model.embed_tokens.weight "
            f"is {' by '.join(map(str, embedding))}"
        )


def _adapter(found: Found, headers: dict[str, Header], config: Any) -> None:
    if len(headers) != 1:
        found.problems.append(f"an adapter has one safetensors file, not {len(headers)}")
        return
    try:
        said = adapters.of(next(iter(headers.values())))
    except MalformedFile as error:
        found.problems.append(str(error).rstrip("."))
        return
    if said is None:
        found.problems.append(f"there is an {ADAPTER_CONFIG}, and no LoRA tensor in the weights")
        return
    if not isinstance(config, dict) or str(config.get("peft_type", "LORA")).upper() != "LORA":
        found.problems.append(f"{ADAPTER_CONFIG} is not of a LoRA adapter")
        return
    pattern = config.get("rank_pattern")
    ranks = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else ())]
    if "r" in config and said["rank"] not in ranks:
        found.problems.append(
            f"{ADAPTER_CONFIG} says rank {word(repr(config['r']))}, the tensors have {said['rank']}"
        )
    alpha = config.get("lora_alpha")
    if isinstance(alpha, int | float) and math.isfinite(alpha):
        said["alpha"] = alpha
    elif alpha is not None:
        found.problems.append(f"{ADAPTER_CONFIG}: lora_alpha is {word(repr(alpha))}, not a number")
    if isinstance(config.get("base_model_name_or_path"), str):
        said["base"] = word(config["base_model_name_or_path"])
    found.header |= {**_together(found, headers), "adapter": said}


def _together(found: Found, headers: dict[str, Header]) -> dict[str, Any]:
    """Return the headers of all weights as that of one file, the first one's words first."""
    merged: dict[str, Any] = {}
    types: dict[str, dict[str, int]] = {}
    for name in sorted(headers):
        said = described(headers[name])
        for kind, counts in said.pop("types", {}).items():
            entry = types.setdefault(kind, dict.fromkeys(counts, 0))
            for key, count in counts.items():
                entry[key] += count
        merged = {**said, **merged}
    for key, count in (("tensors", "tensors"), ("tensor_bytes", "bytes"), ("parameters", "values")):
        merged[key] = sum(entry[count] for entry in types.values())
    if types:
        merged["types"] = types
        merged["quantisation"] = max(types, key=lambda kind: types[kind]["bytes"])
    if len(headers) == 1 and "adapter" not in found.header:
        try:
            said = adapters.of(next(iter(headers.values())))
        except MalformedFile as error:
            found.problems.append(str(error).rstrip("."))
        else:
            merged |= {"adapter": said} if said else {}
    return merged
