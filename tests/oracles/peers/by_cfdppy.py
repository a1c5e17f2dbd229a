"""`cfdp-py` as a peer; runs in an environment of its own, without anything of ours.

    python by_cfdppy.py send FILE SEGMENT_BYTES     PDUs on standard input and output
    python by_cfdppy.py receive FOLDER              the same, the other way round
    python by_cfdppy.py race MIB SEGMENT_BYTES      both ends here; bytes a second

On the pipes each PDU has its length before it, in four bytes. Its own file store is used as it is
shipped.
"""

import os
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from cfdppy.exceptions import PduIgnoredForDest, PduIgnoredForSource
from cfdppy.handler import DestHandler, SourceHandler
from cfdppy.mib import (
    CheckTimerProvider,
    DefaultFaultHandlerBase,
    IndicationConfig,
    LocalEntityConfig,
    RemoteEntityConfig,
    RemoteEntityConfigTable,
)
from cfdppy.request import PutRequest
from cfdppy.user import CfdpUserBase
from framed import pdus_waiting, write_pdu
from spacepackets.cfdp import ChecksumType, TransmissionMode
from spacepackets.cfdp.pdu import PduFactory
from spacepackets.countdown import Countdown
from spacepackets.seqcount import SeqCountProvider
from spacepackets.util import ByteFieldU16


class Faults(DefaultFaultHandlerBase):
    def notice_of_suspension_cb(self, transaction_id, cond, progress):
        print(f"suspended: {cond!r}", file=sys.stderr)

    def notice_of_cancellation_cb(self, transaction_id, cond, progress):
        print(f"cancelled: {cond!r}", file=sys.stderr)

    def abandoned_cb(self, transaction_id, cond, progress):
        print(f"abandoned: {cond!r}", file=sys.stderr)

    def ignore_cb(self, transaction_id, cond, progress):
        print(f"ignored: {cond!r}", file=sys.stderr)


class User(CfdpUserBase):
    """Notes how a transaction ended."""

    ended = None

    def transaction_finished_indication(self, params):
        self.ended = params.finished_params.condition_code.name

    def _nothing(self, *arguments, **named):
        pass

    transaction_indication = eof_sent_indication = metadata_recv_indication = _nothing
    file_segment_recv_indication = report_indication = suspended_indication = _nothing
    resumed_indication = fault_indication = abandoned_indication = eof_recv_indication = _nothing


class Timers(CheckTimerProvider):
    def provide_check_timer(self, local_entity_id, remote_entity_id, entity_type):
        return Countdown(timedelta(seconds=2))


def local(number):
    quiet = IndicationConfig(file_segment_recvd_indication_required=False)
    return LocalEntityConfig(ByteFieldU16(number), quiet, Faults())


def remote(number, segment_bytes):
    return RemoteEntityConfigTable(
        [
            RemoteEntityConfig(
                entity_id=ByteFieldU16(number),
                max_file_segment_len=segment_bytes,
                max_packet_len=segment_bytes + 64,
                closure_requested=False,
                crc_on_transmission=False,
                default_transmission_mode=TransmissionMode.ACKNOWLEDGED,
                crc_type=ChecksumType.CRC_32C,
                positive_ack_timer_interval_seconds=0.5,
                positive_ack_timer_expiration_limit=20,
                nak_timer_interval_seconds=0.5,
                nak_timer_expiration_limit=20,
            )
        ]
    )


def source(user, segment_bytes):
    sequence = SeqCountProvider(32)
    return SourceHandler(local(1), user, remote(2, segment_bytes), Timers(), sequence)


def destination(user, segment_bytes):
    return DestHandler(local(2), user, remote(1, segment_bytes), Timers())


def put(handler, path, name):
    handler.put_request(PutRequest(ByteFieldU16(2), path, Path(name), None, None))


def step(handler, pdu, out):
    """Let a handler take one PDU, or nothing; what it has to say goes to `out`."""
    packet = None if pdu is None else PduFactory.from_raw(pdu)
    try:
        handler.state_machine(packet)
    except (PduIgnoredForDest, PduIgnoredForSource):
        pass
    while (leaving := handler.get_next_packet()) is not None:
        out(bytes(leaving.pack()))


def converse(handler, user, incoming, linger_s):
    """Speak over the pipes until the transaction is over, and a little longer."""
    over_s = None
    while over_s is None or time.monotonic() - over_s < linger_s:
        waiting = incoming.take(0.0 if over_s is None else 0.05)
        if waiting is None:
            return
        for pdu in waiting or [None]:
            step(handler, pdu, write_pdu)
        if user.ended is not None and over_s is None:
            over_s = time.monotonic()
            print(f"ended: {user.ended}", file=sys.stderr)


def race(size, segment_bytes):
    """Both ends in this process, bytes between them, files on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        path, kept = Path(folder) / "sent", Path(folder) / "kept"
        path.write_bytes(os.urandom(size))
        users = User(), User()
        ends = source(users[0], segment_bytes), destination(users[1], segment_bytes)
        put(ends[0], path, kept)
        up, down = [], []
        started_s = time.perf_counter()
        while users[0].ended is None or users[1].ended is None:
            for end, taken, given in ((ends[0], down, up), (ends[1], up, down)):
                pdus, taken[:] = taken[:], []
                for pdu in pdus or [None]:
                    step(end, pdu, given.append)
        took_s = time.perf_counter() - started_s
        assert kept.read_bytes() == path.read_bytes()
    print(size / took_s)


def main():
    if sys.argv[1] == "race":
        race(int(sys.argv[2]) << 20, int(sys.argv[3]))
        return
    user = User()
    incoming = pdus_waiting()
    if sys.argv[1] == "send":
        handler = source(user, int(sys.argv[3]))
        put(handler, Path(sys.argv[2]), "kept")
        converse(handler, user, incoming, 1.0)
    else:
        os.chdir(sys.argv[2])
        converse(destination(user, 1024), user, incoming, 3.0)


if __name__ == "__main__":
    main()
