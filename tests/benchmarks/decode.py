"""Packets into raw and engineering values, beside space-packet-parser and ccsdspy in the same run.

Each decoder begins with the bytes of a whole file and ends with all values of all packets: JPSS-1
geolocation, IMAP HIT housekeeping with its calibrators, and a synthetic container of 1,000
parameters. space-packet-parser is timed on a part of the packets, for it takes its time. ccsdspy
cannot calibrate by XTCE: it reads raw values where its format can say what they are.
"""

import gzip
import io
import json
import struct
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import space_packet_parser
from space_packet_parser import generators

from telemetry import xtce
from telemetry.packets import space
from tests.benchmarks import timing

REFERENCE = Path(__file__).parents[1] / "reference"
ENVIRONMENT = Path(tempfile.gettempdir()) / "zenith-ccsdspy"
WIDE_PARAMETERS = 1_000
WIDE_PACKETS = 500
ROUNDS = 5
"""Of three times each, for us and for ccsdspy: the least disturbed counts."""
SPP_PACKETS = {"jpss": 1_500, "hit": 88, "wide": 40}
FIELDS = {
    "values_per_s": "raw and engineering values of JPSS, a pair counted once",
    "spp_values_per_s": "the same by space-packet-parser",
    "ccsdspy_values_per_s": "raw values of JPSS by ccsdspy; 0: it could not be installed",
    "ratio_spp": "ours over space-packet-parser's",
    "ratio_ccsdspy": "ours over ccsdspy's",
    "mismatches": "values of all sets that are not the published ones, or not those of the peer",
    "…_hit, …_wide": "the same for IMAP HIT and for the container of 1,000 parameters",
}


def main() -> None:
    timing.explain(__doc__, FIELDS)
    jpss, hit = REFERENCE / "jpss", REFERENCE / "imap_hit"
    sets = {
        "jpss": (
            (jpss / "jpss1_geolocation_xtce_v1.xml").read_bytes(),
            (jpss / "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1").read_bytes(),
        ),
        "hit": (
            (hit / "hit_packet_definitions.xml").read_bytes(),
            (hit / "imap_hit_l0_hk_20100105_v001.pkts").read_bytes(),
        ),
        "wide": wide(),
    }
    told: dict[str, float] = {}
    for name, (definition, stream) in sets.items():
        measured = _measure(name, definition, stream)
        ending = "" if name == "jpss" else f"_{name}"
        told |= {f"{key}{ending}": value for key, value in measured.items()}
    told["mismatches_jpss"] = told["mismatches"]
    told["mismatches"] = sum(told[f"mismatches_{name}"] for name in sets)
    timing.tell(**told)


def _measure(name: str, definition: bytes, stream: bytes) -> dict[str, float]:
    loaded = xtce.load(definition)
    tables = decode(loaded, stream)
    values = sum(len(table.indices) * len(table.raw) for table in tables)
    ours = values / min(timing.best_s(lambda: decode(loaded, stream)) for _ in range(ROUNDS))
    peer = _spp(definition)
    packets = space.split(stream)
    part = b"".join(packets[: SPP_PACKETS[name]])
    theirs, spp_s = _timed(lambda: _spp_decode(peer, part))
    spp = sum(len(packet) for packet in theirs) / spp_s
    mismatches = _differences(tables, theirs)
    if name in ("jpss", "hit"):
        mismatches += _against_published(tables, name)
    found = {"values_per_s": ours, "spp_values_per_s": spp, "ratio_spp": ours / spp}
    if name != "hit":
        ccsdspy, wrong = _ccsdspy(name, loaded, stream, tables)
        found["ccsdspy_values_per_s"] = ccsdspy
        found["ratio_ccsdspy"] = ours / ccsdspy if ccsdspy else 0.0
        mismatches += wrong
    return {**found, "mismatches": mismatches}


def decode(definition: xtce.Definition, stream: bytes) -> list[xtce.Table]:
    decoded = definition.decode(space.split(stream))
    assert not decoded.refused
    return decoded.tables


def _timed(work: Callable[[], list]) -> tuple[list, float]:
    found = work()
    return found, timing.best_s(work)


