"""Hold passes to `brahe` and `satkit`, and write down what came of it.

brahe brings a data frame library of 100 MB with it, so that it is not among the tests'
requirements. In an environment of its own:

    python -m venv ../oracles
    ../oracles/bin/pip install -r requirements/test.txt
    ../oracles/bin/pip install brahe==1.8.0
    ../oracles/bin/python -m tests.oracles.passes

writes `tests/oracles/passes.md`. The suite itself compares with satkit.
"""

from functools import partial
from importlib.metadata import version
from pathlib import Path

from tests.oracles import by_brahe, by_satkit, sample

COUNT = 240
REPORT = Path(__file__).with_suffix(".md")
HEAD = """# Passes beside two other implementations

Written by `python -m tests.oracles.passes`: {count} random pairs of 2,800 real low orbits and 24
stations, above 10 degrees, over the day from 2026-08-22T12:00Z. Both are given UT1-UTC as our
tables have it ({dut1:.4f} s); both read the lines, fly them and know the ellipsoid by themselves.

| | compared | missed by us | extra | AOS, LOS apart | of those over 11 degrees | top apart |
|---|---|---|---|---|---|---|
"""
TAIL = """
"Missed" and "extra" are among passes over a second. satkit is asked for elevations, every five
seconds and between; it turns SGP4's frame as we do, by sidereal time alone. brahe searches by
itself, every {step:g} s, to {tolerance:g} s, and goes through the celestial frame by models of its
own: its positions are some 20 m beside Skyfield's and ours, hundredths of a second at AOS and more
for a pass that grazes the mask.
"""


def main() -> None:
    by_satkit.quietly()
    by_brahe.turn_the_earth(sample.DUT1_S)
    span = {"mask_deg": sample.MASK_DEG, "start_s": sample.START_S, "end_s": sample.END_S}
    report = HEAD.format(count=COUNT, dut1=sample.DUT1_S)
    for name, oracle in (
        ("satkit", partial(by_satkit.passes, dut1_s=sample.DUT1_S, **span)),
        ("brahe", partial(by_brahe.passes, **span)),
    ):
        seen = sample.compare(oracle, COUNT)
        report += (
            f"| {name} {version(name)} | {seen.compared} | {seen.missed} | {seen.extra} "
            f"| {seen.worst_s:.2g} s | {seen.worst_clear_s:.2g} s "
            f"| {seen.worst_deg:.2g} degrees |\n"
        )
    report += TAIL.format(step=by_brahe.STEP_S, tolerance=by_brahe.TOLERANCE_S)
    REPORT.write_text(report)
    print(report)


if __name__ == "__main__":
    main()
