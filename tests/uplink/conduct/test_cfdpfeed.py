"""Files hear at once what came down, whether a station hands over frames or bits."""

import numpy as np
import pytest

from telemetry import onboard, times
from telemetry.frames import aos, cadu, clcw, links, packing
from telemetry.onboard import Apid, DownlinkChannel
from telemetry.packets import space
from tests.factories import NOON
from uplink.conduct.cfdpfeed import CfdpFeed

CODING = links.STANDARD_CODING
WORD = clcw.Clcw().encode()


def frames_of(pdus):
    """Return frames of the channel of files, each with one PDU."""
    packer = packing.Packer(aos.DOWNLINK, spacecraft=7, channel=DownlinkChannel.FILES)
    frames = []
    for serial, pdu in enumerate(pdus):
        secondary = onboard.Secondary(times.to_ns(NOON), 1, 1, serial)
        packer.add(space.encode_downlink(Apid.CFDP_DOWN, serial, secondary, pdu))
        frames.append(packer.pull(ocf=WORD, flush=True))
    return frames


def coded(frames):
    data = np.frombuffer(b"".join(frames), np.uint8).reshape(len(frames), -1)
    return cadu.encode(links.read_coding(CODING), data)


@pytest.fixture
def pdus():
    return [bytes([n]) * 40 for n in range(6)]


def test_bits_in_pieces_give_what_frames_give(pdus):
    frames = frames_of(pdus)
    stream, feed = coded(frames).tobytes(), CfdpFeed(7)
    pieces = [stream[start : start + 700] for start in range(0, len(stream), 700)] + [b""]

    assert list(CfdpFeed(7).pdus(b"".join(frames))) == pdus
    assert [pdu for piece in pieces for pdu in feed.pdus(piece, CODING)] == pdus
    assert feed.control_word is None  # the last piece told nothing new


def test_the_control_word_of_a_frame_that_cannot_be_corrected_is_not_believed(pdus):
    units = coded(frames_of(pdus))
    units[-1, 10:200] ^= 0x55
    feed = CfdpFeed(7)
    assert list(feed.pdus(units[:-1].tobytes(), CODING)) == pdus[:-1]
    assert feed.control_word == int.from_bytes(WORD)
    assert list(feed.pdus(units[-1].tobytes(), CODING)) == []
    assert feed.control_word is None


def test_a_link_that_begins_amid_a_unit_goes_on_with_the_next(pdus):
    stream = coded(frames_of(pdus)).tobytes()
    feed = CfdpFeed(7)
    heard = [*feed.pdus(stream[500:], CODING), *feed.pdus(b"", CODING)]
    assert heard == pdus[1:]


def test_bits_of_a_coding_that_nobody_reads_give_nothing(pdus):
    feed = CfdpFeed(7)
    assert list(feed.pdus(coded(frames_of(pdus)).tobytes(), {"randomiser": "x"})) == []
