"""How fast the hot paths are on this machine: `make bench`, each the best of three."""

import random
import time
from collections.abc import Callable

import google_crc32c

from constellation.orbits import passes
from telemetry.frames import aos
from telemetry.packets import space
from tests.constellation.orbits import fleet
from tests.uplink.transfers.cfdp import link as link_between
from uplink.transfers import cfdp

DAY_S = 86_400.0
FRAMES = 5_000
FILE_BYTES = 8 << 20
FILE_BYTES_A_FRAME = 1_083


def best_s(work: Callable[[], object]) -> float:
    """Return how long `work` takes when least disturbed."""
    took_s = []
    for _ in range(3):
        started_at_s = time.perf_counter()
        work()
        took_s.append(time.perf_counter() - started_at_s)
    return min(took_s)


def tell(name: str, value: float, unit: str) -> None:
    print(f"\n{name:<44}{value:>14,.0f} {unit}")


def bench_passes_of_a_day():
    orbits, sites = fleet.orbits(), [fleet.site(station) for station in fleet.stations()]
    took_s = best_s(lambda: passes.find_passes(orbits, sites, fleet.NOON_S, fleet.NOON_S + DAY_S))
    tell("passes", len(orbits) * len(sites) / took_s, "satellite-station-days/s")


def bench_frames_read():
    zone = space.idle(aos.DOWNLINK.zone_bytes)
    frames = b"".join(
        aos.encode(
            aos.DOWNLINK,
            spacecraft=1,
            channel=0,
            count=count,
            first_header=0,
            zone=zone,
            ocf=bytes(4),
        )
        for count in range(FRAMES)
    )
    batch = aos.decode(aos.DOWNLINK, frames)
    assert batch.is_intact.all()
    tell("frames read", FRAMES / best_s(lambda: aos.decode(aos.DOWNLINK, frames)), "frames/s")


def bench_a_file_between_two_engines():
    data = random.Random(1).randbytes(FILE_BYTES)
    limits = cfdp.Limits(ack_s=60, nak_s=60, inactivity_s=600, tries=5)

    def carry() -> None:
        disk = link_between.Disk()
        sender = cfdp.Sender(
            link_between.TRANSACTION,
            "pack/bench",
            len(data),
            google_crc32c.value(data),
            lambda offset, count: data[offset : offset + count],
            FILE_BYTES_A_FRAME,
            limits=limits,
        )
        receiver = link_between.make_receiver(disk, limits=limits, most_bytes=FILE_BYTES)
        while disk.kept is None:
            for pdu in sender.next_pdus(1_000, 0.0):
                receiver.receive(pdu, 0.0)
            for pdu in receiver.pending_pdus():
                sender.receive(pdu, 0.0)
        assert disk.kept == data

    tell("file by CFDP", FILE_BYTES / best_s(carry) / 1e3, "kB/s")
