"""The nursery's forks are programs like any other: their own words, streams, parent and end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.up import kernel
from tests.running import PROJECT, command_line, is_running, wait_for

SUPERVISOR = """
import json, os, signal, sys
from pathlib import Path
from ops.up import kernel, nursery

kernel.adopt_orphans()
one = nursery.Nursery(os.environ, Path.cwd())
log = open("nursery.log", "ab")

def bear(*words):
    with open("program.log", "ab") as said:
        streams = [os.open(os.devnull, os.O_RDONLY), said.fileno(), said.fileno()]
        return one.bear(["program.py", *words], os.environ | {"WORD": "given"}, streams)

for line in sys.stdin:
    match line.split():
        case ["start"]:
            answer = one.start(log).pid
        case ["bear", *words]:
            try:
                born = bear(*words)
                answer = born.pid
            except nursery.NurseryFailed as failure:
                answer = f"failed: {failure}"
        case ["end"]:
            born.send_signal(signal.SIGTERM)
            while born.poll() is None:
                pass
            answer = born.returncode
    print(json.dumps(answer), flush=True)
"""
PROGRAM = """
import json, os, sys, threading, time
import django.apps
print(json.dumps([
    sys.argv, os.environ["WORD"], os.getppid(), os.getpid() == os.getsid(0), __name__,
    django.apps.apps.ready, threading.active_count(),
]), flush=True)
if sys.argv[1] == "stay":
    time.sleep(600)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def tell(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def tell(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    tell.pid = process.pid
    yield tell
    process.kill()
    process.communicate()


def said(folder: Path, count: int) -> list:
    path = folder / "program.log"
    lines = wait_for(
        "the programs say it",
        lambda: path.exists() and len(path.read_text().splitlines()) >= count and path.read_text(),
        20,
    ).splitlines()
    return json.loads(lines[-1])


def test_a_program_is_its_own_and_the_supervisors(tell, tmp_path):
    tell("start")
    pid = tell("bear stay")

    argv, word, parent, leads, name, is_ready, threads = said(tmp_path, 1)
    assert (argv, word, name) == (["program.py", "stay"], "given", "__main__")
    assert parent == tell.pid
    assert leads
    assert is_ready
    assert threads == 1
    assert command_line(pid).strip() == f"{sys.executable} program.py stay"
    assert pid in kernel.children_of(tell.pid)
    assert tell("end") == -15

    again = tell("bear 3")
    said(tmp_path, 2)
    assert again != pid
    assert wait_for("it ended", lambda: not is_running(again), 20)
    assert tell("end") == 3


def test_its_programs_outlive_the_nursery_and_not_the_supervisor(tell, tmp_path):
    nursery = tell("start")
    pid = tell("bear stay")
    said(tmp_path, 1)
    os.kill(nursery, 9)
    wait_for("the nursery is gone", lambda: not is_running(nursery), 20)

    assert tell("bear stay").startswith("failed: ")
    assert is_running(pid)
    nursery = tell("start")
    another = tell("bear stay")
    said(tmp_path, 2)
    assert is_running(pid)
    assert is_running(another)

    os.kill(nursery, 19)  # stopped, it is given up and ended after some seconds
    assert tell("bear stay") == "failed: timed out"
    assert not is_running(nursery)

    os.kill(tell.pid, 9)
    wait_for("all are gone", lambda: not (is_running(pid) or is_running(another)), 20)


def test_one_that_cannot_begin_says_so(tell, tmp_path):
    assert tell("bear stay") == "failed: There is none."
