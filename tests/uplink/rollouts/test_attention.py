"""A satellite in reach of lasers is called when nothing is known of it, and not too often."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.factories import NOON, make_artefact, make_satellite, make_transfer
from uplink.commands.models import Command, State
from uplink.rollouts import attention, delivery, windows
from uplink.rollouts.seen import Fleet
from uplink.transfers.models import State as TransferState

pytestmark = pytest.mark.django_db


@pytest.fixture
def transfer():
    found = make_transfer(satellite=make_satellite(), artefact=make_artefact(b"x" * 100))
    found.state = TransferState.VERIFIED
    found.save()
    return found


def heard(age_s):
    good = {"battery_charge": 0.9, "accelerator_temperature": 30.0}
    return {name: windows.Value(good.get(name, 0), 2, age_s) for name in windows.PARAMETERS}


def fleet(transfer, *, age_s=None, in_reach=True, in_contact=False):
    key = transfer.satellite_id
    return Fleet(
        deployments={},
        values={} if age_s is None else {key: heard(age_s)},
        in_contact={key} if in_contact else set(),
        open_questions=Counter(),
        in_reach=frozenset({key} if in_reach else ()),
    )


def activate(transfer, known, *, after_s=0.0):
    now = NOON + timedelta(seconds=after_s)
    return delivery.activate_when_safe(transfer, windows.Rules(), known, gently=False, now=now)


def calls():
    return Command.objects.filter(source=attention.SOURCE)


@pytest.mark.parametrize("age_s", [None, 31.0])
def test_it_is_called_once_and_again_after_a_while(transfer, age_s):
    known = fleet(transfer, age_s=age_s)
    assert activate(transfer, known).startswith("a safe window: battery_charge")
    activate(transfer, known, after_s=200)
    call = calls().get()  # the first has not left yet
    assert (call.name, call.satellite, call.state) == ("NO_OP", transfer.satellite, State.RELEASED)

    calls().update(state=State.COMPLETED)
    activate(transfer, known, after_s=60)
    assert calls().count() == 1
    activate(transfer, known, after_s=130)
    assert calls().count() == 2


def test_who_is_heard_or_out_of_reach_or_has_a_contact_is_not_called(transfer):
    activate(transfer, fleet(transfer, in_reach=False))
    activate(transfer, fleet(transfer, in_reach=False, in_contact=True))
    assert not calls().exists()


def test_heard_over_another_s_contact_it_is_let_run(transfer):
    assert activate(transfer, fleet(transfer, age_s=6.0)) == ""
    transfer.refresh_from_db()
    assert transfer.state == TransferState.ACTIVATING
    assert not calls().exists()


def test_without_either_it_waits_for_a_contact(transfer):
    known = fleet(transfer, age_s=6.0, in_reach=False)
    assert activate(transfer, known) == "a safe window: no contact is open"
