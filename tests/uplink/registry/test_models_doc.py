"""`docs/models.md` is run as it stands: commands on tiny files, figures on the real shapes."""

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import call_command

from constellation import catalogue
from constellation.models import HardwareProfile
from ops import clock
from ops.models import ClockRow
from tests.factories import NOON, make_organisation
from tests.uplink.registry import qwen3
from uplink.registry import fits, fitting
from uplink.registry.models import Kind, Version

pytestmark = pytest.mark.django_db
DOC = Path(__file__).resolve().parents[3] / "docs" / "models.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", DOC.read_text(), re.S | re.M)


def commands() -> list[list[str]]:
    lines = "".join(blocks("sh")).replace("\\\n", " ").splitlines()
    said = [shlex.split(line) for line in lines]
    assert all(words[:2] == [".venv/bin/python", "manage.py"] for words in said)
    return [words[2:] for words in said]


@pytest.fixture(autouse=True)
def fleet(settings, tmp_path):
    settings.ARTEFACT_ROOT = tmp_path / "artefacts"
    ClockRow.objects.all().delete()
    clock.start(epoch=NOON)
    clock.pause()
    catalogue.load_reference(NOON)
    return make_organisation(operates_fleet=True)


def test_the_commands_of_the_documentation_do_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    qwen3.write_gguf(tmp_path / "Qwen3-8B-Q4_K_M.gguf")
    qwen3.write_folder(tmp_path / "Qwen3-8B")
    qwen3.write_adapter(tmp_path / "qwen3-8b-reports")
    (tmp_path / "golden.json").write_text(blocks("json")[0])
    assert len(commands()) == 6
    for words in commands():
        call_command(*words)

    said = capsys.readouterr().out
    assert "qwen3-8b:q4_k_m registered" in said
    assert "Qwen3-8B is right: 13 files" in said
    assert "SCS-01-A: 1 contact (0 booked)" in said
    q4, bf16, adapter = (Version.objects.get(version=v) for v in ("q4_k_m", "bf16", "1"))
    assert q4.golden_prompts.first().expect["contains"] == "Paris"
    assert (q4.provenance.repository, q4.context_tokens) == ("Qwen/Qwen3-8B-GGUF", 4096)
    assert set(q4.profiles.values_list("code", flat=True)) == {"scs-01", "nvidia-h100"}
    assert bf16.artefact.parts.filter(role="weights").count() == 5
    assert list(bf16.profiles.values_list("code", flat=True)) == ["nvidia-h100"]
    assert (adapter.base, adapter.artefact.kind) == (bf16, Kind.ADAPTER)
    call_command(*commands()[0])
    assert "qwen3-8b:q4_k_m was registered already" in capsys.readouterr().out


@pytest.fixture
def real(tmp_path, fleet):
    """Qwen3-8B in both forms, of its real size."""
    return qwen3.register_real(tmp_path, fleet)


def test_the_costs_of_the_documentation_are_those_that_are_told(real, capsys):
    capsys.readouterr()
    for words in commands():
        if words[0] == "model_cost":
            call_command(*words)
    said = re.sub(r"; SHA-256 \w+", "", capsys.readouterr().out)
    assert blocks("text")[0] == said


def test_the_needs_of_the_documentation_are_those_that_are_computed(real):
    rows = re.findall(r"^\| Qwen3-8B .*", DOC.read_text(), re.M)
    for row, version in zip(rows, ("q4_k_m", "bf16"), strict=True):
        need = fits.need(real[version])
        numbers = (need.weights_bytes, need.kv_cache_bytes, need.memory_bytes, need.storage_bytes)
        assert [cell.strip() for cell in row.split("|")[2:6]] == [fitting.gib(n) for n in numbers]


def test_bf16_fits_the_hardware_that_the_documentation_says(real):
    found = fits.fits(real["bf16"], HardwareProfile.objects.order_by("code"))
    told = {one.profile.code: one.misfits for one in found}
    assert told["nvidia-h100"] == []
    assert told["scs-01"] == [
        "its runtime llama.cpp does not read safetensors (transformers, vllm would)"
    ]
    HardwareProfile.objects.update(accelerator_memory_bytes=8 * 1024**3, runtime="vllm")
    (one,) = fits.fits(real["bf16"], HardwareProfile.objects.filter(code="scs-01"))
    assert one.misfits == [
        (
            "it needs 16.4 GiB of accelerator memory (weights 15.3 GiB, KV cache 576.0 MiB "
            "for 4096 tokens, working memory 552.8 MiB), and there are 8.0 GiB"
        )
    ]
