"""The CFDP engine alone beside two other engines, and through station, frames and simulator.

The engine alone: both ends in one process, bytes between them, files on the disk, without loss;
the peers (`cfdp-py`, `pycfdp`) do the same in processes of their own, as they are shipped, in
environments that are made under `.peers` the first time. Ours is the best of three, theirs of one.

Through the simulator: a contact on a link of 20 Mbit/s, with frames lost both ways, and an hour
later the beginning of another that goes on. The uplinker, the pump, the frames, the station with
its rate and the satellite with its journals are the real ones; sockets and the database are left
out. It runs on a clock of its own in steps of 20 ms of the link, as fast as the machine keeps up:
the seconds of the link count, not those of the wall.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks import engines, onair, timing

FIELDS = {
    "ratio_cfdppy_1k": "our bytes a second over those of cfdp-py, segments of 1,024 bytes",
    "ratio_cfdppy_4k": "the same with segments of 4,096 bytes",
    "ratio_pycfdp_4k": "our bytes a second over those of pycfdp, segments of 4,096 bytes",
    "goodput_0": "file bytes that the satellite held at the end of the contact over "
    "what the link's rate carries in its time, without loss",
    "goodput_1pct": "the same over 0.99 of that, with 1 % of the frames lost both ways",
    "goodput_10pct": "the same over 0.9 of that, with 10 % of the frames lost both ways",
    "repeated_bytes_fraction": "file bytes that arrived although the satellite held them, over all "
    "that arrived, in all contacts",
    "peak_mib": "most memory of a process with both ends of a sparse file, 1 % lost once, in MiB",
    "gap_repair_s": "seconds from the EOF of a file of which every second segment was lost to its "
    "end, both ends in one process, best of three",
}
UPLINK_BIT_PER_S = 20_000_000
LOSSES = {"goodput_0": 0.0, "goodput_1pct": 0.01, "goodput_10pct": 0.1}
QUICK = {"race_mib": 4, "contact_s": 30.0, "again_s": 5.0, "sparse_bytes": 100_000_000}


def ratios(size: int) -> dict[str, float]:
    ours = {segment: max(engines.race(size, segment) for _ in range(3)) for segment in (1024, 4096)}
    theirs = {
        (peer, segment): engines.race_of_peer(peer, size, segment)
        for peer, segment in (("cfdp-py", 1024), ("cfdp-py", 4096), ("pycfdp", 4096))
    }
    for (peer, segment), speed in theirs.items():
        print(f"{segment} bytes: ours {ours[segment] / 1e6:.1f}, {peer} {speed / 1e6:.1f} MB/s")
    return {
        "ratio_cfdppy_1k": ours[1024] / theirs["cfdp-py", 1024],
        "ratio_cfdppy_4k": ours[4096] / theirs["cfdp-py", 4096],
        "ratio_pycfdp_4k": ours[4096] / theirs["pycfdp", 4096],
    }


def goodputs(contact_s: float, again_s: float) -> dict[str, float]:
    fields, repeated_bytes, arrived_bytes = {}, 0, 0
    for name, loss in LOSSES.items():
        with tempfile.TemporaryDirectory() as folder:
            flown = asyncio.run(
                onair.fly(
                    Path(folder),
                    loss=loss,
                    uplink_bit_per_s=UPLINK_BIT_PER_S,
                    seconds=contact_s,
                    again_s=again_s,
                )
            )
        possible_bytes = (1 - loss) * UPLINK_BIT_PER_S / 8 * contact_s
        fields[name] = flown.delivered_bytes / possible_bytes
        repeated_bytes += flown.repeated_bytes
        arrived_bytes += flown.arrived_bytes
        print(f"{name}: {flown.delivered_bytes:,} bytes in {contact_s:g} s of link", flush=True)
    return fields | {"repeated_bytes_fraction": repeated_bytes / arrived_bytes}


def main() -> None:
    chosen = _arguments(FIELDS)
    fields = ratios(chosen.race_mib << 20)
    fields |= goodputs(chosen.contact_s, chosen.again_s)
    fields["peak_mib"] = engines.peak_mib(chosen.sparse_bytes, chosen.segment_bytes)
    fields["gap_repair_s"] = min(engines.repair_s(chosen.gaps) for _ in range(3))
    timing.tell(**fields)


def _arguments(fields: Mapping[str, str]) -> argparse.Namespace:
    meanings = "\n".join(f"  {name}: {meaning}" for name, meaning in fields.items())
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\nFields:\n{meanings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help=f"the same on a small scale: {QUICK}")
    parser.add_argument("--race-mib", type=int, default=16, help="file of the engines alone")
    parser.add_argument("--contact-s", type=float, default=480.0, help="length of a contact")
    parser.add_argument("--again-s", type=float, default=30.0, help="of the one that goes on")
    parser.add_argument("--sparse-bytes", type=int, default=5_000_000_000, help="the sparse file")
    parser.add_argument("--segment-bytes", type=int, default=1083, help="of the sparse file")
    parser.add_argument("--gaps", type=int, default=100_000, help="gaps to repair")
    chosen = parser.parse_args()
    if chosen.quick:
        vars(chosen).update(QUICK)
    return chosen


if __name__ == "__main__":
    main()
