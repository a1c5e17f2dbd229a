"""No packet is lost, whatever dies, fills up, empties or lies: the simulator's manifest, as sets.

A whole Zenith with twelve satellites at several times the speed of life, and telemetry coming down
over lossy links all the while. After each fault everything sent must be stored, or stand in a row
that says that it is missing; in the end, when every satellite was in view again, all is stored.
Short forms are in `tests/telemetry/test_kills.py` and `test_manifest.py`.
"""

import os
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import redis

from constellation.stations import control
from ops.up import kernel
from tests.observer import Observer
from tests.proofs.report import Report
from tests.running import seconds_until, wait_for

RATE = 2.0
LOSSY = {"frame_loss": 0.02}
FAULTS_OFF = {"frame_loss": 0.0, "frame_swap": 0.0, "spool_full": 0.0, "bit_error_rate": 0.0}


@pytest.fixture(scope="module")
def observer(observer):
    observer.set_rate(RATE)
    control.set_faults(observer.control_address, **LOSSY)
    wait_for("packets come down", lambda: packets(observer) > 200, 300)
    return observer


@pytest.fixture(scope="module")
def report():
    columns = ["fault", "times", "explained after", "sent", "stored", "in gaps or tails"]
    return Report("telemetry", "Every packet accounted for", columns)


def packets(observer: Observer) -> int:
    return observer.value("SELECT count(*) FROM telemetry_packet")


def wait_for_more(observer: Observer) -> None:
    """Let telemetry come down: the fault is to strike while there is something to lose."""
    held = packets(observer)
    wait_for("more packets are stored", lambda: packets(observer) > held + 20, 240)


# --- Faults ---------------------------------------------------------------------------------


def kill_pool_child(observer: Observer) -> None:
    parent = observer.zenith.pids()["decode"]
    os.kill(min(kernel.children_of(parent)), signal.SIGKILL)


def kill_worker(observer: Observer) -> None:
    observer.zenith.kill("decode")


def kill_conductors(observer: Observer) -> None:
    """Those who store frames and acknowledge them, at whatever step they are."""
    for name in ("conduct-1", "conduct-2"):
        observer.zenith.kill(name)


def restart_broker(observer: Observer) -> None:
    observer.zenith.kill("valkey")
    time.sleep(1.0)


def empty_valkey(observer: Observer) -> None:
    redis.Redis.from_url(observer.zenith.environment["REDIS_URL"]).flushall()


def stop_postgres(observer: Observer) -> None:
    """As `pg_ctl stop -m immediate` does: SIGQUIT to the postmaster, no checkpoint, no farewell."""
    before = observer.zenith.pids()["postgres"]
    os.kill(before, signal.SIGQUIT)
    wait_for(
        "postgres runs again",
        lambda: observer.zenith.pids().get("postgres", before) != before,
        60,
    )


def step_clock(observer: Observer) -> None:
    now = observer.tell("GET", "clock")["now"]
    later = _instant(now) + timedelta(minutes=7)
    observer.tell("POST", "clock", json={"action": "jump", "to": later.isoformat()})


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def spoil_links(observer: Observer) -> None:
    """Frames out of order, some lost, some with flipped bits, and the stations' disks full."""
    control.set_faults(
        observer.control_address,
        frame_loss=0.1,
        frame_swap=0.2,
        spool_full=0.3,
        bit_error_rate=1e-5,
    )
    time.sleep(20.0)
    control.set_faults(observer.control_address, **(FAULTS_OFF | LOSSY))


def hear_by_another_station(observer: Observer) -> None:
    """A second station hears what one contact brought, in the same instants."""
    sql = """
        WITH pass AS (
            SELECT contact_id, station_id FROM telemetry_rawbatch WHERE decoded
            GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 1),
        other AS (
            SELECT id FROM constellation_station WHERE id <> (SELECT station_id FROM pass) LIMIT 1)
        INSERT INTO telemetry_rawbatch (contact_id, station_id, number, digest, satellite_id,
                                        received_ns, frames, decoded, failure)
        SELECT b.contact_id, other.id, b.number, b.digest, b.satellite_id, b.received_ns, b.frames,
            false, ''
        FROM telemetry_rawbatch b JOIN pass USING (contact_id, station_id), other
        ON CONFLICT DO NOTHING RETURNING id
    """
    doubled = "SELECT coalesce(sum(duplicates), 0)::bigint FROM telemetry_packetaccount"
    before = observer.value(doubled)
    newest = max(row for (row,) in observer.rows(sql))
    wait_for("the other station is decoded", lambda: not undecoded(observer, newest), 240)
    assert observer.value(doubled) > before


