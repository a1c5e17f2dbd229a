"""A whole Zenith from the outside, as `manage.py up` starts it: for tests and for proofs."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ops.up import home, kernel

PROJECT = Path(__file__).resolve().parents[1]
EXPECTED = {
    "postgres": "bin/postgres",
    "valkey": "valkey-server",
    "web": "uvicorn",
    "conduct-1": "conduct-1@",
    "conduct-2": "conduct-2@",
    "decode": "decode@",
    "ticks": "ticks@",
    "planning": "planning@",
    "beat": "manage.py beat",
}
SIMULATOR = {"simulator": "constellation.simulator"}
EVERYBODY = [*EXPECTED, *SIMULATOR]
_HEAD = re.compile(r"\d\d:\d\d:\d\d[.,]\d+ |^[A-Z]+: ")
"""Where a line of a log begins; others belong to the line before."""
_LOUD = re.compile(r"WARNING|ERROR|CRITICAL|FATAL|PANIC|Traceback")


class Zenith:
    """One `manage.py up`, from the outside."""

    def __init__(self, folder: Path, port: int, *arguments: str) -> None:
        self.folder, self.port = folder, port
        self.said: list[str] = []
        self.started_at_s = time.monotonic()
        self.process = up(folder, "--port", str(port), *arguments)
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("Ctrl-C"):
                break
        else:
            raise AssertionError("".join(self.said))
        self.ready_after_s = time.monotonic() - self.started_at_s

    @property
    def environment(self) -> dict[str, str]:
        return home.read_running(self.folder)["environment"]

    def word(self, label: str) -> str:
        return re.search(rf"{label}\s+(.+)", "".join(self.said))[1]

    def pids(self) -> dict[str, int]:
        """The processes of the table that run now, by name."""
        found = {}
        for pid in kernel.children_of(self.process.pid):
            line = command_line(pid)
            found |= {name: pid for name, mark in (EXPECTED | SIMULATOR).items() if mark in line}
        return found

    def family(self) -> set[int]:
        """Every descendant, the guard included."""
        family, new = set(), {self.process.pid}
        while new:
            family |= new
            new = {child for pid in new for child in kernel.children_of(pid)} - family
        return family

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/login", timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False
        return True

    def kill(self, name: str) -> float:
        """SIGKILL one process; return the seconds until another runs in its place."""
        before = self.pids()[name]
        os.kill(before, signal.SIGKILL)
        return seconds_until(
            f"{name} runs again", lambda: self.pids().get(name, before) != before, 60
        )

    def end(self) -> None:
        """Kill the supervisor, and wait until it has taken everything along."""
        family = self.family()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        wait_for("nothing is left", lambda: not any(is_running(pid) for pid in family), 60)


def up(folder: Path, *arguments: str) -> subprocess.Popen:
    kept = {n: v for n, v in os.environ.items() if n not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.Popen(
        [sys.executable, "manage.py", "up", *arguments],
        cwd=PROJECT,
        env=kept | {"ZENITH_HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(what: str, look: Callable[[], Any], timeout_s: float, every_s: float = 0.05) -> Any:
    """Look until there is something, and return it; AssertionError says what did not happen."""
    until_s = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < until_s, f"not in {timeout_s:g} s: {what}"
        time.sleep(every_s)
    return found


def seconds_until(what: str, look: Callable[[], Any], timeout_s: float) -> float:
    """Wait like `wait_for`, and return how long it took."""
    started_at_s = time.monotonic()
    wait_for(what, look, timeout_s)
    return time.monotonic() - started_at_s


def complaints(folder: Path) -> str:
    """Return the newest warnings and errors of each log in `folder`, with what belongs to them."""
    lines = []
    for path in sorted(folder.glob("*.log")):
        loud: list[str] = []
        is_loud = False
        for line in path.read_text(errors="replace").splitlines():
            if _HEAD.search(line):
                is_loud = _LOUD.search(line) is not None
            if is_loud:
                loud.append(f"{path.stem}: {line}")
        lines += loud[-60:]
    return "\n".join(lines)
