"""The real processes around the test's own database: simulator, workers, beat."""

import os
import shutil
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from constellation.stations import control
from ops.celery import app
from ops.up import nursery, table, valkey
from tests import nurseries
from tests.running import PROJECT, complaints, wait_for


class Processes:
    """Everything but the web, each process in a session of its own, with a log."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.running: dict[str, nursery.Born] = {}
        ports = [valkey.free_port(), valkey.free_port()]
        self.stations, self.control = (f"127.0.0.1:{port}" for port in ports)
        self._commands = {
            each.name: each
            for each in [
                table.simulator(settings.ZENITH_HOME, *ports),
                table.beat(PROJECT),
                *table.workers(),
            ]
        }
        self._environment = os.environ | {
            "DATABASE_URL": _with_name(os.environ["DATABASE_URL"]),
            "ZENITH_SIMULATOR": self.stations,
            "ZENITH_SIMULATOR_CONTROL": self.control,
            "ZENITH_ROLE": "worker",
        }
        self._nursery: nursery.Nursery | None = None

    def prepare(self) -> None:
        """Leave nothing of an earlier test, and write the fleet that the database holds."""
        redis.Redis.from_url(settings.REDIS_URL).flushall()
        shutil.rmtree(settings.ZENITH_HOME / "simulator", ignore_errors=True)
        (settings.ZENITH_HOME / "simulator").mkdir(parents=True)
        call_command("load_reference", verbosity=0)
        call_command("write_fleet", str(settings.ZENITH_HOME / "simulator" / "fleet.json"))

    def start(self, *names: str) -> None:
        if self._nursery is None:
            self._nursery = nurseries.begun(self._environment, self._folder / "nursery.log")
        for name in names:
            command = self._commands[name]
            self.running[name] = nurseries.bear(
                self._nursery,
                command.argv,
                self._environment | command.environment,
                self._folder / f"{name}.log",
            )

    def wait_for_simulator(self) -> None:
        wait_for("the simulator answers", self._simulator_answers, 30)

    def _simulator_answers(self) -> bool:
        try:
            control.status(self.control)
        except control.ControlFailed:
            return False
        return True

    def wait_for_worker(self, name: str) -> None:
        inspect = app.control.inspect(destination=[f"{name}@zenith"], timeout=1.0)
        wait_for(f"{name} answers", inspect.ping, 60)

    def name_of(self, owner: str) -> str:
        """Return which worker the owner of a lease is."""
        pid = int(owner.split(":")[1])
        (name,) = [name for name, process in self.running.items() if process.pid == pid]
        return name

    def kill(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and its children; SIGTERM to itself alone."""
        send = os.kill if number == signal.SIGTERM else os.killpg
        send(self.running[name].pid, number)
        if number == signal.SIGKILL:
            nurseries.ended(self.running.pop(name), 60)

    def end(self) -> None:
        """Stop everything: politely, then by force."""
        for name in self.running:
            for number in (signal.SIGCONT, signal.SIGTERM):
                self.kill(name, number)
        until = time.monotonic() + 8
        for process in self.running.values():
            if not nurseries.ended(process, until - time.monotonic()):
                os.killpg(process.pid, signal.SIGKILL)
                nurseries.ended(process, 60)
        if self._nursery is not None:
            self._nursery.close()

    def logs(self) -> str:
        """What the processes had to complain about."""
        return complaints(self._folder)


def _with_name(url: str) -> str:
    """Return the URL of the test's database: Django has put another name into its settings."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path="/" + connection.settings_dict["NAME"]))
