"""Packets through frames, losses and batches: never a wrong one, and all that could be had."""

import json

from hypothesis import given
from hypothesis import strategies as st

from telemetry import onboard
from telemetry.frames import aos, packing, reassembly
from telemetry.packets import space

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
    reassembly.Reassembler().feed(batch)


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