def undecoded(observer: Observer, upto: int) -> int:
    sql = "SELECT count(*) FROM telemetry_rawbatch WHERE NOT decoded AND id <= %s"
    return observer.value(sql, upto)


FAULTS: dict[str, tuple[Callable[[Observer], None], int]] = {
    "pool child killed": (kill_pool_child, 5),
    "worker killed": (kill_worker, 3),
    "ingest killed (both conductors)": (kill_conductors, 3),
    "broker restarted": (restart_broker, 20),
    "Valkey emptied": (empty_valkey, 5),
    "PostgreSQL stopped immediately": (stop_postgres, 3),
    "frames lost, swapped, spoilt; station disks full": (spoil_links, 2),
    "clock stepped": (step_clock, 2),
    "second station hears a pass": (hear_by_another_station, 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def prove_nothing_is_lost_by(observer, report, fault):
    strike, times = FAULTS[fault]
    wait_for_more(observer)
    for _ in range(times):
        strike(observer)
    wait_for_more(observer)

    newest = observer.value("SELECT max(id) FROM telemetry_rawbatch")
    after_s = seconds_until(
        "everything received is decoded, everything sent stored or known to be missing",
        lambda: not undecoded(observer, newest) and not any(unexplained(observer)),
        240,
    )
    sent, stored = sets(observer)
    report.row(fault, times, f"{after_s:.1f} s", len(sent), len(stored & sent), len(sent - stored))
    assert stored <= sets(observer)[0], "stored, but never sent"


def unexplained(observer: Observer):
    for satellite_id, code in observer.satellites():
        yield observer.unexplained_packets(satellite_id, code)


def sets(observer: Observer) -> tuple[set, set]:
    """Return what all satellites sent and what is stored of it. What is stored is read first."""
    stored = {
        (code, *row)
        for satellite_id, code in observer.satellites()
        for row in observer.stored_packets(satellite_id)
    }
    sent = {
        (code, *row) for _, code in observer.satellites() for row in observer.sent_packets(code)
    }
    return sent, stored


def prove_in_the_end_the_manifest_is_the_database(observer, report):
    control.set_faults(observer.control_address, **FAULTS_OFF)
    sent, _ = sets(observer)
    observer.set_rate(20.0)
    took_s = seconds_until(
        "every satellite was in view and all is stored", lambda: sent <= sets(observer)[1], 1500
    )
    observer.set_rate(0.0)
    sent_now, stored = sets(observer)[0], sets(observer)[1]
    report.line(
        f"With all faults off, {took_s:.0f} s at 20 times the speed of life later: of {len(sent)} "
        f"packets sent until then {len(sent & stored)} are stored; stored but never sent "
        f"{len(stored - sent_now)}."
    )
    assert sent <= stored <= sent_now


def prove_the_books_balance(observer, report):
    """The constraints hold every row; the sums must be the packets that are there."""
    sums = observer.rows(
        "SELECT sum(received), sum(stored), sum(duplicates), sum(rejected) "
        "FROM telemetry_packetaccount"
    )[0]
    received, stored, duplicates, rejected = map(int, sums)
    held = packets(observer)
    aside = observer.value("SELECT count(*) FROM telemetry_rawbatch WHERE failure <> ''")
    report.line(
        f"Ledger: received {received} = stored {stored} + duplicates {duplicates} + rejected "
        f"{rejected}; packets held {held}; batches set aside {aside}."
    )
    assert received == stored + duplicates + rejected
    assert stored == held
    assert aside == 0
