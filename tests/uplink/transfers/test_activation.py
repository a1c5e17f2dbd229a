"""From the last pack to the running model, by what the satellite reports."""

from datetime import timedelta
from uuid import uuid4

import pytest

from constellation.contacts.models import Demand
from telemetry import onboard
from telemetry.onboard import Apid, CommandCode, CommandStage, StoreEvent
from tests.factories import NOON, make_artefact, make_satellite, make_transfer
from tests.uplink.transfers.board import command_report, hear, store_report
from uplink.commands.models import Command
from uplink.commands.models import State as CommandState
from uplink.releases import directing
from uplink.transfers import activation, flying, packing, reports, requests
from uplink.transfers.models import Deployment, State

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_heard_before():
    reports._newest.clear()


@pytest.fixture
def transfer():
    return released(make_transfer(satellite=make_satellite()))


def released(transfer):
    """Let the satellite have accepted the metadata of a transfer."""
    given = directing.assign(
        transfer.satellite, transfer.artefact, None, transfer.organisation, now=NOON
    )
    name = onboard.RELEASE_NAME + given.sha256
    transfer.shipments.filter(number=packing.RELEASE).update(name=name, sha256=given.sha256)
    tell(transfer, StoreEvent.RELEASE_ACCEPTED, digest=given.sha256)
    assert transfer.shipments.get(number=packing.RELEASE).delivered
    return transfer


def tell(transfer, event, *, slot=0, text="", at=NOON, digest=None):
    body = store_report(event, digest or transfer.artefact_id, slot=slot, text=text)
    hear(transfer.satellite, Apid.STORE_REPORT, body, now=at)
    transfer.refresh_from_db()
    return transfer.state


def answer(command, stage, code=CommandCode.NONE, text="", at=NOON):
    body = command_report(command.pk, stage, code, text)
    hear(command.satellite, Apid.COMMAND_REPORT, body, now=at)


def housekeeping(satellite, *, at, a="", b="", active=""):
    digests = (bytes.fromhex(one) if one else onboard.NO_DIGEST for one in (a, b, active))
    body = onboard.HK_COMPUTE_LAYOUT.pack(0, 0, 0, 0, 0, 0, 0, 0, 0, *digests, 0, 0, 0)
    hear(satellite, Apid.HK_COMPUTE, body, now=at)


def commands():
    return [(one.name, one.arguments.get("slot")) for one in Command.objects.order_by("created_at")]


def test_a_verified_artefact_is_loaded_activated_and_seen_running(transfer):
    assert tell(transfer, StoreEvent.ARTEFACT_VERIFIED) == State.ACTIVATING
    assert all(row.delivered for row in transfer.shipments.all())
    assert commands() == [("LOAD_SLOT", "A")]
    later = NOON + timedelta(seconds=5)
    assert tell(transfer, StoreEvent.SLOT_LOADED, slot=1, at=later) == State.ACTIVATING
    assert commands() == [("LOAD_SLOT", "A"), ("ACTIVATE_SLOT", "A")]
    later += timedelta(seconds=1)
    assert tell(transfer, StoreEvent.SLOT_ACTIVATED, slot=1, at=later) == State.ACTIVE

    known = Deployment.objects.get()
    assert known.desired == transfer.artefact
    assert known.active_sha256 == known.slot_a_sha256 == transfer.artefact_id
    assert not Demand.objects.exists()
    assert transfer.finished_at == later


def test_the_completion_of_the_load_is_enough_to_go_on(transfer):
    tell(transfer, StoreEvent.ARTEFACT_VERIFIED)
    answer(Command.objects.get(), CommandStage.COMPLETED, at=NOON + timedelta(seconds=5))
    assert commands() == [("LOAD_SLOT", "A"), ("ACTIVATE_SLOT", "A")]


def test_housekeeping_alone_shows_what_runs(transfer):
    tell(transfer, StoreEvent.ARTEFACT_VERIFIED)
    digest = transfer.artefact_id
    housekeeping(transfer.satellite, at=NOON + timedelta(seconds=9), a=digest, active=digest)
    transfer.refresh_from_db()
    assert transfer.state == State.ACTIVE


def test_old_housekeeping_played_back_changes_nothing(transfer):
    digest = transfer.artefact_id
    housekeeping(transfer.satellite, at=NOON + timedelta(seconds=9), a=digest, active=digest)
    housekeeping(transfer.satellite, at=NOON)
    assert Deployment.objects.get().active_sha256 == digest
    reports._newest.clear()  # another worker
    housekeeping(transfer.satellite, at=NOON + timedelta(seconds=1))
    assert Deployment.objects.get().active_sha256 == digest


