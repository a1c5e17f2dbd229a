"""Received = stored + duplicates + rejected: by contact, day, virtual channel and APID."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, Sum

from telemetry.models import FrameAccount, Gap, PacketAccount, Reception, Rejected
from telemetry.onboard import Apid, DownlinkChannel
from telemetry.packets import space
from tests.factories import NOON, make_contact, make_station
from tests.telemetry.downlink import Board, Heard

pytestmark = pytest.mark.usefixtures("no_handlers")


def account(contact, channel, apid, **found):
    row = PacketAccount.objects.get(reception__contact=contact, channel=channel, apid=apid, **found)
    assert row.received == row.stored + row.duplicates + row.rejected
    return row


def frames_of(contact, channel):
    return FrameAccount.objects.get(reception__contact=contact, channel=channel)


def test_each_channel_and_apid_has_its_own_account(contact, board, heard):
    first, second = board.platform(), board.status()
    heard.receive(board.frames([first, second]))
    heard.receive(board.frames([first], DownlinkChannel.PLAYBACK))
    heard.receive(board.frames([board.platform()]))

    live = account(contact, DownlinkChannel.LIVE, Apid.HK_PLATFORM)
    assert (live.received, live.stored, live.bytes) == (2, 2, 2 * len(first))
    assert (live.expected, live.heard) == (2, 2)
    dumped = account(contact, DownlinkChannel.PLAYBACK, Apid.HK_PLATFORM)
    assert (dumped.received, dumped.stored, dumped.duplicates) == (1, 0, 1)
    assert account(contact, DownlinkChannel.LIVE, Apid.RECORDER_STATUS).stored == 1
    assert PacketAccount.objects.count() == 3
    assert {row.day for row in PacketAccount.objects.all()} == {NOON.date()}


def test_the_days_of_a_contact_are_kept_apart(contact, board, heard):
    midnight = NOON + timedelta(hours=12)
    for at in (midnight - timedelta(seconds=1), midnight):
        heard.receive(board.frames([board.platform(at=at)]), now=at)
    rows = PacketAccount.objects.order_by("day").values_list("day", "stored")
    assert list(rows) == [(NOON.date(), 1), (midnight.date(), 1)]


def test_rejected_packets_are_counted_by_reason_and_kept(contact, board, heard):
    heard.receive(board.frames([board.platform(charge=0.5)]))
    board.serial = 0
    liar, bare = board.platform(charge=0.6), space.encode(Apid.HK_PLATFORM, 2, b"bare")
    heard.receive(board.frames([liar, bare, bare]))

    row = account(contact, DownlinkChannel.LIVE, Apid.HK_PLATFORM)
    assert (row.received, row.stored, row.rejected) == (4, 1, 3)
    assert row.reasons == {"conflict": 1, "header": 2}
    kept = Rejected.objects.order_by("pk").values_list("code", "channel", "apid")
    assert sorted(kept) == [("conflict", 0, 0x10), ("header", 0, 0x10), ("header", 0, 0x10)]


def test_frames_are_accounted_for_by_channel(contact, board, heard):
    frames = board.frames([board.platform() for _ in range(5)], each=True)
    spoilt = bytearray(frames[1])
    spoilt[300] ^= 4
    files = board.frames([board.packet(Apid.CFDP_DOWN, b"pdu")], DownlinkChannel.FILES)
    heard.receive([frames[0], bytes(spoilt), frames[4], *files])

    live = frames_of(contact, DownlinkChannel.LIVE)
    assert (live.received, live.used, live.rejected, live.lost) == (2, 2, 0, 3)
    assert frames_of(contact, DownlinkChannel.FILES).used == 1
    nobodys = frames_of(contact, -1)
    assert (nobodys.received, nobodys.rejected, nobodys.reasons) == (1, 1, {"bad FECF": 1})


def test_the_database_refuses_books_that_do_not_balance(contact, board, heard):
    heard.receive(board.frames([board.platform()]))
    for row in (PacketAccount.objects.get(), FrameAccount.objects.get()):
        for change in ({"received": 2}, {"rejected": 1, "received": 2}):
            with pytest.raises(IntegrityError, match=r"received|reasons"), transaction.atomic():
                type(row).objects.filter(pk=row.pk).update(**change)
    with pytest.raises(IntegrityError, match="reception_balances"), transaction.atomic():
        Reception.objects.update(packets=F("packets") + 1)


def test_what_an_apid_missed_shows_in_its_own_count(contact, board, heard):
    packets = [board.platform() for _ in range(10)]
    heard.receive(board.frames([*packets[:3], packets[5], packets[4]]))
    heard.receive(board.frames(packets[8:]))
    row = account(contact, DownlinkChannel.LIVE, Apid.HK_PLATFORM)
    assert (row.expected, row.heard) == (10, 7)

    heard.receive(board.frames([packets[7], packets[6]]))  # late, after all
    row.refresh_from_db()
    assert (row.expected, row.heard) == (10, 9)

    heard.receive(board.frames(packets[:2]))  # heard again, which changes nothing
    row.refresh_from_db()
    assert (row.expected, row.heard, row.duplicates) == (10, 9, 2)


def test_a_count_that_wraps_or_begins_anew_is_no_loss(contact, board, heard):
    near_the_end = space.COUNT_MODULUS - 2
    board._counts = space.SequenceCounts({Apid.HK_PLATFORM: near_the_end})
    heard.receive(board.frames([board.platform() for _ in range(5)]))
    board._counts = space.SequenceCounts()  # the satellite forgot where it was
    heard.receive(board.frames([board.platform() for _ in range(5)]))
    row = account(contact, DownlinkChannel.LIVE, Apid.HK_PLATFORM)
    assert (row.expected, row.heard, row.stored) == (10, 10, 10)


def test_a_second_station_that_listens_in_has_books_of_its_own(contact, board, heard):
    packets = [board.platform() for _ in range(40)]
    frames = board.frames(packets)
    listener = Heard(contact)
    listener.station_id = make_station().pk
    for frame in frames:  # at the same instants, number for number
        heard.store([frame])
        listener.store([frame])
    assert heard.decode() == 2 * len(frames)

    ours, theirs = Reception.objects.order_by("pk")
    assert (ours.stored, ours.duplicates) == (40, 0)
    assert (theirs.stored, theirs.duplicates) == (0, 40)
    assert PacketAccount.objects.aggregate(n=Sum("duplicates"))["n"] == 40
    assert not Gap.objects.exists()


def test_gaps_name_the_contact_that_showed_them(contact, board, heard):
    packets = [board.platform() for _ in range(5)]
    heard.receive(board.frames([packets[0], packets[4]]))
    assert Gap.objects.get().contact_id == contact.id


def test_thousands_of_unknown_apids_are_kept_and_counted(contact, board, heard):
    first = board.platform()
    noise = [board.noise(apid) for apid in range(0x200, 0x7FF)]
    heard.receive(board.frames([first, *noise, *noise[:100]]))

    rows = PacketAccount.objects.filter(apid__gte=0x200)
    assert rows.count() == len(noise)
    totals = rows.aggregate(*map(Sum, ("stored", "unknown", "duplicates", "received")))
    assert totals["stored__sum"] == totals["unknown__sum"] == len(noise)
    assert (totals["duplicates__sum"], totals["received__sum"]) == (100, len(noise) + 100)
    assert not Gap.objects.exists()


def test_the_same_pass_by_two_contacts_is_stored_once(contact, board, heard):
    packet = board.platform()
    other = Heard(make_contact(satellite=contact.satellite, aos_at=NOON + timedelta(hours=1)))
    heard.receive(board.frames([packet]))
    other.receive(Board(board.spacecraft).frames([packet]))
    assert account(other.contact, 0, Apid.HK_PLATFORM).duplicates == 1
    assert account(contact, 0, Apid.HK_PLATFORM).stored == 1
