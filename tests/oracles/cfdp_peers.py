"""Our CFDP engine against `cfdp-py` and `pycfdp`, both ways, without loss and with 5 % of it.

    python -m tests.oracles.cfdp_peers [--size BYTES] [--seed N] [--record FILE]

Each peer runs in an environment of its own (made under `.peers` when it is missing) as a process
of its own, which we speak with over pipes. Loss is drawn for each PDU in both directions. One line
tells of each flight; a file that is not the same, or does not come, ends it with a traceback.

Of the peers' faults one is spared them: `cfdp-py` 0.7.0 as a receiver never ends a transaction
whose Metadata was lost, so that this PDU always arrives there. Everything else may be lost.

With `--record` what the peers said in the lossy flights, and when, is written to a file, for the
test suite to play to our engine again (`tests/uplink/transfers/cfdp/test_peers.py`).
"""

import argparse
import json
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from queue import Empty, Queue

from tests.oracles.peers import environments
from tests.uplink.transfers.cfdp.link import kind
from uplink.transfers import cfdp

LIMITS = cfdp.Limits(ack_s=0.5, nak_s=0.5, inactivity_s=5, tries=30, repair_s=0.1)
LOSSES = 0.0, 0.05
TIMEOUT_S = 60.0


class Peer:
    """A peer's process: PDUs to it and from it, some of which are lost on the way."""

    def __init__(self, command: list[str], lost: Callable[[bytes], bool]) -> None:
        self.lost = lost
        self.heard: list[tuple[float, str]] = []
        """What arrived of its words, and when."""
        self.carried = self.dropped = 0
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._said: Queue[bytes] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self._complaints: list[str] = []
        threading.Thread(target=self._overhear, daemon=True).start()

    def _listen(self) -> None:
        while head := self._process.stdout.read(4):
            self._said.put(self._process.stdout.read(int.from_bytes(head, "big")))

    def _overhear(self) -> None:
        for line in self._process.stderr:
            self._complaints.append(line.decode())

    def take(self, pdus: list[bytes]) -> None:
        """Give PDUs to the peer."""
        arriving = [pdu for pdu in pdus if self._arrives(pdu)]
        try:
            for pdu in arriving:
                self._process.stdin.write(len(pdu).to_bytes(4, "big") + pdu)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: the file tells how

    def said(self, now_s: float) -> list[bytes]:
        """Return what of its words has arrived."""
        found = []
        try:
            found.append(self._said.get(timeout=0.02))
            while True:
                found.append(self._said.get_nowait())
        except Empty:
            pass
        arrived = [pdu for pdu in found if self._arrives(pdu)]
        self.heard += [(round(now_s, 3), pdu.hex()) for pdu in arrived]
        return arrived

    def _arrives(self, pdu: bytes) -> bool:
        lost = self.lost(pdu)
        self.carried, self.dropped = self.carried + 1, self.dropped + lost
        return not lost

    def end(self) -> str:
        self._process.kill()
        self._process.wait()
        return "".join(self._complaints[-10:])


def make_sender(data: bytes, segment_bytes: int) -> cfdp.Sender:
    def read(offset: int, count: int) -> bytes:
        return data[offset : offset + count]

    return cfdp.Sender(
        cfdp.TransactionId(1, 2, 7),
        "kept",
        len(data),
        cfdp.checksum_of(cfdp.Checksum.CRC32C, read, len(data)),
        read,
        segment_bytes,
        source_name="sent",
        limits=LIMITS,
    )


def send(peer: Peer, data: bytes, folder: Path, segment_bytes: int) -> None:
    """Send a file to a peer."""
    sender = make_sender(data, segment_bytes)

    def step(now_s: float) -> bool:
        for pdu in peer.said(now_s):
            sender.receive(pdu, now_s)
        sender.tick(now_s)
        peer.take(sender.next_pdus(50, now_s))
        return sender.state.is_over

    _converse(step)
    assert sender.state is cfdp.SenderState.FINISHED, sender.fault
    assert (folder / "kept").read_bytes() == data


