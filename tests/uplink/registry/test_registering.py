"""Models, versions and artefacts: by function, by REST and by command."""

import dataclasses
import hashlib
import json
import struct

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InMemoryStorage
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from ops import clock, environment, errors
from ops.models import ClockRow
from tests.factories import (
    NOON,
    make_antenna,
    make_element_set,
    make_organisation,
    make_profile,
    make_satellite,
    make_user,
)
from tests.uplink.registry import qwen3
from tests.uplink.registry.files import gguf, safetensors
from uplink.registry import folders, golden, registering, shipped, store
from uplink.registry.models import Artefact, Model, Version

pytestmark = pytest.mark.django_db
GGUF = gguf()
SHA256 = hashlib.sha256(GGUF).hexdigest()


@pytest.fixture(autouse=True)
def root(settings, tmp_path):
    settings.ARTEFACT_ROOT = tmp_path / "artefacts"
    return settings.ARTEFACT_ROOT


@pytest.fixture
def operator():
    client = APIClient()
    client.force_login(make_user(role="operator"))
    return client


@pytest.fixture
def customer():
    client = APIClient()
    client.force_login(make_user(role="customer"))
    return client


def upload(client, content=GGUF, sha256=SHA256, form="gguf"):
    return client.put(
        f"/api/v1/artefacts/{sha256}?file_format={form}",
        data=content,
        content_type="application/octet-stream",
    )


def version_body(**details):
    profile = make_profile()
    return {"artefact": SHA256, "licence": "Apache-2.0", "profiles": [profile.code], **details}


def test_an_artefact_is_uploaded_and_may_be_repeated(operator):
    first, again = upload(operator), upload(operator)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["header"]["general.architecture"] == "qwen3"
    assert store.path_of(SHA256).read_bytes() == GGUF


def test_a_header_with_hostile_words_is_stored_without_them(operator):
    content = gguf(keys=[("general.name", 8, struct.pack("<Q", 5) + b"a\0b\xc2\x85")])
    sha256 = hashlib.sha256(content).hexdigest()
    answer = upload(operator, content, sha256)
    assert (answer.status_code, answer.json()["header"]["general.name"]) == (201, "ab")


def test_an_upload_larger_than_django_s_memory_limit_is_taken(operator):
    content = b"ZENITH-ECHO\n" + bytes(8 << 20)
    sha256 = hashlib.sha256(content).hexdigest()
    assert upload(operator, content, sha256, "echo").status_code == 201


@pytest.mark.parametrize(
    ("content", "sha256", "form", "status", "code"),
    [
        (GGUF, "0" * 64, "gguf", 422, "hash_mismatch"),
        (GGUF, SHA256, "safetensors", 400, "malformed_artefact"),
        (GGUF, SHA256, "pickle", 400, "malformed_artefact"),
        (b"", hashlib.sha256(b"").hexdigest(), "gguf", 400, "empty"),
        (GGUF[:50], hashlib.sha256(GGUF[:50]).hexdigest(), "gguf", 400, "malformed_artefact"),
    ],
)
def test_a_wrong_upload_is_refused_and_leaves_nothing(
    operator, root, content, sha256, form, status, code
):
    answer = upload(operator, content, sha256, form)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Artefact.objects.exists()
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_bytes_keep_the_format_they_were_registered_with(operator):
    upload(operator)
    answer = upload(operator, form="echo")
    assert (answer.status_code, answer.json()["code"]) == (409, "format_conflict")
    assert store.holds(SHA256)


def test_a_version_names_stored_bytes_and_may_be_repeated(operator):
    upload(operator)
    body = version_body()
    url = "/api/v1/models/qwen3-8b/versions/q4"
    first = operator.put(url, body, format="json")
    again = operator.put(url, body, format="json")

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == operator.get(url).json()
    assert operator.get("/api/v1/models/qwen3-8b").json()["versions"] == ["q4"]
    assert operator.get("/api/v1/models").json()["results"][0]["name"] == "qwen3-8b"
    listed = operator.get("/api/v1/models/qwen3-8b/versions").json()["results"]
    assert listed == [first.json()]


