"""Short segments, long segments: readers see every sample once, before, during and after."""

from datetime import timedelta

import numpy as np
import pytest

from telemetry import times
from telemetry.archive import columns, compaction, reading
from telemetry.models import Segment
from tests.factories import NOON

pytestmark = pytest.mark.usefixtures("no_handlers")
DAY = timedelta(days=1)


def read(contact, *names, first=NOON - DAY, end=NOON + DAY):
    return reading.read(
        contact.satellite_id,
        "HK_PLATFORM",
        set(names),
        first_ns=times.to_ns(first),
        end_ns=times.to_ns(end),
    )


def fill(board, heard, n, *, batch=1):
    """n samples, a second apart, with charges 0, 0.0001, ..., in batches."""
    packets = [board.platform(charge=k / 1e4, at=NOON + timedelta(seconds=k)) for k in range(n)]
    for start in range(0, n, batch):
        heard.receive(board.frames(packets[start : start + batch]))


def test_samples_of_a_span_are_read_in_order(contact, board, heard):
    fill(board, heard, 20, batch=3)
    samples = read(
        contact,
        "battery_charge",
        first=NOON + timedelta(seconds=5),
        end=NOON + timedelta(seconds=9),
    )
    assert samples.columns["battery_charge"].raw.tolist() == [5, 6, 7, 8]
    assert samples.generated_ns.tolist() == [
        times.to_ns(NOON + timedelta(seconds=k)) for k in range(5, 9)
    ]
    assert read(contact, "battery_charge", first=NOON + DAY, end=NOON + 2 * DAY) is None


def test_compaction_changes_no_sample(contact, board, heard):
    fill(board, heard, 600, batch=20)
    before = read(contact, "battery_charge", "mode")
    assert Segment.objects.count() == 30

    assert compaction.compact() == 30

    (segment,) = Segment.objects.all()
    assert (segment.batch, segment.count) == (None, 600)
    after = read(contact, "battery_charge", "mode")
    np.testing.assert_array_equal(before.generated_ns, after.generated_ns)
    for name in ("battery_charge", "mode"):
        np.testing.assert_array_equal(before.columns[name].raw, after.columns[name].raw)
    assert columns.values(after.columns["mode"]) == ["CONTACT"] * 600
    assert compaction.compact() == 0


def test_late_data_stands_beside_what_is_compacted(contact, board, heard):
    fill(board, heard, 500, batch=50)
    compaction.compact()
    heard.receive(board.frames([board.platform(charge=1, at=NOON - timedelta(hours=1))]))

    samples = read(contact, "battery_charge")
    assert len(samples) == 501
    assert samples.columns["battery_charge"].raw[0] == 10_000


def test_few_samples_are_left_as_they_are(contact, board, heard):
    fill(board, heard, 30, batch=3)
    assert compaction.compact() == 0


def test_compaction_killed_in_the_middle_leaves_the_short_segments(
    contact, board, heard, monkeypatch
):
    fill(board, heard, 500, batch=50)
    with monkeypatch.context() as patch:
        patch.setattr(Segment.objects, "create", lambda **row: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            compaction.compact()
    assert Segment.objects.filter(batch__isnull=False).count() == 10
    assert len(read(contact, "battery_charge")) == 500


def test_a_thinned_plot_keeps_its_peaks():
    n = 10_000
    at = np.arange(n)
    values = [0.0] * n
    values[4321], values[8000] = 9.0, -9.0
    thinned_at, thinned = reading.thin(at, values, 200)
    assert len(thinned) <= 200
    assert (4321, 9.0) in zip(thinned_at.tolist(), thinned, strict=True)
    assert (8000, -9.0) in zip(thinned_at.tolist(), thinned, strict=True)


def test_words_are_thinned_evenly():
    at, words = reading.thin(np.arange(10), list("abcdefghij"), 5)
    assert words == list("acegi")
    assert at.tolist() == [0, 2, 4, 6, 8]
