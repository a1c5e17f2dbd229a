"""Telecommands as bytes."""

import pytest

from uplink.commands import definitions

SHA256 = "ab" * 32
WINDOW = {
    "min_charge": 0.3, "max_temperature_c": -2, "in_sunlight": False, "queues_empty": True,
}  # fmt: skip
AT = {"slot": "A", "at": "2026-08-22T12:00:00Z"}


@pytest.mark.parametrize(
    ("name", "arguments", "encoded"),
    [
        ("NO_OP", {}, (0, b"")),
        ("LOAD_SLOT", {"slot": "B", "artefact": SHA256}, (1, b"\x02" + b"\xab" * 32)),
        ("ACTIVATE_SLOT", {"slot": "A"}, (2, b"\x01")),
        ("CLEAR_SLOT", {"slot": "B"}, (3, b"\x02")),
        ("DROP_ARTEFACT", {"artefact": SHA256}, (4, b"\xab" * 32)),
        ("SET_MODE", {"mode": "SAFE"}, (5, b"\x00")),
        (
            "ACTIVATE_SLOT_AT",
            {"slot": "B", "at": "1970-01-01T00:00:01Z", "window": WINDOW},
            (7, b"\x02" + (10**9).to_bytes(8) + b"\x0b\xb8" + b"\xff\x38" + b"\x02"),
        ),
        (
            "FETCH",
            {"artefact": SHA256, "manifest": "cd" * 32, "peers": [13, 258]},
            (6, b"\xab" * 32 + b"\xcd" * 32 + b"\x00\x02\x00\x0d\x01\x02"),
        ),
    ],
)
def test_a_command_has_the_bytes_of_the_on_board_interface(name, arguments, encoded):
    assert definitions.encode(name, arguments) == encoded


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("SELF_DESTRUCT", {}, "not one of NO_OP"),
        ("NO_OP", {"slot": "A"}, "takes no arguments"),
        ("LOAD_SLOT", {"slot": "A"}, "takes slot, artefact"),
        ("ACTIVATE_SLOT", {"slot": "C"}, "A or B"),
        ("ACTIVATE_SLOT", {"slot": 1}, "A or B"),
        ("ACTIVATE_SLOT", {"slot": ["A"]}, "A or B"),
        ("DROP_ARTEFACT", {"artefact": "xyz"}, "64 hexadecimal digits"),
        ("SET_MODE", {"mode": "PARTY"}, "A mode is one of"),
        ("ACTIVATE_SLOT_AT", AT, "takes slot, at, window"),
        ("ACTIVATE_SLOT_AT", AT | {"window": {}}, "an object with min_charge"),
        (
            "ACTIVATE_SLOT_AT",
            AT | {"window": WINDOW | {"min_charge": 1.1}},
            "min_charge is a number from 0 to 1",
        ),
        (
            "ACTIVATE_SLOT_AT",
            AT | {"window": WINDOW | {"max_temperature_c": float("nan")}},
            "max_temperature_c is a number from -100 to 150",
        ),
        (
            "ACTIVATE_SLOT_AT",
            AT | {"window": WINDOW | {"in_sunlight": 1}},
            "in_sunlight is true or false",
        ),
        ("FETCH", {"artefact": SHA256, "manifest": SHA256, "peers": [1]}, "from 2 to 65535"),
        ("FETCH", {"artefact": SHA256, "manifest": SHA256, "peers": "13"}, "entity ids"),
        ("FETCH", {"artefact": SHA256, "manifest": SHA256, "peers": [2] * 401}, "at most 400"),
    ],
)
def test_a_wrong_command_is_refused_with_the_reason(name, arguments, why):
    with pytest.raises(definitions.BadArguments, match=why):
        definitions.encode(name, arguments)