@pytest.mark.parametrize(
    ("model", "version", "says"),
    [
        ("m" * 65, "1", "A model is named by 1 to 64 letters, digits and hyphens or underscores"),
        ("m", "v" * 41, "A version is named by 1 to 40 letters, digits and hyphens, points"),
        ("m", "a b", "not 'a b'"),
        ("m", "a:b", "not 'a:b'"),
    ],
)
def test_a_name_that_nothing_could_be_called_by_is_refused(operator, model, version, says):
    upload(operator)
    url = f"/api/v1/models/{model}/versions/{version}"
    answer = operator.put(url, version_body(), format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_name")
    assert says in answer.json()["detail"]


def test_a_version_cannot_become_another_artefact(operator):
    other = safetensors()
    digest = hashlib.sha256(other).hexdigest()
    upload(operator)
    upload(operator, other, digest, "safetensors")
    url = "/api/v1/models/qwen3-8b/versions/q4"
    operator.put(url, version_body(), format="json")
    answer = operator.put(url, version_body(artefact=digest), format="json")

    assert (answer.status_code, answer.json()["code"]) == (422, "id_reused")


def test_a_version_needs_bytes_and_known_hardware(operator):
    url = "/api/v1/models/qwen3-8b/versions/q4"
    assert operator.put(url, version_body(), format="json").json()["code"] == "unknown_artefact"
    upload(operator)
    answer = operator.put(url, version_body(profiles=["abacus"]), format="json")
    assert answer.json()["code"] == "unknown_profile"
    assert not Model.objects.exists()


ENDPOINTS = [
    ("get", "/api/v1/models", 200),
    ("get", "/api/v1/models/m", 404),
    ("get", "/api/v1/models/m/versions", 404),
    ("get", "/api/v1/models/m/versions/1", 404),
    ("put", "/api/v1/models/m/versions/1", 403),
    ("get", f"/api/v1/artefacts/{SHA256}", 404),
    ("put", f"/api/v1/artefacts/{SHA256}", 403),
    ("get", "/api/v1/artefacts", 403),
    ("get", "/api/v1/models/m/versions/1/golden-prompts", 403),
    ("put", "/api/v1/models/m/versions/1/golden-prompts", 403),
    ("get", "/api/v1/versions/1/fits", 403),
    ("get", "/api/v1/versions/1/cost", 403),
]


@pytest.mark.parametrize(("method", "url", "for_customers"), ENDPOINTS)
def test_a_stranger_is_kept_out_and_a_customer_only_looks(customer, method, url, for_customers):
    assert getattr(APIClient(), method)(url).status_code == 401
    assert getattr(customer, method)(url).status_code == for_customers


def test_the_command_registers_a_file(tmp_path, capsys):
    make_organisation(operates_fleet=True)
    make_profile(code="h100")
    path = tmp_path / "model.gguf"
    path.write_bytes(GGUF)
    wanted = ("register_model", "qwen3-8b", "q4", "--format", "gguf", "--licence", "Apache-2.0")
    call_command(*wanted, "--file", str(path))
    call_command(*wanted, "--url", path.as_uri(), "--profile", "h100")

    said = capsys.readouterr().out
    assert f"qwen3-8b:q4 registered: {len(GGUF)} bytes, {SHA256}" in said
    assert "was registered already" in said
    assert Version.objects.get().profiles.get().code == "h100"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (("--file", "/nowhere/model.gguf"), "cannot be read: No such file"),
        (("--url", "ftp://example.org/model.gguf"), "is not a file, http or https URL"),
        (("--file", __file__), "no model brings code into orbit"),
    ],
)
def test_the_command_tells_a_refusal_in_a_line(source, said):
    make_organisation(operates_fleet=True)
    wanted = ("register_model", "m", "1", "--format", "gguf", "--licence", "Apache-2.0")
    with pytest.raises(CommandError, match=said):
        call_command(*wanted, *source)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("context", -1, "--context: Ensure this value is greater than or equal to 1"),
        ("system", "x" * 2001, "--system: Ensure this field has no more than 2000"),
        ("repository", "x" * 201, "--repository: Ensure this field has no more than 200"),
        ("source_url", "nowhere", "--source-url: Enter a valid URL"),
    ],
)
def test_the_command_takes_what_the_api_takes(tmp_path, option, value, says):
    make_organisation(operates_fleet=True)
    (tmp_path / "m.gguf").write_bytes(GGUF)
    asked = {"file": tmp_path / "m.gguf", "licence": "MIT", option: value}
    with pytest.raises(CommandError, match=says):
        call_command("register_model", "m", "1", **asked)
    assert not Artefact.objects.exists()


