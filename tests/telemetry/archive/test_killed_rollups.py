"""A worker killed while roll-ups grow: afterwards they say what the samples say, at every width."""

from datetime import timedelta

import numpy as np
import pytest

from telemetry import times
from telemetry.archive import compaction, plots, reading, rolling, rollups
from telemetry.models import Rollup, Segment
from tests.factories import NOON, make_contact
from tests.telemetry.downlink import Board, Heard
from tests.telemetry.test_kills import in_a_killed_process

pytestmark = pytest.mark.usefixtures("no_handlers")
BATCHES, IN_BATCH, STEP = 9, 20, timedelta(minutes=23)
DAY_NS = 86_400 * 10**9


class Days:
    """Batches over some days, and the battery's charge in each packet of them."""

    def __init__(self, contact):
        self.contact = contact
        board = Board(contact.satellite.spacecraft_id)
        charge = np.round(np.random.default_rng(8).random((BATCHES, IN_BATCH)), 4)
        self.at_ns = np.array(
            [times.to_ns(NOON + n * STEP) for n in range(BATCHES * IN_BATCH)], np.int64
        )
        self.charge = charge.ravel()
        instants = iter(self.at_ns.tolist())
        self.batches = [
            board.frames(
                [board.platform(charge=each, at=times.from_ns(next(instants))) for each in row]
            )
            for row in charge
        ]

    def archive(self):
        """Store, decode, compact, and let roll-ups grow after every batch; safe to repeat."""
        heard = Heard(self.contact)
        for number, frames in enumerate(self.batches, 1):
            heard.again(number, frames)
            heard.decode()
            compaction.compact(shortest=1)
            rolling.grow(parts=2)

    def assert_rolled_up(self, width_s):
        width_ns = width_s * 10**9
        first_ns = times.to_ns(NOON) // DAY_NS * DAY_NS
        end_ns = (int(self.at_ns[-1]) // DAY_NS + 1) * DAY_NS
        found = plots.envelope(
            reading.Span(self.contact.satellite_id, "HK_PLATFORM", first_ns, end_ns),
            "battery_charge",
            points=(end_ns - first_ns) // width_ns,
            source_s=width_s,
        )
        bucket = self.at_ns // width_ns
        starts = np.unique(bucket)
        inside = [self.charge[bucket == each] for each in starts]
        assert found.starts_ns.tolist() == (starts * width_ns).tolist()
        assert found.n.tolist() == [len(each) for each in inside]
        np.testing.assert_allclose(found.low, [each.min() for each in inside])
        np.testing.assert_allclose(found.high, [each.max() for each in inside])
        np.testing.assert_allclose(found.mean, [each.mean() for each in inside])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("step", "calls", "after"),
    [
        ("telemetry.archive.rolling._write", 2, False),  # the part of a long segment, not written
        ("telemetry.archive.rolling._write", 3, True),  # joined, and its parts still there
        ("telemetry.archive.rolling._write", 12, True),  # in the part of a wider width
        ("telemetry.archive.rolling._write", 21, False),
        ("telemetry.archive.rolling._join", 1, False),
        ("telemetry.archive.rolling._join", 4, True),  # between two groups
        ("telemetry.archive.rolling.grow", 3, False),  # compacted, and nothing joined
        ("telemetry.archive.rolling.grow", 5, True),
    ],
)
def test_roll_ups_grow_through_kills(step, calls, after, monkeypatch):
    days = Days(make_contact())
    assert in_a_killed_process(days.archive, step, calls, monkeypatch, after=after)

    days.archive()

    assert not Segment.objects.filter(group="HK_PLATFORM").exclude(batch=None).exists()
    assert Rollup.objects.filter(is_part=False, width_s=rollups.WIDTHS_S[2]).exists()
    for width_s in rollups.WIDTHS_S:
        days.assert_rolled_up(width_s)