def _listed(column: object) -> list:
    return column if isinstance(column, list) else column.tolist()


# --- A container of 1,000 parameters --------------------------------------------------------


def wide() -> tuple[bytes, bytes]:
    """Return a definition and packets: integers, calibrated ones, and floats, by turns."""
    types, names, entries, codes = "", "", "", ""
    for n in range(WIDE_PARAMETERS):
        codes += "Hhf"[n % 3]
        encoding = (
            '<IntegerDataEncoding sizeInBits="16" encoding="unsigned"/>',
            (
                '<IntegerDataEncoding sizeInBits="16" encoding="twosComplement"><DefaultCalibrator>'
                '<PolynomialCalibrator><Term coefficient="1.5" exponent="0"/>'
                '<Term coefficient="0.01" exponent="1"/></PolynomialCalibrator>'
                "</DefaultCalibrator></IntegerDataEncoding>"
            ),
            '<FloatDataEncoding sizeInBits="32" encoding="IEEE754"/>',
        )[n % 3]
        kind = "Integer" if n % 3 == 0 else "Float"
        types += f'<{kind}ParameterType name="T{n}"><UnitSet/>{encoding}</{kind}ParameterType>'
        names += f'<Parameter name="P{n}" parameterTypeRef="T{n}"/>'
        entries += f'<ParameterRefEntry parameterRef="P{n}"/>'
    head = ""
    for name, size in (("VERSION", 3), ("TYPE", 1), ("SEC_HDR_FLG", 1), ("PKT_APID", 11)):
        head += _header(name, size)
    for name, size in (("SEQ_FLGS", 2), ("SRC_SEQ_CTR", 14), ("PKT_LEN", 16)):
        head += _header(name, size)
    order = ["VERSION", "TYPE", "SEC_HDR_FLG", "PKT_APID", "SEQ_FLGS", "SRC_SEQ_CTR", "PKT_LEN"]
    names += "".join(f'<Parameter name="{n}" parameterTypeRef="{n}_T"/>' for n in order)
    refs = "".join(f'<ParameterRefEntry parameterRef="{n}"/>' for n in order)
    definition = (
        '<SpaceSystem name="Wide" xmlns="http://www.omg.org/spec/XTCE/20180204"><TelemetryMetaData>'
        f"<ParameterTypeSet>{head}{types}</ParameterTypeSet><ParameterSet>{names}</ParameterSet>"
        '<ContainerSet><SequenceContainer name="CCSDSPacket" abstract="true"><EntryList>'
        f'{refs}</EntryList></SequenceContainer><SequenceContainer name="WIDE"><EntryList>'
        f'{entries}</EntryList><BaseContainer containerRef="CCSDSPacket"><RestrictionCriteria>'
        '<Comparison parameterRef="PKT_APID" value="77" useCalibratedValue="false"/>'
        "</RestrictionCriteria></BaseContainer></SequenceContainer></ContainerSet>"
        "</TelemetryMetaData></SpaceSystem>"
    ).encode()
    layout = struct.Struct(">" + codes)
    draw = np.random.default_rng(7)
    packets = []
    for count in range(WIDE_PACKETS):
        values = [
            draw.normal() if code == "f" else int(draw.integers(-30_000, 30_000)) % (65_536)
            for code in codes
        ]
        values = [v - 32_768 if c == "h" else v for v, c in zip(values, codes, strict=True)]
        body = layout.pack(*values)
        packets.append(struct.pack(">HHH", 77, 0xC000 | count, len(body) - 1) + body)
    return definition, b"".join(packets)


def _header(name: str, size: int) -> str:
    return (
        f'<IntegerParameterType name="{name}_T" signed="false"><UnitSet/><IntegerDataEncoding '
        f'sizeInBits="{size}" encoding="unsigned"/></IntegerParameterType>'
    )


# --- space-packet-parser --------------------------------------------------------------------


def _spp(definition: bytes) -> object:
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(definition)
        file.flush()
        return space_packet_parser.load_xtce(file.name)


