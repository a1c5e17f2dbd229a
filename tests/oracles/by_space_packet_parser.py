"""Values of packets by `space-packet-parser`, and where ours differ.

    python -m tests.oracles.by_space_packet_parser DEFINITION PACKETS [--skip N] [--root NAME]

DEFINITION is an XTCE file, PACKETS a file of space packets, with N bytes before each. The other
decoder starts at the container NAME, by default CCSDSPacket; ours finds its roots itself. Every
value is compared, raw and engineering, and so are refusals: a packet that one decoder reads and the
other does not is a difference. The last line is one JSON object of plain numbers; the exit status
is 1 where anything differs.

The repository of space-packet-parser brings packets with their definitions (`tests/test_data`:
IDEX; SUDA, with 4 bytes before each packet; CTIM, from CCSDSTelemetryPacket; JPSS), and so does
that of the ground processing of IMAP (`imap_processing/*/packet_definitions` and `tests`).
"""

import argparse
import json
import math
import re
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import space_packet_parser
from space_packet_parser import generators

from telemetry import xtce

INSTANCE = re.compile(r"#\d+")


def theirs(definition: Path, packets: Path, skip: int, root: str) -> tuple[list, list]:
    """Return the packets as bytes, and of each the values by name: (raw, engineering), or the
    error as a text."""
    loaded = space_packet_parser.load_xtce(definition)
    whole, found = [], []
    with packets.open("rb") as stream:
        for packet in generators.ccsds_generator(stream, skip_header_bytes=skip):
            whole.append(bytes(packet))
            try:
                parsed = loaded.parse_bytes(packet, root_container_name=root)
            except Exception as error:  # whatever it says is its answer
                found.append(f"{type(error).__name__}: {error}")
                continue
            found.append({name: (value.raw_value, value) for name, value in parsed.items()})
    return whole, found


def ours(definition: Path, packets: list[bytes]) -> list:
    """Return of each packet the values by name, or why it was refused.

    Of several instances of a parameter in a packet, the other decoder keeps the last; so do we
    here.
    """
    decoded = xtce.load(definition.read_bytes()).decode(packets)
    found: list[Any] = [{} for _ in packets]
    for table in decoded:
        for name, raw in table.raw.items():
            for index, one, value in zip(table.indices, raw, table.values[name], strict=True):
                found[index][INSTANCE.sub("", name)] = (one, value)
    for index, reason in decoded.refused.items():
        found[index] = reason
    return found


def is_same(one: Any, other: Any) -> bool:
    if isinstance(one, str | bytes) or isinstance(other, str | bytes):
        if isinstance(one, bytes) and isinstance(other, int):
            return int.from_bytes(one) == other
        return one == other
    if one is None or other is None:
        return one is other
    one, other = float(one), float(other)
    return one == other or (math.isnan(one) and math.isnan(other))


def compare(mine: list, others: list) -> tuple[Counter, list[str]]:
    """Return counts of what was compared, and a line for each difference."""
    counts: Counter[str] = Counter()
    lines = []
    for index, (here, there) in enumerate(zip(mine, others, strict=True)):
        counts["packets"] += 1
        counts["refused_here"] += isinstance(here, str)
        counts["refused_there"] += isinstance(there, str)
        if isinstance(here, str) and isinstance(there, str):
            continue
        if isinstance(here, str) or isinstance(there, str):
            lines.append(f"packet {index}: here {_answer(here)}, there {_answer(there)}")
            continue
        for name in sorted(set(here) ^ set(there)):
            counts["names_on_one_side"] += 1
            lines.append(f"packet {index}: {name} only {'here' if name in here else 'there'}")
        for name in here.keys() & there.keys():
            for sort, one, other in zip(("raw", "value"), here[name], there[name], strict=True):
                counts["compared"] += 1
                if not is_same(one, other):
                    counts["different"] += 1
                    lines.append(
                        f"packet {index}: {name} {sort} {str(one)[:60]} here, "
                        f"{str(other)[:60]} there"
                    )
    return counts, lines


def _answer(found: Any) -> str:
    return found if isinstance(found, str) else f"{len(found)} values"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("definition", type=Path)
    parser.add_argument("packets", type=Path)
    parser.add_argument("--skip", type=int, default=0, help="bytes before each packet")
    parser.add_argument("--root", default="CCSDSPacket", help="where the other decoder starts")
    parser.add_argument("--lines", type=int, default=20, help="differences to print")
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # of bits that a definition leaves unread
    whole, others = theirs(given.definition, given.packets, given.skip, given.root)
    counts, lines = compare(ours(given.definition, whole), others)
    for line in lines[: given.lines]:
        print(line)
    names = "packets", "refused_here", "refused_there", "names_on_one_side", "compared", "different"
    print(json.dumps({name: counts[name] for name in names}))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
