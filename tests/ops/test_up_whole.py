"""`manage.py up` as an operator lives it: start, accidents, stop, start again."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest
import redis

from ops.up import home, kernel, valkey

PROJECT = Path(__file__).resolve().parents[2]
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


class Zenith:
    """One `manage.py up`, from the outside."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.said: list[str] = []
        self.started_at_s = time.monotonic()
        self.process = up(folder, "--no-simulator", "--port", str(port))
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
            found |= {name: pid for name, mark in EXPECTED.items() if mark in line}
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

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


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


def wait_for(condition, timeout_s: float) -> float:
    started_at_s = time.monotonic()
    while not condition():
        assert time.monotonic() - started_at_s < timeout_s, "it did not happen in time"
        time.sleep(0.05)
    return time.monotonic() - started_at_s


@pytest.fixture(scope="module")
def folder():
    # Deep and long: sockets must not care how long a path is.
    path = Path(tempfile.mkdtemp(prefix="zu-")) / ("deep" * 30)
    yield path
    shutil.rmtree(path.parent)


@pytest.fixture(scope="module")
def zenith(folder):
    zenith = Zenith(folder, valkey.free_port())
    yield zenith
    zenith.end()


@pytest.mark.timeout(300)
def test_it_starts_and_says_how_to_get_in(zenith):
    assert zenith.answers()
    assert zenith.word("Console") == f"http://127.0.0.1:{zenith.port}/"
    assert zenith.word("Customer key").startswith("zk_")
    assert "simulated: 2026-08-22T12:00" in zenith.word("Clock")
    assert set(zenith.pids()) == set(EXPECTED)


def test_its_folder_is_closed_to_others(zenith):
    assert zenith.folder.stat().st_mode & 0o077 == 0
    assert (zenith.folder / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_second_instance_is_refused_in_one_line(zenith):
    second = up(zenith.folder, "--port", str(zenith.port))
    said, _ = second.communicate(timeout=20)
    assert second.returncode == 1
    assert said.count("\n") == 1
    assert f"already runs from {zenith.folder} at http://127.0.0.1:{zenith.port}/" in said


def test_a_port_in_use_is_refused_in_one_line(zenith, tmp_path):
    second = up(tmp_path / "home", "--port", str(zenith.port))
    said, _ = second.communicate(timeout=20)
    assert second.returncode == 1
    assert said == (
        f"Port {zenith.port} of 127.0.0.1 cannot be used (Address already in use); "
        "choose another with --port.\n"
    )


def test_another_command_finds_the_running_servers(zenith):
    kept = {n: v for n, v in os.environ.items() if n not in ("DATABASE_URL", "REDIS_URL")}
    code = "from ops.accounts.models import User; print(User.objects.get(role='operator'))"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=PROJECT,
        env=kept | {"ZENITH_HOME": str(zenith.folder)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "operator\n"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", EXPECTED)
def test_a_killed_process_comes_back(zenith, name):
    before = zenith.pids()[name]
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: zenith.pids().get(name, before) != before, 20)


@pytest.mark.timeout(300)
def test_after_the_kills_the_data_is_there(zenith):
    def holds_the_operator() -> bool:
        try:
            with psycopg.connect(zenith.environment["DATABASE_URL"]) as connection:
                found = connection.execute("SELECT count(*) FROM accounts_user").fetchone()
        except psycopg.OperationalError:
            return False
        return found == (2,)

    def store_answers() -> bool:
        try:
            return redis.Redis.from_url(zenith.environment["REDIS_URL"]).ping()
        except redis.ConnectionError:
            return False

    wait_for(holds_the_operator, 20)
    wait_for(store_answers, 20)
    wait_for(zenith.answers, 20)


@pytest.mark.timeout(300)
def test_sigterm_stops_everything_and_the_next_start_finds_its_data(zenith, folder):
    family = zenith.family()
    zenith.process.terminate()
    took_s = wait_for(lambda: zenith.process.poll() is not None, 15)
    assert took_s < 10
    assert not [pid for pid in family if is_running(pid)]
    zenith.process.stdout.close()

    again = Zenith(folder, zenith.port)
    assert again.ready_after_s < 10
    assert again.word("Customer key") == zenith.word("Customer key")
    assert again.word("Operator") == zenith.word("Operator")

    # And now the worst that can happen to a supervisor.
    family = again.family()
    again.end()
    wait_for(lambda: not [pid for pid in family if is_running(pid)], 10)
