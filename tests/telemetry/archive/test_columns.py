"""Columns into bytes and back: nothing changes on the way."""

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.archive import columns, wide

integers = st.one_of(st.integers(-100, 100), st.integers(-(2**63), 2**63 - 1))
floats = st.floats(width=64)


def make_samples(n, **named):
    times = np.arange(n, dtype=np.int64) * 10**9 + 1_787_400_000 * 10**9
    return columns.Samples(times, times + 5, {k: columns.Column(**v) for k, v in named.items()})


def packed_and_back(samples, names=None, *, quickly=False):
    shape = columns.Shape.of(samples)
    kept = columns.Shape.from_json(orjson.loads(orjson.dumps(shape.to_json())))
    assert kept.digest == shape.digest
    return columns.unpack(kept, wide.pack(wide.of(samples), quickly=quickly), len(samples), names)


@given(
    quickly=st.booleans(),
    rows=st.lists(
        st.tuples(integers, floats, st.binary(max_size=40), st.integers(0, 2**64 - 1)), min_size=1
    ),
)
def test_what_is_packed_is_unpacked(rows, quickly):
    ints, reals, blobs, wide = (list(column) for column in zip(*rows, strict=True))
    samples = make_samples(
        len(rows),
        number={"raw": np.array(ints, np.int64)},
        real={"raw": np.array(reals)},
        blob={"raw": blobs},
        wide={"raw": np.array(wide, np.uint64)},
        calibrated={"raw": np.array(ints, np.int64), "value": np.array(reals)},
    )
    back = packed_and_back(samples, quickly=quickly)

    np.testing.assert_array_equal(back.generated_ns, samples.generated_ns)
    np.testing.assert_array_equal(back.received_ns, samples.received_ns)
    assert back.columns["number"].raw.tolist() == ints
    assert back.columns["wide"].raw.tolist() == wide
    assert back.columns["blob"].raw == blobs
    for column in (back.columns["real"].raw, back.columns["calibrated"].value):
        np.testing.assert_array_equal(column, np.array(reals))


def test_one_column_is_read_without_the_others():
    samples = make_samples(3, a={"raw": np.arange(3)}, b={"raw": [b"x", b"", b"yz"]})
    back = packed_and_back(samples, {"b", "c"})
    assert list(back.columns) == ["b"]
    assert back.columns["b"].raw == [b"x", b"", b"yz"]


def test_values_read_as_json_takes_them():
    samples = make_samples(
        3,
        mode={"raw": np.array([1, 2, 9]), "labels": {1: "IDLE", 2: "CONTACT", 9: None}},
        lit={"raw": np.array([0, 1, 1]), "labels": {0: False, 1: True}},
        text={"raw": [b"abc\0", "é".encode(), b"\xff"], "is_text": True},
        real={"raw": np.array([1.5, np.nan, np.inf])},
    )
    back = packed_and_back(samples).columns
    assert columns.values(back["mode"]) == ["IDLE", "CONTACT", None]
    assert columns.values(back["lit"]) == [False, True, True]
    assert columns.values(back["text"]) == ["abc", "é", "\ufffd"]
    assert columns.values(back["real"]) == [1.5, None, None]
    assert columns.raws(back["text"]) == ["61626300", "c3a9", "ff"]


def test_joined_samples_are_in_the_order_of_their_generation():
    late = make_samples(2, a={"raw": np.array([3, 1])})
    late.generated_ns = np.array([30, 10], np.int64)
    early = make_samples(2, a={"raw": np.array([2, 0])})
    early.generated_ns = np.array([20, 0], np.int64)
    whole = columns.join([late, early])
    assert whole.generated_ns.tolist() == [0, 10, 20, 30]
    assert whole.columns["a"].raw.tolist() == [0, 1, 2, 3]


def test_slow_telemetry_takes_less_than_a_byte_a_sample():
    n = 2_000
    numbers = np.random.default_rng(1)
    drift = 2000 + np.cumsum(numbers.integers(-1, 2, n))
    samples = make_samples(
        n,
        temperature={"raw": drift, "value": drift * 0.01},
        **{f"count_{k}": {"raw": np.full(n, 7)} for k in range(10)},
    )
    assert len(wide.pack(wide.of(samples))) < n * 11


def test_noise_is_no_segment():
    samples = make_samples(3, a={"raw": np.arange(3)}, b={"raw": [b"x", b"", b"yz"]})
    shape, good = columns.Shape.of(samples), wide.pack(wide.of(samples))
    for noise in (b"", b"\0\0\0\1", good[:-1], good + b"\0", b"\xff" * len(good)):
        with pytest.raises(columns.BadSegment):
            columns.unpack(shape, noise, 3)
