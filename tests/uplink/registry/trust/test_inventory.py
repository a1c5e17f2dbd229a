"""Reports of what satellites hold, and whose they are."""

import pytest

from telemetry import onboard
from telemetry.onboard import SlotState
from uplink.registry.trust import inventory
from uplink.registry.trust.attacks import Attack
from uplink.registry.trust.inventory import BadInventory, Held, Inventory

MASTER = bytes(range(32))
KEY = inventory.key_of(MASTER, "SCS-01-M")
REPORT = Inventory(
    number=7,
    at_ns=1_787_400_000_000_000_000,
    nonce=0xFEDC_BA98_7654_3210,
    attack=Attack.ROLLBACK,
    root=2,
    snapshot=9,
    assignment=12,
    counter=5,
    slot_a=Held(SlotState.ACTIVE, "ab" * 32, 5),
    slot_b=Held(),
)


def test_a_report_has_these_bytes():
    # By hand from the table: u32, i64, u64, u8, 4 u32, then twice u8, 32 bytes, u32.
    payload = REPORT.encode("SCS-01-M", KEY)
    head = bytes.fromhex(
        "00000007 18ce1ed477888000 fedcba9876543210 02 00000002 00000009 0000000c 00000005"
    )
    slots = bytes.fromhex(f"03 {'ab' * 32} 00000005 00 {'00' * 32} 00000000")
    assert payload[:-64] == head + slots
    assert len(payload) == onboard.INVENTORY_LAYOUT.size + onboard.INVENTORY_SIGNATURE_BYTES
    assert Inventory.decode(payload, "SCS-01-M", KEY) == REPORT


def test_a_report_is_its_satellites_own():
    payload = REPORT.encode("SCS-01-M", KEY)
    spoilt = bytes([payload[0] ^ 1]) + payload[1:]
    other = inventory.key_of(MASTER, "SCS-01-J")
    for content, satellite, key in (
        (spoilt, "SCS-01-M", KEY),
        (payload, "SCS-01-J", KEY),
        (payload, "SCS-01-M", other),
        (payload[:-1], "SCS-01-M", KEY),
        (b"", "SCS-01-M", KEY),
    ):
        with pytest.raises(BadInventory, match="not this satellite's"):
            Inventory.decode(content, satellite, key)
