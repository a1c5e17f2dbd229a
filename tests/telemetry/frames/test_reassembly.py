"""Packets through frames, losses and batches: never a wrong one, and all that could be had."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import onboard
from telemetry.frames import aos, packing, reassembly, tm
from telemetry.packets import encapsulation, space

LAYOUT = aos.Layout(64, has_ocf=False, has_fecf=True)  # zone of 54 bytes: many cases a frame


def make_packets(sizes):
    """Packets that all differ, so that a wrong one cannot hide."""
    return [
        space.encode(0x10 + number % 5, number, number.to_bytes(4) + bytes([number % 251]) * size)
        for number, size in enumerate(sizes)
    ]


def send(packets, flush_after, *, layout=LAYOUT, channel=0, count=0):
    """Return the frames, and for each packet the set of frames that carry a byte of it."""
    packer = packing.Packer(layout, spacecraft=1, channel=channel, count=count)
    frames, zones = [], bytearray()
    for number, packet in enumerate(packets):
        packer.add(packet)
        while (frame := packer.pull(flush=number in flush_after)) is not None:
            frames.append(frame)
    while (frame := packer.pull()) is not None:
        frames.append(frame)
    for frame in frames:
        zones += aos.decode(layout, frame).zone(0)
    carriers, at = [], 0
    for packet in packets:
        at = zones.index(packet, at)
        size = layout.zone_bytes
        carriers.append(set(range(at // size, (at + len(packet) - 1) // size + 1)))
        at += len(packet)
    return frames, carriers


sizes = st.lists(st.one_of(st.integers(0, 60), st.integers(0, 400)), min_size=1, max_size=25)
some = st.sets(st.integers(0, 60))


@given(sizes=sizes, flushed=some, lost=some, cuts=some, start=st.sampled_from([0, 2**24 - 3]))
def test_every_packet_that_came_down_whole_comes_out_and_no_other(
    sizes, flushed, lost, cuts, start
):
    packets = make_packets(sizes)
    frames, carriers = send(packets, flushed, count=start)
    heard = [number for number in range(len(frames)) if number not in lost]

    reassembler, out, batch = reassembly.Reassembler(), [], []
    for number in [*heard, None]:
        if number is not None:
            batch.append(frames[number])
        if number is None or number in cuts:
            harvest = reassembler.feed(aos.decode(LAYOUT, b"".join(batch)))
            out += [packet.data for packet in harvest.packets]
            batch = []
            # The state survives being written down.
            state = json.loads(json.dumps(reassembler.to_json()))
            reassembler = reassembly.Reassembler.from_json(state)

    expected = [
        packet for packet, needs in zip(packets, carriers, strict=True) if needs <= set(heard)
    ]
    assert out == expected


@given(sizes=sizes, flipped=st.lists(st.integers(0, 64 * 8 * 40), max_size=6))
def test_bit_errors_cost_packets_and_never_invent_one(sizes, flipped):
    packets = make_packets(sizes)
    frames, carriers = send(packets, set())
    stream = bytearray(b"".join(frames))
    touched = set()
    for bit in flipped:
        if bit // 8 < len(stream) and bit // 512 not in touched:
            stream[bit // 8] ^= 1 << bit % 8
            touched.add(bit // 512)

    batch = aos.decode(LAYOUT, bytes(stream))
    harvest = reassembly.Reassembler().feed(batch, batch.faults(spacecraft=1))

    whole = [packet for packet, needs in zip(packets, carriers, strict=True) if not needs & touched]
    assert [packet.data for packet in harvest.packets] == whole


@given(st.lists(st.binary(min_size=64, max_size=64), max_size=20))
def test_noise_is_survived(noise):
    batch = aos.decode(LAYOUT, b"".join(noise))
    harvest = reassembly.Reassembler().feed(batch)

    assert len(batch) == len(noise)
    assert sum(len(packet.data) for packet in harvest.packets) <= 64 * len(noise)


def test_channels_do_not_mix():
    packets = make_packets([100, 100, 100])
    one, _ = send(packets, set(), channel=1)
    two, _ = send(packets[::-1], set(), channel=2)
    mixed = [frame for pair in zip(one, two, strict=True) for frame in pair]

    harvest = reassembly.Reassembler().feed(aos.decode(LAYOUT, b"".join(mixed)))

    assert [p.data for p in harvest.packets if p.channel == 1] == packets
    assert [p.data for p in harvest.packets if p.channel == 2] == packets[::-1]


def test_lost_frames_are_counted_by_channel():
    frames, _ = send(make_packets([40] * 20), set(), channel=2)
    heard = frames[:3] + frames[5:]

    harvest = reassembly.Reassembler().feed(aos.decode(LAYOUT, b"".join(heard)))

    assert harvest.lost_frames == {2: 2}


def test_a_satellite_that_counts_anew_has_lost_nothing():
    first, _ = send(make_packets([40] * 5), set(), count=1000)
    again, _ = send(make_packets([40] * 5), set(), count=0)

    harvest = reassembly.Reassembler().feed(aos.decode(LAYOUT, b"".join(first + again)))

    assert len(harvest.packets) == 10
    assert not harvest.lost_frames


def test_idle_channel_and_idle_data_give_no_packets():
    zone = bytes(LAYOUT.zone_bytes)
    frames = [
        aos.encode(LAYOUT, spacecraft=1, channel=vc, count=0, first_header=pointer, zone=zone)
        for vc, pointer in [(63, 0), (0, onboard.FIRST_HEADER_IDLE)]
    ]
    harvest = reassembly.Reassembler().feed(aos.decode(LAYOUT, b"".join(frames)))

    assert harvest.packets == []
    assert not harvest.dropped


def test_a_pointer_outside_the_frame_is_counted():
    zone = bytes(LAYOUT.zone_bytes)
    frame = aos.encode(LAYOUT, spacecraft=1, channel=0, count=0, first_header=100, zone=zone)

    harvest = reassembly.Reassembler().feed(aos.decode(LAYOUT, frame))

    assert harvest.dropped == {"pointer outside the frame": 1}


def frame(pointer, zone, count=0):
    return aos.encode(
        LAYOUT,
        spacecraft=1,
        channel=0,
        count=count,
        first_header=pointer,
        zone=zone.ljust(LAYOUT.zone_bytes, b"\0")[: LAYOUT.zone_bytes],
    )


def feed(*frames):
    return reassembly.Reassembler().feed(aos.decode(LAYOUT, b"".join(frames)))


LONG = space.encode(0x10, 0, bytes(100))  # two frames long, 106 bytes
FULL = space.encode(0x10, 1, bytes(LAYOUT.zone_bytes - 6))


@pytest.mark.parametrize(
    ("pointers", "zones", "reason", "whole"),
    [
        ((0, 10), (LONG, LONG[54:64] + FULL), "longer than the pointer says", 0),
        ((0, 54), (FULL, FULL), "pointer outside the frame", 1),
        ((0, 0x7FF), (FULL, FULL), "continues no packet", 1),
        ((0, 0x7FF), (LONG[:-40] + FULL, FULL), "shorter than the pointer says", 0),
        ((0, 0), (b"\x20" * 54, FULL), "wrong packet version", 1),
        ((0, 0), (b"\xe9\x00" * 27, FULL), "impossible packet length", 1),
        ((0, 0), (b"\xef\0\0\0\x7f\0\0\0" * 7, FULL), "impossible packet length", 1),
    ],
)
def test_a_pointer_that_contradicts_what_went_on_is_counted(pointers, zones, reason, whole):
    frames = [
        frame(pointer, zone, count)
        for count, (pointer, zone) in enumerate(zip(pointers, zones, strict=True))
    ]
    if reason == "shorter than the pointer says":
        frames[0] = frame(0, space.encode(0x10, 0, bytes(60)), 0)
    harvest = feed(*frames)
    assert harvest.dropped == {reason: 1}
    assert len(harvest.packets) == whole


def test_a_packet_goes_on_behind_idle_data():
    idle = frame(onboard.FIRST_HEADER_IDLE, b"", 1)
    harvest = feed(frame(0, LONG), idle, frame(52, LONG[54:] + FULL[:2], 2))
    assert [packet.data for packet in harvest.packets] == [LONG]
    assert harvest.idle_frames == 1


def test_packets_cross_frames_smaller_than_a_header():
    # A zone of 5 bytes: a header alone does not fit.
    layout = aos.Layout(15, has_ocf=False, has_fecf=True)
    packets = [space.encode(1, 1, bytes(9000)), space.encode(1, 2, b"next")]
    frames, _ = send(packets, set(), layout=layout)
    harvest = reassembly.Reassembler().feed(aos.decode(layout, b"".join(frames)))
    assert [packet.data for packet in harvest.packets] == packets


def test_the_longest_packet_comes_out_whole():
    packets = [space.encode(1, 1, bytes(65536)), space.encode(1, 2, b"next")]
    frames, _ = send(packets, set(), layout=aos.UPLINK)
    harvest = reassembly.Reassembler().feed(aos.decode(aos.UPLINK, b"".join(frames)))
    assert [packet.data for packet in harvest.packets] == packets


def test_encapsulated_packets_cross_frames_as_space_packets_do():
    packets = [
        encapsulation.encode(encapsulation.Packet(2, bytes(size), extension=1, defined=size % 16))
        for size in (1, 300, 20, 65000)
    ]
    frames, _ = send(packets, set())
    harvest = reassembly.Reassembler().feed(aos.decode(LAYOUT, b"".join(frames)))
    assert [packet.data for packet in harvest.packets] == packets

    alone = reassembly.Reassembler(versions=[0]).feed(aos.decode(LAYOUT, b"".join(frames)))
    assert alone.packets == []
    assert alone.dropped["wrong packet version"]


def test_a_state_from_before_there_were_maps_is_taken_up():
    frames, _ = send(make_packets([100]), set())
    reassembler = reassembly.Reassembler()
    reassembler.feed(aos.decode(LAYOUT, frames[0]))
    old = {number: kept[:2] for number, kept in reassembler.to_json().items()}

    taken_up = reassembly.Reassembler.from_json(json.loads(json.dumps(old)))

    assert len(taken_up.feed(aos.decode(LAYOUT, b"".join(frames[1:]))).packets) == 1


def test_small_counts_wrap_and_lose():
    layout = tm.Layout(20, has_fecf=False)

    def heard(*counts):
        frames = [
            tm.encode(
                layout,
                spacecraft=1,
                channel=2,
                count=count,
                master_count=count,
                first_header=0x7FE,
                zone=bytes(14),
            )
            for count in counts
        ]
        harvest = reassembly.Reassembler().feed(tm.decode(layout, b"".join(frames)))
        return harvest.lost_frames[2], harvest.lost_master_frames

    assert heard(254, 255, 0, 1) == (0, 0)
    assert heard(250, 4) == (9, 9)
    assert heard(0, 200, 200) == (199, 199)  # and one that came twice
