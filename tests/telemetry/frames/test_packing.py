"""The packer: when frames leave, and how they are filled."""

from telemetry import onboard
from telemetry.frames import aos, packing, reassembly
from telemetry.packets import space


def make_packer(layout=aos.UPLINK):
    return packing.Packer(layout, spacecraft=1, channel=2)


def test_a_file_segment_fills_exactly_one_frame():
    header = onboard.CFDP_FILE_DATA_HEADER_BYTES
    packet = space.encode(onboard.Apid.CFDP_UP, 0, bytes(header + onboard.FILE_SEGMENT_BYTES))
    packer = make_packer()
    for _ in range(3):
        packer.add(packet)

    frames = [packer.pull(flush=False) for _ in range(4)]

    assert frames[3] is None
    for frame in frames[:3]:
        batch = aos.decode(aos.UPLINK, frame)
        assert batch.first_header[0] == 0
        assert batch.zone(0) == packet


def test_a_packet_does_not_wait_when_flushed():
    packer = make_packer()
    packer.add(space.encode(0x110, 0, b"question"))

    assert packer.pull(flush=False) is None
    frame = packer.pull()
    harvest = reassembly.Reassembler().feed(aos.decode(aos.UPLINK, frame))

    assert [packet.data[6:] for packet in harvest.packets] == [b"question"]
    assert harvest.idle_packets == 1
    assert packer.pull() is None


def test_filler_that_runs_over_is_no_reason_to_send_and_joins_what_follows():
    zone = aos.UPLINK.zone_bytes
    packer = make_packer()
    packer.add(space.encode(0x110, 0, bytes(zone - 6 - 3)))  # 3 bytes are left: too few for idle

    first = packer.pull()
    assert packer.pending_bytes == 0
    assert packer.pull() is None

    packer.add(space.encode(0x110, 1, b"next"))
    second = packer.pull()
    harvest = reassembly.Reassembler().feed(aos.decode(aos.UPLINK, first + second))

    assert aos.decode(aos.UPLINK, second).first_header[0] == 4
    assert [len(packet.data) for packet in harvest.packets] == [zone - 3, 10]
    assert harvest.lost_frames.total() == harvest.dropped.total() == 0


def test_a_long_packet_goes_over_frames_without_a_header():
    packer = make_packer()
    packer.add(space.encode(0x110, 0, bytes(4000)))
    frames = []
    while (frame := packer.pull()) is not None:
        frames.append(frame)
    pointers = aos.decode(aos.UPLINK, b"".join(frames)).first_header.tolist()

    assert pointers == [0, onboard.FIRST_HEADER_NONE, onboard.FIRST_HEADER_NONE, 4006 - 3 * 1105]


def test_counts_go_on_and_wrap():
    packer = packing.Packer(aos.UPLINK, spacecraft=1, channel=2, count=aos.COUNT_MODULUS - 1)
    counts = []
    for number in range(2):
        packer.add(space.encode(0x110, number, b"x"))
        counts.append(int(aos.decode(aos.UPLINK, packer.pull()).count[0]))
    assert counts == [aos.COUNT_MODULUS - 1, 0]
