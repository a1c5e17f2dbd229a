"""Reports of packs held: they come back as they were, and nobody else can have made them."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from telemetry import onboard
from uplink.transfers.spreading import holdings

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
sources = st.lists(st.none() | st.integers(1, 9), max_size=60)


def report(held: list[int | None], **changes) -> holdings.Holdings:
    return holdings.Holdings(
        **{
            "entity_id": 7,
            "at_ns": 1_787_400_000_000_000_000,
            "artefact": "ab" * 32,
            "packs": len(held),
            "first": 0,
            "count": len(held),
            "laser_bytes": 12,
            "spans": holdings.spans_of(held),
            **changes,
        }
    )


@given(sources, st.sets(st.integers(2, 65535), max_size=5))
def test_a_report_comes_back(held, refused):
    said = report(held, refused=tuple(sorted(refused)))

    payload = said.encode("SCS-01-A", KEY)

    assert holdings.entity_of(payload) == 7
    assert holdings.Holdings.decode(payload, "SCS-01-A", KEY) == said
    again = {n: span.source for span in said.spans for n in range(span.first, span.last + 1)}
    assert again == {n: source for n, source in enumerate(held) if source is not None}


@given(st.data())
def test_a_changed_report_is_not_believed(data):
    payload = bytearray(report([1, None, 5, 5]).encode("SCS-01-A", KEY))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))

    with pytest.raises(holdings.BadHoldings):
        holdings.Holdings.decode(bytes(payload), "SCS-01-A", KEY)


def test_a_report_is_one_satellites_own():
    payload = report([1]).encode("SCS-01-A", KEY)
    with pytest.raises(holdings.BadHoldings, match="not this satellite's"):
        holdings.Holdings.decode(payload, "SCS-01-B", KEY)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"packs": 70_000, "count": 70_000}, "70000"),
        ({"count": 5}, "of 1"),
        ({"spans": (holdings.Span(1, 0, 1),)}, "outside"),
    ],
)
def test_a_signed_report_that_makes_no_sense_is_refused(changes, why):
    payload = report([1], **changes).encode("SCS-01-A", KEY)
    with pytest.raises(holdings.BadHoldings, match=why):
        holdings.Holdings.decode(payload, "SCS-01-A", KEY)


def test_scattered_packs_go_in_several_packets(monkeypatch):
    monkeypatch.setattr(onboard, "HOLDINGS_RANGES_MAX", 3)
    held = [1, None, 1, None, 1, None, None, 2, 1, None]

    parts = list(report(held).parts())

    assert [(part.first, part.count) for part in parts] == [(0, 5), (5, 5)]
    assert [len(part.spans) for part in parts] == [3, 2]
    for part in parts:
        assert holdings.Holdings.decode(part.encode("X", KEY), "X", KEY) == part
    assert next(replace(report(held), spans=()).parts()).spans == ()
