"""Ingest, from the station's socket through Celery to archived, latest and published.

Own PostgreSQL (durable, as it is run) and Valkey, the workers of `manage.py up`, and a station that
sends each satellite's frames on time, over the protocol of stations; ledger, deduplication and
compaction are on. In the same run, the same database takes one row a sample by COPY.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import django

from ops.up import kernel, postgres, valkey

FIELDS = {
    "samples_per_s": "samples archived, latest and published, from the first batch sent to the last"
    " decoded",
    "frames_per_s": "frames of 1,115 bytes in the same time",
    "packets_per_s": "space packets in the same time",
    "offered_samples_per_s": "what the satellites sent",
    "satellites": "so many, each over a link of its own",
    "bytes_per_sample": "segments, their shapes, roll-ups and newest values on disk (heap, TOAST"
    " and indexes, when all is compacted and vacuumed), over samples",
    "bytes_per_sample_under_way": "the same the moment the last batch was decoded, with what was"
    " not compacted yet and the room that compaction left",
    "packet_bytes_per_sample": "the same of the raw packets, which are kept beside them",
    "lag_p50_s": "from a batch sent by the station to decoded, median over batches",
    "lag_p99_s": "the same, 99th percentile (seen every 0.1 s)",
    "one_parameter_day_ms": "reading a day of one parameter of 1,000 at 1 Hz: 86,400 samples",
    "plot_year_ms": "a plot of a year of one parameter out of roll-ups",
    "copy_samples_per_s": "one row a sample by COPY, with its index",
    "copy_bytes_per_sample": "the same on disk",
    "ratio_copy": "samples_per_s over copy_samples_per_s",
    "load": "runnable processes of this machine before the run: who else wants its cores",
}


def options() -> argparse.Namespace:
    meanings = "\n".join(f"  {name}: {meaning}" for name, meaning in FIELDS.items())
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\n\nFields:\n{meanings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="how long frames come")
    parser.add_argument("--satellites", type=int, default=50)
    parser.add_argument("--rate", type=float, default=550_000.0, help="samples offered a second")
    parser.add_argument("--period", type=float, default=1.0, help="seconds between two batches")
    parser.add_argument("--copied", type=int, default=2_000_000, help="samples of the plain COPY")
    parser.add_argument("--no-history", action="store_true", help="leave the day and year out")
    parser.add_argument("--keep", action="store_true", help="keep the folder, with the logs")
    return parser.parse_args()


def main() -> None:
    asked = options()
    home = Path(tempfile.mkdtemp(prefix="zb-", dir="/tmp"))
    load = os.getloadavg()[0]
    servers: list[subprocess.Popen] = []
    try:
        url = start_servers(home, servers)
        # The settings are read from the environment, which is only set now.
        django.setup()
        from tests.benchmarks.ingesting import copying, run

        found = run.measure(home, asked, servers)
        found["copy_samples_per_s"], found["copy_bytes_per_sample"] = copying.measure(
            url, asked.copied
        )
        found["ratio_copy"] = found["samples_per_s"] / found["copy_samples_per_s"]
        found["load"] = load
        print(json.dumps({name: float(f"{found[name]:.5g}") for name in FIELDS if name in found}))
    finally:
        for server in reversed(servers[2:]):
            server.terminate()
        for server in servers[2:]:
            server.wait(30)
        for server in servers[:2]:  # their clients are gone
            server.send_signal(signal.SIGINT)
            server.wait(30)
        if asked.keep:
            print(f"kept: {home}", file=sys.stderr)
        else:
            shutil.rmtree(home, ignore_errors=True)


def start_servers(home: Path, servers: list[subprocess.Popen]) -> str:
    """Start PostgreSQL and Valkey as `manage.py up` does, and point the settings at them."""
    cluster = postgres.Cluster(
        data_dir=home / "postgres",
        socket_dir=home / "run",
        password=secrets.token_urlsafe(24),
        superuser_password=secrets.token_urlsafe(24),
        settings=postgres.SETTINGS,
    )
    store = valkey.Store(
        data_dir=home / "valkey",
        port=valkey.free_port(),
        password=secrets.token_urlsafe(24),
        is_durable=True,
    )
    (home / "home").mkdir(mode=0o700)
    os.environ |= {
        "DATABASE_URL": cluster.url,
        "REDIS_URL": store.url,
        "ZENITH_HOME": str(home / "home"),
        "ZENITH_SECRET_KEY": secrets.token_urlsafe(32),
        "ZENITH_SIMULATOR": f"127.0.0.1:{valkey.free_port()}",
        "DJANGO_SETTINGS_MODULE": "ops.settings",
        "ZENITH_LOG_LEVEL": "WARNING",
    }
    cluster.socket_dir.mkdir(mode=0o700)
    kernel.give(cluster.socket_dir, kernel.unprivileged_account())
    log = open(home / "servers.log", "ab")  # noqa: SIM115 - lives as long as the servers
    postgres.initialise(cluster)
    servers.append(postgres.start(cluster, log))
    servers.append(valkey.start(store, log))
    postgres.wait_until_ready(cluster, servers[0])
    postgres.make_database(cluster)
    valkey.wait_until_ready(store, servers[1])
    return cluster.url


if __name__ == "__main__":
    main()
