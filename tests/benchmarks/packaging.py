"""A model's next version to a satellite that has the one before: bytes on air, by four ways.

Ours is manifest and packs. zstd, `zstd --patch-from` and content-defined chunks of 64 KiB that are
compressed with zstd have their lists and headers for nothing; all use level 19. Pairs that are made
here take a few layers of the model that ships; real ones are fetched once, and where they cannot be
had a line says so. Decoding runs in a process of its own. The whole takes some three to six
minutes, most of them for the others.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyfastcdc
import zstandard

from tests.benchmarks import pairs, timing
from uplink.transfers.packaging import building, cutting, manifests

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LAYERS = 2
LEVEL = 19
CDC_BYTES = 64 * 1024
LIGHT = "light fine-tune, BF16"
FIELDS = {
    "worst_excess_over_best": "ours minus the best of the others, of the new file, the worst pair",
    "light_finetune_fraction": "bytes on air of the light fine-tune in BF16, of the new file",
    "light_finetune_q8_0_fraction": "the same fine-tune, quantised to Q8_0",
    "light_finetune_q4_1_fraction": "the same fine-tune, quantised to Q4_1",
    "encode_mb_per_s": "light fine-tune in BF16: cutting, matching and packing",
    "decode_mb_per_s": "the same put together, every chunk and base checked",
    "decoder_peak_mib": "most memory over interpreter and imports, the worst pair",
}


@dataclass(frozen=True, slots=True)
class Ours:
    air_bytes: int
    encode_s: float
    decode_s: float
    peak_mib: float


def main() -> None:
    timing.explain(__doc__, FIELDS)
    print(f"{'pair':28}{'MB':>7}{'ours':>10}{'zstd':>10}{'patch-from':>12}{'chunks':>10}  note")
    excess, found = [], {}
    with tempfile.TemporaryDirectory() as name:
        for pair in _pairs(Path(name)):
            size = pair.new.stat().st_size
            ours = found[pair.name] = measure(pair, Path(name))
            others = [way(pair) / size for way in (plain, patch_from, content_chunks)]
            mine = ours.air_bytes / size
            excess.append(mine - min(others))
            widths = zip([mine, *others], (10, 10, 12, 10), strict=True)
            cells = "".join(f"{one:>{width}.5f}" for one, width in widths)
            print(f"{pair.name:28}{size / 1e6:7.1f}{cells}  {pair.note}", flush=True)
            found[pair.name, "size"] = size
    light = found[LIGHT]
    size = found[LIGHT, "size"]
    timing.tell(
        worst_excess_over_best=max(excess),
        light_finetune_fraction=light.air_bytes / size,
        **{
            f"light_finetune_{kind}_fraction": found[name].air_bytes / found[name, "size"]
            for kind, name in (
                ("q8_0", "light fine-tune, Q8_0"),
                ("q4_1", "light fine-tune, Q4_1"),
            )
        },
        encode_mb_per_s=size / light.encode_s / 1e6,
        decode_mb_per_s=size / light.decode_s / 1e6,
        decoder_peak_mib=max(one.peak_mib for one in found.values() if isinstance(one, Ours)),
    )


def _pairs(folder: Path) -> Iterator[pairs.Pair]:
    yield from pairs.made(folder, LAYERS)
    yield from pairs.real(folder)


def measure(pair: pairs.Pair, folder: Path) -> Ours:
    """Package the pair, put it together elsewhere, and compare the bytes."""
    started_at_s = time.perf_counter()
    made = building.plan(cutting.cut(pair.new), [cutting.cut(pair.old)])
    manifest = folder / "manifest"
    manifest.write_bytes(manifests.encode(made.manifest))
    wanted = building.expected(made.manifest, [0])
    with tempfile.TemporaryDirectory(dir=folder) as packs:
        shipments = building.pack(made, [wanted], Path(packs))
        encode_s = time.perf_counter() - started_at_s
        output = folder / "output"
        paths = [str(one.pack.path) for one in shipments]
        unpack = [sys.executable, "-m", "tests.benchmarks.unpacking"]
        done = subprocess.run(
            [*unpack, str(manifest), str(output), str(pair.old), *paths],
            check=True,
            capture_output=True,
            text=True,
        )
    said = json.loads(done.stdout.splitlines()[-1])
    assert output.read_bytes() == pair.new.read_bytes()
    output.unlink()
    air_bytes = manifest.stat().st_size + sum(one.pack.size for one in shipments)
    return Ours(air_bytes, encode_s, said["took_s"], said["peak_mib"])


def plain(pair: pairs.Pair) -> int:
    return len(zstandard.ZstdCompressor(level=LEVEL).compress(pair.new.read_bytes()))


def patch_from(pair: pairs.Pair) -> int:
    """What `zstd --patch-from` makes: the old file as a prefix, in a window that holds both."""
    old, new = pair.old.read_bytes(), pair.new.read_bytes()
    options = {
        zstd.CompressionParameter.compression_level: LEVEL,
        zstd.CompressionParameter.window_log: min(27, (len(old) + len(new)).bit_length()),
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    prefix = zstd.ZstdDict(old, is_raw=True).as_prefix
    return len(zstd.compress(new, options=options, zstd_dict=prefix))


def content_chunks(pair: pairs.Pair) -> int:
    cutter = pyfastcdc.FastCDC(avg_size=CDC_BYTES)
    known = {bytes(one.data) for one in cutter.cut_buf(pair.old.read_bytes())}
    compressor, air_bytes = zstandard.ZstdCompressor(level=LEVEL), 0
    for one in cutter.cut_buf(pair.new.read_bytes()):
        if (data := bytes(one.data)) not in known:
            known.add(data)
            air_bytes += len(compressor.compress(data))
    return air_bytes


if __name__ == "__main__":
    main()
