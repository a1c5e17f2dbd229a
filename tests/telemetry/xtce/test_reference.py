"""Real packets of real missions: every value, raw and engineering, as published."""

import csv
import gzip
import json

import pytest
import space_packet_parser

from telemetry import xtce
from telemetry.packets import space
from tests.telemetry import REFERENCE

JPSS = REFERENCE / "jpss"
HIT = REFERENCE / "imap_hit"


def split(stream):
    packets, at = [], 0
    while at < len(stream):
        end = at + space.decode_header(stream, at).packet_bytes
        packets.append(stream[at:end])
        at = end
    return packets


def decode(definition, data):
    """Return for each packet a dictionary of its [raw, engineering] values."""
    packets = split(data.read_bytes())
    decoded = xtce.load(definition.read_bytes()).decode(packets)
    assert decoded.refused == {}
    found = [{} for _ in packets]
    for table in decoded:
        for name, raw in table.raw.items():
            for index, pair in zip(
                table.indices,
                zip(listed(raw), listed(table.values[name]), strict=True),
                strict=True,
            ):
                found[index][name] = list(pair)
    return packets, found


def listed(column):
    return column if isinstance(column, list) else column.tolist()


def published(folder):
    with gzip.open(folder / "expected.jsonl.gz", "rt") as lines:
        return [json.loads(line)["v"] for line in lines]


@pytest.mark.parametrize(
    ("folder", "definition", "data", "packets", "values"),
    [
        (
            JPSS,
            "jpss1_geolocation_xtce_v1.xml",
            "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1",
            7_200,
            194_400,
        ),
        (
            HIT,
            "hit_packet_definitions.xml",
            "imap_hit_l0_hk_20100105_v001.pkts",
            88,
            11_528,
        ),
    ],
)
def test_every_value_is_the_published_one(folder, definition, data, packets, values):
    _, found = decode(folder / definition, folder / data)
    expected = published(folder)

    assert len(found) == len(expected) == packets
    assert sum(len(row) for row in found) == values
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == theirs


def test_the_instruments_own_export_agrees():
    _, found = decode(HIT / "hit_packet_definitions.xml", HIT / "imap_hit_l0_hk_20100105_v001.pkts")
    by_tick = {row["HIT_HSKP.SC_TICK"][0]: row for row in found}
    agreeing = 0
    with (HIT / "hskp_sample_raw.csv").open() as lines:
        for row in csv.DictReader(lines):
            ours = by_tick[int(row["SHCOARSE"])]
            for name, text in row.items():
                if f"HIT_HSKP.{name}" in ours:
                    assert ours[f"HIT_HSKP.{name}"][0] == int(text)
                    agreeing += 1
    assert agreeing == 10_266


def test_another_decoder_agrees_on_a_sample():
    definition = JPSS / "jpss1_geolocation_xtce_v1.xml"
    packets, found = decode(definition, JPSS / "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1")
    other = space_packet_parser.load_xtce(str(definition))
    for index in range(0, len(packets), 97):
        theirs = other.parse_bytes(packets[index])
        assert {name: value for name, (_, value) in found[index].items()} == dict(theirs)
