"""The simulator hears of every change of the clock, over a real socket."""

import json
import socket
import threading
from datetime import UTC, datetime

import pytest

from constellation import clock_relay, tasks
from ops import clock

EPOCH = datetime(2026, 8, 22, 12, tzinfo=UTC)


@pytest.fixture
def heard(settings):
    """What a listener at the control address was told, line by line."""
    lines, server = [], socket.create_server(("127.0.0.1", 0))
    settings.ZENITH_SIMULATOR_CONTROL = f"127.0.0.1:{server.getsockname()[1]}"

    def listen():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                lines.append(json.loads(file.readline()))
                generation = lines[-1]["clock"]["generation"]
                file.write(json.dumps({"ok": True, "generation": generation}).encode() + b"\n")

    threading.Thread(target=listen, daemon=True).start()
    yield lines
    server.close()


@pytest.mark.django_db(transaction=True)
def test_a_change_is_told_at_once_and_again_by_the_tick(heard):
    clock.forget()
    clock.start(epoch=EPOCH)

    clock.set_rate(10)
    tasks.tell_the_simulator_the_time()

    reading = clock.reading()
    told = {
        "wall_anchor": reading.wall_anchor.timestamp(),
        "mission_anchor": reading.mission_anchor.timestamp(),
        "rate": 10,
        "generation": 2,
    }
    assert heard == [{"clock": told}, {"clock": told}]
    clock.forget()


def test_a_simulator_that_is_away_is_no_failure(settings):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        settings.ZENITH_SIMULATOR_CONTROL = f"127.0.0.1:{gone.getsockname()[1]}"
    at = clock.wall()

    assert clock_relay.tell(clock.Clock(True, at, at, 1.0, 1)) is False
