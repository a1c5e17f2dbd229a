"""Files have the whole rate while they arrive, and a little of it while they do not."""

import pytest

from telemetry.onboard import FRAME_BYTES
from uplink.transfers import pacing
from uplink.transfers.pacing import Pace

FRAME_PER_S = 100


@pytest.fixture
def pace():
    pace = Pace(prompt_s=5.0)
    pace.open(FRAME_PER_S * FRAME_BYTES * 8, 0.0)
    return pace


def radiated(pace, seconds, *, start_s=0.0, loss=None):
    """Packets that leave in so many seconds of a station that takes whatever comes."""
    sent = 0
    for tenth in range(seconds * 10):
        now_s = start_s + tenth / 10
        packets = pace.allowance(FRAME_PER_S // 10, now_s)
        pace.spend(packets, now_s)
        sent += packets
        if loss is not None:
            told_bytes = packets * FRAME_BYTES
            pace.heard(round(told_bytes * (1 - loss)), round(told_bytes * loss))
    return sent


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.4])
def test_a_bearable_loss_slows_nothing_down(pace, loss):
    assert radiated(pace, 20, loss=loss) == 20 * FRAME_PER_S


def test_the_more_is_lost_the_less_leaves_and_the_rest_still_finds_out(pace):
    rates = []
    for step, loss in enumerate([0.6, 0.8, 0.9, 1.0]):
        radiated(pace, 30, start_s=step * 100, loss=loss)
        rates.append(radiated(pace, 10, start_s=step * 100 + 30, loss=loss) / 10 / FRAME_PER_S)
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(0.8, abs=0.05)
    assert rates[-1] == pytest.approx(pacing.SHARE_LEAST, rel=0.2)


def test_the_rate_is_back_as_soon_as_frames_arrive_again(pace):
    radiated(pace, 60, loss=1.0)
    radiated(pace, 60, start_s=60, loss=0.0)
    assert radiated(pace, 10, start_s=120, loss=0.0) == 10 * FRAME_PER_S


def test_silence_is_a_loss_of_everything_until_a_word_comes(pace):
    assert radiated(pace, 15) == 15 * FRAME_PER_S
    silent = radiated(pace, 60, start_s=16)
    assert silent <= 61 * FRAME_PER_S * pacing.SHARE_LEAST + pacing.BURST_FRAMES
    assert silent >= 40 * FRAME_PER_S * pacing.SHARE_LEAST
    pace.heard(0, 0)
    assert radiated(pace, 10, start_s=80) == 10 * FRAME_PER_S


def test_a_rest_between_two_files_is_no_silence(pace):
    radiated(pace, 2)
    assert radiated(pace, 10, start_s=500) == 10 * FRAME_PER_S


def test_a_new_link_begins_with_the_whole_rate(pace):
    radiated(pace, 60, loss=1.0)
    pace.open(FRAME_PER_S * FRAME_BYTES * 8, 60.0)
    assert radiated(pace, 10, start_s=60) == 10 * FRAME_PER_S