def test_the_running_slot_is_left_alone():
    first = released(make_transfer())
    tell(first, StoreEvent.ARTEFACT_VERIFIED)
    tell(first, StoreEvent.SLOT_ACTIVATED, slot=1)
    second = released(make_transfer(satellite=first.satellite))
    tell(second, StoreEvent.ARTEFACT_VERIFIED, at=NOON + timedelta(seconds=1))
    assert commands()[-1] == ("LOAD_SLOT", "B")


def test_without_activation_it_ends_verified(transfer):
    quiet = make_transfer(satellite=transfer.satellite, activate=False)
    assert tell(quiet, StoreEvent.ARTEFACT_VERIFIED) == State.VERIFIED
    assert quiet.finished_at == NOON
    assert commands() == []


@pytest.mark.parametrize("event", [StoreEvent.ARTEFACT_REFUSED, StoreEvent.SLOT_REFUSED])
def test_a_refusal_on_board_ends_it_with_the_reason(transfer, event):
    if event is StoreEvent.SLOT_REFUSED:
        tell(transfer, StoreEvent.ARTEFACT_VERIFIED)
    assert tell(transfer, event, text="wrong digest") == State.FAILED
    assert "wrong digest" in transfer.reason


def test_a_reason_in_bytes_that_are_no_text_is_told_as_far_as_it_is_one(transfer):
    body = store_report(StoreEvent.ARTEFACT_REFUSED, transfer.artefact_id, text="the disk\0 is x")[
        :-1
    ]
    hear(transfer.satellite, Apid.STORE_REPORT, body + b"\xff", now=NOON)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.reason) == ("FAILED", "refused on board: the disk is \ufffd")


def test_a_failed_command_ends_it_with_the_reason(transfer):
    tell(transfer, StoreEvent.ARTEFACT_VERIFIED)
    answer(Command.objects.get(), CommandStage.FAILED, CommandCode.RUNTIME_FAILED, "no memory")
    transfer.refresh_from_db()
    assert transfer.state == State.FAILED
    assert transfer.reason == "LOAD_SLOT failed: runtime failed: no memory"


def test_a_report_stands_for_a_finished_that_was_lost(transfer):
    pack = transfer.shipments.get(number=0)
    tell(transfer, StoreEvent.PACK_STORED, digest=pack.sha256)
    tell(transfer, StoreEvent.PACK_STORED, digest=pack.sha256)  # played back
    pack.refresh_from_db()
    assert pack.delivered
    assert not transfer.shipments.get(number=-1).delivered


def test_a_verification_from_before_the_transfer_does_not_count(transfer):
    assert tell(transfer, StoreEvent.ARTEFACT_VERIFIED, at=NOON - timedelta(seconds=1)) == "QUEUED"


def test_a_command_nobody_heard_is_followed_by_a_new_one(transfer):
    tell(transfer, StoreEvent.ARTEFACT_VERIFIED)
    activation.nudge(transfer.satellite_id, now=NOON + timedelta(hours=1))
    assert Command.objects.count() == 1  # it has not been sent yet
    Command.objects.update(state=CommandState.SENT, sent_at=NOON + timedelta(hours=1))
    activation.nudge(transfer.satellite_id, now=NOON + timedelta(hours=1, seconds=14))
    assert Command.objects.count() == 1
    activation.nudge(transfer.satellite_id, now=NOON + timedelta(hours=1, seconds=16))
    assert commands() == [("LOAD_SLOT", "A"), ("LOAD_SLOT", "A")]
    assert Command.objects.filter(state=CommandState.SENT).count() == 1


def test_a_busy_satellite_is_asked_again_later(transfer):
    tell(transfer, StoreEvent.ARTEFACT_VERIFIED)
    Command.objects.update(state=CommandState.SENT, sent_at=NOON)
    answer(Command.objects.get(), CommandStage.FAILED, CommandCode.BUSY, "loading")
    transfer.refresh_from_db()
    assert transfer.state == State.ACTIVATING
    activation.nudge(transfer.satellite_id, now=NOON + timedelta(seconds=16))
    assert commands() == [("LOAD_SLOT", "A"), ("LOAD_SLOT", "A")]


