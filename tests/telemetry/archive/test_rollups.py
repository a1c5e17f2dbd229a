"""Roll-ups say of any bucket what its samples say, however these came and whatever was joined."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.archive import columns, rollups, wide

MINUTE_NS = 60_000_000_000
LINE, CURVE = ((-0.5, 1), (3.0, 0)), ((1e-3, 1), (1e-6, 2))


def samples_of(seconds, raws, reals):
    raw = np.array(raws, np.int64)
    at = np.array(seconds, np.int64) * 1_000_000_000
    line = columns.Column(raw, value=3.0 - 0.5 * raw, terms=LINE)
    curve = columns.Column(raw, value=1e-3 * raw + 1e-6 * raw**2.0, terms=CURVE)
    return columns.Samples(
        at,
        at + 5,
        {
            "count": columns.Column(raw),
            "line": line,
            "curve": curve,
            "real": columns.Column(np.array(reals)),
            "mode": columns.Column(raw % 4, labels={0: "OFF", 1: "ON", 2: "A", 3: "B"}),
            "words": columns.Column([b"x"] * len(raw), is_text=True),
        },
    )


def said(buckets, shape, name, *, raw=False):
    rows = rollups.rows_of(shape)
    if name in rows.whole:
        row = list(rows.whole).index(name)
        arrays = [getattr(buckets, f)[row] for f in ("whole_low", "whole_high", "whole_total")]
    else:
        row = list(rows.real).index(name)
        arrays = [
            getattr(buckets, f)[row] for f in ("real_low", "real_high", "real_total", "real_n")
        ]
    return rollups.rolled(shape.by_name[name], buckets.count, arrays, raw=raw)


rows = st.lists(
    st.tuples(
        st.integers(0, 100_000),
        st.integers(-(2**31), 2**31),
        st.floats(-1e6, 1e6, width=32) | st.just(np.nan) | st.just(np.inf),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=25)
@given(rows=rows, cut=st.integers(1, 39), width_s=st.sampled_from(rollups.WIDTHS_S))
def test_parts_joined_say_what_the_samples_say(rows, cut, width_s):
    shape = samples_of(*zip(*rows, strict=True)).shape
    parts = [part for part in (rows[:cut], rows[cut:]) if part]
    narrow = [
        rollups.of_samples(wide.of(samples_of(*zip(*part, strict=True))), 60) for part in parts
    ]
    kept = [rollups.unpack(shape, rollups.pack(one), len(one)) for one in narrow]
    joined = rollups.widen(kept, width_s)

    bucket = np.array([at for at, _, _ in rows]) // width_s
    starts = np.unique(bucket)
    assert (joined.starts_ns == starts * width_s * 1_000_000_000).all()
    assert joined.count.tolist() == [int((bucket == each).sum()) for each in starts]
    raw = np.array([raw for _, raw, _ in rows], float)
    real = np.array([real for _, _, real in rows])
    for name, values in {
        "count": raw,
        "line": 3.0 - 0.5 * raw,
        "curve": 1e-3 * raw + 1e-6 * raw**2,
        "mode": raw % 4,
        "real": np.where(np.isfinite(real), real, np.nan),
    }.items():
        found = said(joined, shape, name)
        for place, each in enumerate(starts):
            inside = values[bucket == each]
            inside = inside[~np.isnan(inside)]
            assert found.n[place] == len(inside)
            if not len(inside):
                assert np.isnan(found.low[place])
                continue
            assert (found.low[place], found.high[place]) == (inside.min(), inside.max())
            # Sums are taken in another order; what cancels may leave that much.
            np.testing.assert_allclose(
                found.total[place], inside.sum(), rtol=1e-9, atol=1e-9 * np.abs(inside).sum() + 1e-9
            )


def test_raw_values_are_known_where_raw_values_are_rolled_up():
    samples = samples_of([0, 1], [2, 6], [0.5, 1.5])
    buckets = rollups.of_samples(wide.of(samples), 60)
    found = said(buckets, samples.shape, "line", raw=True)
    assert (found.low[0], found.high[0], found.total[0]) == (2, 6, 8)
    assert said(buckets, samples.shape, "curve", raw=True) is None


def test_words_have_no_roll_ups():
    shape = samples_of([0], [1], [1.0]).shape
    assert rollups.blocks_of(shape, "words") is None
    assert rollups.blocks_of(shape, "no such") is None


def test_sums_of_huge_numbers_do_not_wrap():
    huge = [2**62, -(2**62), 2**62]
    at = np.arange(3, dtype=np.int64) * 1_000_000_000
    samples = columns.Samples(at, at, {"n": columns.Column(np.array(huge, np.int64))})
    buckets = rollups.of_samples(wide.of(samples), 60)
    assert (buckets.whole_low[0, 0], buckets.whole_high[0, 0]) == (-(2**62), 2**62)
    assert buckets.whole_total[0, 0] == pytest.approx(2**62)
