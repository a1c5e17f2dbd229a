"""Numbers of every width into bits and back, against whole numbers of any size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.archive import packing


@pytest.mark.parametrize("width", range(65))
def test_numbers_of_every_width_come_back(width):
    @given(st.integers(1, 3), st.integers(1, 40), st.randoms(use_true_random=False))
    def come_back(r, n, random):
        rows = [[random.getrandbits(width) if width else 0 for _ in range(n)] for _ in range(r)]
        octets = packing.bits_of(np.array(rows, np.uint64), width)

        fill = -n * width % 8
        for row, packed in zip(rows, octets, strict=True):
            whole = 0
            for number in row:
                whole = whole << width | number
            assert packed.tobytes() == (whole << fill).to_bytes((n * width + 7) // 8, "big")
        assert packing.numbers_of(octets, n, width).tolist() == rows

    come_back()


@pytest.mark.parametrize("values", [[5] * 9, list(range(-40, 60, 7)), [2**62, -(2**62), 7], [3]])
def test_steps_that_are_all_alike_need_no_bits(values):
    matrix = np.array([values], np.int64)
    (block,) = packing.ints(matrix)

    assert packing.read(block, len(values)).tolist() == values
    assert packing.read_whole([block, block], len(values)).tolist() == [values, values]
