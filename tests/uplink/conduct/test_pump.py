"""What is urgent goes first, files fill what is left, and what has left is known."""

import pytest

from telemetry import onboard
from telemetry.frames import aos
from uplink.conduct.pump import Pump

FRAME = onboard.FRAME_BYTES


class Station:
    """An antenna that radiates when it is told to."""

    def __init__(self, window_frames: int = 20) -> None:
        self.window_frames = window_frames
        self.sent: list[bytes] = []
        self.commands: list[bytes] = []
        self.radiated = 0

    @property
    def room(self) -> int:
        return self.window_frames - (len(self.sent) - self.radiated)

    async def send_frames(self, frames: list[bytes]) -> None:
        assert len(frames) <= self.room
        self.sent += frames

    async def send_command(self, frame: bytes) -> None:
        self.commands.append(frame)

    @property
    def channels(self) -> list[int]:
        return aos.decode(aos.UPLINK, b"".join(self.sent)).channel.tolist()


def endless(most: int) -> list[bytes]:
    packet = bytes([0x11, 0x40, 0xC0, 0, 0, 0]) + bytes(onboard.UPLINK_ZONE_BYTES - 6)
    size = len(packet) - 7
    return [packet[:4] + size.to_bytes(2, "big") + packet[6:]] * most


def nothing(most: int) -> list[bytes]:
    return []


def pump_of(station: Station, files=nothing) -> Pump:
    return Pump(link=station, spacecraft=7, files=files)


async def test_files_leave_most_of_the_window_to_what_is_urgent():
    station = Station(window_frames=20)
    pump = pump_of(station, endless)
    while await pump.pump():
        pass
    assert station.channels == [onboard.UplinkChannel.FILES] * 8


async def test_a_question_overtakes_the_file_and_a_command_the_question():
    station = Station()
    pump = pump_of(station, endless)
    await pump.pump()
    pump.packet(onboard.Apid.PROMPT, b"x" * 500)
    pump.command(b"telecommand", "its id")
    before = len(station.sent)
    await pump.pump()
    assert station.commands == [b"telecommand"]
    assert (pump.handed_over(), pump.handed_over()) == (["its id"], [])
    assert station.channels[before:] == [onboard.UplinkChannel.PROTOCOL]


async def test_small_packets_share_a_frame_and_frames_are_counted():
    station = Station()
    pump = pump_of(station)
    for _ in range(10):
        pump.packet(onboard.Apid.TOKEN_ACK, b"y" * 28)
    await pump.pump()
    assert (len(station.sent), pump.counts.frames, pump.counts.protocol_packets) == (1, 1, 10)
    assert pump.is_idle


@pytest.mark.parametrize("packet_bytes", [500, onboard.UPLINK_ZONE_BYTES - 6, 3000])
async def test_a_packet_is_gone_when_its_last_frame_is_radiated_and_only_once(packet_bytes):
    station = Station()
    pump = pump_of(station)
    pump.packet(onboard.Apid.PROMPT, b"x" * packet_bytes, mark="question")
    while await pump.pump():
        pass
    for _ in range(len(station.sent)):
        assert pump.radiated() == []
        station.radiated += 1
    assert pump.radiated() == ["question"]
    assert pump.radiated() == []


async def test_marks_count_the_file_frames_between_them():
    station = Station()
    pump = pump_of(station, endless)
    await pump.pump()
    pump.packet(onboard.Apid.PROMPT, b"x", mark="question")
    await pump.pump()
    station.radiated = len(station.sent) - 1
    assert pump.radiated() == []
    station.radiated += 1
    assert pump.radiated() == ["question"]


async def test_it_is_known_which_files_packets_have_not_left_yet():
    station = Station(window_frames=20)
    pump = pump_of(station, endless)
    while await pump.pump():
        pass
    assert pump.files_not_radiated() == 8

    station.radiated = 5
    assert pump.files_not_radiated() == 3

    station.radiated = 8
    assert pump.files_not_radiated() == 0