def _spp_decode(peer: object, stream: bytes) -> list[dict]:
    return [peer.parse_bytes(each) for each in generators.ccsds_generator(stream)]


def _differences(tables: list[xtce.Table], theirs: list[dict]) -> int:
    """Return how many engineering values are not those of the peer."""
    ours: list[dict] = [{} for _ in theirs]
    for table in tables:
        for name, column in table.values.items():
            for index, value in zip(table.indices, _listed(column), strict=True):
                if index < len(ours):
                    ours[index][name] = value
    wrong = 0
    for mine, other in zip(ours, theirs, strict=True):
        wrong += len(set(mine) ^ set(other))
        wrong += sum(not _same(mine[name], other[name]) for name in set(mine) & set(other))
    return wrong


def _same(mine: object, other: object) -> bool:
    if isinstance(mine, float):
        return mine == float(other) or (mine != mine and float(other) != float(other))
    return mine == other


def _against_published(tables: list[xtce.Table], name: str) -> int:
    """Return how many raw and engineering values are not the published ones."""
    folder = REFERENCE / {"jpss": "jpss", "hit": "imap_hit"}[name]
    with gzip.open(folder / "expected.jsonl.gz", "rt") as lines:
        published = [json.loads(line)["v"] for line in lines]
    wrong = sum(map(len, published))
    for table in tables:
        for parameter, raw in table.raw.items():
            pairs = zip(_listed(raw), _listed(table.values[parameter]), strict=True)
            for index, pair in zip(table.indices, pairs, strict=True):
                wrong -= published[index].get(parameter) == list(pair)
    return wrong


# --- ccsdspy --------------------------------------------------------------------------------

_PEER = """
import io, json, sys, time
import numpy as np
import ccsdspy
from ccsdspy import PacketField
fields = [PacketField(*each) for each in json.loads(sys.argv[1])]
data = open(sys.argv[2], "rb").read()
read = ccsdspy.FixedLength(fields)
took = []
for _ in range(15):
    began = time.perf_counter()
    found = read.load(io.BytesIO(data), include_primary_header=True)
    took.append(time.perf_counter() - began)
np.savez(sys.argv[3], **{name: np.asarray(found[name]) for name, _, _ in json.loads(sys.argv[1])})
count = sum(len(column) for column in found.values())
print(json.dumps([count / min(took), count]))
"""


def _ccsdspy(
    name: str, definition: xtce.Definition, stream: bytes, tables: list[xtce.Table]
) -> tuple[float, int]:
    """Return values/s of ccsdspy and how many of its raw values are not ours."""
    python = _environment()
    if python is None:
        return 0.0, 0
    (table,) = tables
    plan = definition.plans[table.container]
    fields = []
    for placed in plan.fields[7:]:
        form = placed.leaf.encoding.form
        kind = {"unsigned": "uint", "twosComplement": "int", "float": "float"}[form]
        fields.append((placed.parameter.name, kind, placed.leaf.fixed_bits))
    with tempfile.TemporaryDirectory() as folder:
        data, found = Path(folder) / "packets", Path(folder) / "found.npz"
        data.write_bytes(stream)
        told = subprocess.run(
            [python, "-W", "ignore", "-c", _PEER, json.dumps(fields), str(data), str(found)],
            capture_output=True,
            text=True,
            check=True,
        )
        rate, _ = json.loads(told.stdout.splitlines()[-1])
        columns = dict(np.load(io.BytesIO(found.read_bytes())))
    wrong = 0
    for parameter, _, _ in fields:
        theirs = columns[parameter].astype(np.float64)
        ours = np.asarray(table.raw[parameter]).astype(np.float64)
        wrong += int((~((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)))).sum())
    return rate, wrong


def _environment() -> Path | None:
    """Return the Python of an environment of ccsdspy's own; None when it cannot be had."""
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / "ready").exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        made = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "ccsdspy==2.0.1"], check=False
        )
        if made.returncode:
            print("ccsdspy could not be installed; its fields are 0.", file=sys.stderr)
            return None
        (ENVIRONMENT / "ready").touch()
    return python


if __name__ == "__main__":
    main()
