"""`manage.py up`: from an empty folder to a running Zenith, and back to nothing on Ctrl-C."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from ops.up import (
    home,
    kernel,
    nursery,
    options,
    outside,
    postgres,
    supervisor,
    table,
    valkey,
)

PROJECT = Path(__file__).resolve().parents[2]
REFUSALS = (
    home.HomeRefused,
    outside.ServerRefused,
    postgres.PostgresFailed,
    valkey.ValkeyFailed,
)


class SetUpFailed(Exception):
    """A step of the set-up failed; the message says which and why."""


class Stopped(Exception):
    """Somebody asked us to stop during the set-up."""


def main(arguments: list[str]) -> int:
    """Run until stopped; return the exit code."""
    chosen = options.parse(arguments)
    path = home.default_path(os.environ, PROJECT)
    os.umask(0o077)
    try:
        home.make(path)
        held = home.lock(path)
        try:
            outside.check_port(chosen.host, chosen.port)
            return _Up(chosen, path).run()
        finally:
            os.close(held)
    except REFUSALS as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{path} cannot be used: {error.strerror or error}.", file=sys.stderr)
        return 1


class _Up:
    """One run of the whole system."""

    def __init__(self, chosen: options.Options, path: Path) -> None:
        self.chosen = chosen
        self.home = path
        self.secrets = home.load_secrets(path)
        self.supervisor = supervisor.Supervisor(path / "log", self.say)
        self.environment: dict[str, str] = {}
        self.nursery: nursery.Nursery | None = None
        self.started_at_s = time.monotonic()
        self.is_disk_full = False

    def run(self) -> int:
        self.supervisor.open()
        try:
            self.start_servers()
            self.start_nursery()
            ready = self.prepare()
            self.start_programs()
            self.announce(ready)
            self.supervisor.watch(2.0, self.look_around)
            self.say("Stopping …")
        except Stopped:
            pass
        except (*REFUSALS, SetUpFailed) as failure:
            self.say(str(failure))
            return 1
        except OSError as error:
            self.say(f"Zenith cannot go on: {error.strerror or error}.")
            return 1
        finally:
            self.remember_time()
            if self.nursery is not None:
                self.nursery.close()
            self.supervisor.stop()
            home.remove_socket_folder(self.home)
            (self.home / "running.json").unlink(missing_ok=True)
        self.say("Everything is stopped.")
        return 0

    def start_servers(self) -> None:
        """Start PostgreSQL and Valkey, or look at those that the environment names."""
        simulator_port, control_port = outside.free_port(), outside.free_port()
        self.environment = {
            "ZENITH_HOME": str(self.home),
            "ZENITH_SECRET_KEY": os.environ.get("ZENITH_SECRET_KEY") or self.secrets.secret_key,
            "ZENITH_SIMULATOR": f"{table.LOOPBACK}:{simulator_port}",
            "ZENITH_SIMULATOR_CONTROL": f"{table.LOOPBACK}:{control_port}",
            "ZENITH_SESSION_COOKIE": f"zenith_session_{self.chosen.port}",
        }
        if "DATABASE_URL" in os.environ:
            self.say("Using the PostgreSQL of DATABASE_URL")
            outside.check_database(os.environ["DATABASE_URL"])
            self.environment["DATABASE_URL"] = os.environ["DATABASE_URL"]
        else:
            self.start_postgres()
        if "REDIS_URL" in os.environ:
            self.say("Using the Valkey or Redis of REDIS_URL")
            outside.check_store(os.environ["REDIS_URL"])
            self.environment["REDIS_URL"] = os.environ["REDIS_URL"]
        else:
            self.start_valkey()
        home.write_running(self.home, address=self.address, environment=self.environment)

    def start_postgres(self) -> None:
        cluster = postgres.Cluster(
            data_dir=self.home / "postgres",
            socket_dir=home.make_socket_folder(self.home),
            password=self.secrets.postgres_password,
            superuser_password=self.secrets.postgres_superuser_password,
            settings=postgres.SETTINGS,
        )
        if postgres.initialise(cluster):
            self.say("Made the data folder of PostgreSQL")
        program = supervisor.Program(
            "postgres",
            lambda log: postgres.start(cluster, log),
            stop_signals=(signal.SIGINT, signal.SIGQUIT),
            death_signal=signal.SIGQUIT,
            stage=1,
        )
        server = self.supervisor.start(program)
        postgres.wait_until_ready(cluster, server)
        postgres.make_database(cluster)
        self.environment["DATABASE_URL"] = cluster.url
        self.say("PostgreSQL runs")

    def start_valkey(self) -> None:
        store = valkey.Store(
            data_dir=self.home / "valkey",
            port=valkey.free_port(),
            password=self.secrets.valkey_password,
        )
        program = supervisor.Program(
            "valkey",
            lambda log: valkey.start(store, log),
            death_signal=signal.SIGTERM,
            stage=1,
        )
        valkey.wait_until_ready(store, self.supervisor.start(program))
        self.environment["REDIS_URL"] = store.url
        self.say("Valkey runs")

    def start_nursery(self) -> None:
        """Begin to import what all programs share; without Linux each imports its own."""
        if sys.platform != "linux":
            return
        if self.nursery is None:
            self.nursery = nursery.Nursery(
                os.environ | self.environment, PROJECT, lambda: self.supervisor.is_stopping
            )
        with open(self.supervisor.log_of("nursery"), "ab") as log:
            self.nursery.start(log)

    def prepare(self) -> dict:
        """Bring the database up to date in a process of its own, and return what it found."""
        epoch = self.chosen.epoch
        wishes = {
            "epoch": epoch.isoformat() if epoch else None,
            "rate": self.chosen.rate,
            "fleet": self.chosen.fleet,
            "simulator": self.chosen.has_simulator,
            "operator_password": self.secrets.operator_password,
            "customer_key": self.secrets.customer_key,
            "seen_at": self.seen_at(),
        }
        (asked, asks), (said, says) = os.pipe(), os.pipe()
        with open(self.supervisor.log_of("prepare"), "ab") as log:
            command = self.launch(table.prepare(PROJECT), [asked, says, log.fileno()])
        os.close(asked)
        os.close(says)
        with open(asks, "wb") as wished:
            wished.write(json.dumps(wishes).encode())
        result: dict = {}
        with open(said, "rb", buffering=0):
            for line in self.supervisor.lines_of(said):
                if line.startswith("{"):
                    result = json.loads(line)
                else:
                    self.say(line)
        if self.supervisor.is_stopping:
            command.send_signal(signal.SIGKILL)
            raise Stopped
        while command.poll() is None:
            self.supervisor.sleep(0.05)
        if command.returncode != 0:
            log = self.supervisor.log_of("prepare")
            raise SetUpFailed(f"The set-up failed; the reason is at the end of {log}")
        return result

    def start_programs(self) -> None:
        """Start all processes of the table and wait until the pages answer."""
        self.stop_if_asked()
        web = table.web(self.chosen.port, self.chosen.host)
        others = [*table.workers(), table.beat(PROJECT)]
        if self.chosen.has_simulator:
            port = int(self.environment["ZENITH_SIMULATOR"].rpartition(":")[2])
            control = int(self.environment["ZENITH_SIMULATOR_CONTROL"].rpartition(":")[2])
            others.insert(
                0,
                table.simulator(
                    self.home, port, control, coded_stations=self.chosen.coded_stations
                ),
            )
        self.say(f"Starting {', '.join(command.name for command in [web, *others])}")
        # The pages first: eight interpreters at once keep a small machine from showing any.
        self.start_program(web)
        while not outside.answers(self.reachable_host, self.chosen.port):
            self.stop_if_asked()
            self.supervisor.look()
            self.supervisor.sleep(0.1)
        for command in others:
            self.start_program(command)

    def start_program(self, command: table.Command) -> None:
        self.supervisor.start(supervisor.Program(command.name, self.starter(command)))

    def starter(self, command: table.Command):
        def start(log: IO[bytes]) -> supervisor.Process:
            with open(os.devnull, "rb") as nothing:
                return self.launch(command, [nothing.fileno(), log.fileno(), log.fileno()])

        return start

    def launch(self, command: table.Command, streams: list[int]) -> supervisor.Process:
        """Start one of our own programs, the quick way where there is one."""
        environment = os.environ | self.environment | {"PYTHONUNBUFFERED": "1"}
        environment |= dict(command.environment)
        if self.nursery is not None:
            try:
                return self.nursery.bear(command.argv, environment, streams)
            except nursery.NurseryFailed as failure:
                self.stop_if_asked()
                self.say(f"{command.name} is started by itself; the nursery failed: {failure}")
                self.start_nursery()
        standard = dict(zip(("stdin", "stdout", "stderr"), streams, strict=True))
        return subprocess.Popen(
            [sys.executable, *command.argv],
            preexec_fn=kernel.child_setup(parent_pid=os.getpid()),
            env=environment,
            cwd=PROJECT,
            **standard,
        )

    def announce(self, ready: dict) -> None:
        """Say where Zenith is, and how to get in."""
        took_s = time.monotonic() - self.started_at_s
        password = ready.get("operator_password") or "(the one you set)"
        self.say("")
        self.say(f"Zenith is ready after {took_s:.0f} s.")
        self.say(f"  Console        {self.address}")
        self.say(f"  Operator       {ready.get('operator', 'operator')}   password {password}")
        self.say(f"  Customer key   {ready.get('customer_key') or '(revoked)'}")
        self.say(f"  Clock          {ready.get('clock', '')}")
        if note := ready.get("note"):
            self.say(f"  {note}")
        self.say(f'  Ask            {_command_hint()} ask "How hot is it up there?"')
        self.say("Ctrl-C stops everything.")

    def remember_time(self) -> None:
        """Note that we still run: a simulated clock stands still while Zenith is down."""
        with suppress(OSError):
            (self.home / "seen").touch()

    def look_around(self) -> None:
        """Do what is due every two seconds."""
        self.remember_time()
        is_full = shutil.disk_usage(self.home).free < home.LATER_START_BYTES / 2
        if is_full and not self.is_disk_full:
            self.say(f"The disk of {self.home} is almost full.")
        self.is_disk_full = is_full

    def seen_at(self) -> float | None:
        """Return when Zenith last ran from this folder, in Unix seconds."""
        with suppress(OSError):
            return (self.home / "seen").stat().st_mtime
        return None

    def stop_if_asked(self) -> None:
        if self.supervisor.is_stopping:
            raise Stopped

    @property
    def reachable_host(self) -> str:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.chosen.host, self.chosen.host)

    @property
    def address(self) -> str:
        host = f"[{self.reachable_host}]" if ":" in self.reachable_host else self.reachable_host
        return f"http://{host}:{self.chosen.port}/"

    def say(self, line: str) -> None:
        """Tell the operator; a terminal that is gone is no reason to stop."""
        with suppress(OSError):
            print(line, flush=True)


def _command_hint() -> str:
    python = Path(sys.executable)
    with suppress(ValueError):
        python = python.relative_to(Path.cwd())
    return f"{python} manage.py"