def test_the_shipped_model_is_registered_once(monkeypatch, tmp_path):
    path = tmp_path / "shipped.gguf"
    path.write_bytes(GGUF)
    monkeypatch.setattr(shipped, "find", lambda: path)
    profile, organisation = make_profile(), make_organisation()

    first, is_new = shipped.register(organisation=organisation)
    later = make_profile()
    again, is_new_again = shipped.register(organisation=organisation)

    assert (is_new, is_new_again, again) == (True, False, first)
    assert set(first.profiles.all()) == {profile, later}
    assert first.artefact_id == SHA256


def test_the_shipped_model_is_looked_for_where_its_package_is(monkeypatch):
    monkeypatch.setattr(shipped, "PACKAGE", "no_such_package_anywhere")
    with pytest.raises(shipped.NotInstalled):
        shipped.find()


def test_two_that_store_the_same_bytes_are_both_right():
    organisation = make_organisation()
    with pytest.raises(errors.Invalid):
        registering.store_artefact([b"junk"], form="gguf", organisation=organisation)
    first, _ = registering.store_artefact([GGUF], form="gguf", organisation=organisation)
    again, is_new = registering.store_artefact([GGUF], form="gguf", organisation=organisation)
    assert (first, is_new) == (again, False)


# --- Versions of many files, adapters, licences, hardware, golden prompts, costs -----------------


def put_folder(client, folder) -> list[dict]:
    """Upload a folder's files; return them as a version names them."""
    listed = []
    for name, path in folders.listed(folder).items():
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        answer = client.put(
            f"/api/v1/artefacts/{sha256}?name={name}",
            data=content,
            content_type="application/octet-stream",
        )
        assert answer.status_code in (200, 201), answer.content
        listed.append({"path": name, "sha256": sha256})
    return listed


def put_version(client, name="qwen3-8b", version="bf16", **details):
    profile = details.pop("profile", None) or make_profile(runtime="vllm").code
    body = {"licence": "Apache-2.0", "profiles": [profile], **details}
    return client.put(f"/api/v1/models/{name}/versions/{version}", body, format="json")


def test_files_make_one_version_under_one_digest(operator, tmp_path):
    files = put_folder(operator, qwen3.write_folder(tmp_path / "qwen"))
    first = put_version(operator, files=files)
    assert first.status_code == 201, first.content
    said = first.json()["artefact"]
    assert (said["format"], said["kind"], len(said["files"])) == ("bundle", "model", 13)
    assert said["header"]["weights"] == "safetensors"
    bundle = json.loads(store.path_of(said["sha256"]).read_bytes())
    assert {each["sha256"] for each in bundle["files"]} == {each["sha256"] for each in files}
    again = put_version(operator, files=files[::-1], profile=first.json()["profiles"][0])
    assert (again.status_code, again.json()) == (200, first.json())
    need = first.json()["need"]
    assert need["weights_bytes"] == said["header"]["tensor_bytes"]
    assert need["kv_cache_bytes"] == 2 * 1 * 2 * 64 * 2 * first.json()["context_tokens"]


def test_files_that_make_no_model_are_refused_with_all_reasons(operator, tmp_path):
    files = put_folder(operator, qwen3.write_folder(tmp_path / "qwen"))
    some = [each for each in files if each["path"] not in ("tokenizer.json", "vocab.json")]
    some = [each for each in some if not each["path"].startswith("model-00001")]
    answer = put_version(operator, files=some)
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_files")
    assert len(answer.json()["problems"]) >= 2
    missing = put_version(operator, files=[{"path": "config.json", "sha256": "0" * 64}])
    assert missing.json()["code"] == "unknown_artefact"
    escape = put_version(operator, files=[{"path": "../x", "sha256": "0" * 64}])
    assert escape.status_code == 400
    assert not Model.objects.exists()


def test_an_adapter_names_the_base_that_it_fits(operator, tmp_path):
    base = put_version(operator, files=put_folder(operator, qwen3.write_folder(tmp_path / "q")))
    adapter = put_folder(operator, qwen3.write_adapter(tmp_path / "adapter"))
    said = put_version(operator, "reports", "1", files=adapter, base="qwen3-8b:bf16")
    assert said.status_code == 201, said.content
    assert (said.json()["base"], said.json()["artefact"]["kind"]) == ("qwen3-8b:bf16", "adapter")
    assert said.json()["need"]["memory_bytes"] > base.json()["need"]["memory_bytes"]

    for details, says in (
        ({"base": ""}, "name it as its base"),
        ({"base": "qwen3-8b:q9"}, "no version 'qwen3-8b:q9'"),
        ({"base": "reports:1"}, "is an adapter itself"),
    ):
        answer = put_version(operator, "reports", "2", files=adapter, **details)
        assert says in answer.json()["detail"]
    wide = dataclasses.replace(qwen3.TINY, hidden=512)
    other = put_folder(operator, qwen3.write_adapter(tmp_path / "wide", wide))
    answer = put_version(operator, "reports", "2", files=other, base="qwen3-8b:bf16")
    assert answer.json()["code"] == "wrong_base"
    assert "q_proj.weight is [256, 256] in the base and [256, 512]" in answer.json()["detail"]
    upload(operator)
    answer = put_version(operator, "reports", "3", artefact=SHA256, base="qwen3-8b:bf16")
    assert "is no adapter" in answer.json()["detail"]


