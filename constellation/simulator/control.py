"""The control socket: one JSON line a question, one an answer. For whoever runs the simulation."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict

from constellation.simulator.clock import Reading
from constellation.simulator.world import World

log = logging.getLogger(__name__)

LINE_BYTES_MAX = 1024 * 1024


class Control:
    """Answers questions about the simulation, and tells it the time."""

    def __init__(self, world: World, stop: Callable[[], None]) -> None:
        self._world, self._stop = world, stop
        self._started = time.time()
        self._answers = {
            "clock": self._clock,
            "report": self._report,
            "manifest": self._manifest,
            "faults": self._faults,
            "mischief": self._mischief,
            "troubles": self._troubles,
            "satellites": self._satellites,
            "satellite": self._satellite,
            "status": self._status,
            "shutdown": self._shutdown,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError) as error:
            log.info("control connection lost: %s", error)
        except asyncio.CancelledError:
            log.debug("a connection is closed with the simulation")
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict:
        try:
            request = json.loads(line)
            name = next(name for name in request if name in self._answers)
        except (ValueError, TypeError, StopIteration):
            return {"error": f"one of {', '.join(self._answers)} is asked, in JSON"}
        try:
            return self._answers[name](request[name], request)
        except (KeyError, TypeError, ValueError) as error:
            return {"error": f"{name}: {error!r}"}

    def _clock(self, told: dict, request: dict) -> dict:
        self._world.clock.tell(Reading.from_json(told))
        return {"ok": True, "generation": self._world.clock.reading.generation}

    def _report(self, contact_id: str, request: dict) -> dict:
        return {"report": self._world.stations.report(contact_id)}

    def _manifest(self, code: str, request: dict) -> dict:
        if code not in self._world.fleet.satellites:
            raise KeyError(code)
        if not self._world.is_touched(code):
            return {"packets": []}
        recorder = self._world.satellite(code).recorder
        return {"packets": recorder.manifest(sent_only=not request.get("all", False))}

    def _faults(self, wanted: dict, request: dict) -> dict:
        faults = self._world.faults
        for name, value in wanted.items():
            if name not in asdict(faults) or not 0.0 <= float(value) <= 1.0:
                raise ValueError(f"{name}={value!r}")
        for name, value in wanted.items():
            setattr(faults, name, float(value))
        return {"faults": asdict(faults)}

    def _mischief(self, told: dict, request: dict) -> dict:
        self._world.mischief.tell(told, self._world.fleet.satellites)
        return {"mischief": self._world.mischief.as_dict()}

    def _troubles(self, code: str, request: dict) -> dict:
        """Say what is wrong with a satellite, and with "set" let other things be."""
        if code not in self._world.fleet.satellites:
            raise KeyError(code)
        satellite = self._world.satellite(code)
        return {"troubles": asdict(satellite.trouble(dict(request.get("set", {}))))}

    def _satellites(self, _: object, request: dict) -> dict:
        touched = [code for code in self._world.fleet.satellites if self._world.is_touched(code)]
        return {"satellites": list(self._world.fleet.satellites), "touched": touched}

    def _satellite(self, code: str, request: dict) -> dict:
        if code not in self._world.fleet.satellites:
            raise KeyError(code)
        return {"satellite": self._world.satellite(code).describe()}

    def _status(self, _: object, request: dict) -> dict:
        world = self._world
        return {
            "pid": os.getpid(),
            "started": self._started,
            "mission": world.clock.now_s(),
            "clock": asdict(world.clock.reading),
            "satellites": len(world.fleet.satellites),
            "stations": len(world.fleet.stations),
            "contacts": [
                {"contact_id": one.id, "held": one.holder is not None}
                for one in world.stations.contacts.values()
                if not one.over
            ],
            "runtimes": world.pool.digests,
            "faults": asdict(world.faults),
            "mischief": world.mischief.as_dict(),
            "laser_bytes": world.lasers.carried_bytes,
        }

    def _shutdown(self, _: object, request: dict) -> dict:
        asyncio.get_running_loop().call_later(0.1, self._stop)
        return {"ok": True}
