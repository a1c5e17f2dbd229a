"""From channel access data units to packets, beside a plain loop over syndromes in the same run.

The units are those of our downlink frames, coded as most missions do: 1,115 bytes in Reed-Solomon
(255,223) at interleave 5, dual basis, randomised. Timed is everything from the bytes of the stream
to the packets: sync markers, randomiser, Reed-Solomon, frame headers, checksums, reassembly.
"""

import functools
import hashlib
import time

import numpy as np

from telemetry.frames import aos, cadu, galois, packing, randomiser, reassembly, reedsolomon, sync
from telemetry.packets import space
from tests.benchmarks import timing

FRAMES = 2_000
PACKET_BYTES = 406
DIRTY = 0.02
CODING = cadu.Coding(1115, reedsolomon.Code(32, interleave=5))
FIELDS = {
    "mbit_per_s": "bits of units a second, from stream to packets, without errors",
    "mbit_per_s_dirty": "the same with 1 to 16 wrong symbols in 2 % of the codewords",
    "mbit_per_processor_s": "bits of units a second of processor time, without errors: what a core "
    "does that nobody else uses",
    "codec_mbit_per_s": "Reed-Solomon alone, without errors",
    "codec_mbit_per_s_dirty": "Reed-Solomon alone, with the errors",
    "plain_mbit_per_s": "the peer: syndromes by Horner's rule in NumPy, which only tell clean from "
    "dirty",
    "ratio_plain": "codec_mbit_per_s over plain_mbit_per_s",
    "frames_per_s": "frames of 1,115 bytes whose headers and FECF are read",
    "ratio_sha256": "the whole way's speed over that of SHA-256 over the same bytes",
}


def packed() -> tuple[bytes, int]:
    """Return frames full of packets, and how many packets end in them."""
    packer = packing.Packer(aos.DOWNLINK, spacecraft=1, channel=0)
    frames, packets = [], 0
    while len(frames) < FRAMES:
        while packer.pending_bytes < aos.DOWNLINK.zone_bytes:
            packer.add(space.encode(0x10, packets, bytes([packets % 251]) * (PACKET_BYTES - 6)))
            packets += 1
        frames.append(packer.pull(ocf=bytes(4)))
    return b"".join(frames), FRAMES * aos.DOWNLINK.zone_bytes // PACKET_BYTES


def spoilt(units: np.ndarray) -> np.ndarray:
    """Return the units with 1 to 16 wrong symbols in DIRTY of their codewords."""
    random, units = np.random.default_rng(1), units.copy()
    for unit, word in np.argwhere(random.random((len(units), 5)) < DIRTY):
        places = random.choice(255, random.integers(1, 17), replace=False)
        wrong = random.integers(1, 256, len(places), dtype=np.uint8)
        units[unit, sync.MARKER_BYTES + places * 5 + word] ^= wrong
    return units


def to_packets(stream: bytes, expected: int) -> None:
    synchroniser, packets = sync.Synchroniser(CODING.search), 0
    reassembler = reassembly.Reassembler()
    for units in (synchroniser.feed(stream), synchroniser.finish()):
        decoded = cadu.decode(CODING, units.data)
        batch = aos.decode(aos.DOWNLINK, decoded.data.tobytes())
        packets += len(reassembler.feed(batch, batch.faults(spacecraft=1)).packets)
    assert packets == expected, f"{packets} packets of {expected}"


def plain(words: np.ndarray) -> None:
    """Compute 32 syndromes of every codeword, (255, n), in the plainest way that is not a loop
    over codewords."""
    words = galois.FROM_DUAL[words]
    for j in range(112, 144):
        step = galois.PRODUCTS[galois.power(11 * j)]
        syndromes = np.zeros(words.shape[1], np.uint8)
        for row in words:
            syndromes = step[syndromes] ^ row
        assert not syndromes.any()


def main() -> None:
    timing.explain(__doc__, FIELDS)
    frames, packets = packed()
    rows = np.frombuffer(frames, np.uint8).reshape(FRAMES, -1)
    units = cadu.encode(CODING, rows)
    dirty = spoilt(units)
    bits = 8 * units.size
    clean_s, dirty_s = (
        timing.best_s(functools.partial(to_packets, each.tobytes(), packets))
        for each in (units, dirty)
    )
    began_s = time.process_time()
    to_packets(units.tobytes(), packets)
    processor_s = time.process_time() - began_s
    blocks = reedsolomon.encode(CODING.code, rows)
    dirty_blocks = randomiser.apply(CODING.sequence, dirty[:, sync.MARKER_BYTES :])
    codec_s, codec_dirty_s = (
        timing.best_s(functools.partial(reedsolomon.decode, CODING.code, each))
        for each in (blocks, dirty_blocks)
    )
    words = blocks[: FRAMES // 10].reshape(-1, 255, 5).transpose(1, 0, 2).reshape(255, -1)
    plain_s = timing.best_s(functools.partial(plain, words))
    read_s = timing.best_s(lambda: aos.decode(aos.DOWNLINK, frames))
    hashed_s = timing.best_s(lambda: hashlib.sha256(units).digest())
    timing.tell(
        mbit_per_s=bits / clean_s / 1e6,
        mbit_per_s_dirty=bits / dirty_s / 1e6,
        mbit_per_processor_s=bits / processor_s / 1e6,
        codec_mbit_per_s=bits / codec_s / 1e6,
        codec_mbit_per_s_dirty=bits / codec_dirty_s / 1e6,
        plain_mbit_per_s=words.size * 8 / plain_s / 1e6,
        ratio_plain=blocks.size / codec_s / (words.size / plain_s),
        frames_per_s=FRAMES / read_s,
        ratio_sha256=hashed_s / clean_s,
    )


if __name__ == "__main__":
    main()
