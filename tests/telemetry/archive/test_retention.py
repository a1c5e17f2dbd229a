"""What is older than its age goes, and nothing that is still needed."""

from datetime import timedelta

import pytest

from telemetry.archive import compaction, retention, rolling
from telemetry.models import Gap, Packet, RawBatch, Rejected, Rollup, Segment
from tests.factories import NOON
from tests.telemetry.archive.test_archive import fill

pytestmark = pytest.mark.usefixtures("no_handlers")
MONTH_ON = NOON + timedelta(days=30)


@pytest.fixture
def keep(settings):
    def days(**ages):
        settings.ZENITH_KEEP_DAYS = ages

    days()
    return days


def test_nothing_goes_that_is_kept_for_ever(contact, board, heard, keep):
    fill(board, heard, 5)
    assert not any(retention.tidy(now=NOON + timedelta(days=3650)).values())


def test_raw_batches_go_when_they_are_old_and_decoded(contact, board, heard, keep):
    keep(raw_batches=20)
    heard.receive(board.frames([board.platform()]))
    heard.receive(board.frames([board.platform()]) + [b"\0" * 1115])  # holds a rejected frame
    heard.store(board.frames([board.platform()]))  # is not decoded
    heard.store(board.frames([board.platform()]), at=NOON + timedelta(days=20))

    assert retention.tidy(now=MONTH_ON)["raw_batches"] == 1
    assert list(RawBatch.objects.order_by("number").values_list("number", flat=True)) == [2, 3, 4]
    assert Packet.objects.count() == 2
    assert Rejected.objects.count() == 1


def test_packets_and_segments_go_and_roll_ups_stay(contact, board, heard, keep):
    keep(packets=20, segments=20)
    fill(board, heard, 600, batch=100)
    compaction.compact()
    heard.receive(board.frames([board.platform(at=NOON)]))  # in a short segment

    gone = retention.tidy(now=MONTH_ON)
    assert (gone["packets"], gone["segments"]) == (601, 1)
    assert Segment.objects.count() == 1
    assert Rollup.objects.count() == 1


def test_a_fine_roll_up_goes_only_when_a_wider_one_has_it(contact, board, heard, keep):
    keep(rollups_60=20)
    fill(board, heard, 600, batch=300)
    compaction.compact()
    assert retention.tidy(now=MONTH_ON)["rollups_60"] == 0
    rolling.grow(parts=1)
    assert retention.tidy(now=MONTH_ON)["rollups_60"] == 1
    assert set(Rollup.objects.values_list("width_s", flat=True)) == {600, 7200, 86400}


def test_closed_gaps_go_and_open_ones_stay(contact, board, heard, keep):
    keep(gaps=20)
    lost, later = board.platform(), board.platform()
    heard.receive(board.frames([later]))
    heard.receive(board.frames([lost]), now=NOON + timedelta(minutes=1))
    board.platform()
    heard.receive(board.frames([board.platform()]), now=NOON + timedelta(minutes=2))
    assert sorted(Gap.objects.values_list("state", flat=True)) == ["closed", "open"]

    assert retention.tidy(now=MONTH_ON)["gaps"] == 1
    assert Gap.objects.get().state == "open"


def test_a_little_goes_at_a_time(contact, board, heard, keep, monkeypatch):
    keep(packets=20)
    fill(board, heard, 5, batch=5)
    monkeypatch.setattr(retention, "TOGETHER", 2)
    assert retention.tidy(now=MONTH_ON, rounds=2)["packets"] == 4
    assert retention.tidy(now=MONTH_ON)["packets"] == 1
