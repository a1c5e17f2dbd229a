"""Hops over links, held to distances by powers of the adjacency matrix."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from constellation.routing.hops import hops

NODES = 8
PAIRS = st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1))


@given(st.lists(PAIRS, max_size=16), st.sets(st.integers(0, NODES - 1)), st.integers(0, 5))
def test_each_node_is_as_far_as_the_first_power_that_reaches_it(links, sources, most):
    adjacent = np.eye(NODES, dtype=int)
    for first, second in links:
        adjacent[first, second] = adjacent[second, first] = 1
    expected = {}
    for steps in range(most + 1):
        reached = np.linalg.matrix_power(adjacent, steps) > 0
        for node in range(NODES):
            if any(reached[source, node] for source in sources):
                expected.setdefault(node, steps)

    assert hops(links, sources, most) == expected
