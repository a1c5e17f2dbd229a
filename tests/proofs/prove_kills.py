"""SIGKILL of any one process while a model goes up and while an answer streams down.

Each time the system must recover by itself, with nothing lost and nothing doubled. The short
forms of these are in the test suite; here it is the whole system, with the real model.
"""

import os
import shutil
import signal
import tempfile
import time
from functools import partial
from pathlib import Path

import pytest

from constellation.stations import control
from ops.up import valkey
from tests.proofs.observer import Observer
from tests.proofs.report import Report
from tests.running import Zenith, wait_for

VICTIMS = [
    "web",
    "conduct-1",
    "conduct-2",
    "decode",
    "ticks",
    "planning",
    "beat",
    "valkey",
    "postgres",
    "simulator",
]
QUESTION = "Explain in a few sentences why satellites in low orbit see the sun rise so often."


@pytest.fixture(scope="module")
def observer():
    folder = Path(tempfile.mkdtemp(prefix="zp-"))
    zenith = Zenith(folder, valkey.free_port())
    yield Observer(zenith)
    zenith.end()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def report():
    return Report(
        "kills", "SIGKILL of each process", ["while", "killed", "back after", "what then"]
    )


def kill(observer: Observer, name: str) -> float:
    """Kill one process and return the seconds until the supervisor has another in its place."""
    before = observer.zenith.pids()[name]
    os.kill(before, signal.SIGKILL)
    return wait_for(lambda: observer.zenith.pids().get(name, before) != before, 60)


def wait_for_progress(observer: Observer, timeout_s: float) -> float:
    """Wait until more bytes of a transfer are acknowledged than now."""
    held = observer.acknowledged_bytes()
    return wait_for(lambda: observer.acknowledged_bytes() > held, timeout_s)


@pytest.mark.parametrize("name", VICTIMS)
def prove_a_transfer_survives(observer, report, name):
    wait_for_progress(observer, 240)

    back_s = kill(observer, name)
    on_s = wait_for_progress(observer, 120)

    report.row("uplink", name, f"{back_s:.1f} s", f"bytes acknowledged again {on_s:.1f} s later")


def prove_models_arrived_whole_and_once(observer, report):
    wait_for(lambda: len(observer.active_satellites()) >= 1, 600)
    sql = (
        "SELECT sum(s.sent_bytes), sum(s.size_bytes), max(s.attempts) FROM transfers_shipment s "
        "JOIN transfers_transfer t ON t.id = s.transfer_id WHERE t.state = 'ACTIVE'"
    )
    sent, size, attempts = observer.rows(sql)[0]

    report.line(
        f"Models active on {len(observer.active_satellites())} satellites; file bytes on air over "
        f"file size {sent / size:.4f}; transactions refused on board {attempts}."
    )
    assert attempts == 0
    assert sent < size * 1.05, "much of what was acknowledged went up again"


@pytest.mark.parametrize("name", VICTIMS)
def prove_an_answer_survives(observer, report, name):
    asked_at = time.monotonic()
    undisturbed = observer.answer(QUESTION, max_tokens=160)
    usual_s = time.monotonic() - asked_at
    assert undisturbed
    killed_at, back_s = [], []

    def strike(text: str) -> None:
        if not killed_at and len(text) > 40:
            killed_at.append(time.monotonic())
            back_s.append(kill(observer, name))

    asked_at = time.monotonic()
    answer = observer.answer(QUESTION, max_tokens=160, on_text=strike)

    assert killed_at, "the answer was over before anything was killed"
    on_s = time.monotonic() - asked_at
    report.row(
        "answer", name, f"{back_s[0]:.1f} s", f"whole in {on_s:.1f} s, undisturbed {usual_s:.1f} s"
    )
    assert answer == undisturbed


def prove_the_books_balance(observer, report):
    """What the satellites sent is what the database holds, as sets; what is not is a row."""
    sent_in_all = stored_in_all = explained_in_all = 0
    for satellite_id, code in observer.satellites():
        wait_for(partial(is_explained, observer, satellite_id, code), 120)
        sent, stored = observer.sent_packets(code), observer.stored_packets(satellite_id)
        sent_in_all, stored_in_all = sent_in_all + len(sent), stored_in_all + len(stored & sent)
        explained_in_all += len(sent - stored)
        assert stored <= observer.sent_packets(code), code
    report.line(
        f"Packets sent {sent_in_all}, stored {stored_in_all}, waiting in gap rows or in the tail "
        f"of a recorder {explained_in_all}; stored but never sent 0."
    )
    assert stored_in_all > 100


def is_explained(observer: Observer, satellite_id: int, code: str) -> bool:
    return not unexplained(observer, satellite_id, code)


def unexplained(observer: Observer, satellite_id: int, code: str) -> set[tuple]:
    """Return packets that were sent, are not held, and are not in a gap row or an unknown tail."""
    missing = observer.sent_packets(code) - observer.stored_packets(satellite_id)
    gaps = observer.explained_serials(satellite_id)
    following = dict(
        observer.rows(
            "SELECT volume, following FROM telemetry_volume WHERE satellite_id = %s", satellite_id
        )
    )
    return {
        row
        for row in missing
        if row[2] < following.get(row[0], 0)
        and not any(v == row[0] and first <= row[2] < end for v, first, end in gaps)
    }


def prove_reports_equal_the_simulators_own(observer, report):
    wait_for(lambda: finished(observer), 900)
    counted = 0
    for contact_id, ours in finished(observer):
        station = control.report(observer.control_address, str(contact_id))
        assert ours["up"]["bytes"] == station["radiated_bytes"]
        assert ours["down"]["bytes"] == station["down_bytes"]
        counted += 1
    report.line(f"Contact reports equal to the simulator's own counters: {counted} of {counted}.")


def finished(observer: Observer) -> list[tuple]:
    sql = "SELECT id, report FROM contacts_contact WHERE state = 'COMPLETED'"
    return observer.rows(sql)
