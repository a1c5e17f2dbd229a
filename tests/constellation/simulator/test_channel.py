"""What happens to frames on their way."""

import numpy as np
import pytest

from constellation.simulator.ground.channel import Budget, Faults, Path, flip, spoil
from telemetry.onboard import FRAME_BYTES


def test_frames_are_lost_whole_and_at_the_rate_asked_for():
    burst = b"".join(bytes([n % 256]) * FRAME_BYTES for n in range(2_000))
    left = spoil(burst, Faults(frame_loss=0.1), np.random.default_rng(1))
    frames = [left[at : at + FRAME_BYTES] for at in range(0, len(left), FRAME_BYTES)]
    assert all(frame == frame[:1] * FRAME_BYTES for frame in frames)
    # Five standard deviations of a binomial with 2,000 tries.
    assert len(frames) == pytest.approx(1_800, abs=5 * 13.5)


def test_bits_are_flipped_at_the_rate_asked_for():
    content = bytes(100_000)
    spoilt = flip(content, Faults(bit_error_rate=1e-3), np.random.default_rng(1))
    assert len(spoilt) == len(content)
    flipped = int(np.unpackbits(np.frombuffer(spoilt, np.uint8)).sum())
    # 800 bits, five standard deviations; two flips of one bit undo each other.
    assert flipped == pytest.approx(800, abs=5 * 28.3)


def test_a_clean_link_changes_nothing():
    burst = bytes(range(223)) * 5
    assert spoil(burst, Faults(), np.random.default_rng(1)) == burst


def test_bursts_arrive_in_order_and_not_before_their_time():
    path = Path()
    path.send(b"one", 10.0)
    path.send(b"", 10.1)
    path.send(b"two", 10.2)
    assert path.arrived(9.99) == []
    assert path.arrived(10.1) == [(10.0, b"one")]
    assert path
    assert path.arrived(11.0) == [(10.2, b"two")]
    assert not path


@pytest.mark.parametrize("bit_per_s", [20_000, 20_000_000])
def test_a_rate_is_kept_over_many_short_steps(bit_per_s):
    budget, carried = Budget(bit_per_s), 0
    for _ in range(5_000):
        frames = budget.frames(0.02)
        budget.spend(frames * FRAME_BYTES)
        carried += frames * FRAME_BYTES
    assert carried == pytest.approx(bit_per_s / 8 * 100, abs=3 * FRAME_BYTES)


def test_idle_time_is_not_saved_up():
    budget = Budget(20_000_000)
    for _ in range(1_000):
        budget.frames(0.02)
    assert budget.frames(0.02) <= 0.02 * 20_000_000 / 8 / FRAME_BYTES + 3


def test_frames_change_places_and_none_is_lost():
    burst = b"".join(bytes([n]) * FRAME_BYTES for n in range(200))
    swapped = spoil(burst, Faults(frame_swap=0.2), np.random.default_rng(1))
    order = [swapped[at] for at in range(0, len(swapped), FRAME_BYTES)]
    assert order != sorted(order) == list(range(200))
