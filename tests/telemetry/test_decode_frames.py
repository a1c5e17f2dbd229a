"""`manage.py decode_frames`: files of other missions, and layouts that do not fit."""

import io
import json
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from telemetry.frames import aos, links
from telemetry.packets import space
from tests.telemetry import REFERENCE

FRAMES = REFERENCE / "frames"
DOCS = Path(__file__).parents[2] / "docs" / "frames.md"
SNPP = json.loads(re.search(r"```json\n(.*?)```", DOCS.read_text(), re.S)[1])
TM = {"frames": "tm", "frame_bytes": 1115, "fecf": False}


def run(file, layout, tmp_path, *options):
    if isinstance(layout, dict):
        path = tmp_path / "layout.json"
        path.write_text(json.dumps(layout))
        layout = str(path)
    out = io.StringIO()
    call_command("decode_frames", str(file), "--layout", layout, *options, stdout=out)
    return out.getvalue()


def test_the_documented_link_reads_what_a_real_satellite_sent(tmp_path):
    told = run(FRAMES / "snpp_7cadus_2vcids.dat", SNPP, tmp_path, "--json")

    account = json.loads(told)
    assert account["channels"] == {"157/16": 3, "157/6": 4}
    assert (account["frames"], account["usable_frames"]) == (7, 7)
    assert account["faults"] == {}


def test_packets_are_written_one_behind_the_other(tmp_path):
    packets = tmp_path / "packets.bin"
    told = run(
        FRAMES / "dumpFile_tm_large_packets.hex", TM, tmp_path, "--hex", "--packets", str(packets)
    )

    assert "packets: 5\n" in told
    octets, count = packets.read_bytes(), 0
    while octets:
        octets = octets[space.decode_header(octets).packet_bytes :]
        count += 1
    assert count == 5
    with pytest.raises(CommandError, match="is there already"):
        run(FRAMES / "dumpFile_tm_1.hex", TM, tmp_path, "--hex", "--packets", str(packets))


def test_coded_foreign_frames_are_told_by_channel(tmp_path):
    layout = SNPP | {"ocf": True, "coding": SNPP["coding"] | {"randomiser": "none"}}
    told = run(FRAMES / "dumpFile_aos_1_gap.hex", layout, tmp_path, "--hex")
    assert "channels: 123/0: 10\n" in told
    assert "lost frames: 123/0: 1\n" in told
    assert "dropped: cut by lost frames: 1\n" in told


def test_our_own_frames_are_read_by_name(tmp_path):
    zone = space.encode(0x10, 0, bytes(aos.UPLINK.zone_bytes - 6))
    frame = aos.encode(aos.UPLINK, spacecraft=5, channel=1, count=0, first_header=0, zone=zone)
    (tmp_path / "frames").write_bytes(frame + b"rest")
    told = run(tmp_path / "frames", "uplink", tmp_path, "--spacecraft", "5")
    assert "packets: 1\n" in told
    assert "left bytes: 4\n" in told


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        (TM | {"fecf": True, "frame_bytes": 1000}, "bad FECF"),
        (SNPP, "no sync marker"),
        ({"frames": "uslp", "fecf_bytes": 0}, "not where a frame begins"),
        (TM | {"frames": "tc"}, "frames is one of aos, tm, uslp, not 'tc'"),
        ({"frames": "tm", "fecf": True}, "frame_bytes is missing"),
        (TM | {"frame_bytes": "1115"}, "frame_bytes is a whole number, not '1115'"),
        (TM | {"frame_bytes": True}, "frame_bytes is a whole number, not True"),
        (TM | {"fecf": 1}, "fecf is true or false, not 1"),
        (TM | {"frame_bytes": 5}, "not 5"),
        (TM | {"ocf": True}, "the link has no ocf; there is frames, frame_bytes, fecf"),
        (TM | {"coding": []}, "coding is an object"),
        (SNPP | {"services": {"x": "bits"}}, "by their virtual channel, not 'x'"),
        (SNPP | {"services": {"70": "bits"}}, "virtual channel 70"),
        (SNPP | {"services": {"7": "video"}}, "services.7 is one of idle, units, bits"),
        (SNPP | {"coding": {"randomiser": "on"}}, "coding.randomiser is one of tm, tm-long, none"),
        (SNPP | {"coding": {"randomiser": "tm", "marker": "xyz"}}, "8 hexadecimal digits"),
        (
            SNPP
            | {
                "coding": {
                    "randomiser": "tm",
                    "reed_solomon": {"parity_bytes": 32, "interleave": 5},
                }
            },
            "892 bytes do not fill the code, which has 1115",
        ),
        (
            {"frames": "uslp", "fecf_bytes": 2, "coding": {"randomiser": "tm"}},
            "variable length have no place",
        ),
    ],
)
def test_what_does_not_fit_is_said(layout, reason, tmp_path):
    with pytest.raises(CommandError, match=reason):
        run(FRAMES / "dumpFile_tm_large_packets.hex", layout, tmp_path, "--hex")


def test_files_that_are_not_there_or_no_hex_are_said(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        run(tmp_path / "nothing", TM, tmp_path)
    with pytest.raises(CommandError, match="one of ours: downlink, uplink"):
        run(FRAMES / "dumpFile_tm_1.hex", "nothing.json", tmp_path)
    (tmp_path / "text").write_text("12 3g")
    with pytest.raises(CommandError, match="Digit 4 is 'g'"):
        run(tmp_path / "text", TM, tmp_path, "--hex")
    (tmp_path / "text").write_text("12 3")
    with pytest.raises(CommandError, match="half a byte"):
        run(tmp_path / "text", TM, tmp_path, "--hex")
    (tmp_path / "layout").write_text("{")
    with pytest.raises(CommandError, match="is not JSON"):
        run(tmp_path / "text", str(tmp_path / "layout"), tmp_path)


@pytest.mark.parametrize("value", [None, 3, [], "tm", {}, {"frames": None}, {"frames": []}])
def test_links_that_are_none_are_refused(value):
    with pytest.raises(links.BadLink):
        links.read(value)
