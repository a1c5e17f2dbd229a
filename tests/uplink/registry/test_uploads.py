"""Uploads resume, byte for byte, whatever was cut; and what is wrong leaves nothing behind."""

import base64
import errno
import hashlib
import os
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests.factories import make_organisation, make_user
from tests.uplink.registry.files import gguf
from uplink.registry import store, streaming, tasks, uploads
from uplink.registry.models import Artefact, Upload

pytestmark = pytest.mark.django_db
CONTENT = gguf(tensors=[("big", (32, 90_000), 8)])
SHA256 = hashlib.sha256(CONTENT).hexdigest()
LENGTH = len(CONTENT)
HALF = 1_234_567
URL = "/api/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(autouse=True)
def root(settings, tmp_path):
    settings.ARTEFACT_ROOT = tmp_path / "artefacts"
    uploads._running.clear()
    return settings.ARTEFACT_ROOT


@pytest.fixture
def operator():
    client = APIClient()
    client.force_login(make_user(role="operator"))
    return client


def b64(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def announce(client, length=LENGTH, **metadata):
    pairs = ",".join(f"{key} {b64(value)}" for key, value in metadata.items())
    headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": pairs}
    return client.post(URL, headers=headers)


def begin(client, **details) -> str:
    answer = announce(client, **details)
    assert answer.status_code == 201, answer.content
    return answer["Location"]


def send(client, url, content, offset=0, **headers):
    return client.patch(
        url,
        data=content,
        content_type="application/offset+octet-stream",
        headers={**TUS, "Upload-Offset": str(offset), **headers},
    )


def offset_of(client, url) -> int:
    return int(client.head(url, headers=TUS)["Upload-Offset"])


def files(root) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_a_file_comes_in_pieces_and_becomes_an_artefact(operator, root):
    url = begin(operator, filename="model.gguf", sha256=SHA256)
    first = send(operator, url, CONTENT[:HALF])
    assert (first.status_code, first["Upload-Offset"]) == (204, str(HALF))
    head = operator.head(url, headers=TUS)
    assert (head["Upload-Offset"], head["Upload-Length"]) == (str(HALF), str(len(CONTENT)))
    assert head["Cache-Control"] == "no-store"
    assert "GMT" in head["Upload-Expires"]
    last = send(operator, url, CONTENT[HALF:], HALF)

    assert (last.status_code, last["Upload-Offset"]) == (204, str(len(CONTENT)))
    said = operator.get(url).json()
    assert (said["state"], said["artefact"]) == ("STORED", SHA256)
    artefact = Artefact.objects.get()
    assert (artefact.format, artefact.size_bytes) == ("gguf", len(CONTENT))
    assert len(artefact.blake3) == 64
    assert files(root) == [store.path_of(SHA256)]


def test_another_process_that_goes_on_reads_what_it_has_not_hashed(operator):
    url = begin(operator, filename="model.gguf", sha256=SHA256)
    send(operator, url, CONTENT[:HALF])
    uploads._running.clear()
    assert send(operator, url, CONTENT[HALF:], HALF).status_code == 204
    assert operator.get(url).json()["state"] == "STORED"


def test_a_large_file_that_must_be_hashed_again_is_left_to_a_worker(
    operator, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(uploads, "INLINE_BYTES", 1000)
    queued = []
    monkeypatch.setattr(tasks.verify_upload, "delay", lambda **said: queued.append(said))
    url = begin(operator, filename="model.gguf")
    send(operator, url, CONTENT[:HALF])
    uploads._running.clear()
    with django_capture_on_commit_callbacks(execute=True):
        assert send(operator, url, CONTENT[HALF:], HALF).status_code == 204
    assert operator.get(url).json()["state"] == "VERIFYING"
    assert [said["upload_id"] for said in queued] == [url.rpartition("/")[2]]

    tasks.look_after_uploads()  # the message was lost

    assert operator.get(url).json()["state"] == "STORED"


def test_what_the_server_can_is_told(operator):
    answer = operator.options(URL)
    assert (answer.status_code, answer["Tus-Version"]) == (204, "1.0.0")
    assert answer["Tus-Checksum-Algorithm"] == "sha1,sha256"
    assert {"creation", "checksum", "expiration", "termination"} == set(
        answer["Tus-Extension"].split(",")
    )
    assert int(answer["Tus-Max-Size"]) == store.ARTEFACT_BYTES_MAX


@pytest.mark.parametrize(
    ("headers", "status", "says"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412, "1.0.0 is spoken here"),
        ({"Upload-Length": ""}, 400, "Upload-Length must be a number"),
        ({"Upload-Length": "-5"}, 400, "Upload-Length must be a number"),
        ({"Upload-Length": "0"}, 400, "at least one byte"),
        ({"Upload-Length": str(1 << 45)}, 413, "at most"),
        ({"Upload-Defer-Length": "1"}, 400, "Upload-Length"),
        ({"Upload-Metadata": "filename !!!"}, 400, "'filename' is not base64"),
        ({"Upload-Metadata": f"a {b64('1')},a {b64('2')}"}, 400, "'a' twice"),
        ({"Upload-Metadata": f"filename {b64('model.bin')}"}, 400, "a pickle, which runs code"),
        ({"Upload-Metadata": f"filename {b64('a' * 201)}"}, 400, "200 characters"),
        ({"Upload-Metadata": f"format {b64('pickle')}"}, 400, "not one of"),
        ({"Upload-Metadata": f"sha256 {b64('abc')}"}, 400, "64 hexadecimal digits"),
        ({"Upload-Metadata": "x" * 4001}, 400, "more than 4000"),
    ],
)
def test_a_wrong_announcement_is_refused_in_words(operator, headers, status, says):
    answer = operator.post(URL, headers={**TUS, "Upload-Length": "100", **headers})
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    assert not Upload.objects.exists()


def test_room_is_promised_once(operator, monkeypatch):
    monkeypatch.setattr(store, "free_bytes", lambda: 1000)
    assert announce(operator, length=700).status_code == 201
    answer = announce(operator, length=400)
    assert (answer.status_code, answer.json()["code"]) == (507, "store_full")
    assert "room for 300 bytes, not for 400; 700 more are promised" in answer.json()["detail"]
    assert announce(operator, length=300).status_code == 201


def test_a_request_begins_where_the_file_ends(operator):
    url = begin(operator)
    send(operator, url, CONTENT[:HALF])
    for offset in (0, HALF - 1, HALF + 1):
        answer = send(operator, url, b"abc", offset)
        assert (answer.status_code, answer.json()["offset_bytes"]) == (409, HALF)
    assert offset_of(operator, url) == HALF


def test_bytes_come_as_bytes(operator):
    url = begin(operator)
    answer = operator.patch(url, data=b"{}", content_type="application/json", headers=TUS)
    assert answer.status_code == 415


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_checksum_that_is_wrong_discards_its_request_alone(operator, algorithm):
    url = begin(operator, sha256=SHA256)
    send(operator, url, CONTENT[:HALF])

    def sums(content):
        return {"Upload-Checksum": f"{algorithm} {b64(hashlib.new(algorithm, content).digest())}"}

    answer = send(operator, url, CONTENT[HALF:-1] + b"x", HALF, **sums(CONTENT[HALF:]))
    assert (answer.status_code, answer.json()["code"]) == (460, "checksum_mismatch")
    assert offset_of(operator, url) == HALF
    again = send(operator, url, CONTENT[HALF:], HALF, **sums(CONTENT[HALF:]))
    assert again.status_code == 204
    assert operator.get(url).json()["artefact"] == SHA256


@pytest.mark.parametrize("checksum", ["md5 abc=", "sha256 !!!", f"sha1 {b64('short')}"])
def test_a_checksum_that_is_none_is_refused(operator, checksum):
    url = begin(operator)
    assert send(operator, url, b"abc", **{"Upload-Checksum": checksum}).status_code == 400


def test_more_than_was_announced_is_refused_and_not_kept(operator, root):
    url = begin(operator, length=HALF + 10)
    send(operator, url, CONTENT[:HALF])
    answer = send(operator, url, CONTENT[HALF:], HALF)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_long")
    assert offset_of(operator, url) == HALF
    assert [path.stat().st_size for path in files(root)] == [HALF]


@pytest.mark.parametrize(
    ("content", "metadata", "status", "code"),
    [
        (CONTENT, {"sha256": "0" * 64}, 422, "hash_mismatch"),
        (b"not a model", {"format": "gguf"}, 400, "malformed_artefact"),
        (b"\x80\x04\x95pickle", {}, 400, "malformed_artefact"),
        (b"PK\x03\x04", {"filename": "tokenizer.json"}, 400, "malformed_artefact"),
    ],
)
def test_a_wrong_file_is_refused_with_its_last_byte(
    operator, root, content, metadata, status, code
):
    url = begin(operator, length=len(content), **metadata)
    answer = send(operator, url, content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    said = operator.get(url).json()
    assert (said["state"], said["reason"]) == ("REFUSED", answer.json()["detail"])
    assert files(root) == []
    assert not Artefact.objects.exists()
    assert send(operator, url, b"x", len(content)).json()["code"] == "upload_is_over"


def test_a_full_disk_keeps_what_it_can_and_goes_on_when_there_is_room(operator, monkeypatch):
    url = begin(operator, sha256=SHA256)
    send(operator, url, CONTENT[:HALF])
    row = Upload.objects.get()

    def full():
        yield CONTENT[HALF : HALF + 1000]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(store.StoreFull, match=f"first {HALF} bytes are kept"):
        uploads.write(row, full(), offset_bytes=HALF)
    assert uploads.path_of(row.pk).stat().st_size == HALF
    assert send(operator, url, CONTENT[HALF:], HALF).status_code == 204
    assert operator.get(url).json()["state"] == "STORED"


def broken_off(content):
    yield content
    raise streaming.ClientGone("The upload broke off.")


def test_what_came_before_the_client_left_is_kept_unless_under_a_checksum(operator):
    begin(operator, sha256=SHA256)
    row = Upload.objects.get()
    with pytest.raises(streaming.ClientGone):
        uploads.write(row, broken_off(CONTENT[:HALF]), offset_bytes=0)
    row.refresh_from_db()
    assert row.offset_bytes == HALF
    checksum = uploads.tus.Checksum("sha256", bytes(32))
    with pytest.raises(streaming.ClientGone):
        uploads.write(row, broken_off(CONTENT[HALF:]), offset_bytes=HALF, checksum=checksum)
    row.refresh_from_db()
    assert row.offset_bytes == HALF
    assert uploads.write(row, [CONTENT[HALF:]], offset_bytes=HALF).state == "STORED"


def test_who_comes_last_writes_and_the_other_stops(operator, monkeypatch):
    monkeypatch.setattr(uploads, "CHECKPOINT_S", 0.0)
    begin(operator)
    row = Upload.objects.get()

    def slow():
        yield CONTENT[:1000]
        uploads._claim(row.pk)  # another request arrives
        yield CONTENT[1000:2000]

    with pytest.raises(uploads.Locked):
        uploads.write(row, slow(), offset_bytes=0)
    row.refresh_from_db()
    assert row.offset_bytes == 1000
    assert uploads.write(row, [CONTENT[1000:]], offset_bytes=1000).state == "STORED"


def test_a_writer_that_does_not_let_go_is_waited_for_and_then_told(operator, monkeypatch):
    monkeypatch.setattr(uploads, "LOCK_WAIT_S", 0.1)
    url = begin(operator)
    with uploads._locked(uploads.path_of(UUID(url.rpartition("/")[2]))):
        assert send(operator, url, b"abc").status_code == 423


def test_an_upload_is_taken_back_with_its_bytes(operator, root):
    url = begin(operator)
    send(operator, url, CONTENT[:HALF])
    assert operator.delete(url, headers=TUS).status_code == 204
    assert files(root) == []
    assert operator.head(url, headers=TUS).status_code == 404


def test_a_client_that_knows_only_post_is_served(operator):
    url = begin(operator)
    answer = operator.post(
        url,
        data=CONTENT[:HALF],
        content_type="application/offset+octet-stream",
        headers={**TUS, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"},
    )
    assert (answer.status_code, answer["Upload-Offset"]) == (204, str(HALF))
    assert operator.post(url, headers=TUS).status_code == 400
    gone = operator.post(url, headers={**TUS, "X-HTTP-Method-Override": "DELETE"})
    assert gone.status_code == 204


def test_what_nobody_goes_on_with_is_forgotten_after_a_day(operator, root):
    url = begin(operator)
    send(operator, url, CONTENT[:HALF])
    orphan = store.incoming() / "tmp-of-a-dead-process"
    orphan.write_bytes(b"x")
    fresh = store.incoming() / "of-a-live-one"
    fresh.write_bytes(b"x")
    long_ago = (timezone.now() - timedelta(days=2)).timestamp()
    os.utime(orphan, (long_ago, long_ago))

    assert uploads.look_after(timezone.now() + timedelta(hours=23))["forgotten"] == 1
    assert offset_of(operator, url) == HALF
    uploads.look_after(timezone.now() + timedelta(hours=24, minutes=1))
    assert operator.head(url, headers=TUS).status_code == 404
    assert [path for path in files(root) if path != fresh] == []


def test_bytes_that_were_lost_are_asked_for_again(operator, root):
    url = begin(operator)
    send(operator, url, CONTENT[:HALF])
    files(root)[0].unlink()
    answer = send(operator, url, CONTENT[HALF:], HALF)
    assert (answer.status_code, answer.json()["offset_bytes"]) == (409, 0)
    assert send(operator, url, CONTENT).status_code == 204


@pytest.mark.parametrize("method", ["get", "head", "patch", "delete", "post"])
def test_uploads_are_closed_to_strangers(operator, method):
    url = begin(operator)
    headers = {**TUS, "X-HTTP-Method-Override": "PATCH"}
    for client, status in ((APIClient(), 401), (APIClient(), 403), (APIClient(), 404)):
        if status == 403:
            client.force_login(make_user(role="customer"))
        if status == 404:
            client.force_login(make_user(role="operator", organisation=make_organisation()))
        answer = getattr(client, method)(
            url, content_type="application/offset+octet-stream", headers=headers
        )
        assert answer.status_code == status
        if status < 404:
            assert client.get(URL).status_code == status
            assert client.post(URL, headers=headers).status_code == status


def test_uploads_are_listed_for_their_organisation(operator):
    begin(operator)
    assert len(operator.get(URL).json()["results"]) == 1
    stranger = APIClient()
    stranger.force_login(make_user(role="operator"))
    assert stranger.get(URL).json()["results"] == []
    assert operator.get(f"{URL}?state=x").status_code == 400
    assert operator.get(f"{URL}/{uuid4()}").status_code == 404
