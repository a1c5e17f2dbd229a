"""Two engines and the link between them: what it loses, doubles, swaps and cuts is given."""

import random
from collections.abc import Callable

import google_crc32c

from uplink.transfers import cfdp
from uplink.transfers.cfdp import pdu as pdus

TRANSACTION = cfdp.TransactionId(1, 1025, 77)
LIMITS = cfdp.Limits(ack_s=2, nak_s=2, inactivity_s=20, tries=5)
SEGMENT_BYTES = 100


class Disk:
    """Where a receiver writes: what was journalled survives a crash, the bytes always do."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.kept: bytes | None = None
        self.keeps = 0
        self.journal: dict[str, object] | None = None

    def write(self, offset: int, data: bytes) -> None:
        if len(self.bytes) < offset + len(data):
            self.bytes.extend(bytes(offset + len(data) - len(self.bytes)))
        self.bytes[offset : offset + len(data)] = data

    def checksum(self, size: int, kind: int) -> int:
        return cfdp.checksum_of(kind, lambda at, n: bytes(self.bytes[at : at + n]), size)

    def keep(self, metadata: pdus.Metadata) -> cfdp.Condition:
        self.kept = bytes(self.bytes[: metadata.size])
        self.keeps += 1
        return cfdp.Condition.NO_ERROR


def make_sender(data: bytes, **options: object) -> cfdp.Sender:
    options = {"limits": LIMITS, "checksum": google_crc32c.value(data), **options}
    return cfdp.Sender(
        TRANSACTION,
        "pack/test",
        len(data),
        options.pop("checksum"),
        lambda offset, count: data[offset : offset + count],
        SEGMENT_BYTES,
        **options,
    )


def make_receiver(disk: Disk, **options: object) -> cfdp.Receiver:
    options = {"most_bytes": 1 << 20, "limits": LIMITS, **options}
    return cfdp.Receiver(TRANSACTION, disk.write, disk.checksum, disk.keep, **options)


class Link:
    """Carries PDUs in steps of 0.1 s; `fate(pdu)` returns the copies of a PDU that arrive."""

    def __init__(
        self,
        sender: cfdp.Sender,
        receiver: cfdp.Receiver,
        fate: Callable[[bytes], list[bytes]] = lambda pdu: [pdu],
        shuffle: random.Random | None = None,
    ) -> None:
        self.sender, self.receiver, self.fate, self.shuffle = sender, receiver, fate, shuffle
        self.now_s = 0.0
        self.events: list[cfdp.Event] = []
        self.radiated: list[bytes] = []

    def step(self, count: int = 5) -> None:
        self.now_s += 0.1
        up = self.sender.next_pdus(count, self.now_s)
        self.radiated += up
        arriving = [copy for pdu in up for copy in self.fate(pdu)]
        if self.shuffle:
            self.shuffle.shuffle(arriving)
        for pdu in arriving:
            self.events += self.receiver.receive(pdu, self.now_s)
        down = [copy for pdu in self.receiver.pending_pdus() for copy in self.fate(pdu)]
        if self.shuffle:
            self.shuffle.shuffle(down)
        for pdu in down:
            self.sender.receive(pdu, self.now_s)
        self.events += self.receiver.tick(self.now_s)
        self.sender.tick(self.now_s)

    def run(self, steps: int = 2000) -> None:
        """Go on until both ends are done."""
        for _ in range(steps):
            self.step()
            closed = self.receiver.state is cfdp.ReceiverState.CLOSED
            if self.sender.state.is_over and closed:
                return
        raise AssertionError(f"{self.sender.state} and {self.receiver.state} after {steps} steps.")

    def file_data(self) -> list[pdus.FileData]:
        found = [pdus.decode(pdu)[1] for pdu in self.radiated]
        return [one for one in found if isinstance(one, pdus.FileData)]


def kind(pdu: bytes) -> str:
    """Name a PDU the way the tables of the standard do."""
    _, content = pdus.decode(pdu)
    name = type(content).__name__
    return f"Ack({content.of.name})" if isinstance(content, pdus.Ack) else name
