"""Uploads over real sockets: a client that is not ours, cut connections, a killed server."""

import hashlib
import random
import shutil
import signal
import socket
import time
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from tusclient import client as tuspy

from ops.accounts import keys
from tests.factories import make_user
from tests.uplink.registry.files import gguf
from tests.uplink.registry.web import Server
from uplink.registry import store
from uplink.registry.models import Artefact, Upload

pytestmark = pytest.mark.django_db
CONTENT = gguf(tensors=[("big", (32, 90_000), 8)])
URL = "/api/v1/uploads"


@pytest.fixture(scope="module")
def web(tmp_path_factory, django_db_setup):
    one = Server(tmp_path_factory.mktemp("web"))
    yield one
    one.close()


@pytest.fixture
def server(web, transactional_db, settings):
    settings.ARTEFACT_ROOT = web.home / "artefacts"
    web.start()
    yield web
    web.end(signal.SIGKILL)
    shutil.rmtree(settings.ARTEFACT_ROOT, ignore_errors=True)


@pytest.fixture
def key(transactional_db):
    return keys.issue(user=make_user(role="operator"), name="uploads")[1]


def half_a_patch(server, url, key, content, offset) -> socket.socket:
    """Announce the rest of the file and send a part of it; the socket stays open."""
    peer = socket.create_connection(("127.0.0.1", server.port))
    head = (
        f"PATCH {urlsplit(url).path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Tus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {10**8}\r\n\r\n"
    )
    peer.sendall(head.encode() + content)
    return peer


def test_a_stock_client_resumes_over_cuts_and_a_killed_server(server, key, tmp_path):
    content = random.Random(7).randbytes(6_000_000)
    whole = gguf(tensors=[("big", (len(content) // 4,), 0)], data=content)
    path = tmp_path / "model.gguf"
    path.write_bytes(whole)
    headers = {"Authorization": f"Bearer {key}"}
    client = tuspy.TusClient(f"{server.url}{URL}", headers=headers)
    metadata = {"filename": "model.gguf", "sha256": hashlib.sha256(whole).hexdigest()}
    uploader = client.uploader(
        str(path), chunk_size=1_000_000, metadata=metadata, upload_checksum=True
    )
    uploader.upload_chunk()
    uploader.upload_chunk()
    assert uploader.get_offset() == 2_000_000

    def offset_reaches(wanted):
        until_s = time.monotonic() + 30
        while uploader.get_offset() < wanted:
            assert time.monotonic() < until_s, uploader.get_offset()
            time.sleep(0.1)

    Upload.objects.update(length_bytes=10**9)  # so that half of it can be on its way
    half_a_patch(server, uploader.url, key, whole[2_000_000:2_700_000], 2_000_000).close()
    offset_reaches(2_700_000)

    with half_a_patch(server, uploader.url, key, whole[2_700_000:3_300_000], 2_700_000):
        offset_reaches(3_300_000)
        server.end(signal.SIGKILL)
    server.start()
    assert uploader.get_offset() == 3_300_000

    with half_a_patch(server, uploader.url, key, whole[3_300_000:3_900_000], 3_300_000):
        offset_reaches(3_900_000)
        server.end(signal.SIGTERM)
    server.start()
    Upload.objects.update(length_bytes=len(whole))

    resumed = client.uploader(str(path), chunk_size=1_000_000, url=uploader.url)
    assert resumed.offset == 3_900_000
    resumed.upload()
    artefact = Artefact.objects.get()
    assert store.path_of(artefact.sha256).read_bytes() == whole
    assert not list(store.incoming().iterdir())


def test_a_request_that_may_not_is_told_before_its_body_is_read(server, key):
    with half_a_patch(server, f"{URL}/{uuid4()}", key, b"abc", 0) as peer:
        peer.settimeout(10)
        assert b" 404 " in peer.recv(4096).partition(b"\r\n")[0]
    with half_a_patch(server, f"{URL}/{uuid4()}", "wrong", b"abc", 0) as peer:
        peer.settimeout(10)
        assert b" 401 " in peer.recv(4096).partition(b"\r\n")[0]


def test_a_whole_artefact_put_at_once_is_streamed_too(server, key):
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    pieces = (CONTENT[at : at + 50_000] for at in range(0, len(CONTENT), 50_000))
    answer = httpx.put(
        f"{server.url}/api/v1/artefacts/{sha256}?file_format=gguf",
        content=pieces,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 201
    assert answer.json()["size_bytes"] == len(CONTENT)
