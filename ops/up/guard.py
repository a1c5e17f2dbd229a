"""The last one out: a tiny process that ends every other when the supervisor is killed.

The kernel ends the supervisor's children (PR_SET_PDEATHSIG), but not *their* children:
pool workers, the simulator's runtimes. The guard knows the process group of each child
through a pipe. When the pipe closes, the supervisor is gone, and so is everything else
a moment later. It also keeps the lock of Zenith's folder until then.
"""

import os
import signal
import time
from contextlib import suppress

PATIENCE_S = 5.0


class Guard:
    """The supervisor's end of the pipe."""

    def __init__(self) -> None:
        self.pid = 0
        self._pipe = -1
        self._groups: dict[int, int] = {}

    def start(self) -> None:
        """Fork the guard; a new one is told all groups that the old one knew."""
        if self._pipe >= 0:
            os.close(self._pipe)
        reading, self._pipe = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            with suppress(BaseException):
                os.close(self._pipe)
                _stand_by(reading)
            os._exit(0)
        os.close(reading)
        for group, number in self._groups.items():
            self._tell(group, number)

    def watch(self, group: int, death_signal: int) -> None:
        """End the process group `group` with `death_signal`, should we be killed."""
        self._groups[group] = int(death_signal)
        self._tell(group, death_signal)

    def forget(self, group: int) -> None:
        """Leave the process group `group` alone from now on."""
        self._groups.pop(group, None)
        self._tell(group, 0)

    def close(self) -> None:
        """Send the guard home; it ends what it still knows."""
        os.close(self._pipe)
        self._pipe = -1
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _tell(self, group: int, number: int) -> None:
        with suppress(BrokenPipeError):
            os.write(self._pipe, f"{group} {int(number)}\n".encode())


def _stand_by(reading: int) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    groups: dict[int, int] = {}
    with os.fdopen(reading) as lines:
        for line in lines:
            group, number = (int(word) for word in line.split())
            groups[group] = number
    alive = {group: number for group, number in groups.items() if number}
    for group, number in alive.items():
        end_group(group, number)
    give_up_at = time.monotonic() + PATIENCE_S
    while any(group_exists(group) for group in alive) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    for group in alive:
        end_group(group, signal.SIGKILL)


def end_group(group: int, number: int) -> None:
    """Send a signal to a whole process group, if it still exists."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def group_exists(group: int) -> bool:
    """Tell whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