@pytest.mark.parametrize("licence", ["Gemma", "", "Apache 2", "MIT AND", "x" * 101])
def test_a_licence_is_an_spdx_expression(operator, licence):
    upload(operator)
    answer = put_version(operator, artefact=SHA256, licence=licence)
    assert answer.status_code == 400
    assert not Version.objects.exists()


def test_licences_are_kept_as_spdx_writes_them(operator):
    upload(operator)
    answer = put_version(operator, artefact=SHA256, licence="apache-2.0 or LicenseRef-Gemma")
    assert answer.json()["licence"] == "Apache-2.0 OR LicenseRef-Gemma"


def test_hardware_that_is_too_small_is_refused_with_numbers(operator, tmp_path):
    path = qwen3.write_gguf(tmp_path / "q.gguf")
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    upload(operator, content, sha256)
    small = make_profile(accelerator_memory_bytes=64 * 1024**2, storage_bytes=10**6)
    answer = put_version(operator, artefact=sha256, profile=small.code)
    assert (answer.status_code, answer.json()["code"]) == (422, "does_not_fit")
    assert "needs 260.0 MiB of accelerator memory" in answer.json()["detail"]
    assert (
        "two slots of it need 2.1 MiB of storage, and there are 1.0 MiB"
        in (answer.json()["detail"])
    )
    big = make_profile(accelerator_memory_bytes=2**30)
    row = put_version(operator, artefact=sha256, profile=big.code).json()
    fits = operator.get(f"/api/v1/versions/{row['id']}/fits").json()["profiles"]
    assert {each["profile"]: each["fits"] for each in fits} == {big.code: True, small.code: False}


def test_golden_prompts_and_provenance_belong_to_a_version(operator):
    upload(operator)
    prompts = [{"prompt": "How high?", "expect": {"contains": "km"}}]
    provenance = {
        "repository": "Qwen/Qwen3-8B-GGUF",
        "inputs": [{"name": "model.safetensors", "sha256": "a" * 64}],
    }
    row = put_version(
        operator, artefact=SHA256, golden_prompts=prompts, provenance=provenance
    ).json()
    assert row["golden_prompts"][0]["messages"] == [{"role": "user", "content": "How high?"}]
    assert row["provenance"]["inputs"] == provenance["inputs"]
    assert row["provenance"]["registered_by"].startswith("user-")

    url = "/api/v1/models/qwen3-8b/versions/bf16/golden-prompts"
    wrong = operator.put(url, {"golden_prompts": [{"prompt": "?"}, 5]}, format="json")
    assert wrong.json()["problems"] == [
        f"golden prompt 1: expect must hold at least one of {', '.join(golden.CONDITIONS)}",
        "golden prompt 2: it is not an object",
    ]
    assert operator.put(url, {}, format="json").status_code == 400
    right = operator.put(url, {"golden_prompts": prompts * 2}, format="json").json()
    assert [each["number"] for each in right["golden_prompts"]] == [1, 2]
    assert operator.get(url).json() == right
    answer = put_version(operator, version="b", artefact=SHA256, golden_prompts=[{}])
    assert (answer.json()["code"], Version.objects.count()) == ("wrong_golden_prompt", 1)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "must be a JSON object"),
        ({"licence": "MIT", "profiles": ["p"]}, "artefact or files"),
        ({"artefact": "0" * 64, "licence": "MIT", "profiles": ["p"], "licens": 1}, "known are"),
        ({"artefact": "0" * 64, "licence": "MIT", "profiles": []}, "profiles"),
        ({"artefact": "0" * 64, "licence": "MIT", "profiles": ["p"],
          "provenance": {"source_url": "not a url"}}, "source_url"),
        ({"artefact": "0" * 64, "licence": "MIT", "profiles": ["p"],
          "provenance": {"inputs": [{"name": "a", "sha256": "b"}]}}, "sha256"),
    ],
)  # fmt: skip
def test_a_wrong_version_is_refused_in_words(operator, body, says):
    answer = operator.put("/api/v1/models/m/versions/1", body, format="json")
    assert answer.status_code == 400
    assert says in json.dumps(answer.json())


