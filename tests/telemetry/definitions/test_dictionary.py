"""Dictionaries in CSV: what they mean, and what is wrong with them by row and column."""

import struct

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from telemetry import xtce
from telemetry.definitions import dictionary
from tests.telemetry import REFERENCE
from tests.telemetry.xtce.test_reference import listed, published, split

CCSDSPY = b"""name,data_type,bit_length
DOY,uint,16
MSEC,uint,32
USEC,uint,16
ADAESCID,uint,8
ADAET1DAY,uint,16
ADAET1MS,uint,32
ADAET1US,uint,16
ADGPSPOSX,float,32
ADGPSPOSY,float,32
ADGPSPOSZ,float,32
"""
FULL = """name,data_type,bit_length,packet,apid,bit_offset,array_shape,unit,labels,polynomial,spline
mode,uint,4,HK,0x21,,,,0=OFF|1=ON|2..7=SPARE,,
spare,fill,4,HK,,,,,,,
volts,U16,,HK,,,,V,,0.5 0.25,
temp,int,16,HK,,,,degC,,,0:0 100:5.5
count,uint,8,HK,,,,,,,
values,uint,16,HK,,,count,,,,
last,uint,8,HK,,,,,,,
mode,uint,8,SCI,34,64,,,,,
grid,int,8,SCI,,,"2,2",,,,
name,str,32,SCI,,,,,,,
rest,bytes,8,SCI,,,expand,,,,
"""


def packet(apid, body):
    return struct.pack(">HHH", apid, 0xC000, len(body) - 1) + body


def test_a_file_of_ccsdspy_reads_the_packets_as_published():
    definition = xtce.load(dictionary.to_xtce(CCSDSPY))
    folder = REFERENCE / "jpss"
    packets = split((folder / "J01_G011_LZ_2021-04-09T00-00-00Z_V01.DAT1").read_bytes())[:500]
    (table,) = definition.decode(packets)
    for name in ("DOY", "MSEC", "ADAET1US", "ADGPSPOSX", "ADGPSPOSZ"):
        expected = [row[name][0] for row in published(folder)[:500]]
        assert listed(table.raw[name]) == expected


def test_a_file_of_ccsdspy_has_shapes_behind_types_and_blanks_behind_commas():
    text = b"""name, data_type, bit_length
COUNT, uint, 8
GRID, "int(1, 2)", 16
VALUES, "uint(COUNT)", 16
"""
    definition = xtce.load(dictionary.to_xtce(text))
    decoded = definition.decode([packet(5, struct.pack(">BhhHH", 2, -1, 3, 500, 600))])
    values = {}
    for table in decoded:
        values |= {name: listed(column)[0] for name, column in table.values.items()}
    assert [values["GRID[0][0]"], values["GRID[0][1]"]] == [-1, 3]
    assert [values["VALUES[0]"], values["VALUES[1]"]] == [500, 600]

    left = dictionary.to_xtce(b'name, data_type, bit_length\nREST, "uint(expand)", 8\n')
    (table,) = xtce.load(left).decode([packet(5, b"abc")])
    assert listed(table.raw["REST"]) == [b"abc"]


def test_every_column_does_what_it_says():
    definition = xtce.load(dictionary.to_xtce(FULL.encode()))
    body = struct.pack(">BHhB3HB", 0x1A, 10, 50, 3, 7, 8, 9, 0xEE)
    science = b"\xff\xff\x05" + struct.pack("4b", 1, -2, 3, -4) + b"ab\0\0" + b"\xde\xad"
    decoded = definition.decode([packet(0x21, body), packet(34, science)])
    assert decoded.refused == {}
    values = {}
    for table in decoded:
        values |= {name: listed(column)[0] for name, column in table.values.items()}
    assert values["HK.mode"] == "ON"
    assert values["volts"] == 0.5 + 0.25 * 10
    assert values["temp"] == 2.75
    assert [values[f"values[{n}]"] for n in range(3)] == [7, 8, 9]
    assert values["last"] == 0xEE
    assert values["SCI.mode"] == 5
    assert [values[f"grid[{a}][{b}]"] for a in (0, 1) for b in (0, 1)] == [1, -2, 3, -4]
    assert (values["name"], values["rest"]) == ("ab", b"\xde\xad")
    assert definition.parameters["volts"].type.unit == "V"


@pytest.mark.parametrize(
    ("text", "row", "column", "detail"),
    [
        ("name,data_type\na,uint\n", 1, "bit_length", "no such column"),
        ("name,data_type,bit_length,colour\na,uint,8,red\n", 1, "colour", "is no column"),
        ("name,data_type,bit_length\na,uint\n", 2, "", "has 2 cells for 3 columns"),
        ("name,data_type,bit_length\na,complex,8\n", 2, "data_type", "is none of uint"),
        ("name,data_type,bit_length\na,uint,8\nb,float,17\n", 3, "bit_length", "17 bits"),
        ("name,data_type,bit_length\na,uint,eight\n", 2, "bit_length", "is no whole number"),
        ("name,data_type,bit_length\na,uint,8\na,uint,8\n", 3, "name", "is in packet twice"),
        ("name,data_type,bit_length,apid\na,uint,8,3000\n", 2, "apid", "not from 0 to 2047"),
        ("name,data_type,bit_length,labels\na,uint,8,ON\n", 2, "labels", "is no label"),
        ("name,data_type,bit_length,array_shape\na,uint,8,b\n", 2, "array_shape", "are no sizes"),
        (
            "name,data_type,bit_length,labels,polynomial\na,uint,8,1=ON,1 2\n",
            *(2, "polynomial", "stands beside labels"),
        ),
        (
            'name,data_type,bit_length,array_shape\na,"uint(2)",8,2\n',
            *(2, "array_shape", "stands beside uint(2)"),
        ),
        ("", 1, "", "has 0 rows"),
        ("name,data_type,bit_length\n", 1, "name", "there is no row below"),
    ],
)
def test_faults_are_told_by_row_and_column(text, row, column, detail):
    with pytest.raises(dictionary.BadDictionary) as refused:
        dictionary.to_xtce(text.encode())
    (fault,) = refused.value.faults
    assert (fault.row, fault.column) == (row, column)
    assert detail in fault.detail


def test_all_faults_are_told_at_once():
    text = b"name,data_type,bit_length\na,complex,8\nb,uint,x\n"
    with pytest.raises(dictionary.BadDictionary) as refused:
        dictionary.to_xtce(text)
    assert [fault.row for fault in refused.value.faults] == [2, 3]


cells = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["uint", "8", "expand", "1=A", "a", "2,2", "0:0 1:1", "float", "32", "str", "fill", "65"]
)


@given(st.lists(st.lists(cells, min_size=6, max_size=6), max_size=5))
def test_what_is_taken_makes_a_definition_and_the_rest_is_told(rows):
    head = "name,data_type,bit_length,array_shape,labels,spline\n"
    body = "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)
    try:
        written = dictionary.to_xtce((head + body).encode("utf-8", "surrogatepass"))
    except dictionary.BadDictionary:
        return
    assert xtce.load(written).plans


def test_the_command_writes_what_the_loader_takes(tmp_path):
    source, target = tmp_path / "jpss.csv", tmp_path / "jpss.xml"
    source.write_bytes(CCSDSPY)
    call_command("import_dictionary", source, out=target)
    assert np.isin("DOY", list(xtce.load(target.read_bytes()).parameters))
    source.write_text("name,data_type,bit_length\na,complex,8\n")
    with pytest.raises(CommandError, match="row 2, column data_type"):
        call_command("import_dictionary", source)
