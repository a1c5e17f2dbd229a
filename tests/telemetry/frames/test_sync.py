"""Units found in streams of bits: whatever their offset, polarity, errors and slips."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.frames import cadu, randomiser, reedsolomon, sync

CODE = reedsolomon.Code(16, interleave=1, fill_bytes=159)
CODING = cadu.Coding(80, CODE)  # units of 100 bytes: many a stream
UNIT_BITS = 8 * CODING.search.unit_bytes


def frames_of(n, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (n, 80), dtype=np.uint8)


def bits_of(frames):
    return np.unpackbits(cadu.encode(CODING, frames).ravel())


def hear(bits, cuts=(), search=CODING.search):
    """Return the frames that are whole, and all units that a stream in such pieces gave."""
    stream, found = np.packbits(bits).tobytes(), []
    synchroniser = sync.Synchroniser(search)
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        found.append(synchroniser.feed(stream[start:end]))
    found.append(synchroniser.finish())
    decoded = cadu.decode(CODING, np.concatenate([units.data for units in found]))
    return [frame.tobytes() for frame in decoded.data[decoded.is_whole]], found


def told(frames):
    return [frame.tobytes() for frame in frames]


cuts = st.lists(st.integers(0, 10_000), max_size=6)


@given(
    n=st.integers(2, 12),
    before=st.integers(0, 999),
    is_inverted=st.booleans(),
    cuts=cuts,
)
def test_units_are_found_at_any_bit_and_in_either_polarity(n, before, is_inverted, cuts):
    frames = frames_of(n)
    lead = np.resize(np.array([1, 0, 0, 1, 0], np.uint8), before)
    heard, found = hear(np.concatenate([lead, bits_of(frames)]) ^ np.uint8(is_inverted), cuts)

    assert heard == told(frames)
    assert np.concatenate([units.at_bit for units in found]).tolist() == [
        before + UNIT_BITS * place for place in range(n)
    ]
    assert all((units.is_inverted == is_inverted).all() for units in found)


@given(
    slips=st.lists(
        st.tuples(
            st.integers(0, 29), st.integers(40, UNIT_BITS - 1), st.sampled_from([-3, -1, 1, 4])
        ),
        max_size=4,
        unique_by=lambda slip: slip[0] // 3,
    ),
    cuts=cuts,
)
def test_a_slip_of_bits_costs_the_unit_that_it_hits(slips, cuts):
    # Two whole units stand between slips, so that there is one to take hold of.
    frames, bits = frames_of(32), bits_of(frames_of(32))
    hit = {3 * (unit // 3) for unit, _, _ in slips}
    for unit, offset, size in sorted(slips, reverse=True):
        at = 3 * (unit // 3) * UNIT_BITS + offset
        bits = (
            np.delete(bits, np.s_[at : at - size]) if size < 0 else np.insert(bits, at, [1] * size)
        )

    heard, _ = hear(bits, cuts)

    expected = told(frame for place, frame in enumerate(frames) if place not in hit)
    # What slipped near the end of a unit may be within what the code corrects.
    assert [frame for frame in heard if frame in expected] == expected
    assert set(heard) <= set(told(frames))


@given(errors=st.lists(st.integers(0, 3), min_size=9, max_size=9), cuts=cuts)
def test_markers_with_three_wrong_bits_are_markers(errors, cuts):
    frames = frames_of(9)
    bits = bits_of(frames)
    for unit, count in enumerate(errors):
        bits[unit * UNIT_BITS + 5 * np.arange(count)] ^= 1

    heard, found = hear(bits, cuts)

    assert heard == told(frames)
    assert np.concatenate([units.marker_errors for units in found]).tolist() == errors


def test_lost_markers_are_passed_over_when_a_good_one_follows():
    frames = frames_of(20)
    bits = bits_of(frames)
    for unit in (5, 6, 7, 8, 12):
        bits[unit * UNIT_BITS : unit * UNIT_BITS + 32] = 0

    heard, found = hear(bits)

    assert heard == told(frames)
    assert sum(units.relocks for units in found) == 0


def test_the_hunt_begins_again_when_too_many_markers_are_lost():
    frames = frames_of(20)
    bits = bits_of(frames)
    for unit in range(5, 10):
        bits[unit * UNIT_BITS : unit * UNIT_BITS + 32] = 0

    heard, found = hear(bits)

    assert heard == told(frames[:5]) + told(frames[10:])
    assert sum(units.relocks for units in found) == 1
    assert sum(units.skipped_bits for units in found) == 5 * UNIT_BITS


def test_polarity_may_change_under_way():
    frames = frames_of(8)
    bits = bits_of(frames)
    bits[4 * UNIT_BITS :] ^= 1
    assert hear(bits)[0] == told(frames)


@given(st.binary(max_size=3000), cuts)
def test_every_bit_of_noise_is_skipped_or_in_a_unit(noise, cuts):
    _, found = hear(np.unpackbits(np.frombuffer(noise, np.uint8)), cuts)

    units = sum(len(each) for each in found)
    assert units * UNIT_BITS + sum(each.skipped_bits for each in found) >= 8 * len(noise)


def test_one_unit_alone_is_found():
    frames = frames_of(1)
    assert hear(bits_of(frames))[0] == told(frames)


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"unit_bytes": 4}, "nothing behind its marker"),
        ({"unit_bytes": 100, "marker": 1 << 32}, "32 bits"),
        ({"unit_bytes": 100, "errors_most": 9}, "0 to 8"),
        ({"unit_bytes": 100, "flywheel": -1}, "cannot be passed over"),
    ],
)
def test_searches_that_make_no_sense_are_refused(details, reason):
    with pytest.raises(ValueError, match=reason):
        sync.Search(**details)


def test_randomisers_begin_as_published():
    # 131.0-B-5, 10.4 and 231.0-B-4, 5.3 print the first 40 bits; the long sequence's start is the
    # register's preset, last bit first.
    first = {which: randomiser.sequence(which, 5).tobytes().hex() for which in randomiser.Sequence}
    assert first[randomiser.Sequence.TM] == "ff480ec09a"
    assert first[randomiser.Sequence.TC] == "ff399e5a68"
    assert int(first[randomiser.Sequence.TM_LONG], 16) >> 23 == int("11000111000111000"[::-1], 2)


@pytest.mark.parametrize(("which", "bits"), [("TM", 255), ("TC", 255), ("TM_LONG", 131_071)])
def test_randomisers_come_round_when_they_should(which, bits):
    sequence = np.unpackbits(randomiser.sequence(randomiser.Sequence[which], bits // 4 + 9))
    assert (sequence[:bits] == sequence[bits : 2 * bits]).all()
    assert sequence[:bits].sum() == (bits + 1) // 2  # as every sequence of the longest period
