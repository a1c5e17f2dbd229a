"""What the benchmarks share: the best of three, and one JSON object on the last line."""

import argparse
import json
import time
from collections.abc import Callable, Mapping


def best_s(work: Callable[[], object]) -> float:
    """Return how long `work` takes when least disturbed."""
    took_s = []
    for _ in range(3):
        started_at_s = time.perf_counter()
        work()
        took_s.append(time.perf_counter() - started_at_s)
    return min(took_s)


def explain(story: str, fields: Mapping[str, str]) -> None:
    """Answer `--help` with what is measured and what each field means."""
    meanings = "\n".join(f"  {name}: {meaning}" for name, meaning in fields.items())
    argparse.ArgumentParser(
        description=f"{story}\n\nFields:\n{meanings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()


def tell(**fields: float) -> None:
    print(json.dumps({name: float(f"{value:.5g}") for name, value in fields.items()}))
