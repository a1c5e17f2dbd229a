"""A folder is judged whole: everything wrong with it at once, and nothing is taken on trust."""

import json
import math
import struct

import pytest
from safetensors import safe_open

from tests.uplink.registry import qwen3
from uplink.registry import folders


def judged(folder):
    return folders.read(folders.listed(folder))


@pytest.fixture
def folder(tmp_path):
    return qwen3.write_folder(tmp_path / "qwen", shards=3)


def change(folder, name, **values):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_folder_of_the_hub_is_one_model(folder):
    found = judged(folder)
    assert found.problems == []
    assert found.left_out == []
    assert found.header["general.architecture"] == "qwen3"
    assert (found.header["layers"], found.header["kv_heads"]) == (2, 1)
    assert found.header["tensors"] == 25
    assert sorted(found.weights) == [f"model-{n:05}-of-00003.safetensors" for n in (1, 2, 3)]
    assert found.roles["tokenizer.json"] == "tokenizer"
    with safe_open(folder / found.weights[0], "np") as file:
        assert "model.embed_tokens.weight" in list(file.keys())


def test_what_belongs_to_no_model_is_left_out_by_name(folder):
    (folder / "notes.md").write_text("hello")
    (folder / "figures").mkdir()
    assert judged(folder).left_out == ["notes.md"]


def test_everything_that_is_wrong_is_told_at_once(folder):
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")
    (folder / "modeling_qwen3.py").write_text("import os")
    (folder / "generation_config.json").write_text("{,}")
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").unlink()
    (folder / "model-00002-of-00003.safetensors").unlink()
    change(folder, "config.json", num_hidden_layers="two", auto_map={"AutoModel": "x"})
    said = "\n".join(judged(folder).problems)
    for words in (
        "pytorch_model.bin is a pickle",
        "modeling_qwen3.py is code",
        "generation_config.json is not JSON",
        "there is no tokenizer",
        "names model-00002-of-00003.safetensors, which is not there",
        "num_hidden_layers is 'two'",
        "auto_map",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"num_hidden_layers": 3}, "says 3 layers, the tensors have 2 (0 to 1)"),
        ({"vocab_size": 600}, "a vocabulary of 600 by 256, model.embed_tokens.weight is 512"),
        ({"hidden_size": -1}, "hidden_size is -1, not a count"),
    ],
)
def test_the_configuration_is_held_to_the_tensors(folder, values, says):
    change(folder, "config.json", **values)
    assert any(says in line for line in judged(folder).problems), judged(folder).problems


def index_of(folder):
    return json.loads((folder / folders.INDEX).read_text())


@pytest.mark.parametrize(
    ("change_map", "says"),
    [
        (lambda m: m.pop("lm_head.weight"), "tensor lm_head.weight is not in the index"),
        (lambda m: m.update({"lm_head.weight": "model-00001-of-00003.safetensors"}),
         "tensor lm_head.weight is not in the file that the index names"),
        (lambda m: m.update({"x": "model-00001-of-00003.safetensors"}),
         "tensor x is not in the file"),
        (lambda m: m.update({"x": "../../etc/passwd"}), "names ../../etc/passwd, which is not"),
        (lambda m: m.update({"x": 5}), "no weight_map"),
    ],
)  # fmt: skip
def test_the_index_is_held_to_the_shards_both_ways(folder, change_map, says):
    index = index_of(folder)
    change_map(index["weight_map"])
    (folder / folders.INDEX).write_text(json.dumps(index))
    assert any(says in line for line in judged(folder).problems), judged(folder).problems


def test_the_index_tells_the_size(folder):
    change(folder, folders.INDEX, metadata={"total_size": 5})
    assert judged(folder).problems == [
        f"{folders.INDEX} says 5 bytes in all, the files have 3542016"
    ]


def test_several_shards_need_an_index(folder):
    (folder / folders.INDEX).unlink()
    assert judged(folder).problems == [f"3 safetensors files and no {folders.INDEX}"]


def test_a_broken_shard_is_named(folder):
    path = folder / "model-00003-of-00003.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 60) + path.read_bytes()[8:])
    assert judged(folder).problems[0].startswith("model-00003-of-00003.safetensors: A header of")


@pytest.mark.parametrize("name", ["config.json", folders.INDEX, "adapter_config.json"])
@pytest.mark.parametrize("text", ["[]", "5", "null", '{"weight_map": [], "r": [1]}'])
def test_json_of_another_kind_is_a_problem_and_no_accident(folder, name, text):
    (folder / name).write_text(text)
    assert judged(folder).problems


def test_an_empty_folder_and_one_of_both_forms_are_refused(folder, tmp_path):
    assert judged(tmp_path).problems == ["there is no weights file: *.safetensors or *.gguf"]
    qwen3.write_gguf(folder / "model.gguf")
    assert "GGUF and safetensors are in one folder" in judged(folder).problems[0]


def test_a_gguf_says_everything_itself(tmp_path):
    qwen3.write_gguf(tmp_path / "model.gguf")
    (tmp_path / "README.md").write_text("hello")
    found = judged(tmp_path)
    assert (found.problems, list(found.files), found.left_out) == (
        [],
        ["model.gguf"],
        ["README.md"],
    )
    assert found.header["quantisation"] == "Q4_K"


def test_a_split_gguf_must_be_whole(tmp_path):
    for number in (1, 3):
        qwen3.write_gguf(tmp_path / f"m-{number:05}-of-00003.gguf")
    assert judged(tmp_path).problems == ["of 3 splits there are 2: 2 missing"]
    qwen3.write_gguf(tmp_path / "m-00002-of-00003.gguf")
    assert judged(tmp_path).problems == []
    qwen3.write_gguf(tmp_path / "other.gguf")
    assert "not the splits of one" in judged(tmp_path).problems[0]


def test_an_adapter_is_held_to_its_configuration(tmp_path):
    folder = qwen3.write_adapter(tmp_path / "adapter")
    found = judged(folder)
    assert found.problems == []
    assert found.header["adapter"] == {
        "rank": 8,
        "targets": ["q_proj", "v_proj"],
        "weights": 4,
        "alpha": 16,
        "base": "Qwen/Qwen3-8B",
    }
    change(folder, "adapter_config.json", r=16)
    assert judged(folder).problems == ["adapter_config.json says rank 16, the tensors have 8"]
    change(folder, "adapter_config.json", r=8, lora_alpha=math.nan)
    assert judged(folder).problems == ["adapter_config.json: lora_alpha is nan, not a number"]
    change(folder, "adapter_config.json", peft_type="IA3")
    assert judged(folder).problems == ["adapter_config.json is not of a LoRA adapter"]
    qwen3.write_safetensors(folder / "adapter_model.safetensors", [("w", (2, 2), "F32")])
    assert "no LoRA tensor" in judged(folder).problems[0]
