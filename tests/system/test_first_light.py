"""The whole, with real processes: a model goes up, a question is answered, the accounts agree."""

import hashlib
from datetime import timedelta

from constellation.contacts.models import Contact, State
from constellation.models import Satellite
from constellation.stations import control
from ops import clock
from telemetry.models import Gap, GapState, Packet, RawBatch
from tests import databases
from tests.observer import assert_report_is_the_stations_own
from tests.running import wait_for
from tests.system import story

SATELLITE = "SCS-01-M"
"""The one longest in view at the epoch: over Svalbard until 12:06:37."""


def test_a_model_goes_up_a_question_is_answered_and_the_accounts_agree(processes):
    operator = story.begin(rate=4.0)
    satellite = Satellite.objects.get(code=SATELLITE)
    version = story.send_echo(operator, satellite, size_bytes=1_500_000)
    processes.start("simulator", "beat", "conduct-1", "conduct-2", "decode", "ticks")
    processes.wait_for_simulator()
    control.set_faults(processes.control, frame_loss=0.01)

    contact = story.open_contact(satellite)
    story.wait_until_active(version, satellite, 90)
    connected = databases.times_connected_to()
    query, text = story.answer_to(story.ask(operator, version, "how hot is it up there"), 60)
    assert text == f"echo {version.artefact_id[:12]} how hot is it up there"
    assert query.state == "DELIVERED", query.reason
    assert query.answered_by == satellite
    assert (query.contact_id, query.downlink_contact_id) == (contact.pk, contact.pk)
    legs = [query.created_at, query.routed_at, query.uplinked_at, query.first_token_at]
    assert legs == sorted(legs)
    assert query.completion_tokens == 8

    # The last minutes are without losses, so that what was lost before can be played back.
    clock.set_rate(20.0)
    clock_reaches(contact.los_at - timedelta(seconds=150))
    control.set_faults(processes.control, frame_loss=0.0)
    wait_for("the contact is reported", lambda: ended(contact), 60)
    clock.pause()  # the next contact must not begin while we count
    contact.refresh_from_db()
    assert contact.state == State.COMPLETED, contact.reason
    assert_report_is_the_stations_own(processes.control, contact.pk, contact.report)
    assert contact.report["up"]["sent_bytes"] == contact.report["up"]["bytes"] > 1_500_000

    # Hundreds of tasks ran, on connections that live longer than one.
    assert databases.times_connected_to() - connected < 30
    undecoded = RawBatch.objects.filter(satellite=satellite, decoded=False)
    wait_for("all is decoded", lambda: not undecoded.exists(), 90)
    sent = {
        (volume, serial): digest
        for volume, _, serial, _, digest in control.manifest(processes.control, SATELLITE)
    }
    held = {
        (packet.volume, packet.serial): hashlib.sha256(packet.data).hexdigest()[:16]
        for packet in Packet.objects.filter(satellite=satellite)
    }
    assert held == sent
    gaps = Gap.objects.filter(satellite=satellite)
    assert gaps.filter(state=GapState.CLOSED).exists()
    assert not gaps.exclude(state=GapState.CLOSED).exists()


def clock_reaches(instant) -> None:
    wait_for(f"it is {instant}", lambda: clock.now() >= instant, 60)


def ended(contact: Contact) -> bool:
    over = [State.COMPLETED, State.FAILED, State.CANCELLED]
    return Contact.objects.filter(pk=contact.pk, state__in=over).exists()
