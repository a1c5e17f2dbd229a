"""A large file comes in over the web process in constant memory, cut once in its middle.

`PROVE_UPLOAD_BYTES` in the environment chooses how large (3 GB).
"""

import hashlib
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from ops.accounts import keys
from tests.factories import make_user
from tests.proofs.report import Report
from tests.uplink.registry.files import gguf
from tests.uplink.registry.web import Server
from uplink.registry import store
from uplink.registry.models import Artefact

WEIGHTS_BYTES = int(os.environ.get("PROVE_UPLOAD_BYTES", "3000000000")) // 4 * 4
PIECE_BYTES = 1 << 20
TUS = {"Tus-Resumable": "1.0.0"}


def _peak_mib(pid: int) -> float:
    """The most memory that a process ever had resident (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _pieces(head: bytes, start: int, end: int):
    """The file between two bytes: its header, and zeros."""
    at = start
    if at < len(head):
        yield head[at:end]
        at = min(len(head), end)
    zeros = bytes(PIECE_BYTES)
    while at < end:
        size = min(PIECE_BYTES, end - at)
        yield zeros[:size]
        at += size


def _digest(head: bytes, size: int) -> str:
    digest = hashlib.sha256()
    for piece in _pieces(head, 0, size):
        digest.update(piece)
    return digest.hexdigest()


@pytest.mark.django_db(transaction=True)
def prove_a_large_upload_takes_the_memory_of_a_piece(settings, tmp_path):
    settings.ARTEFACT_ROOT = tmp_path / "artefacts"
    head = gguf(tensors=[("big", (WEIGHTS_BYTES // 4,), 0)], data=b"")
    size = len(head) + WEIGHTS_BYTES
    sha256 = _digest(head, size)
    report = Report("uploads", "Uploads in constant memory", ["what", "came of it"])
    report.row("file", f"{size / 1e9:.1f} GB, cut once at a half")
    server = Server(tmp_path)
    server.start()
    key = keys.issue(user=make_user(role="operator"), name="proof")[1]
    client = httpx.Client(headers={**TUS, "Authorization": f"Bearer {key}"}, timeout=900)
    try:
        announced = client.post(
            f"{server.url}/api/v1/uploads", headers={"Upload-Length": str(size)}
        )
        url = f"{server.url}{announced.headers['Location']}"
        began_mib = _peak_mib(server.process.pid)
        began_s = time.monotonic()
        for start, end in ((0, size // 2), (size // 2, size)):
            answer = client.patch(
                url,
                content=_pieces(head, start, end),
                headers={
                    "Upload-Offset": str(start),
                    "Content-Type": "application/offset+octet-stream",
                },
            )
            assert answer.status_code == 204, answer.text
        took_s = time.monotonic() - began_s
        grown_mib = _peak_mib(server.process.pid) - began_mib
        assert client.get(url).json()["artefact"] == sha256
        artefact = Artefact.objects.get(pk=sha256)
        assert artefact.size_bytes == store.path_of(sha256).stat().st_size == size
        report.row("received, hashed twice and kept", f"{size / took_s / 1e6:.0f} MB/s")
        report.row("peak of the web process, over its start", f"{grown_mib:.0f} MiB")
        assert grown_mib < 64
        assert not list(store.incoming().iterdir())
    finally:
        client.close()
        server.end(signal.SIGKILL)
        server.close()
        store.path_of(sha256).unlink(missing_ok=True)
