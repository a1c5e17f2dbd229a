"""A station on a socket: sends every satellite's batches on time, and counts acknowledgements.

    python -m tests.benchmarks.ingesting.station FILE

FILE is a pickle of ours: {"port", "period_s", "batches": {satellite: [frames, …]}}. It prints JSON:
that it listens, and, once every satellite's link is open, when the first batch leaves.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
import time

from constellation.stations import wire

SETTLING_S = 3.0
"""From the last link opened to the first batch."""
LINK = {
    "uplink_bit_per_s": 1_000_000,
    "downlink_bit_per_s": 10_000_000,
    "clock_generation": 0,
    "resumed": False,
    "radiated_frames": 0,
}


class Station:
    def __init__(self, plan: dict) -> None:
        self.period_s: float = plan["period_s"]
        self.batches: dict[str, list[bytes]] = plan["batches"]
        self.opened: set[str] = set()
        self.starts_at = 0.0
        self.ready = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter, sending = wire.Splitter(), None
        try:
            while piece := await reader.read(65_536):
                for kind, body in splitter.feed(piece):
                    if kind == wire.OPEN:
                        writer.write(wire.encode_json(wire.OPENED, LINK))
                        satellite = wire.decode_open(body).satellite
                        sending = asyncio.create_task(self._send(writer, satellite))
        finally:
            if sending is not None:
                sending.cancel()
            writer.close()

    async def _send(self, writer: asyncio.StreamWriter, satellite: str) -> None:
        self.opened.add(satellite)
        if len(self.opened) == len(self.batches) and not self.ready.is_set():
            self.starts_at = time.time() + SETTLING_S
            print(json.dumps({"starts_at": self.starts_at}), flush=True)
            self.ready.set()
        await self.ready.wait()
        places = sorted(self.batches)
        offset_s = self.period_s * places.index(satellite) / len(places)
        for number, part in enumerate(self.batches[satellite], 1):
            due_at = self.starts_at + offset_s + (number - 1) * self.period_s
            await asyncio.sleep(max(0.0, due_at - time.time()))
            writer.write(wire.encode_batch(wire.Batch(number, time.time_ns(), part)))
            await writer.drain()


async def main(path: str) -> None:
    with open(path, "rb") as file:
        plan = pickle.load(file)
    server = await asyncio.start_server(Station(plan).serve, "127.0.0.1", plan["port"])
    print(json.dumps({"listens": plan["port"]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
