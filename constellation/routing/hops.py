"""Over how many laser links one satellite is reached from others. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import TypeVar

Node = TypeVar("Node")


def hops(links: Iterable[tuple[Node, Node]], sources: Iterable[Node], most: int) -> dict[Node, int]:
    """Return for each node that at most `most` links join to a source how many it takes, at the
    least; a source takes none."""
    beside: dict[Node, set[Node]] = defaultdict(set)
    for first, second in links:
        beside[first].add(second)
        beside[second].add(first)
    found = dict.fromkeys(sources, 0)
    edge = deque(found)
    while edge:
        node = edge.popleft()
        if found[node] == most:
            continue
        for other in beside[node] - found.keys():
            found[other] = found[node] + 1
            edge.append(other)
    return found
