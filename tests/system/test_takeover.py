"""An owner that dies or sleeps loses its contacts, and does no harm when it wakes.

How soon is for the proof to say (`tests/proofs/prove_takeover.py`): here other tests run beside.
"""

import signal
import time

from constellation.contacts.models import Contact, State
from constellation.models import Satellite
from ops import clock
from tests.observer import assert_report_is_the_stations_own
from tests.running import wait_for
from tests.system import story


def test_another_goes_on_when_the_owner_is_stopped_and_again_when_one_is_killed(processes):
    operator = story.begin(rate=1.0)
    satellite = Satellite.objects.get(code="SCS-01-M")
    version = story.send_echo(operator, satellite, size_bytes=200_000)
    processes.start("simulator", "beat", "conduct-1", "conduct-2", "decode", "ticks")
    contact = story.open_contact(satellite)
    story.wait_until_active(version, satellite, 90)
    first = processes.name_of(contact.owner)

    processes.kill(first, signal.SIGSTOP)
    second = processes.name_of(taken_over(contact, fencing=2).owner)
    assert second != first
    _, text = story.answer_to(story.ask(operator, version, "still there"), 60)
    assert text.endswith("still there")

    # The sleeper wakes: it finds out, leaves the contact alone, and the other goes on.
    processes.kill(first, signal.SIGCONT)
    time.sleep(4)
    contact.refresh_from_db()
    assert (contact.fencing, processes.name_of(contact.owner)) == (2, second)
    _, text = story.answer_to(story.ask(operator, version, "and now"), 60)
    assert text.endswith("and now")

    processes.kill(second, signal.SIGKILL)
    assert processes.name_of(taken_over(contact, fencing=3).owner) == first
    _, text = story.answer_to(story.ask(operator, version, "once more"), 60)
    assert text.endswith("once more")

    # Told to end politely, it gives the contact back at once, to who is there next.
    processes.start(second)
    processes.wait_for_worker(second)
    processes.kill(first, signal.SIGTERM)
    assert processes.name_of(taken_over(contact, fencing=4).owner) == second

    clock.set_rate(20.0)
    over = Contact.objects.filter(pk=contact.pk, state=State.COMPLETED)
    wait_for("the contact is reported", over.exists, 60)
    contact.refresh_from_db()
    assert contact.report["holders"] == 4
    assert_report_is_the_stations_own(processes.control, contact.pk, contact.report)


def taken_over(contact: Contact, *, fencing: int) -> Contact:
    taken = Contact.objects.filter(pk=contact.pk, fencing=fencing, state=State.PASS)
    return wait_for("another has taken over", taken.exclude(owner="").first, 60)