def test_the_cost_is_told_for_satellites_by_name(operator):
    upload(operator)
    profile = make_profile(runtime="vllm")
    satellite = make_satellite(profile=profile)
    make_element_set(satellite=satellite)
    make_antenna()
    row = put_version(operator, artefact=SHA256, profile=profile.code).json()
    url = f"/api/v1/versions/{row['id']}/cost"
    ClockRow.objects.all().delete()
    clock.start(epoch=NOON)
    clock.pause()
    said = operator.get(f"{url}?satellite={satellite.code}").json()
    assert (said["file_bytes"], said["packs"]) == (len(GGUF), 1)
    assert said["on_air_bytes"] > said["frame_bytes"] > said["file_bytes"]
    (price,) = said["satellites"]
    assert (price["satellite"], price["contacts"], price["booked_contacts"]) == (
        satellite.code,
        1,
        0,
    )
    assert price["first_aos_at"].startswith("2026-08-22T")
    assert operator.get(url).json() == said
    assert operator.get(f"{url}?satellite=NONE").status_code == 400
    assert "those known are satellite" in operator.get(f"{url}?sat=A").json()["detail"]
    assert operator.get("/api/v1/versions/999999/cost").status_code == 404


def test_parameters_nobody_knows_are_refused(operator):
    for url in ("models", "models/m", "artefacts", "uploads", f"artefacts/{SHA256}"):
        assert operator.get(f"/api/v1/{url}?colour=red").status_code == 400


def test_a_command_tells_everything_that_is_wrong_with_a_folder(tmp_path):
    make_organisation(operates_fleet=True)
    make_profile(code="h100", runtime="vllm")
    folder = qwen3.write_folder(tmp_path / "qwen")
    (folder / "tokenizer.json").write_text("{,}")
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(CommandError) as refusal:
        call_command("import_model", str(folder), "m", "1", "--licence", "Gemma", "--base", "a:b")
    said = str(refusal.value)
    for words in ("tokenizer.json is not JSON", "is a pickle", "SPDX", "no version 'a:b'"):
        assert words in said
    assert not Artefact.objects.exists()
    with pytest.raises(CommandError, match="is not a folder"):
        call_command("import_model", "/nowhere", "m", "1", "--licence", "MIT")


def test_a_version_that_fits_nothing_is_told_why(tmp_path):
    make_organisation(operates_fleet=True)
    make_profile(code="abacus", accelerator_memory_bytes=1000)
    folder = qwen3.write_folder(tmp_path / "qwen")
    with pytest.raises(CommandError, match=r"fits no hardware profile\.\n  abacus: its runtime"):
        call_command("import_model", str(folder), "m", "1", "--licence", "MIT")


class Elsewhere(InMemoryStorage):
    """Storage that is not this machine's folder, as S3 is not."""


def test_artefacts_are_kept_elsewhere_and_brought_back(settings, root):
    settings.STORAGES = {
        **settings.STORAGES,
        "artefacts": {"BACKEND": f"{__name__}.Elsewhere"},
    }
    organisation = make_organisation()
    artefact, _ = registering.store_artefact([GGUF], form="gguf", organisation=organisation)
    place = store.path_of(artefact.sha256)
    assert place.read_bytes() == GGUF
    place.unlink()  # another machine
    assert store.holds(artefact.sha256)
    assert store.bring(artefact.sha256).read_bytes() == GGUF
    assert not store.holds("0" * 64)
    with pytest.raises(errors.NotFound):
        store.bring("0" * 64)


def test_the_storage_is_read_from_the_environment():
    assert environment.artefact_storage({})["BACKEND"] == "uplink.registry.storage.Folder"
    said = environment.artefact_storage(
        {"ZENITH_ARTEFACT_STORE": "s3://models/flight?endpoint_url=http://127.0.0.1:9000"}
    )
    assert said["BACKEND"] == "storages.backends.s3.S3Storage"
    assert said["OPTIONS"]["bucket_name"] == "models"
    assert said["OPTIONS"]["location"] == "flight"
    assert said["OPTIONS"]["endpoint_url"] == "http://127.0.0.1:9000"
    with pytest.raises(ImproperlyConfigured, match="s3://bucket/prefix"):
        environment.artefact_storage({"ZENITH_ARTEFACT_STORE": "ftp://models"})
