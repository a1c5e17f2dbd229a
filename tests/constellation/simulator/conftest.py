import contextlib

import pytest

from tests.constellation.simulator import flight


@pytest.fixture
def simulator(tmp_path):
    """A running simulator with the reference fleet, at the start of its clock."""
    process = flight.Simulator(tmp_path / "simulator")
    process.start()
    yield process
    process.stop()


@pytest.fixture
async def fly(simulator):
    """Open contacts that are hung up when the test ends: `ground = await fly()`."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_one(**details) -> flight.Ground:
            ground = await flight.open_ground(simulator, **details)
            stack.push_async_callback(ground.leave)
            return ground

        yield open_one
