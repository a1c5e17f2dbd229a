"""All windows between the 2,800 announced satellites for one day, beside brute force on a sample.

Terminals reach 5,000 km, look over 80 km of air and turn by a degree a second. The windows are
counted and let go of as they come, as whoever plans with them would filter them. The brute force
(tests/constellation/orbits/dense_isl.py) asks SGP4 every second, by other formulae; windows and
gaps of less than two seconds are not compared.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the processes are the threads

import resource
import sys
import time
from datetime import UTC, datetime

import numpy as np

from constellation.orbits import elements, isl, isl_windows, propagation, walker
from tests.benchmarks import timing
from tests.constellation.orbits import dense_isl

START_AT = datetime(2026, 8, 22, 12, tzinfo=UTC)
DAY_S = 86_400.0
WORKERS = 2
SAMPLE_EACH = 20
SHORT_S = 2.0
FIELDS = {
    "satellites": "of the announced constellation",
    "windows": "found in a day",
    "pairs": "that have any",
    "seconds": f"for all of them, on {WORKERS} processes, flying the satellites included",
    "cpu_seconds": "of all processes for the same; half of it is what two idle cores take",
    "peak_mib": "the most memory of the first process and of the largest other one times theirs",
    "sample_pairs": "pairs compared with brute force: half at random, half near neighbours",
    "sample_windows": "windows compared",
    "missed": "windows that brute force alone found",
    "extra": "windows that brute force did not find",
    "max_edge_error_s": "the largest difference of a start or an end",
}


def announced() -> list[tuple[str, elements.ElementSet]]:
    """Return the announced constellation, without a database."""
    return [
        (
            f"{shell.code}-{plane}-{slot}",
            walker.circular_elements(
                name=shell.code,
                epoch_at=START_AT,
                altitude_m=shell.altitude_m,
                inclination_rad=shell.inclination_rad,
                node_rad=node_rad,
                anomaly_rad=anomaly_rad,
            ),
        )
        for shell in walker.announced_shells(START_AT.timestamp())
        for plane, slot, node_rad, anomaly_rad in walker.slots(shell)
    ]


def sampled_pairs(count: int) -> list[tuple[int, int]]:
    """Return pairs at random, and pairs of satellites that fly close to each other for long."""
    drawn = np.random.default_rng(1)
    chosen = set()
    while len(chosen) < SAMPLE_EACH:
        one, other = sorted(drawn.choice(count, 2, replace=False).tolist())
        chosen.add((one, other))
    while len(chosen) < 2 * SAMPLE_EACH:
        one = int(drawn.integers(count - 60))
        chosen.add((one, one + int(drawn.choice([1, 2, 5, 39, 40, 50, 51]))))
    return sorted(chosen)


def compared(mine: np.ndarray, theirs: np.ndarray) -> tuple[int, int, int, float]:
    """Return windows in both, missed and extra, and the largest error of an edge."""
    both, missed, error_s, used = 0, 0, 0.0, set()
    mine, theirs = _without_short(mine), _without_short(theirs)
    for window in theirs:
        met = np.flatnonzero((mine[:, 0] < window[1]) & (mine[:, 1] > window[0]))
        if len(met) != 1:
            missed += 1
            continue
        both += 1
        used.add(int(met[0]))
        error_s = max(error_s, float(np.abs(mine[met[0]] - window).max()))
    return both, missed, len(mine) - len(used), error_s


def _without_short(spans: np.ndarray) -> np.ndarray:
    """Return spans with short gaps closed, and then short spans dropped."""
    if not len(spans):
        return spans
    apart = spans[1:, 0] - spans[:-1, 1] > SHORT_S
    joined = np.stack(
        [spans[np.concatenate([[True], apart]), 0], spans[np.concatenate([apart, [True]]), 1]],
        axis=1,
    )
    return joined[joined[:, 1] - joined[:, 0] > SHORT_S]


def main() -> None:
    timing.explain(__doc__, FIELDS)
    orbits, terminals = propagation.Orbits(announced()), isl.Terminals()
    start_s = START_AT.timestamp()
    sample = sampled_pairs(len(orbits))
    codes = np.array([one * len(orbits) + other for one, other in sample])
    held: dict[int, list[np.ndarray]] = {int(code): [] for code in codes}
    windows = pairs = 0
    started_s = time.perf_counter()
    search, refused = isl_windows.prepare(orbits, start_s, start_s + DAY_S, terminals=terminals)
    assert not refused, refused
    blocks = isl_windows.blocks(search)
    for number, each in enumerate(isl_windows.windows(search, blocks, workers=WORKERS)):
        code = each.first.astype(np.int64) * len(orbits) + each.second
        windows += len(each)
        # Ordered by pair within a block, and each pair is in one block.
        pairs += int(np.count_nonzero(np.diff(code))) + bool(len(code))
        for row in np.flatnonzero(np.isin(code, codes)):
            held[int(code[row])].append(np.array([each.start_s[row], each.end_s[row]]))
        if number % 100 == 99:
            print(f"{number + 1} of {len(blocks)} blocks, {windows:,} windows", file=sys.stderr)
    seconds = time.perf_counter() - started_s
    cpu_seconds = sum(os.times()[:4])
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_kib += WORKERS * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    results = [
        compared(
            np.array(held[one * len(orbits) + other]).reshape(-1, 2),
            dense_isl.windows(orbits, (one, other), start_s, start_s + DAY_S, terminals),
        )
        for one, other in sample
    ]
    both, missed, extra, error_s = zip(*results, strict=True)
    timing.tell(
        satellites=len(orbits),
        windows=windows,
        pairs=pairs,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_mib=peak_kib / 1024.0,
        sample_pairs=len(sample),
        sample_windows=sum(both),
        missed=sum(missed),
        extra=sum(extra),
        max_edge_error_s=max(error_s),
    )


if __name__ == "__main__":
    main()
