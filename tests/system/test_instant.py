"""A ring that activates at one instant, with real processes: who is not safe then, follows."""

from datetime import datetime, timedelta

import pytest

from constellation.contacts.models import Contact
from constellation.models import Satellite
from constellation.stations import control as simulator
from ops import clock
from telemetry import times
from telemetry.models import Packet
from telemetry.onboard import Apid, StoreEvent
from telemetry.packets import space
from tests.running import wait_for
from tests.system import story
from uplink.commands.models import Command
from uplink.registry import registering
from uplink.registry.models import Version
from uplink.rollouts.models import Outcome, State, Target

pytestmark = pytest.mark.timeout(480)


def test_a_ring_activates_at_one_instant_but_for_who_is_too_hot_which_follows(processes):
    operator = story.begin(rate=3.0)
    keeps, waits = pair()
    version = register(operator, keeps)
    processes.start("simulator", "beat", "conduct-1", "conduct-2", "decode", "ticks")
    processes.wait_for_simulator()
    ring = {
        "filter": {"codes": [keeps.code, waits.code]}, "synchronise": "READY", "canary": False,
    }  # fmt: skip
    rollout = story.roll_out(operator, version, ring)
    told = Command.objects.filter(name="ACTIVATE_SLOT_AT", state="COMPLETED")
    wait_for("both were told the instant", lambda: told.count() == 2, 200, every_s=0.5)
    at = rollout.rings.get().activate_at
    # Both were cool when they loaded it; at the instant one is not.
    simulator.set_troubles(processes.control, waits.code, heat_c=300)
    # At a rate of 3 a board that looks every second, told the rate every two, is 9 s late.
    near = at - timedelta(seconds=15)
    wait_for("the instant is near", lambda: clock.now() >= near, 200, every_s=0.1)
    clock.set_rate(1.0)
    late = Target.objects.get(rollout=rollout, satellite=waits)
    wait_for("it waits for its safe window", lambda: is_hot(late), 120, every_s=0.5)
    assert simulator.satellite(processes.control, keeps.code)["active"] == version.artefact_id
    assert simulator.satellite(processes.control, waits.code)["active"] == ""
    clock.set_rate(3.0)
    simulator.set_troubles(processes.control, waits.code, heat_c=0)
    wait_for("the rollout is over", lambda: story.is_over(rollout), 200, every_s=0.5)

    rollout.refresh_from_db()
    assert rollout.state == State.FINISHED, rollout.reason
    assert set(rollout.targets.values_list("outcome", flat=True)) == {Outcome.ACTIVE}
    kept_at = said_at(keeps, StoreEvent.SLOT_ACTIVATED)
    held_at = said_at(waits, StoreEvent.ACTIVATION_HELD)
    assert at <= kept_at < at + timedelta(seconds=10)
    assert at <= held_at < at + timedelta(seconds=10)
    assert said_at(waits, StoreEvent.SLOT_ACTIVATED) > held_at


def pair() -> list[Satellite]:
    """Two satellites whose contacts last long enough from the epoch on, the longer one second."""
    begins, ends = story.EPOCH + timedelta(seconds=30), story.EPOCH + timedelta(seconds=240)
    rows = Contact.objects.filter(aos_at__lte=begins, los_at__gte=ends).order_by("los_at")
    found = {row.satellite_id: row.satellite for row in rows.select_related("satellite__profile")}
    alike = [one for one in found.values() if one.profile.code == "scs-01"][-2:]
    spans = list(rows.values_list("satellite__code", "aos_at", "los_at"))
    assert len(alike) == 2, spans
    return alike


def register(operator, satellite) -> Version:
    content = b'ZENITH-ECHO\n{"delay_s": 0.01}\n' + bytes(n % 239 for n in range(200_000))
    artefact, _ = registering.store_artefact([content], form="echo", organisation=operator)
    version, _ = registering.register_version(
        name="echo",
        version="1",
        artefact_sha256=artefact.sha256,
        profiles=[satellite.profile.code],
        licence="Apache-2.0",
        organisation=operator,
    )
    return version


def is_hot(target: Target) -> bool:
    target.refresh_from_db()
    return target.waits_for.startswith("a safe window: the accelerator has")


def said_at(satellite: Satellite, event: StoreEvent) -> datetime:
    """Return when a satellite first reported an event, by its own clock."""
    rows = Packet.objects.filter(satellite=satellite, apid=Apid.STORE_REPORT)
    made_ns = [
        row.generated_ns
        for row in rows.order_by("generated_ns")
        if space.decode_downlink(bytes(row.data)).payload[0] == event
    ]
    return times.from_ns(made_ns[0])
