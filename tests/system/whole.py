"""A whole Zenith whose processes may be killed, with models of our own that answer predictably."""

import hashlib
import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from ops.up import valkey
from tests.observer import Observer
from tests.running import Zenith, complaints, wait_for

SATELLITE = "SCS-01-M"
"""The one longest in view at the epoch: over Svalbard until 12:06:37."""


@contextmanager
def flying() -> Iterator[Observer]:
    """Give a Zenith whose clock stands still at the epoch, and with nothing on its way up."""
    folder = Path(tempfile.mkdtemp(prefix="zk-"))
    zenith = Zenith(folder, valkey.free_port(), "--rate", "0")
    try:
        with Observer(zenith) as observer:
            for transfer in observer.tell("GET", "transfers?limit=1000")["results"]:
                observer.tell("POST", f"transfers/{transfer['id']}/cancel")
            yield observer
    finally:
        zenith.end()
        print(complaints(folder / "log"))
        shutil.rmtree(folder, ignore_errors=True)


def echo(size_bytes: int, *, seed: int, **options: float) -> bytes:
    """Return a model that echoes, of that size; no two packs, and no two seeds, are alike."""
    head = b"ZENITH-ECHO\n" + json.dumps(options).encode() + b"\n"
    return head + random.Random(seed).randbytes(size_bytes - len(head))


def send(observer: Observer, content: bytes, *, model: str = "", activate: bool = True) -> UUID:
    """Ask for `content` to be carried up, as a model that may be asked if it has a name; return
    the transfer's id."""
    sha256, transfer_id = hashlib.sha256(content).hexdigest(), uuid4()
    headers = {"Content-Type": "application/octet-stream"}
    path = f"artefacts/{sha256}?file_format=echo"
    observer.tell("PUT", path, content=content, headers=headers)
    what: dict[str, object] = {"artefact": sha256}
    if model:
        profile = observer.tell("GET", f"satellites/{SATELLITE}")["profile"]["code"]
        version = {"artefact": sha256, "licence": "Apache-2.0", "profiles": [profile]}
        observer.tell("PUT", f"models/{model}/versions/1", json=version)
        what = {"model": model, "version": "1"}
    wanted = {"satellite": SATELLITE, "activate": activate, **what}
    observer.tell("PUT", f"transfers/{transfer_id}", json=wanted)
    return transfer_id


def wait_until_there(observer: Observer, transfer_id: UUID, state: str, timeout_s: float) -> None:
    """Wait until a transfer has come to `state`; one that fails is an error."""
    sql = "SELECT state, reason FROM transfers_transfer WHERE id = %s"

    def is_there() -> bool:
        ((stands, reason),) = observer.rows(sql, transfer_id)
        assert stands not in ("FAILED", "CANCELLED"), reason
        return stands == state

    wait_for(f"the transfer is {state}", is_there, timeout_s)


def file_on_board(observer: Observer, sha256: str) -> bytes:
    """Return the bytes of an artefact as they lie in the simulated fleet's store."""
    store = observer.zenith.folder / "simulator" / "artefacts"
    return (store / sha256[:2] / sha256).read_bytes()


def end_contact(observer: Observer) -> tuple[UUID, dict]:
    """Go on to the end of the satellite's contact; return its id and its report. The clock stands
    still afterwards: the next contact must not begin while we count."""
    contact_id, _ = observer.flown(SATELLITE)
    los_at = observer.value("SELECT los_at FROM contacts_contact WHERE id = %s", contact_id)
    near = (los_at - timedelta(seconds=30)).isoformat()
    observer.tell("POST", "clock", json={"action": "jump", "to": near})
    observer.set_rate(10.0)
    sql = "SELECT report FROM contacts_contact WHERE id = %s AND state = 'COMPLETED'"
    ((report,),) = wait_for("the contact is reported", lambda: observer.rows(sql, contact_id), 120)
    observer.set_rate(0.0)
    return contact_id, report


def assert_the_books_balance(observer: Observer) -> None:
    """Hold what the satellite sent against what the database has, as sets."""
    ((satellite_id,),) = observer.rows(
        "SELECT id FROM constellation_satellite WHERE code = %s", SATELLITE
    )
    undecoded = "SELECT 1 FROM telemetry_rawbatch WHERE satellite_id = %s AND NOT decoded LIMIT 1"
    wait_for("all is decoded", lambda: not observer.rows(undecoded, satellite_id), 60)
    sent, stored = observer.sent_packets(SATELLITE), observer.stored_packets(satellite_id)
    assert stored - sent == set(), "stored, but never sent"
    assert sent - stored == set(), "sent, but not stored"
    assert len(stored) > 100
