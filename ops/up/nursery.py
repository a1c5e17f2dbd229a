"""Where Zenith's own programs come from: a process that has imported all of it, and forks.

Nine interpreters that each import Django, Celery and Zenith take some 25 s of a processor at every
start. This one does it once, without a connection, a thread or a loop of its own; a program begins
as its fork, with everything there already, and shares that memory with the others. The fork that
first appears ends at once, so that its own, the program, is adopted by the supervisor: it reaps it,
and the kernel ends the program with it, as if it had started it itself (Linux only).

Over the socket between the two goes one JSON object for each program, with the file descriptors of
its standard streams; the answer is its process id.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import setproctitle

from ops.up import kernel

IMPORTING_S, PATIENCE_S = 60.0, 5.0
"""It may be asked while it still imports: seconds, and more where that was never compiled. Once it
has answered it does so at once, or something is wrong with it."""
LOOKS_UP_EVERY_S = 0.25
MESSAGE_BYTES_MAX = 1 << 20
LIBRARIES = (
    "celery.bin.worker",
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "celery.beat",
    "kombu.transport.redis",
    "django.core.management",
    "channels.auth",
    "channels.routing",
    "uvicorn",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_impl",
)
"""What programs import when they begin, and that nothing of ours imports before."""
OURS = ("ops.celery", "ops.urls", "constellation.simulator.world")


class NurseryFailed(Exception):
    """The nursery is gone or does not answer; a program can still be started the long way."""


class Born:
    """A program that the nursery forked and that is our child now; like a `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Reap it if it has ended; return its exit code (minus a signal's number), or None."""
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # reaped by somebody else, and its code with it
                pid, status = self.pid, 0
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Nursery:
    """The supervisor's end of the socket."""

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_stopping = is_stopping
        self._has_imported = False
        self._environment = {**environment, "PYTHONUNBUFFERED": "1"}
        self._folder = folder
        self._socket: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Begin to import; a program may be asked for at once."""
        self.close()
        self._has_imported = False
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(LOOKS_UP_EVERY_S)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ops.up.nursery", str(theirs.fileno()), str(os.getpid())],
                preexec_fn=kernel.child_setup(parent_pid=os.getpid()),
                pass_fds=[theirs.fileno()],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self.process

    def bear(
        self, argv: Sequence[str], environment: Mapping[str, str], streams: Sequence[int]
    ) -> Born:
        """Start a program with descriptors as its standard input, output and errors.

        `argv` is as for an interpreter, without it (`-m module …`, or a script). Raises
        `NurseryFailed` when there is no answer; no program runs then.
        """
        if self._socket is None:
            raise NurseryFailed("There is none.")
        wish = {"argv": list(argv), "environment": dict(environment)}
        try:
            socket.send_fds(self._socket, [json.dumps(wish).encode()], list(streams))
            answer = self._answer(self._socket)
        except OSError as error:
            self.close()
            raise NurseryFailed(error.strerror or str(error)) from error
        if not answer.isdigit():
            self.close()
            raise NurseryFailed(answer.decode() or "It ended.")
        self._has_imported = True
        return Born(int(answer))

    def _answer(self, door: socket.socket) -> bytes:
        patience_s = PATIENCE_S if self._has_imported else IMPORTING_S
        give_up_at_s = time.monotonic() + patience_s
        while True:
            try:
                return door.recv(MESSAGE_BYTES_MAX)
            except TimeoutError:
                if self._is_stopping() or time.monotonic() > give_up_at_s:
                    raise

    def close(self) -> None:
        """Let it go: it ends when its socket is closed, and by force where it does not listen."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def serve(socket_number: int, supervisor_pid: int) -> dict[str, Any]:
    """Fork programs until nobody can ask for them any more; return, in each of them, its wish.

    In the nursery itself it never returns: it ends the process.
    """
    door = socket.socket(fileno=socket_number)
    for name in (*LIBRARIES, *OURS):
        import_module(name)
        if name == "ops.celery":
            _set_up()
    gc.collect()
    gc.freeze()  # what all share is not looked through again, nor copied for it
    while True:
        message, descriptors, *_ = socket.recv_fds(door, MESSAGE_BYTES_MAX, 3)
        if not message:
            os._exit(0)
        if _fork(door, supervisor_pid):
            door.close()
            return json.loads(message) | {"streams": descriptors}
        for descriptor in descriptors:
            os.close(descriptor)


def _set_up() -> None:
    import django

    from ops.celery import app

    django.setup()
    app.loader.import_default_modules()


def _fork(door: socket.socket, supervisor_pid: int) -> bool:
    """Fork twice; return True in the second child once the supervisor has adopted it."""
    try:
        first = os.fork()
    except OSError as error:
        door.send(str(error).encode())
        return False
    if first:
        os.waitpid(first, 0)
        return False
    between = os.getpid()
    try:
        if os.fork():
            os._exit(0)
    except OSError as error:
        door.send(str(error).encode())
        os._exit(1)
    try:
        os.setsid()
        while os.getppid() == between:
            time.sleep(0.001)
        kernel.die_with_parent(supervisor_pid)
        door.send(str(os.getpid()).encode())
    except OSError:  # nobody waits for it any more
        os._exit(1)
    return True


def become(wish: Mapping[str, Any]) -> None:
    """Be the program: its words, its environment, its streams; return when it ends."""
    for number, descriptor in enumerate(wish["streams"]):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(wish["environment"])
    argv = wish["argv"]
    setproctitle.setproctitle(" ".join([sys.executable, *argv]))
    if argv[0] == "-m":
        sys.argv = argv[1:]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(argv)
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    setproctitle.getproctitle()  # it finds its place in memory only before the environment changes
    become(serve(*map(int, sys.argv[1:])))
