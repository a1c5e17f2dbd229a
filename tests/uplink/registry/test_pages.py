"""The registry's pages show what there is, and say what to do when there is nothing."""

import re

import pytest
from django.utils import timezone

from constellation import catalogue
from constellation.models import Satellite
from ops import clock
from ops.models import ClockRow
from tests.factories import NOON, make_organisation, make_user, make_version
from tests.uplink.registry import qwen3
from uplink.registry import registering, uploads
from uplink.registry.models import Model, Provenance
from uplink.transfers.models import Deployment

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def root(settings, tmp_path):
    settings.ARTEFACT_ROOT = tmp_path / "artefacts"


@pytest.fixture
def operator(client):
    client.force_login(make_user(organisation=make_organisation(operates_fleet=True)))
    return client


@pytest.fixture
def qwen(tmp_path):
    ClockRow.objects.all().delete()
    clock.start(epoch=NOON)
    clock.pause()
    catalogue.load_reference(NOON)
    return qwen3.register_real(tmp_path, make_organisation())


def text_of(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_a_model_lists_its_versions_with_their_needs(operator, qwen):
    page = text_of(operator, "/registry/qwen3-8b")
    for words in ("q4_k_m", "bf16", "Q4_K", "BF16", "5.02 GB", "16.4 GB", "nvidia-h100"):
        assert words in page


def test_a_version_tells_hardware_golden_prompts_and_who_runs_it(operator, qwen):
    row = qwen["bf16"]
    prompt = {"prompt": "How <high>?", "expect": {"contains": "km", "json": True}}
    registering.replace_golden(row, [prompt])
    Provenance.objects.create(
        version=row,
        repository="Qwen/Qwen3-8B",
        parent=qwen["q4_k_m"],
        inputs=[{"name": "corpus", "sha256": "c" * 64}],
    )
    satellites = list(Satellite.objects.order_by("code"))
    fields = (
        {"active_sha256": row.artefact_id},
        {"active_sha256": row.artefact_id, "desired": qwen["q4_k_m"].artefact},
        {"slot_b_sha256": row.artefact_id},
        {"desired": row.artefact},
    )
    for satellite, said in zip(satellites, fields, strict=False):
        Deployment.objects.create(satellite=satellite, **said)

    page = text_of(operator, "/registry/qwen3-8b/bf16")
    for words in (
        "How &lt;high&gt;?",
        "contains &quot;km&quot;",
        "is JSON",
        "model-00001-of-00005.safetensors",
        "its runtime llama.cpp does not read safetensors",
        "Made for it",
        "Qwen/Qwen3-8B",
        "qwen3-8b:q4_k_m",
        "corpus",
        "Active, another is meant",
        "In a slot",
        "On its way",
        "qwen3, 36 layers",
    ):
        assert words in page, words


def test_the_cost_of_a_version_is_a_part_of_its_page(operator, qwen):
    page = text_of(operator, "/registry/qwen3-8b/bf16/cost")
    assert "<html" not in page
    assert "16.4 GB in 3918 packs; 17.7 GB on air" in page
    assert "STARCLOUD-1" in page
    assert "2026-234T19:39" in page


def test_a_version_without_anything_says_what_to_do(operator):
    make_version(name="bare")
    page = text_of(operator, "/registry/bare/1")
    for words in ("--golden FILE", "No satellite holds it", "not told by the header"):
        assert words in page or words == "not told by the header"
    assert "No active satellite" in text_of(operator, "/registry/bare/1/cost")
    Model.objects.create(name="empty", organisation=make_organisation())
    assert "No version yet" in text_of(operator, "/registry/empty")
    assert operator.get("/registry/none").status_code == 404
    assert operator.get("/registry/bare/2").status_code == 404


def test_artefacts_and_uploads_are_listed(operator, qwen):
    empty = text_of(operator, "/artefacts")
    assert "Nothing is coming in" in empty
    user = operator.get("/artefacts").wsgi_request.user
    row = uploads.create(
        organisation=user.organisation, user=user, length_bytes=1000, now=timezone.now()
    )
    uploads.write(row, [b"x" * 400], offset_bytes=0)
    page = text_of(operator, "/artefacts")
    for words in ("Receiving", "400 B", "of 1 kB", "qwen3-8b:q4_k_m", "tokenizer.json"):
        assert words in page
    parts = operator.get("/artefacts", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in parts


def test_an_empty_store_says_how_to_fill_it(operator):
    assert "The store is empty" in text_of(operator, "/artefacts")


def test_models_lead_to_their_pages_for_those_who_may(operator, client, qwen):
    assert '/registry/qwen3-8b/q4_k_m"' in text_of(operator, "/models")
    client.force_login(make_user(role="customer"))
    assert '/registry/qwen3-8b/q4_k_m"' not in text_of(client, "/models")
    for address in ("/registry/qwen3-8b", "/registry/qwen3-8b/bf16", "/artefacts"):
        assert client.get(address).status_code == 403
