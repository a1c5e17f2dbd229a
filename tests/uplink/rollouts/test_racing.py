"""Ticks that meet, and people who press buttons meanwhile."""

from threading import Barrier, Thread

import pytest
from django.db import connection

from tests.uplink.rollouts.fleet import Fleet, targets
from uplink.commands.models import Command
from uplink.rollouts import control, evaluation
from uplink.rollouts.models import State
from uplink.transfers.models import Transfer

pytestmark = pytest.mark.django_db(transaction=True)


def together(*acts):
    """Run these at the same moment, each with a connection of its own; return what they raised."""
    barrier, raised = Barrier(len(acts)), []

    def run(act):
        barrier.wait()
        try:
            act()
        except Exception as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return raised


def test_ticks_that_meet_do_nothing_twice():
    fleet = Fleet(6)
    rollout = fleet.plan(fleet.version("2"))
    control.start(rollout.pk, now=fleet.now)
    for _ in range(2):
        assert not together(
            *[lambda: evaluation.look_after(rollout.pk, now=fleet.now) for _ in range(4)]
        )
    assert Transfer.objects.count() == 6
    for target in targets(rollout, 0):
        fleet.hear(target.satellite)
        fleet.arrives(target)
    for _ in range(2):
        assert not together(
            *[lambda: evaluation.look_after(rollout.pk, now=fleet.now) for _ in range(4)]
        )
    assert Command.objects.count() == 6


def test_a_stop_that_meets_a_tick_stops():
    fleet = Fleet(4)
    rollout = fleet.plan(fleet.version("2"))
    control.start(rollout.pk, now=fleet.now)
    raised = together(
        lambda: evaluation.look_after(rollout.pk, now=fleet.now),
        lambda: control.stop(rollout.pk, now=fleet.now),
    )
    assert not raised
    evaluation.look_after(rollout.pk, now=fleet.now)
    rollout.refresh_from_db()
    assert rollout.state == State.STOPPED
    assert not Transfer.objects.filter(finished_at=None).exists()
