"""The run itself: contacts booked, frames sent, and the database watched until all is decoded."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
from django.core.management import call_command
from django.db import connection

from ops import clock
from ops.up import table
from telemetry.archive import compaction, rolling
from telemetry.models import Packet, RawBatch, Reception, Rejected
from tests import factories
from tests.benchmarks.ingesting import downlink, history

WAIT_S = 300.0
SAMPLE_TABLES = [f"telemetry_{name}" for name in ("segment", "segmentshape", "rollup", "newest")]


def measure(
    home: Path, asked: argparse.Namespace, servers: list[subprocess.Popen]
) -> dict[str, float]:
    call_command("migrate", verbosity=0)
    clock.start(epoch=None)
    batches = max(1, round(asked.seconds / asked.period))
    ticks = round(asked.rate * asked.seconds / asked.satellites / downlink.SAMPLES_EACH)
    print(
        f"{asked.satellites} satellites, {ticks} ticks in {batches} batches each", file=sys.stderr
    )
    satellites = [
        factories.make_satellite(code=f"BENCH-{number:03}", spacecraft_id=number % 256)
        for number in range(asked.satellites)
    ]
    started_ns = time.time_ns() // 10**9 * 10**9 - ticks * 10**9
    sent = {
        each.code: downlink.Source(
            each.spacecraft_id, started_ns=started_ns, seed=each.spacecraft_id
        ).batches(ticks, batches)
        for each in satellites
    }
    _book(satellites, asked.seconds)
    station = _start_station(home, asked.period, sent, servers)
    _start_workers(home, servers)
    starts_at = json.loads(station.stdout.readline())["starts_at"]
    lags, ended_at = _watch(batches * asked.satellites, starts_at)
    print(f"all is decoded after {ended_at - starts_at:.1f} s", file=sys.stderr)
    samples = ticks * asked.satellites * downlink.SAMPLES_EACH
    took_s = ended_at - starts_at
    frames = sum(len(part) for parts in sent.values() for part in parts) // 1115
    _check(asked.satellites, ticks, frames)
    for server in servers[2:]:
        server.terminate()
    sizes = _sizes(samples)
    reading = {} if asked.no_history else history.measure()
    return {
        **sizes,
        **reading,
        "samples_per_s": samples / took_s,
        "frames_per_s": frames / took_s,
        "packets_per_s": Packet.objects.count() / took_s,
        "offered_samples_per_s": samples / asked.seconds,
        "satellites": asked.satellites,
        "lag_p50_s": float(np.percentile(lags, 50)),
        "lag_p99_s": float(np.percentile(lags, 99)),
    }


def _book(satellites: list, seconds: float) -> None:
    aos_at = clock.now()
    organisation, station = factories.make_organisation(), factories.make_station()
    for satellite in satellites:
        factories.make_contact(
            satellite=satellite,
            antenna=factories.make_antenna(station=station),
            organisation=organisation,
            aos_at=aos_at,
            los_at=aos_at + timedelta(seconds=seconds + WAIT_S),
        )


def _start_station(
    home: Path,
    period_s: float,
    sent: dict[str, list[bytes]],
    servers: list[subprocess.Popen],
) -> subprocess.Popen:
    path = home / "station.pickle"
    port = int(os.environ["ZENITH_SIMULATOR"].rpartition(":")[2])
    plan = {"port": port, "period_s": period_s, "batches": sent}
    path.write_bytes(pickle.dumps(plan))
    station = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.ingesting.station", str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    servers.append(station)
    assert json.loads(station.stdout.readline())["listens"] == port
    return station


def _start_workers(home: Path, servers: list[subprocess.Popen]) -> None:
    """The workers of `manage.py up` that telemetry meets, and a beat for its ticks."""
    log = open(home / "workers.log", "ab")  # noqa: SIM115 - lives as long as the workers
    application = "tests.benchmarks.ingesting.app"
    for command in table.workers():
        if command.name in ("conduct-1", "decode", "ticks"):
            argv = [application if word == "ops" else word for word in command.argv]
            servers.append(_started([sys.executable, *argv], log))
    beat = ["-m", "celery", "-A", application, "beat", "-s", str(home / "beat"), "-l", "WARNING"]
    servers.append(_started([sys.executable, *beat], log))


def _started(argv: list[str], log: object) -> subprocess.Popen:
    return subprocess.Popen(
        argv, stdout=log, stderr=log, env=os.environ | {"ZENITH_ROLE": "worker"}
    )


def _watch(expected: int, starts_at: float) -> tuple[list[float], float]:
    """Look every 0.1 s which batches are decoded; return the lag of each, and when the last was."""
    lags: dict[int, float] = {}
    while len(lags) < expected:
        time.sleep(0.1)
        rows = RawBatch.objects.filter(decoded=True).exclude(pk__in=list(lags)[-2000:])
        now = time.time()
        for pk, received_ns in rows.values_list("pk", "received_ns"):
            lags.setdefault(pk, now - received_ns / 1e9)
        assert now < starts_at + WAIT_S, f"{len(lags)} of {expected} batches were decoded"
    return list(lags.values()), now


def _sizes(samples: int) -> dict[str, float]:
    """Compact what is left, and return what the tables take of the disk for each sample."""
    written = _bytes(SAMPLE_TABLES) / samples
    while compaction.compact(shortest=2) or rolling.grow():
        pass
    with connection.cursor() as cursor:
        for name in SAMPLE_TABLES:
            cursor.execute(f"VACUUM FULL {name}")
    return {
        "bytes_per_sample": _bytes(SAMPLE_TABLES) / samples,
        "bytes_per_sample_under_way": written,
        "packet_bytes_per_sample": _bytes(["telemetry_packet"]) / samples,
    }


def _bytes(tables: list[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s::text[]) AS name",
            [tables],
        )
        return cursor.fetchone()[0]


def _check(satellites: int, ticks: int, frames: int) -> None:
    """Nothing was lost, and nothing left out of the books."""
    packets = satellites * ticks * (downlink.NARROW_EACH + 1)
    rows = list(Reception.objects.all())
    assert sum(row.stored for row in rows) == Packet.objects.count() == packets
    assert sum(row.frames for row in rows) == frames
    assert not any(row.duplicates or row.rejected or row.frames_lost for row in rows)
    assert not Rejected.objects.exists()
