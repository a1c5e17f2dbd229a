"""`python -m constellation.simulator`: one process, all satellites and all stations."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from constellation.simulator import fleet, kernel
from constellation.simulator.clock import Reading
from constellation.simulator.control import LINE_BYTES_MAX, Control
from constellation.simulator.ground.channel import Faults
from constellation.simulator.runtimes.pool import Server
from constellation.simulator.world import Options, World
from telemetry.frames import links

DEFAULT_CLOCK = "2026-08-22T12:00:00Z"
HOST = "127.0.0.1"


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m constellation.simulator", description=__doc__)
    add = parser.add_argument
    add("--root", type=Path, default=Path(".zenith/simulator"), help="folder of all state")
    add("--port", type=int, required=True, help="stations, on loopback")
    add("--control-port", type=int, required=True, help="control socket, on loopback")
    add("--host", default=HOST, help="address to listen on")
    add("--seed", type=int, default=1, help="everything random comes from it")
    add("--fleet", type=Path, help="JSON or element sets; else the reference data")
    add("--clock", default=DEFAULT_CLOCK, help="mission time of the very first start")
    add("--rate", type=float, default=1.0, help="mission seconds a second, until told otherwise")
    add("--frame-loss", type=float, default=0.0, help="share of frames that never arrive")
    add("--bit-error-rate", type=float, default=0.0, help="share of bits that arrive flipped")
    add("--bit-slip", type=float, default=0.0, help="share of coded units that lose or gain a bit")
    add("--coded", metavar="STATIONS", help="stations that hand over bits: SGS,KIR or all")
    add("--coding", type=Path, help="JSON file with their coding; else that of our satellites")
    add("--command-key", type=Path, help="file with the master key of telecommands, in hex")
    add("--inference-url", help="OpenAI-compatible server to answer in the place of llama.cpp")
    add("--inference-model", default="default", help="the name of its model")
    add("--die-with-parent", action="store_true", help="end when the process that started us ends")
    add("--log-level", default="INFO")
    return parser.parse_args(arguments)


def options_of(chosen: argparse.Namespace) -> Options:
    start = datetime.fromisoformat(chosen.clock)
    if start.tzinfo is None:
        start = start.replace(tzinfo=UTC)
    server = None
    if chosen.inference_url:
        api_key = os.environ.get("ZENITH_INFERENCE_API_KEY", "")
        server = Server(chosen.inference_url, chosen.inference_model, api_key)
    return Options(
        root=chosen.root,
        seed=chosen.seed,
        start=Reading(time.time(), start.timestamp(), chosen.rate, 0),
        faults=Faults(chosen.frame_loss, chosen.bit_error_rate, bit_slip=chosen.bit_slip),
        command_key=chosen.command_key,
        server=server,
    )


def fleet_of(chosen: argparse.Namespace) -> fleet.Fleet:
    """Read the fleet, and let the stations that were named hand over bits."""
    found = fleet.load(chosen.fleet)
    if chosen.coded is None:
        if chosen.coding is not None:
            raise fleet.BadFleet("--coding is said of no station: name them with --coded")
        return found
    coding = links.STANDARD_CODING
    if chosen.coding is not None:
        try:
            coding = json.loads(chosen.coding.read_bytes())
        except ValueError as error:
            raise fleet.BadFleet(f"{chosen.coding} is not JSON: {error}") from error
    return fleet.coded(found, chosen.coded, coding)


async def run(chosen: argparse.Namespace) -> None:
    """Serve until told to stop."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    world = World(fleet_of(chosen), options_of(chosen))
    control = Control(world, stopped.set)
    stations = await asyncio.start_server(world.stations.serve, chosen.host, chosen.port)
    door = await asyncio.start_server(
        control.serve, chosen.host, chosen.control_port, limit=LINE_BYTES_MAX
    )
    tidying = asyncio.create_task(world.tidy())
    keeping = asyncio.create_task(world.keep_instants())
    fetching = asyncio.create_task(world.lasers.run())
    relaying = asyncio.create_task(world.relays.run())
    logging.getLogger(__name__).info(
        "%d satellites, %d stations on %s:%d",
        len(world.fleet.satellites),
        len(world.fleet.stations),
        chosen.host,
        stations.sockets[0].getsockname()[1],
    )
    try:
        await stopped.wait()
    finally:
        tidying.cancel()
        keeping.cancel()
        fetching.cancel()
        relaying.cancel()
        stations.close()
        door.close()
        await world.close()


def main() -> int:
    chosen = parse(sys.argv[1:])
    logging.basicConfig(
        level=chosen.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    for chatty in ("httpx", "tuf"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if chosen.die_with_parent:
        kernel.die_with_parent(os.getppid())
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run(chosen))
    except (fleet.BadFleet, OSError, ValueError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
