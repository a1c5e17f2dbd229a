"""One artefact put together in a process of its own: how fast, and in how much memory.

    python -m tests.benchmarks.unpacking MANIFEST OUTPUT BASE-OR-"-" [PACK ...]

The last line is JSON: seconds, and the most memory over that of the interpreter with its imports.
"""

import json
import os
import sys
import time
from pathlib import Path

from uplink.transfers.packaging import assembling, manifests


def main() -> None:
    manifest_path, output, base, *packs = sys.argv[1:]
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here (proc(5))
    before_kib = _kib("VmHWM")
    started_at_s = time.perf_counter()
    assembler = _assembler(Path(manifest_path), Path(output), base)
    for _ in assembler.gather():
        pass
    for path in packs:
        with Path(path).open("rb") as file:
            refused = [why for _, why in assembler.take_pack(file) if why]
        assert not refused, refused
    assert assembler.is_complete
    took_s = time.perf_counter() - started_at_s
    assert assembler.verify()
    print(json.dumps({"took_s": took_s, "peak_mib": (_kib("VmHWM") - before_kib) / 1024}))


def _assembler(manifest_path: Path, output: Path, base: str) -> assembling.Assembler:
    manifest = manifests.decode(manifest_path.read_bytes())
    out = os.open(output, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    os.ftruncate(out, manifest.size)
    readers = []
    if manifest.sources:
        old = os.open(base, os.O_RDONLY)
        readers = [lambda offset, count: os.pread(old, count, offset)]
    return assembling.Assembler(
        manifest,
        readers,
        lambda offset, data: os.pwrite(out, data, offset),
        lambda offset, count: os.pread(out, count, offset),
    )


def _kib(field: str) -> int:
    """Return a line of /proc/self/status (proc(5)) in KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise SystemExit(f"{field} is not in /proc/self/status.")


if __name__ == "__main__":
    main()
