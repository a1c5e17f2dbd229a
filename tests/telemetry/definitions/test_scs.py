"""The definition and the layouts of the on-board interface say the same."""

import struct
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import definitions, onboard
from telemetry.onboard import Apid
from telemetry.packets import space

NAMES = {
    Apid.HK_PLATFORM: (
        onboard.HK_PLATFORM_LAYOUT,
        (
            "mode sunlight battery_charge battery_current bus_voltage battery_temperature "
            "panel_temperature radiator_temperature structure_temperature solar_power uptime"
        ),
    ),
    Apid.HK_COMPUTE: (
        onboard.HK_COMPUTE_LAYOUT,
        (
            "accelerator_load accelerator_temperature accelerator_power ecc_corrected "
            "ecc_uncorrected memory_used token_rate slot_a_state slot_b_state slot_a_digest "
            "slot_b_digest active_digest queries_queued queries_running queries_answered"
        ),
    ),
    Apid.HK_LINK: (
        onboard.HK_LINK_LAYOUT,
        (
            "uplink_frames_good uplink_frames_bad uplink_packets telecommands_refused "
            "laser_links_up packs_held storage_used neighbour_count"
        ),
    ),
    Apid.COMMAND_REPORT: (
        onboard.COMMAND_REPORT_LAYOUT,
        "command_id command_stage command_code command_text_length",
    ),
    Apid.STORE_REPORT: (
        onboard.STORE_REPORT_LAYOUT,
        "store_event store_slot store_digest store_packs_held store_packs store_text_length",
    ),
    Apid.EVENT_REPORT: (
        onboard.EVENT_REPORT_LAYOUT,
        "event_severity event_number event_text_length",
    ),
    Apid.RECORDER_STATUS: (
        onboard.RECORDER_STATUS_LAYOUT,
        "recorder_volume recorder_oldest recorder_following recorder_missing_count",
    ),
    Apid.WANT_LIST: (
        onboard.WANT_LIST_LAYOUT,
        "want_digest want_packs_taken want_first want_chunks want_length",
    ),
    Apid.INVENTORY: (
        struct.Struct(onboard.INVENTORY_LAYOUT.format + "64s"),
        (
            "inventory_number inventory_time inventory_nonce inventory_attack inventory_root "
            "inventory_snapshot inventory_assignment inventory_counter inventory_a_state "
            "inventory_a_digest inventory_a_counter inventory_b_state inventory_b_digest "
            "inventory_b_counter inventory_signature"
        ),
    ),
    Apid.HOLDINGS: (
        onboard.HOLDINGS_LAYOUT,
        (
            "holdings_entity holdings_time holdings_digest holdings_packs holdings_first "
            "holdings_count holdings_laser_bytes holdings_signature holdings_range_count"
        ),
    ),
}
TAILS = {
    Apid.HK_LINK: ("neighbours", 2),
    Apid.COMMAND_REPORT: ("command_text", 1),
    Apid.STORE_REPORT: ("store_text", 1),
    Apid.EVENT_REPORT: ("event_text", 1),
    Apid.RECORDER_STATUS: ("recorder_missing", 8),
    Apid.WANT_LIST: ("want_list", 1),
    Apid.HOLDINGS: ("holdings_ranges", 10),
}
SECONDARY = onboard.Secondary(1_787_400_000_123_000_000, 0xC0FFEE, 3, 42)


def decode(apid, payload):
    packet = space.encode_downlink(apid, 5, SECONDARY, payload)
    decoded = definitions.current().decode([packet])
    assert decoded.refused == {}
    (table,) = decoded
    return table


@pytest.mark.parametrize("apid", NAMES)
@given(data=st.data())
def test_what_the_layout_packs_the_definition_reads(apid, data):
    layout, names = NAMES[apid]
    raw = data.draw(st.binary(min_size=layout.size, max_size=layout.size))
    values = list(layout.unpack(raw))
    tail = b""
    if apid in TAILS:
        name, unit = TAILS[apid]
        count = data.draw(st.integers(0, 30))
        tail = data.draw(st.binary(min_size=count * unit, max_size=count * unit))
        values[-1] = count

    table = decode(apid, layout.pack(*values) + tail)

    assert table.container == apid.name
    for name, expected in zip(names.split(), values, strict=True):
        raw = table.raw[name]
        found = raw[0] if isinstance(raw, list) else raw.tolist()[0]
        assert found == expected, name
    if apid in TAILS:
        assert table.raw[TAILS[apid][0]] == [tail]
    named = set(names.split()) | ({TAILS[apid][0]} if apid in TAILS else set())
    assert set(table.raw) - definitions.header_parameters() == named


def test_the_header_is_that_of_every_packet():
    values = decode(Apid.EVENT_REPORT, onboard.EVENT_REPORT_LAYOUT.pack(0, 1, 0)).values
    assert values["generated_at"].tolist() == [SECONDARY.generated_ns]
    assert [values[name][0] for name in ("volume", "boot", "serial")] == [0xC0FFEE, 3, 42]


def test_engineering_values_have_the_units_of_the_interface():
    payload = onboard.HK_PLATFORM_LAYOUT.pack(
        onboard.Mode.INFERENCE, 0, 8125, -1500, 28_123, 1850, -1234, 0, 2100, 1234, 99
    )
    values = {name: column[0] for name, column in decode(Apid.HK_PLATFORM, payload).values.items()}
    assert (values["mode"], values["sunlight"]) == ("INFERENCE", "UMBRA")
    assert values["battery_charge"] == pytest.approx(0.8125)
    assert values["battery_current"] == pytest.approx(-1.5)
    assert values["bus_voltage"] == pytest.approx(28.123)
    assert values["panel_temperature"] == pytest.approx(-12.34)
    assert values["solar_power"] == pytest.approx(123.4)
    assert values["uptime"] == 99


@pytest.mark.parametrize(
    ("parameter", "labels"),
    [
        ("mode", onboard.Mode),
        ("slot_a_state", onboard.SlotState),
        ("slot_b_state", onboard.SlotState),
        ("command_stage", onboard.CommandStage),
        ("command_code", onboard.CommandCode),
        ("store_event", onboard.StoreEvent),
        ("event_severity", onboard.EventSeverity),
        ("inventory_a_state", onboard.SlotState),
    ],
)
def test_labels_are_those_of_the_interface(parameter, labels):
    defined = definitions.current().parameters[parameter].type.labels
    assert defined == tuple((each.value, each.value, each.name) for each in labels)


def test_texts_read_as_text():
    body = "nicht gefunden – 404".encode()
    head = onboard.COMMAND_REPORT_LAYOUT.pack(uuid4().bytes, 3, 5, len(body))
    assert decode(Apid.COMMAND_REPORT, head + body).values["command_text"] == [body.decode()]
    assert struct.calcsize(">16sBHB") == onboard.COMMAND_REPORT_LAYOUT.size


def test_every_report_is_described_and_no_answer_is():
    described = set(NAMES)
    assert definitions.apids() == described
    assert Apid.TOKENS not in described