def make_receiver(transaction: cfdp.TransactionId, content: bytearray) -> cfdp.Receiver:
    def write(offset: int, piece: bytes) -> None:
        content[offset : offset + len(piece)] = piece

    def checksum(size: int, kind: int) -> int:
        return cfdp.checksum_of(kind, lambda at, n: bytes(content[at : at + n]), size)

    most_bytes = len(content)
    return cfdp.Receiver(transaction, write, checksum, most_bytes=most_bytes, limits=LIMITS)


def receive(peer: Peer, data: bytes, folder: Path, segment_bytes: int) -> None:
    """Receive a file from a peer."""
    content = bytearray(len(data))
    receivers: dict[cfdp.TransactionId, cfdp.Receiver] = {}
    kept: list[cfdp.Event] = []

    def step(now_s: float) -> bool:
        for pdu in peer.said(now_s):
            transaction = cfdp.decode_head(pdu).transaction
            if transaction not in receivers:
                receivers[transaction] = make_receiver(transaction, content)
            kept.extend(receivers[transaction].receive(pdu, now_s))
        for receiver in receivers.values():
            receiver.tick(now_s)
            peer.take(receiver.pending_pdus())
        return cfdp.Event.CLOSED in kept

    _converse(step)
    assert cfdp.Event.KEPT in kept, [one.condition for one in receivers.values()]
    assert content == data


def _converse(step: Callable[[float], bool]) -> None:
    started_s = time.monotonic()
    while not step(time.monotonic() - started_s):
        assert time.monotonic() - started_s < TIMEOUT_S, "the transfer never ends"


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be flown."""

    data: bytes
    segment_bytes: int
    dice: random.Random


def fly(name: str, task: Task, *, sends: bool, loss: float) -> Peer:
    """Carry one file between us and a peer; return the peer, gone."""
    spared = {"Metadata"} if name == "cfdp-py" and sends else set()

    def lost(pdu: bytes) -> bool:
        return task.dice.random() < loss and kind(pdu) not in spared

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if sends:
            arguments = ["receive", place]
        else:
            (folder / "sent").write_bytes(task.data)
            arguments = ["send", f"{place}/sent", str(task.segment_bytes)]
        peer = Peer([*environments.command(name), *arguments], lost)
        try:
            (send if sends else receive)(peer, task.data, folder, task.segment_bytes)
        except BaseException:
            print(peer.end())
            raise
        peer.end()
    return peer


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--size", type=int, default=300_000, help="bytes of the file")
    options.add_argument("--segment", type=int, default=1024, help="bytes of a segment")
    options.add_argument("--seed", type=int, default=1, help="of the file and of the losses")
    options.add_argument("--losses", type=float, nargs="+", default=LOSSES, help="0.0 0.05")
    options.add_argument("--record", type=Path, help="where to write what the peers said")
    chosen = options.parse_args()
    dice = random.Random(chosen.seed)
    task = Task(dice.randbytes(chosen.size), chosen.segment, dice)
    flown = []
    for name, sends, loss in product(environments.PEERS, (True, False), chosen.losses):
        peer = fly(name, task, sends=sends, loss=loss)
        way = f"to {name}" if sends else f"from {name}"
        lost = f"{peer.dropped} of {peer.carried} PDUs lost"
        print(f"{way}, {loss:.0%} loss: identical; {lost}", flush=True)
        if loss:
            flown.append({"flight": f"{way} at {loss:.0%}", "sends": sends, "heard": peer.heard})
    if chosen.record:
        about = {"seed": chosen.seed, "size": chosen.size, "segment_bytes": chosen.segment}
        chosen.record.write_text(json.dumps(about | {"flights": flown}, indent=1) + "\n")


if __name__ == "__main__":
    main()
