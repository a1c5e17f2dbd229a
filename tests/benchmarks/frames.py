"""Reading AOS frames, beside the time that SHA-256 takes for the same bytes in the same run."""

import hashlib

from telemetry.frames import aos
from telemetry.packets import space
from tests.benchmarks import timing

FRAMES = 5_000
FIELDS = {
    "frames_per_s": "downlink frames of 1,115 bytes whose headers and FECF are read",
    "mbit_per_s": "the same in bits of frames",
    "ratio_sha256": "our speed over that of SHA-256 over the same bytes",
}


def main() -> None:
    timing.explain(__doc__, FIELDS)
    zone = space.idle(aos.DOWNLINK.zone_bytes)
    frames = b"".join(
        aos.encode(
            aos.DOWNLINK,
            spacecraft=1,
            channel=0,
            count=count,
            first_header=0,
            zone=zone,
            ocf=bytes(4),
        )
        for count in range(FRAMES)
    )
    assert aos.decode(aos.DOWNLINK, frames).is_intact.all()
    read_s = timing.best_s(lambda: aos.decode(aos.DOWNLINK, frames))
    hashed_s = timing.best_s(lambda: hashlib.sha256(frames).digest())
    timing.tell(
        frames_per_s=FRAMES / read_s,
        mbit_per_s=len(frames) * 8 / read_s / 1e6,
        ratio_sha256=hashed_s / read_s,
    )


if __name__ == "__main__":
    main()
