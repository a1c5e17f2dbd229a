"""The table of processes: what runs, with which command. The compose file has the same ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Command:
    """One process of Zenith's own; `argv` is what its interpreter is told."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def worker(name: str, queue: str, *, pool: str, threads: int) -> Command:
    """Return a Celery worker for one queue."""
    argv = ("-m", "celery", "-A", "ops", "worker", "-n", f"{name}@zenith", "-Q", queue)
    argv += ("--pool", pool, "-c", str(threads), "--loglevel", "INFO")
    # Workers here need not know of each other: asking costs a second at every start.
    argv += ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return Command(name, argv, {"ZENITH_ROLE": "worker"})


def web(port: int, host: str = LOOPBACK) -> Command:
    """Return the web process."""
    argv = ("-m", "uvicorn", "ops.asgi:application", "--host", host, "--port", str(port))
    argv += ("--timeout-graceful-shutdown", "2", "--no-access-log", "--ws-max-queue", "64")
    argv += ("--lifespan", "off")
    return Command("web", argv, {"ZENITH_ROLE": "web"})


def simulator(
    home: Path,
    port: int,
    control_port: int,
    *,
    host: str = LOOPBACK,
    clock: str = "",
    coded_stations: str = "",
) -> Command:
    """Return the simulated constellation, with its state and its keys in Zenith's folder."""
    argv = ("-m", "constellation.simulator", "--root", str(home / "simulator"), "--host", host)
    argv += ("--port", str(port), "--control-port", str(control_port))
    argv += ("--fleet", str(home / "simulator" / "fleet.json"))
    argv += ("--command-key", str(home / "keys" / "command-master.key"))
    argv += ("--clock", clock) if clock else ()
    argv += ("--coded", coded_stations) if coded_stations else ()
    return Command("simulator", argv)


def beat(project: Path) -> Command:
    """Return the one that makes the ticks."""
    return Command("beat", (str(project / "manage.py"), "beat"))


def prepare(project: Path) -> Command:
    """Return the one that brings the database up to date, and ends."""
    return Command("prepare", (str(project / "manage.py"), "prepare"))


def workers() -> list[Command]:
    """Return the workers: separate for contacts, ticks, decoding and planning."""
    return [
        worker("conduct-1", "contacts", pool="threads", threads=4),
        worker("conduct-2", "contacts", pool="threads", threads=4),
        worker("decode", "answers,decoding", pool="prefork", threads=2),
        worker("ticks", "ticks", pool="threads", threads=4),
        worker("planning", "planning", pool="prefork", threads=1),
    ]
