"""Programs of ours as forks of one process that has imported everything, as in production.

One nursery for each process that runs tests is begun with the first program asked for.
"""

import atexit
import os
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from ops.up import kernel, nursery
from tests.running import PROJECT


@cache
def shared() -> nursery.Nursery:
    """Return this process's nursery. Its settings are those of the process: what needs others
    needs a nursery of its own."""
    one = begun(os.environ, Path(os.devnull))
    atexit.register(one.close)
    return one


def begun(environment: Mapping[str, str], log: Path) -> nursery.Nursery:
    """Begin a nursery; its programs become children of this process."""
    kernel.adopt_orphans()
    one = nursery.Nursery(environment, PROJECT)
    with open(log, "ab") as stream:
        one.start(stream)
    return one


def bear(
    one: nursery.Nursery, argv: Sequence[str], environment: Mapping[str, str], log: Path | None
) -> nursery.Born:
    """Start a program that writes into a file, or where this process writes."""
    with open(os.devnull, "rb") as nothing:
        if log is None:
            return one.bear(argv, environment, [nothing.fileno(), 1, 2])
        with open(log, "ab") as said:
            return one.bear(argv, environment, [nothing.fileno(), said.fileno(), said.fileno()])


def ended(program: nursery.Born, within_s: float) -> bool:
    """Reap a program that ends within so many seconds; return whether it did."""
    until = time.monotonic() + within_s
    while program.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    return program.returncode is not None