def test_commands_that_are_never_answered_end_it(transfer):
    tell(transfer, StoreEvent.ARTEFACT_VERIFIED)
    for minute in range(10, 200, 10):
        at = NOON + timedelta(minutes=minute)
        Command.objects.filter(state=CommandState.RELEASED).update(
            state=CommandState.SENT, sent_at=at
        )
        activation.nudge(transfer.satellite_id, now=at + timedelta(minutes=9))
    transfer.refresh_from_db()
    assert transfer.state == State.FAILED
    assert transfer.reason == "LOAD_SLOT was never answered"
    assert Command.objects.count() == activation.STEPS_MAX


def test_answers_that_are_long_in_coming_do_not_end_it(transfer):
    # All that is sent in a contact of ten minutes is decoded after it.
    tell(transfer, StoreEvent.ARTEFACT_VERIFIED)
    for second in range(0, 600, 5):
        at = NOON + timedelta(seconds=second)
        Command.objects.filter(state=CommandState.RELEASED).update(
            state=CommandState.SENT, sent_at=at
        )
        activation.nudge(transfer.satellite_id, now=at)
    assert 3 < Command.objects.count() < activation.STEPS_MAX
    first = Command.objects.order_by("created_at").first()
    answer(first, CommandStage.COMPLETED, at=NOON + timedelta(seconds=601))
    transfer.refresh_from_db()
    assert transfer.state == State.ACTIVATING
    assert commands()[-1] == ("ACTIVATE_SLOT", "A")


def test_two_versions_take_turns_at_the_slot(transfer):
    second = released(
        make_transfer(satellite=transfer.satellite, artefact=make_artefact(b"another"))
    )
    tell(transfer, StoreEvent.ARTEFACT_VERIFIED)
    assert tell(second, StoreEvent.ARTEFACT_VERIFIED) == State.VERIFIED
    assert second.reason == f"waits for the activation of {transfer.artefact}"
    activation.nudge(transfer.satellite_id, now=NOON)
    assert commands() == [("LOAD_SLOT", "A")]
    assert flying.wanting([transfer.satellite_id]) == {transfer.satellite_id}

    at = NOON + timedelta(seconds=5)
    tell(transfer, StoreEvent.SLOT_LOADED, slot=onboard.Slot.A, at=at)
    at += timedelta(seconds=5)
    assert tell(transfer, StoreEvent.SLOT_ACTIVATED, slot=onboard.Slot.A, at=at) == State.ACTIVE
    activation.nudge(transfer.satellite_id, now=at)
    second.refresh_from_db()
    assert (second.state, second.reason) == (State.ACTIVATING, "")
    assert commands()[-1] == ("LOAD_SLOT", "B")


def test_a_satellite_that_is_always_busy_is_told_as_such(transfer):
    tell(transfer, StoreEvent.ARTEFACT_VERIFIED)
    for minute in range(10, 200, 10):
        at = NOON + timedelta(minutes=minute)
        for one in Command.objects.filter(state=CommandState.RELEASED):
            Command.objects.filter(pk=one.pk).update(state=CommandState.SENT, sent_at=at)
            answer(one, CommandStage.FAILED, CommandCode.BUSY, "a query")
        activation.nudge(transfer.satellite_id, now=at + timedelta(minutes=9))
    transfer.refresh_from_db()
    assert transfer.reason == "LOAD_SLOT met a busy satellite each time"


def test_a_failed_activation_is_taken_up_again_without_sending_bytes(transfer):
    tell(transfer, StoreEvent.ARTEFACT_VERIFIED)
    answer(Command.objects.get(), CommandStage.FAILED, CommandCode.NOT_ON_BOARD)
    requests.retry(transfer.pk, now=NOON + timedelta(hours=1))
    transfer.refresh_from_db()
    assert transfer.state == State.ACTIVATING
    assert all(row.delivered for row in transfer.shipments.all())
    released = Command.objects.filter(state=CommandState.RELEASED)
    assert [one.name for one in released] == ["LOAD_SLOT"]


def test_what_was_put_together_wrongly_is_sent_anew(transfer):
    transfer.shipments.update(delivered=True)
    tell(transfer, StoreEvent.ARTEFACT_REFUSED, text="hash")
    requests.retry(transfer.pk, now=NOON)
    transfer.refresh_from_db()
    assert transfer.state == State.QUEUED
    assert not transfer.shipments.filter(delivered=True).exists()


def test_packs_of_the_same_bytes_are_sent_once():
    artefact = make_artefact(bytes(10_000 - 12))
    packing.pack(artefact, pack_bytes=1000)
    transfer = make_transfer(artefact=artefact, transfer_id=uuid4())
    assert artefact.packs.count() == 10
    assert transfer.shipments.filter(number__gte=0).count() == 2
