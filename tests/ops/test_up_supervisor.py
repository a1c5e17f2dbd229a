"""The supervisor restarts what dies and leaves nothing behind, however it ends itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.up import guard, kernel
from tests.running import is_running, wait_for

SCRIPT = """
import os, subprocess, sys
from pathlib import Path
from ops.up import kernel, supervisor

def family(log):
    # A child with a child of its own, like a worker with its pool.
    return subprocess.Popen(
        ["sh", "-c", "sleep 600 & echo $$ $! >> family; wait"],
        preexec_fn=kernel.child_setup(parent_pid=os.getpid()), stdout=log, stderr=log,
    )

def stubborn(log):
    return subprocess.Popen(
        ["sh", "-c", "trap '' TERM; echo $$ > stubborn; while :; do sleep 0.1; done"],
        preexec_fn=kernel.child_setup(parent_pid=os.getpid()), stdout=log, stderr=log,
    )

supervisor.STOP_PATIENCE_S = 0.5
one = supervisor.Supervisor(Path("log"), lambda line: print(line, flush=True))
one.open()
one.start(supervisor.Program("family", family))
one.start(supervisor.Program("stubborn", stubborn))
print(one._guard.pid, flush=True)
one.watch(1.0, lambda: None)
one.stop()
print("stopped", flush=True)
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "log").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    )
    process.guard_pid = int(process.stdout.readline())
    wait_for("both run", lambda: family_of(tmp_path) and (tmp_path / "stubborn").exists(), 20)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def family_of(folder: Path) -> list[list[int]]:
    """Every parent and child that were started, the newest last."""
    try:
        lines = (folder / "family").read_text().splitlines()
    except FileNotFoundError:
        return []
    return [[int(word) for word in line.split()] for line in lines]


def everybody(folder: Path) -> list[int]:
    return [*(pid for pair in family_of(folder) for pid in pair), stubborn_of(folder)]


def stubborn_of(folder: Path) -> int:
    return int((folder / "stubborn").read_text())


def nobody_runs(pids: list[int]) -> bool:
    return not any(is_running(pid) for pid in pids)


def test_a_child_that_dies_is_started_again_and_its_own_children_are_swept(run, tmp_path):
    parent, child = family_of(tmp_path)[0]
    os.kill(parent, signal.SIGKILL)

    wait_for("it is started again", lambda: len(family_of(tmp_path)) == 2, 20)

    assert not is_running(child)
    assert all(is_running(pid) for pid in family_of(tmp_path)[1])
    assert run.stdout.readline().startswith("family ended (SIGKILL)")


def test_sigterm_stops_even_who_does_not_listen(run, tmp_path):
    run.terminate()
    assert run.wait(20) == 0
    assert nobody_runs([*everybody(tmp_path), run.guard_pid])


def test_a_killed_supervisor_takes_everything_along(run, tmp_path):
    family = [*everybody(tmp_path), run.guard_pid]
    assert not nobody_runs(family)
    run.kill()
    assert wait_for("nobody is left", lambda: nobody_runs(family), 20)


def test_a_killed_guard_is_replaced(run, tmp_path):
    os.kill(run.guard_pid, signal.SIGKILL)
    kept = {run.guard_pid, *everybody(tmp_path)}
    (another,) = wait_for(
        "there is another guard", lambda: set(kernel.children_of(run.pid)) - kept, 20
    )
    assert is_running(another)
    run.kill()
    assert wait_for("nobody is left", lambda: nobody_runs([*everybody(tmp_path), another]), 20)


def test_a_group_that_is_gone_is_no_surprise():
    child = subprocess.Popen(["true"], start_new_session=True)
    child.wait()
    guard.end_group(child.pid, signal.SIGTERM)
    assert not guard.group_exists(child.pid)
