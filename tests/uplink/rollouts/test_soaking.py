"""Judging satellites that run a version: golden prompts, metrics, orbits and contacts."""

from datetime import timedelta
from math import nan

import pytest

from constellation.contacts.models import Contact
from telemetry.onboard import TokenKind
from tests.factories import make_antenna, make_element_set
from tests.uplink.rollouts.fleet import Fleet, targets
from uplink.inference.models import Query, Segment
from uplink.registry.models import GoldenPrompt
from uplink.rollouts import control, soaking
from uplink.rollouts.models import Measurement, Outcome, Probe, RingState, State

pytestmark = pytest.mark.django_db
ONE = {"filter": {"codes": ["R-00"]}}


@pytest.fixture
def fleet():
    return Fleet(2)


def golden(version, *expected):
    for number, expect in enumerate(expected):
        GoldenPrompt.objects.create(
            version=version,
            number=number,
            messages=[{"role": "user", "content": f"question {number}"}],
            expect=expect,
        )
    return version


def running(fleet, *rings, version=None, **details):
    """A rollout of one satellite that runs the version already."""
    rollout = fleet.start(version or fleet.version("2"), *rings, **details)
    target = targets(rollout, 0)[0]
    fleet.goes_through(rollout, target)
    target.refresh_from_db()
    return rollout, target


def answered(fleet, query, text, *, took_s=2.0, state="DELIVERED"):
    query.answered_by = query.only
    query.state, query.model_sha256 = state, query.version.artefact_id
    query.accepted_at = fleet.now
    query.finished_at = fleet.now + timedelta(seconds=took_s)
    query.reason = "" if state == "DELIVERED" else "the runtime failed"
    query.save()
    Segment.objects.create(
        query=query, satellite=query.only, number=0, kind=TokenKind.TEXT, text=text,
        received_at=fleet.now,
    )  # fmt: skip


def test_golden_prompts_are_asked_of_that_satellite_and_decide(fleet):
    version = golden(fleet.version("2"), {"contains": "Paris"}, {"max_latency_s": 5})
    fleet.runs(fleet.satellites[1], version.artefact_id)  # in contact, too, and never asked
    rollout, target = running(fleet, ONE, version=version)
    asked = list(Query.objects.order_by("created_at", "messages"))
    assert {query.only for query in asked} == {target.satellite}
    assert {(query.state, query.satellite) for query in asked} == {("ROUTED", target.satellite)}
    assert [query.organisation for query in asked] == [fleet.operator] * 2
    assert target.waits_for == "golden prompts: 0 of 2 passed"
    for query in asked:
        answered(fleet, query, "It is Paris.")
    fleet.tick(rollout, 1)
    target.refresh_from_db()
    assert target.outcome == Outcome.ACTIVE
    assert set(target.probes.values_list("verdict", flat=True)) == {"passed"}


def test_a_wrong_answer_fails_the_target_and_rolls_the_ring_back(fleet):
    version = golden(fleet.version("2"), {"contains": "Paris"})
    rollout, target = running(fleet, {**ONE, "on_error": "ROLLBACK_RING"}, version=version)
    answered(fleet, Query.objects.get(), "It is Rome.")
    fleet.tick(rollout, 1)
    fleet.comes_back(rollout)
    target.refresh_from_db()
    assert (target.outcome, target.code) == (Outcome.ROLLED_BACK, "GOLDEN_FAILED")
    assert "does not contain 'Paris'" in target.reason
    assert rollout.rings.get().state == RingState.ROLLED_BACK
    with pytest.raises(control.NotPossible, match="was rolled back: retry it, or stop"):
        control.resume(rollout.pk, now=fleet.now)


def test_without_answers_somebody_has_to_look(fleet):
    version = golden(fleet.version("2"), {"contains": "Paris"})
    rollout, target = running(fleet, ONE, version=version)
    for _ in range(soaking.PROBES_MAX):
        query = Query.objects.order_by("-created_at").first()
        query.state, query.reason = "EXPIRED", "no answer by the deadline"
        query.save()
        fleet.tick(rollout, 60)
    assert Probe.objects.count() == soaking.PROBES_MAX
    assert rollout.state == State.PAUSED
    assert rollout.reason.startswith("Somebody has to look. R-00: golden prompt 0")
    target.refresh_from_db()
    assert target.outcome == ""

    control.resume(rollout.pk, now=fleet.now)
    fleet.tick(rollout, 1)
    assert rollout.state == State.RUNNING
    answered(fleet, Query.objects.order_by("-created_at").first(), "Paris")
    fleet.tick(rollout, 1)
    target.refresh_from_db()
    assert target.outcome == Outcome.ACTIVE


