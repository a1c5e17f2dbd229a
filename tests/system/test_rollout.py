"""A bad version, with real processes: stopped at the canary and taken back without a hand."""

import pytest

from constellation.models import Satellite
from constellation.stations import control as simulator
from tests.running import wait_for
from tests.system import story
from uplink.registry import registering
from uplink.registry.models import GoldenPrompt, Version
from uplink.rollouts.models import Outcome, Probe, RingState, State, Target
from uplink.transfers.models import Deployment

pytestmark = pytest.mark.timeout(420)
CANARY = "SCS-01-M"
"""The one longest in view at the epoch: over Svalbard until 12:06:37."""


def test_a_bad_version_is_stopped_at_the_canary_and_rolled_back(processes):
    operator = story.begin(rate=1.0)
    satellite = Satellite.objects.get(code=CANARY)
    good = story.send_echo(operator, satellite, size_bytes=300_000)
    processes.start("simulator", "beat", "conduct-1", "conduct-2", "decode", "ticks")
    processes.wait_for_simulator()
    story.wait_until_active(good, satellite, 120)

    bad = register(operator, satellite)
    rollout = story.roll_out(
        operator,
        bad,
        {"name": "canary", "filter": {"codes": [CANARY]}, "on_error": "ROLLBACK_ALL"},
        {"name": "all", "soak_contacts": 1},
    )
    wait_for("the rollout is rolled back", lambda: story.is_over(rollout), 240, every_s=0.5)

    rollout.refresh_from_db()
    assert rollout.state == State.ROLLED_BACK, rollout.reason
    assert "Golden prompt 0: The answer does not contain 'forty-two'" in rollout.reason
    canary = Target.objects.get(rollout=rollout, satellite=satellite)
    assert (canary.outcome, canary.code) == (Outcome.ROLLED_BACK, "GOLDEN_FAILED")
    assert rollout.rings.get(number=0).state == RingState.ROLLED_BACK
    # The bad version was really running, and was asked on board: its own words are its verdict.
    probe = Probe.objects.get(target=canary)
    assert probe.query.answered_by == satellite
    assert probe.query.model_sha256 == bad.artefact_id
    # Nobody else got a byte of it.
    others = rollout.targets.exclude(satellite=satellite)
    assert others.count() == 11
    assert set(others.values_list("outcome", "begun_at")) == {(Outcome.CANCELLED, None)}
    assert not canary.undo.shipments.exists()  # out of the other slot

    on_board = simulator.satellite(processes.control, CANARY)
    assert on_board["active"] == good.artefact_id
    assert bad.artefact_id in on_board["artefacts"]
    known = Deployment.objects.get(satellite=satellite)
    assert known.active_sha256 == known.desired_id == good.artefact_id
    query, text = story.answer_to(story.ask(operator, good, "are you well"), 90)
    assert (query.state, text) == ("DELIVERED", f"echo {good.artefact_id[:12]} are you well")


def register(operator, satellite) -> Version:
    """A version that answers, and answers wrongly."""
    content = b'ZENITH-ECHO\n{"delay_s": 0.01}\n' + bytes(n % 241 for n in range(300_000))
    artefact, _ = registering.store_artefact([content], form="echo", organisation=operator)
    version, _ = registering.register_version(
        name="echo",
        version="2",
        artefact_sha256=artefact.sha256,
        profiles=[satellite.profile.code],
        licence="Apache-2.0",
        organisation=operator,
    )
    GoldenPrompt.objects.create(
        version=version,
        number=0,
        messages=[{"role": "user", "content": "what is six times seven"}],
        expect={"contains": "forty-two"},
    )
    return version
