import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.up import valkey
from tests.observer import Observer
from tests.running import Zenith


@pytest.fixture(scope="module")
def observer() -> Iterator[Observer]:
    """A whole Zenith for one proof, looked at from the outside."""
    folder = Path(tempfile.mkdtemp(prefix="zp-"))
    zenith = Zenith(folder, valkey.free_port())
    with Observer(zenith) as observer:
        yield observer
    zenith.end()
    shutil.rmtree(folder)
