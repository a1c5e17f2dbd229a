"""Whatever is lost, repeated, reordered or played back: the books are right after every batch."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry import gaps
from telemetry.models import Gap, Packet, Reception, Volume
from telemetry.onboard import DownlinkChannel
from tests.factories import NOON, make_contact, make_satellite
from tests.telemetry.downlink import Board, Heard

serials = st.integers(0, 40)
deliveries = st.lists(
    st.tuples(
        st.lists(serials, min_size=1, max_size=12),  # packets sent, in this order
        st.sets(st.integers(0, 12), max_size=3),  # frames of them that are lost
        st.sampled_from([DownlinkChannel.LIVE, DownlinkChannel.PLAYBACK]),
        st.integers(0, 1),  # in which of two contacts
        st.booleans(),  # the station delivers it twice
        st.booleans(),  # the ground has asked for what is missing
    ),
    max_size=12,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=deliveries)
def test_held_missing_and_known_are_what_they_are_by_definition(db, no_handlers, deliveries):
    satellite = make_satellite()
    board = Board(satellite.spacecraft_id)
    packets = [board.platform() for _ in range(41)]
    contacts = [
        make_contact(satellite=satellite, aos_at=NOON + timedelta(hours=n)) for n in range(2)
    ]
    heard = [Heard(contact) for contact in contacts]
    came: set[int] = set()
    received = 0
    for n, (sent, lost, channel, which, is_twice, is_asked) in enumerate(deliveries):
        now = NOON + timedelta(seconds=10 * n)
        if is_asked:
            gaps.requests_for(satellite.id, now=now)
        frames = board.frames([packets[serial] for serial in sent], channel, each=True)
        arrived = [frame for place, frame in enumerate(frames) if place not in lost]
        heard[which].store(arrived, at=now)
        if is_twice:
            heard[which].again(heard[which].number, arrived, at=now)
        heard[which].decode(now=now)
        whole = [serial for place, serial in enumerate(sent) if place not in lost]
        came |= set(whole)
        received += len(whole)
        check(satellite, came)
    totals = Reception.objects.filter(satellite=satellite)
    assert sum(total.packets for total in totals) == received
    assert sum(total.stored for total in totals) == len(came)
    assert sum(total.duplicates for total in totals) == received - len(came)


def check(satellite, came):
    held = set(Packet.objects.filter(satellite=satellite).values_list("serial", flat=True))
    assert held == came
    rows = Gap.objects.filter(satellite=satellite)
    spans = {state: [] for state in ("open", "closed", "lost")}
    for row in rows:
        spans[row.state] += range(row.serials.lower, row.serials.upper)
    known = set(range(max(came) + 1)) if came else set()
    assert sorted(spans["open"]) == sorted(known - came)
    assert len(spans["closed"]) == len(set(spans["closed"]))
    assert set(spans["closed"]) <= came
    if came:
        assert Volume.objects.get(satellite=satellite).following == max(came) + 1
        first_missing = min(known - came, default=max(came) + 1)
        expected = (0xC0FFEE, first_missing) if first_missing else None
        assert gaps.releasable(satellite.id) == expected
