"""Keeps a set of processes running, and ends all of them when it ends.

One thread, no surprises: it sleeps until a signal or the next due restart.
"""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from ops.up import guard, kernel

FIRST_DELAY_S, LONGEST_DELAY_S = 0.3, 15.0
# A process that ran this long before it died starts again without delay.
STEADY_AFTER_S = 30.0
STOP_PATIENCE_S = 3.5
LOG_BYTES_MAX = 10_000_000


class Process(Protocol):
    """What is asked of a running process: a `subprocess.Popen`, or one like it."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...
    def send_signal(self, number: int) -> None: ...


@dataclass(frozen=True)
class Program:
    """How one process is started and stopped; `stage` 0 is stopped before stage 1."""

    name: str
    start: Callable[[IO[bytes]], Process]
    stop_signals: tuple[int, ...] = (signal.SIGTERM,)
    death_signal: int = signal.SIGKILL
    stage: int = 0


@dataclass
class _Child:
    program: Program
    process: Process | None = None
    started_at_s: float = 0.0
    restart_at_s: float = 0.0
    delay_s: float = 0.0


class Supervisor:
    """Starts programs, starts them again when they die, and stops them in order."""

    def __init__(self, log_dir: Path, say: Callable[[str], None]) -> None:
        self._log_dir = log_dir
        self._say = say
        self._children: dict[str, _Child] = {}
        self._guard = guard.Guard()
        self._stop_requests = 0
        self._wake_reading, self._wake_writing = os.pipe()
        for descriptor in (self._wake_reading, self._wake_writing):
            os.set_blocking(descriptor, False)

    def open(self) -> None:
        """Take the signals over and set the guard up; call it before any `start`."""
        kernel.adopt_orphans()
        signal.set_wakeup_fd(self._wake_writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        self._guard.start()

    def start(self, program: Program) -> Process:
        """Start `program` and watch over it from now on."""
        child = self._children.setdefault(program.name, _Child(program))
        with open(self.log_of(program.name), "ab") as log:
            child.process = program.start(log)
        child.started_at_s = time.monotonic()
        self._guard.watch(child.process.pid, program.death_signal)
        return child.process

    def log_of(self, name: str) -> Path:
        """Return the file that holds what the process `name` says."""
        return self._log_dir / f"{name}.log"

    @property
    def is_stopping(self) -> bool:
        """Tell whether somebody asked us to stop."""
        return self._stop_requests > 0

    def watch(self, every_s: float, tick: Callable[[], None]) -> None:
        """Watch over the children until we are asked to stop; call `tick` now and then."""
        next_tick_s = time.monotonic()
        while not self.is_stopping:
            self.look()
            if time.monotonic() >= next_tick_s:
                tick()
                self._shorten_logs()
                next_tick_s = time.monotonic() + every_s
            self.sleep(0.25)

    def look(self) -> None:
        """Reap who died, sweep what it left behind, start again who is due."""
        for child in self._children.values():
            process = child.process
            if process is not None and process.poll() is not None:
                self._bury(child, process)
            if child.process is None and time.monotonic() >= child.restart_at_s:
                self._start_again(child)
        self._reap_adopted()

    def sleep(self, longest_s: float) -> None:
        """Sleep until a signal arrives, at most `longest_s`."""
        ready, _, _ = select.select([self._wake_reading], [], [], longest_s)
        if ready:
            with suppress(BlockingIOError):
                os.read(self._wake_reading, 4096)

    def lines_of(self, said: int) -> Iterator[str]:
        """Yield what a passing process writes to a pipe, until it ends or we are asked to stop."""
        text = b""
        while not self.is_stopping:
            ready, _, _ = select.select([said, self._wake_reading], [], [], 1.0)
            if self._wake_reading in ready:
                self.sleep(0)
            if said in ready:
                received = os.read(said, 65_536)
                if not received:
                    return
                *lines, text = (text + received).split(b"\n")
                yield from (line.decode(errors="replace").rstrip() for line in lines)

    def stop(self) -> None:
        """Stop everything, the servers last, by force where patience ends."""
        asked_before = self._stop_requests
        for stage in (0, 1):
            running = [
                child
                for child in self._children.values()
                if child.program.stage == stage and child.process is not None
            ]
            for step in range(max((len(c.program.stop_signals) for c in running), default=0)):
                for child in running:
                    signals = child.program.stop_signals
                    if child.process.poll() is None and step < len(signals):
                        child.process.send_signal(signals[step])
                self._wait_for(running, STOP_PATIENCE_S if stage == 0 else 2.0, asked_before)
            for child in running:
                guard.end_group(child.process.pid, signal.SIGKILL)
            self._wait_for(running, 1.0, asked_before)
            for child in running:
                self._guard.forget(child.process.pid)
        self._guard.close()
        self._sweep_descendants()

    def _ask_to_stop(self, *_: object) -> None:
        self._stop_requests += 1

    def _wait_for(self, children: list[_Child], patience_s: float, asked_before: int) -> None:
        give_up_at_s = time.monotonic() + patience_s
        while any(child.process.poll() is None for child in children):
            if time.monotonic() > give_up_at_s or self._stop_requests > asked_before:
                return
            self.sleep(0.05)

    def _bury(self, child: _Child, process: Process) -> None:
        # Whatever the dead one had started would otherwise go on beside its successor.
        guard.end_group(process.pid, signal.SIGKILL)
        self._guard.forget(process.pid)
        ran_s = time.monotonic() - child.started_at_s
        child.delay_s = FIRST_DELAY_S if ran_s > STEADY_AFTER_S else self._longer(child.delay_s)
        child.process = None
        child.restart_at_s = time.monotonic() + child.delay_s
        name, how = child.program.name, _how_it_ended(process.returncode)
        self._say(f"{name} ended ({how}) after {ran_s:.0f} s; starting it again.")

    @staticmethod
    def _longer(delay_s: float) -> float:
        return min(max(delay_s * 2, FIRST_DELAY_S), LONGEST_DELAY_S)

    def _start_again(self, child: _Child) -> None:
        try:
            self.start(child.program)
        except Exception as error:
            child.delay_s = self._longer(child.delay_s)
            child.restart_at_s = time.monotonic() + child.delay_s
            self._say(f"{child.program.name} did not start: {error}")

    def _reap_adopted(self) -> None:
        """Bury orphans that became our children, and replace a guard that was killed."""
        ours = {child.process.pid for child in self._children.values() if child.process}
        with suppress(ChildProcessError):
            while dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if dead.si_pid in ours:
                    return
                os.waitpid(dead.si_pid, os.WNOHANG)
                if dead.si_pid == self._guard.pid:
                    self._guard.start()

    def _sweep_descendants(self) -> None:
        give_up_at_s = time.monotonic() + 1.0
        while (left := kernel.children_of(os.getpid())) and time.monotonic() < give_up_at_s:
            for pid in left:
                with suppress(ProcessLookupError, ChildProcessError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, os.WNOHANG)
            time.sleep(0.02)

    def _shorten_logs(self) -> None:
        """Keep each log and one predecessor under the limit.

        Children append to the file that they have open, so it is copied and emptied.
        """
        for path in self._log_dir.glob("*.log"):
            with suppress(OSError):
                if path.stat().st_size > LOG_BYTES_MAX:
                    path.with_suffix(".log.1").write_bytes(path.read_bytes()[-LOG_BYTES_MAX:])
                    os.truncate(path, 0)


def _how_it_ended(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
