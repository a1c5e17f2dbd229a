"""A pack carried between two of our CFDP engines, beside a CRC-32C over it in the same run."""

import random

import google_crc32c

from telemetry.onboard import FILE_SEGMENT_BYTES
from tests.benchmarks import timing
from tests.uplink.transfers.cfdp import link as link_between
from uplink.transfers import cfdp

FILE_BYTES = 8 << 20
FIELDS = {
    "mb_per_s": "file bytes from sender to receiver, 10^6 a second, both engines in one process",
    "links_of_20_mbit_per_s": "how many links of 20 Mbit/s that would fill",
    "ratio_crc32c": "our time over that of the checksum alone",
}


def main() -> None:
    timing.explain(__doc__, FIELDS)
    data = random.Random(1).randbytes(FILE_BYTES)
    limits = cfdp.Limits(ack_s=60, nak_s=60, inactivity_s=600, tries=5)

    def carry() -> None:
        disk = link_between.Disk()
        sender = cfdp.Sender(
            link_between.TRANSACTION,
            "pack/bench",
            len(data),
            google_crc32c.value(data),
            lambda offset, count: data[offset : offset + count],
            FILE_SEGMENT_BYTES,
            limits=limits,
        )
        receiver = link_between.make_receiver(disk, limits=limits, most_bytes=FILE_BYTES)
        while disk.kept is None:
            for pdu in sender.next_pdus(1_000, 0.0):
                receiver.receive(pdu, 0.0)
            for pdu in receiver.pending_pdus():
                sender.receive(pdu, 0.0)
        assert disk.kept == data

    carried_s = timing.best_s(carry)
    checked_s = timing.best_s(lambda: google_crc32c.value(data))
    timing.tell(
        mb_per_s=FILE_BYTES / carried_s / 1e6,
        links_of_20_mbit_per_s=FILE_BYTES * 8 / carried_s / 20e6,
        ratio_crc32c=carried_s / checked_s,
    )


if __name__ == "__main__":
    main()
