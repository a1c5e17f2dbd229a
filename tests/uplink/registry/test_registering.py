"""Models, versions and artefacts: by function, by REST and by command."""

import hashlib

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from ops import errors
from tests.factories import make_organisation, make_profile, make_user
from tests.uplink.registry.files import gguf, safetensors
from uplink.registry import registering, shipped, store
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