def metric(name="accelerator_temperature", **details):
    return {**ONE, "metrics": [{"metric": name, "interval_s": 10, **details}]}


def test_metrics_are_measured_at_their_interval(fleet):
    rollout, target = running(fleet, metric(max=80))
    for _ in range(4):
        fleet.tick(rollout, 4)
    assert Measurement.objects.count() == 2
    for _ in range(2):
        fleet.tick(rollout, 10)
    target.refresh_from_db()
    assert target.outcome == Outcome.ACTIVE
    assert [row.value for row in Measurement.objects.all()] == [40.0] * 3


def test_a_metric_out_of_its_limits_fails_the_target(fleet):
    rollout, target = running(fleet, metric(max=80))
    fleet.hear(target.satellite, accelerator_temperature=95.5)
    fleet.tick(rollout, 10)
    target.refresh_from_db()
    assert (target.outcome, target.code) == (Outcome.FAILED, "METRIC_FAILED")
    assert rollout.state == State.PAUSED


@pytest.mark.parametrize("told", ["nothing", nan])
def test_no_telemetry_is_never_success(fleet, told):
    rollout, target = running(fleet, metric(max=80, inconclusive_limit=1))
    before = Measurement.objects.count()
    satellite = target.satellite
    if told == "nothing":
        for _ in range(3):  # contact after contact brings none
            fleet.silence(satellite) if satellite.pk in fleet.contacts else None
            begins = fleet.now + timedelta(minutes=90)
            Contact.objects.create(
                organisation=fleet.operator, satellite=satellite, antenna=make_antenna(),
                aos_at=begins, los_at=begins + timedelta(minutes=8), tca_at=begins,
                starts_at=begins, ends_at=begins + timedelta(minutes=8), max_elevation_deg=45,
                state="COMPLETED",
            )  # fmt: skip
            fleet.tick(rollout, 6000)
    else:
        fleet.hear(satellite, accelerator_temperature="NaN")
        for _ in range(3):
            fleet.tick(rollout, 10)
    target.refresh_from_db()
    assert target.outcome == ""
    assert rollout.state == State.PAUSED
    assert "accelerator_temperature was inconclusive 2 times" in rollout.reason
    assert Measurement.objects.filter(verdict="Inconclusive").count() == 2
    assert Measurement.objects.count() >= before + 2


def test_new_memory_errors_are_counted_from_the_activation(fleet):
    fleet.hear(fleet.satellites[0], ecc_uncorrected=7)
    rollout, target = running(fleet, metric("ecc_uncorrected", max=0, count=2))
    assert Measurement.objects.get().value == 0.0
    fleet.hear(target.satellite, ecc_uncorrected=8)
    fleet.tick(rollout, 10)
    target.refresh_from_db()
    assert (target.outcome, target.code) == (Outcome.FAILED, "METRIC_FAILED")


def test_the_share_of_failed_questions_is_a_metric(fleet):
    rollout, target = running(fleet, metric("error_rate", max=0.4, count=1, inconclusive_limit=9))
    assert Measurement.objects.get().verdict == "Inconclusive"  # nobody asked yet
    for state in ("DELIVERED", "FAILED"):
        Query.objects.create(
            organisation=fleet.operator, version=rollout.version, messages=[], state=state,
            answered_by=target.satellite, created_at=fleet.now, due_at=fleet.now,
        )  # fmt: skip
    fleet.tick(rollout, 10)
    target.refresh_from_db()
    assert target.code == "METRIC_FAILED"
    assert Measurement.objects.order_by("taken_at").last().value == 0.5


def test_soak_is_counted_in_orbits_and_contacts(fleet):
    satellite = fleet.satellites[0]
    make_element_set(satellite=satellite)  # some 15.2 revolutions a day
    rollout, target = running(fleet, {**ONE, "soak_orbits": 2, "soak_contacts": 1})
    fleet.tick(rollout, 5400)
    target.refresh_from_db()
    assert target.waits_for.startswith("soak: 1.0 of 2 orbits, 0 of 1 contacts")
    fleet.silence(satellite)  # this contact had begun before
    Contact.objects.create(
        organisation=fleet.operator, satellite=satellite, antenna=make_antenna(),
        aos_at=fleet.now, los_at=fleet.now + timedelta(minutes=8), tca_at=fleet.now,
        starts_at=fleet.now, ends_at=fleet.now + timedelta(minutes=8), max_elevation_deg=45,
        state="COMPLETED",
    )  # fmt: skip
    fleet.tick(rollout, 5400)
    target.refresh_from_db()
    assert target.outcome == ""
    fleet.tick(rollout, 1200)
    target.refresh_from_db()
    assert target.outcome == Outcome.ACTIVE
