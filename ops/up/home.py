"""The folder that holds everything of one embedded Zenith: its lock, its secrets, its logs.

One supervisor at a time owns the folder; whoever runs another command beside it finds
there how to reach the servers.
"""

import fcntl
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ops.up import kernel

LOCK_TIMEOUT_S = 12.0
FIRST_START_BYTES = 1_500_000_000
LATER_START_BYTES = 200_000_000


class HomeRefused(Exception):
    """The folder cannot be used; the message says why, in one line."""


@dataclass(frozen=True)
class Secrets:
    """What is generated once and kept: passwords, keys, and the first login."""

    postgres_password: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    postgres_superuser_password: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    valkey_password: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    operator_password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    customer_key: str = field(default_factory=lambda: "zk_" + secrets.token_urlsafe(32))


def default_path(environment: Mapping[str, str], project: Path) -> Path:
    """Return where the folder is: ZENITH_HOME, or `.zenith` in the project."""
    return Path(environment.get("ZENITH_HOME") or project / ".zenith").absolute()


def make(path: Path) -> None:
    """Make the folder with its parts, closed to others.

    Raises `HomeRefused` when it cannot be made, or when the disk has no room.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        for part in ("log", "keys", "artefacts", "simulator"):
            (path / part).mkdir(mode=0o700, exist_ok=True)
        free = shutil.disk_usage(path).free
    except OSError as error:
        raise HomeRefused(f"{path} cannot be used: {error.strerror}.") from error
    is_first = not (path / "secrets.json").exists()
    wanted = FIRST_START_BYTES if is_first else LATER_START_BYTES
    if free < wanted:
        raise HomeRefused(
            f"The disk of {path} has {free / 1e9:.1f} GB left; "
            f"Zenith wants {wanted / 1e9:.1f} GB to start."
        )


def lock(path: Path) -> int:
    """Take the folder for this process and its guard, and return the lock's descriptor.

    A supervisor that was just killed holds it until its last process is gone, so this
    waits a little. Raises `HomeRefused` when another Zenith runs from here.
    """
    descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    give_up_at = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            running = read_running(path)
            if _is_alive(running.get("pid")) or time.monotonic() > give_up_at:
                os.close(descriptor)
                address, pid = running.get("address", "an unknown address"), running.get("pid")
                raise HomeRefused(
                    f"Zenith already runs from {path} at {address} (process {pid}); "
                    "stop it first, or set ZENITH_HOME to another folder."
                ) from None
            time.sleep(0.1)


def load_secrets(path: Path) -> Secrets:
    """Return the folder's secrets, generated and written on the first call.

    Raises `HomeRefused` when they are there and cannot be read.
    """
    file = path / "secrets.json"
    if file.exists():
        known = Secrets()
        try:
            kept = dict(json.loads(file.read_text()))
        except (ValueError, TypeError) as error:
            raise HomeRefused(
                f"{file} is damaged: restore it, or remove {path} to start with nothing."
            ) from error
        kept = {name: value for name, value in kept.items() if name in asdict(known)}
        found = replace(known, **kept)
    else:
        found = Secrets()
    write_private(file, json.dumps(asdict(found), indent=1) + "\n")
    # The simulated satellites read it when they start, before the ground needs it.
    command_key = path / "keys" / "command-master.key"
    if not command_key.exists():
        write_private(command_key, secrets.token_hex(32) + "\n")
    return found


def make_socket_folder(path: Path) -> Path:
    """Return a new short private folder for sockets, and remove the one of an earlier start.

    A Unix socket's path holds 107 bytes, and the project may lie deep; the folder is
    owned by the account that PostgreSQL runs as.
    """
    remove_socket_folder(path)
    base = "/tmp" if os.access("/tmp", os.W_OK | os.X_OK) else None  # noqa: S108  it is short
    folder = Path(tempfile.mkdtemp(prefix="zenith-", dir=base))
    kernel.give(folder, kernel.unprivileged_account())
    write_private(path / "sockets", str(folder))
    return folder


def remove_socket_folder(path: Path) -> None:
    """Remove the folder for sockets that `make_socket_folder` made, if it is still there."""
    with suppress(OSError):
        folder = Path((path / "sockets").read_text())
        if folder.name.startswith("zenith-"):
            shutil.rmtree(folder, ignore_errors=True)
        (path / "sockets").unlink()


def write_running(path: Path, *, address: str, environment: Mapping[str, str]) -> None:
    """Write down that this process runs Zenith, and how its servers are reached."""
    running = {"pid": os.getpid(), "address": address, "environment": dict(environment)}
    write_private(path / "running.json", json.dumps(running, indent=1) + "\n")


def read_running(path: Path) -> dict:
    """Return what `write_running` wrote, or an empty dictionary."""
    with suppress(OSError, ValueError):
        return json.loads((path / "running.json").read_text())
    return {}


def join(environment: dict[str, str] | os._Environ, project: Path) -> None:
    """Let this process use the servers of the Zenith that runs from the folder, if one does.

    What the environment already says is left alone.
    """
    running = read_running(default_path(environment, project))
    if _is_alive(running.get("pid")):
        for name, value in running["environment"].items():
            environment.setdefault(name, value)


def write_private(file: Path, text: str) -> None:
    """Write `file` whole or not at all, readable by its owner only."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(descriptor)
    draft.replace(file)


def _is_alive(pid: int | None) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
