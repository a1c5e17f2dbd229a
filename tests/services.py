"""PostgreSQL and Valkey for one process that runs tests: private, empty, gone afterwards.

`prepare()` only decides where they will be, because Django's settings are read before
anything runs; `start()` starts them. With DATABASE_URL or REDIS_URL set, those servers
are used instead.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ops.up import kernel, postgres, valkey


@dataclass
class Services:
    """The servers of one run; None for one that the environment provides."""

    home: Path
    cluster: postgres.Cluster | None
    store: valkey.Store | None
    servers: list[subprocess.Popen[bytes]]


def prepare() -> Services:
    """Choose folders, ports and passwords, and set the environment of the settings."""
    home = Path(tempfile.mkdtemp(prefix="zt-", dir="/tmp" if os.access("/tmp", os.W_OK) else None))
    cluster = store = None
    if not os.environ.get("DATABASE_URL"):
        cluster = postgres.Cluster(
            data_dir=home / "postgres",
            socket_dir=home / "run",
            password=secrets.token_urlsafe(24),
            superuser_password=secrets.token_urlsafe(24),
            settings=postgres.SETTINGS | postgres.THROWAWAY_SETTINGS,
        )
        os.environ["DATABASE_URL"] = cluster.url
    if not os.environ.get("REDIS_URL"):
        store = valkey.Store(
            data_dir=home / "valkey",
            port=valkey.free_port(),
            password=secrets.token_urlsafe(24),
            is_durable=False,
        )
        os.environ["REDIS_URL"] = store.url
    os.environ["ZENITH_HOME"] = str(home / "home")
    (home / "home").mkdir(mode=0o700)
    os.environ.setdefault("ZENITH_SECRET_KEY", "only-for-tests-" + secrets.token_urlsafe(32))
    return Services(home=home, cluster=cluster, store=store, servers=[])


def start(services: Services) -> None:
    """Start what `prepare` chose and wait until it answers."""
    with open(services.home / "services.log", "ab") as log:
        if services.cluster is not None:
            services.cluster.socket_dir.mkdir(mode=0o700)
            kernel.give(services.cluster.socket_dir, kernel.unprivileged_account())
            postgres.initialise(services.cluster)
            services.servers.append(postgres.start(services.cluster, log))
        if services.store is not None:
            services.servers.append(valkey.start(services.store, log))
    servers = iter(services.servers)
    if services.cluster is not None:
        postgres.wait_until_ready(services.cluster, next(servers))
        postgres.make_database(services.cluster)
    if services.store is not None:
        valkey.wait_until_ready(services.store, next(servers))


def stop(services: Services) -> None:
    """Stop the servers and remove their folder."""
    servers = iter(services.servers)
    if services.cluster is not None and services.servers:
        postgres.stop(next(servers))
    for server in servers:
        valkey.stop(server)
    services.servers.clear()
    shutil.rmtree(services.home, ignore_errors=True)
