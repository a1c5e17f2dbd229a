"""Telecommands over another satellite's contact: one copy at a time, for so long, obeyed once."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constellation.contacts.models import State as ContactState
from constellation.models import Satellite
from constellation.simulator.board import commands as board
from telemetry import onboard, times
from telemetry.models_ledger import RELAYED_CHANNEL
from telemetry.onboard import CommandCode, CommandStage, Opcode
from telemetry.packets.handlers import StoredPacket
from tests.factories import NOON, make_contact, make_organisation, make_profile, make_satellite
from uplink.commands import handovers, reach, relays, release, reports
from uplink.commands.models import Command, Handover, State

pytestmark = pytest.mark.django_db(transaction=True)
WITHIN = relays.WITHIN


def after(seconds):
    return NOON + timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def key(settings, tmp_path):
    settings.COMMAND_KEY_FILE = tmp_path / "master.key"
    settings.COMMAND_KEY_FILE.write_text(bytes(range(32)).hex())


@pytest.fixture
def linked(monkeypatch):
    """All satellites with terminals are joined by laser."""

    def hops_from(codes, *, now):
        rows = Satellite.objects.filter(profile__isl_terminals__gt=0)
        return dict.fromkeys(rows.values_list("code", flat=True), 1) | dict.fromkeys(codes, 0)

    monkeypatch.setattr(reach, "hops_from", hops_from)


@pytest.fixture
def fleet(linked):
    """A gateway in contact, and a satellite without one."""
    profile = make_profile(code="with-lasers", isl_terminals=4)
    gateway, other = (make_satellite(profile=profile) for _ in range(2))
    contact = make_contact(satellite=gateway, aos_at=NOON, los_at=after(600))
    contact.state = ContactState.PASS
    contact.save()
    return gateway, other, contact


def ask(satellite, *, name="NO_OP", at=0.0, **arguments):
    return release.request(
        command_id=uuid4(),
        satellite=satellite,
        name=name,
        arguments=arguments,
        organisation=make_organisation(),
        source="user:test",
        now=after(at),
    )[0]


def hand_on(command, gateway, contact, *, at=0.0):
    via = relays.via(gateway.pk, now=after(at), rate=1.0)
    claimed = release.claim(command.pk, contact_id=contact.pk, now=after(at), via=via)
    release.sent(command.pk, claimed.counter)
    return claimed


def hear(satellite, command_id, stage, code=CommandCode.NONE, text="", *, at=0.0, channel=0):
    body = board.encode_report(command_id.bytes, stage, code, text)
    packet = StoredPacket(
        id=1,
        satellite_id=satellite.pk,
        contact_id=None,
        apid=onboard.Apid.COMMAND_REPORT,
        sequence_count=0,
        volume=1,
        boot=1,
        serial=1,
        channel=channel,
        generated_ns=0,
        received_at=after(at),
        data=bytes(23) + body,
    )
    with transaction.atomic():
        reports.take(packet, now=after(at))


def waiting(gateway, *, at=0.0, most=8):
    return relays.waiting(gateway.pk, now=after(at), most=most)


def story(command):
    return [(row.way, row.outcome) for row in command.handovers.all()]


def test_a_satellite_without_a_contact_is_spoken_to_over_who_has_one(fleet):
    gateway, other, contact = fleet
    own, command = ask(gateway), ask(other)

    assert waiting(gateway) == [command.pk]  # its own go without a relay

    claimed = hand_on(command, gateway, contact)
    command.refresh_from_db()
    assert (command.state, command.relay, command.contact) == (State.SENT, gateway, contact)
    assert command.relay_until == NOON + WITHIN
    about = onboard.RELAYED_COMMAND_LAYOUT.unpack_from(claimed.packet[6:])
    until_ns = times.to_ns(NOON + WITHIN)
    assert about == (other.entity_id, until_ns, command.pk.bytes, claimed.counter, Opcode.NO_OP)
    assert story(command) == [(f"relayed by {gateway.code} over laser", "")]
    own.refresh_from_db()
    assert own.state == State.RELEASED


@pytest.mark.parametrize("state", [ContactState.PASS, ContactState.SCHEDULED])
def test_who_has_a_contact_or_has_one_soon_is_spoken_to_there(fleet, state):
    gateway, other, _ = fleet
    ask(other)
    contact = make_contact(satellite=other, aos_at=after(5), los_at=after(300))
    contact.state = state
    contact.save()

    assert waiting(gateway) == []


def test_who_is_not_reached_or_has_no_terminals_waits(fleet, monkeypatch):
    gateway, other, _ = fleet
    ask(make_satellite(profile=make_profile(code="without", isl_terminals=0)))
    assert waiting(gateway) == []
    ask(other)
    monkeypatch.setattr(reach, "hops_from", lambda codes, *, now: dict.fromkeys(codes, 0))
    assert waiting(gateway) == []


def test_one_copy_of_one_telecommand_at_a_time_and_in_order(fleet):
    gateway, other, contact = fleet
    first, second = ask(other, at=-2), ask(other, at=-1)
    assert waiting(gateway) == [first.pk]
    hand_on(first, gateway, contact)

    assert waiting(gateway) == []
    assert (
        release.claim(
            first.pk,
            contact_id=contact.pk,
            now=NOON,
            via=relays.via(gateway.pk, now=NOON, rate=1.0),
        )
        is None
    )

    hear(other, first.pk, CommandStage.ACCEPTED, channel=RELAYED_CHANNEL)
    assert waiting(gateway) == [second.pk]
    assert story(first)[0][1] == f"{handovers.TAKEN}, told over laser"


def test_what_is_not_acknowledged_in_time_waits_again(fleet):
    gateway, other, contact = fleet
    command = ask(other)
    hand_on(command, gateway, contact)

    assert relays.fall_back(now=NOON + WITHIN - timedelta(seconds=1)) == 0
    assert relays.fall_back(now=NOON + WITHIN) == 1
    assert relays.fall_back(now=NOON + WITHIN) == 0

    command.refresh_from_db()
    assert (command.state, command.relay, command.contact) == (State.RELEASED, None, None)
    assert story(command) == [(f"relayed by {gateway.code} over laser", handovers.UNHEARD)]
    assert release.waiting(other.pk) == [command.pk]


def test_a_worker_that_dies_before_it_hands_over_loses_nothing(fleet):
    gateway, other, contact = fleet
    command = ask(other)
    via = relays.via(gateway.pk, now=NOON, rate=1.0)
    release.claim(command.pk, contact_id=contact.pk, now=NOON, via=via)  # and dies

    relays.fall_back(now=NOON + WITHIN)

    command.refresh_from_db()
    assert command.state == State.RELEASED


def test_what_a_broken_link_did_not_take_is_handed_on_again_at_once(fleet):
    gateway, other, contact = fleet
    command = ask(other)
    via = relays.via(gateway.pk, now=NOON, rate=1.0)
    claimed = release.claim(command.pk, contact_id=contact.pk, now=NOON, via=via)

    assert release.put_back(command.pk, claimed.counter, now=NOON)

    assert waiting(gateway) == [command.pk]
    assert story(command)[0][1] == handovers.NOT_LEFT


def test_a_contact_of_its_own_sends_it_all_the_same(fleet):
    gateway, other, contact = fleet
    command = ask(other)
    first = hand_on(command, gateway, contact)
    own = make_contact(satellite=other, aos_at=NOON, los_at=after(300))

    assert release.waiting(other.pk) == [command.pk]
    second = release.claim(command.pk, contact_id=own.pk, now=after(1))

    assert second.counter > first.counter
    assert story(command) == [
        (f"relayed by {gateway.code} over laser", handovers.AGAIN),
        ("over its own contact", ""),
    ]
    # A report of the gateway's conductor, late: it is about the other copy.
    release.sent(command.pk, first.counter)
    command.refresh_from_db()
    assert command.state == State.SENDING


def test_nothing_is_taken_back_that_may_still_be_obeyed(fleet):
    gateway, other, contact = fleet
    command = ask(other)
    hand_on(command, gateway, contact)
    own = make_contact(satellite=other, aos_at=NOON, los_at=after(300))
    second = release.claim(command.pk, contact_id=own.pk, now=after(1))
    release.put_back(command.pk, second.counter, now=after(2))

    with pytest.raises(release.AlreadySent, match="may be obeyed until"):
        release.cancel(command.pk, now=after(3))

    assert release.cancel(command.pk, now=NOON + WITHIN).state == State.CANCELLED


def test_a_refusal_of_what_came_by_laser_is_told_and_decides_nothing(fleet):
    gateway, other, contact = fleet
    command, direct = ask(other), ask(other, at=1)
    hand_on(command, gateway, contact)
    own = make_contact(satellite=other, aos_at=NOON, los_at=after(300))
    claimed = release.claim(direct.pk, contact_id=own.pk, now=NOON)
    release.sent(direct.pk, claimed.counter)
    refusal = CommandStage.RELAY_REFUSED, CommandCode.BAD_AUTHENTICATION, "handed over by 13"

    # Whoever altered one can write the id of another on it.
    for one in (command.pk, direct.pk, uuid4()):
        hear(other, one, *refusal)

    command.refresh_from_db()
    direct.refresh_from_db()
    assert (command.state, direct.state) == (State.SENT, State.SENT)
    assert story(command)[0][1] == "refused on board: bad authentication: handed over by 13"
    assert story(direct) == [("over its own contact", "")]
    # It is not given to that gateway again.
    relays.fall_back(now=NOON + WITHIN)
    command.refresh_from_db()
    assert command.state == State.RELEASED
    own.state = ContactState.COMPLETED
    own.save()
    assert waiting(gateway, at=60) == []


def test_after_some_copies_that_came_to_nothing_its_own_contact_is_waited_for(fleet):
    gateway, other, contact = fleet
    command = ask(other)
    for number in range(relays.TRIES_OF_ONE):
        hand_on(command, gateway, contact, at=40 * number)
        relays.fall_back(now=after(40 * number + 35))

    assert waiting(gateway, at=200) == []
    assert release.waiting(other.pk) == [command.pk]


class Net:
    """Whoever lies between ground and satellite: keeps copies, and does with them what it wants."""

    def __init__(self, path, satellite):
        self.satellite, self.now_s = satellite, NOON.timestamp()
        self.copies, self.reports, self.obeyed = [], [], []
        master = bytes(range(32))
        self.board = board.Commands(
            path,
            key=lambda: board.derive_key(master, satellite.code),
            scid=satellite.spacecraft_id,
            actions={Opcode.NO_OP: self._obey},
            report=self.reports.append,
            relaying=board.Relaying(
                satellite.entity_id,
                lambda: self.now_s,
                hand_on=lambda to, packet: None,
                attended=lambda: None,
            ),
        )

    async def _obey(self, arguments):
        self.obeyed.append(None)
        return ""

    async def deliver(self, packet, *, is_direct=False):
        if is_direct:
            self.board._take(packet)
        else:
            self.board.handed(packet, 13)
        for _ in range(5):
            await asyncio.sleep(0)

    def tell(self, at):
        """Let the reports come down, if they do."""
        told, self.reports[:] = list(self.reports), []
        for body in told:
            hear_body(self.satellite, body, at)

    @property
    def accepted(self):
        return list(self.board._last)


def hear_body(satellite, body, at):
    identity, stage, code, _ = onboard.COMMAND_REPORT_LAYOUT.unpack_from(body)
    hear(satellite, UUID(bytes=identity), CommandStage(stage), CommandCode(code), at=at)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.just(0)),
        st.tuples(st.just("hand on"), st.just(0)),
        st.tuples(st.just("deliver"), st.integers(0, 20)),
        st.tuples(st.just("alter"), st.integers(0, 20)),
        st.tuples(st.just("own contact"), st.integers(0, 1)),
        st.tuples(st.just("reports"), st.integers(0, 1)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
    ),
    max_size=25,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_whoever_lies_between_each_telecommand_is_obeyed_once_and_in_order(
    steps, linked, tmp_path_factory
):
    profile = make_profile(code=f"lasers-{uuid4().hex[:8]}", isl_terminals=4)
    gateway, other = (make_satellite(profile=profile) for _ in range(2))
    contact = make_contact(satellite=gateway, aos_at=NOON, los_at=after(9_000))
    own = make_contact(satellite=other, aos_at=after(8_000), los_at=after(9_000))
    net = Net(tmp_path_factory.mktemp("board") / "commands.journal", other)
    asked, at = [], 0.0
    loop = asyncio.new_event_loop()
    try:
        for what, number in [*steps, ("wait", 60), ("own contact", 1), ("reports", 1)]:
            net.now_s = after(at).timestamp()
            if what == "ask":
                asked.append(ask(other, at=at).pk)
                at += 0.001
            elif what == "hand on":
                for command_id in relays.waiting(gateway.pk, now=after(at), most=4):
                    via = relays.via(gateway.pk, now=after(at), rate=1.0)
                    claimed = release.claim(
                        command_id, contact_id=contact.pk, now=after(at), via=via
                    )
                    release.sent(command_id, claimed.counter)
                    net.copies.append(claimed.packet)
            elif what in ("deliver", "alter") and net.copies:
                packet = bytearray(net.copies[number % len(net.copies)])
                if what == "alter":
                    packet[-1 - number % (len(packet) - 6)] ^= 1 << number % 8
                loop.run_until_complete(net.deliver(bytes(packet)))
            elif what == "own contact":
                for command_id in release.waiting(other.pk):
                    claimed = release.claim(command_id, contact_id=own.pk, now=after(at))
                    release.sent(command_id, claimed.counter)
                    loop.run_until_complete(net.deliver(claimed.packet, is_direct=True))
            elif what == "reports" and number:
                net.tell(at)
            elif what == "reports":
                net.reports.clear()
            elif what == "wait":
                at += number
                relays.fall_back(now=after(at))
        # Whatever was lost: in the end a contact of its own settles it.
        assert net.accepted == [one.bytes for one in asked]
        assert len(net.obeyed) == len(asked)
        states = set(Command.objects.filter(pk__in=asked).values_list("state", flat=True))
        assert states <= {State.COMPLETED, State.SENT}
        assert not Handover.objects.filter(command__in=asked, outcome="", relay=gateway).exists()
    finally:
        net.board.close()
        loop.close()
