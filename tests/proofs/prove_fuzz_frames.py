"""A guided fuzzer on every decoder of frames, packets and units: no crash, no hang.

Guided by coverage where `atheris` is installed (`pip install atheris`: wheels for Python 3.11 to
3.13); elsewhere the same number of random inputs.
"""

import random
import subprocess
import sys
import time
from pathlib import Path

from tests.proofs.report import Report

RUNS = 40_000
LONGEST_BYTES = 2048
HANG_S = 5


def down(data: bytes) -> None:
    """One of several links, chosen by the first byte, heard in two pieces."""
    from telemetry.frames import links, receiver
    from tests.telemetry.frames.test_any_bytes import LINKS

    chosen, half = list(LINKS.values())[data[0] % len(LINKS) if data else 0], len(data) // 2
    reading = receiver.Receiver(links.read(chosen))
    reading.feed(data[1:half])
    reading.feed(data[half:])
    reading.finish()
    account = reading.account
    assert account.usable_frames + account.faults.total() == account.frames


def up(data: bytes) -> None:
    """Telecommand frames, segments, control words, and packets as they are read whole."""
    from telemetry.frames import clcw, tc
    from telemetry.packets import encapsulation, space

    for decode, refusal in [
        (tc.decode_all, tc.BadFrame),
        (encapsulation.decode, encapsulation.BadPacket),
        (space.decode_downlink, space.BadPacket),
    ]:
        try:
            decode(data)
        except refusal:
            pass
    if len(data) >= 4:
        clcw.read(data[:4])
    tc.Joiner(longest_bytes=99).feed(data[n : n + 9] for n in range(0, len(data), 9))


def units(data: bytes) -> None:
    """Transmission units, in both modes."""
    from telemetry.frames import cltu

    cltu.decode(data, corrects=bool(data) and data[0] > 127)


TARGETS = {target.__name__: target for target in (down, up, units)}


def fuzz(name: str, arguments: list[str]) -> None:
    """Run in a process of its own: a crash of the fuzzer is the end of its process."""
    try:
        import atheris
    except ImportError:
        dice = random.Random(1)
        for _ in range(RUNS):
            TARGETS[name](dice.randbytes(dice.randrange(LONGEST_BYTES)))
        print(f"Done {RUNS} random inputs", file=sys.stderr)
        return
    with atheris.instrument_imports(include=["telemetry"]):
        import telemetry.frames.cltu
        import telemetry.frames.receiver
        import telemetry.packets.encapsulation  # noqa: F401
    atheris.Setup([name, *arguments], TARGETS[name])
    atheris.Fuzz()


def prove_no_bytes_bring_a_decoder_down(tmp_path: Path) -> None:
    report = Report(
        "fuzz_frames",
        "Fuzzing the decoders of frames",
        ["decoders", "inputs", "took", "ended with"],
    )
    for name in TARGETS:
        started_at_s = time.monotonic()
        ended = subprocess.run(
            [
                *(sys.executable, "-m", __name__, name, f"-runs={RUNS}", f"-timeout={HANG_S}"),
                *(f"-max_len={LONGEST_BYTES}", "-seed=1", f"-artifact_prefix={tmp_path}/"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        last = ended.stderr.strip().splitlines()[-1]
        report.row(name, RUNS, f"{time.monotonic() - started_at_s:.0f} s", last)
        assert ended.returncode == 0, ended.stderr[-3000:]


if __name__ == "__main__":
    fuzz(sys.argv[1], sys.argv[2:])
