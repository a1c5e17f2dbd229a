"""Judging a satellite that runs the version: golden prompts, metrics, orbits and contacts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid5

from django.db.models import Avg, Count, F, Q

from constellation import catalogue
from constellation.contacts.models import Contact
from constellation.contacts.models import State as ContactState
from ops import errors
from uplink.inference import answers, queries
from uplink.inference.models import OVER, Query
from uplink.inference.models import State as QueryState
from uplink.registry import golden
from uplink.registry.models import GoldenPrompt
from uplink.rollouts import deciding, gates
from uplink.rollouts.models import Measurement, Outcome, Probe, Ring, Rollout, Target
from uplink.rollouts.seen import Fleet

PROBE_LIFETIME_S = 6 * 3600
"""How long a golden prompt waits for its answer: longer than any satellite waits for a contact."""
PROBES_MAX = 3
"""So many times a golden prompt without an answer is asked before a human has to look."""
DAY_S = 86_400.0


def step(
    rollout: Rollout, ring: Ring, target: Target, fleet: Fleet, *, may_act: bool, now: datetime
) -> str:
    """Judge a target that runs the version; return why a human has to look at it, if so.

    It fails as soon as one gate fails, and has succeeded when all have.
    """
    if why := _fell_back(rollout, target, fleet):
        deciding.finish(target, Outcome.FAILED, now=now, code="FELL_BACK", reason=why)
        return ""
    judged = []
    if ring.golden:
        judged.append(("GOLDEN_FAILED", _golden(rollout, target, may_act=may_act, now=now)))
    for place, gate in enumerate(gates.parse(ring.metrics)):
        judgement = _metric(rollout, target, place, gate, fleet, may_act=may_act, now=now)
        judged.append(("METRIC_FAILED", judgement))
    judged.append(("", _soak(ring, target, now=now)))
    for code, judgement in judged:
        if judgement.verdict is gates.Verdict.FAILED:
            deciding.finish(target, Outcome.FAILED, now=now, code=code, reason=judgement.reason)
            return ""
    for _, judgement in judged:
        if judgement.verdict is gates.Verdict.INCONCLUSIVE:
            return f"{target.satellite.code}: {judgement.reason}"
    waiting = [one.reason for _, one in judged if one.verdict is gates.Verdict.RUNNING]
    if not waiting:
        deciding.finish(target, Outcome.ACTIVE, now=now)
    else:
        deciding.wait(target, waiting[0])
    return ""


def _fell_back(rollout: Rollout, target: Target, fleet: Fleet) -> str:
    running = fleet.active_sha256(target.satellite_id)
    is_news = fleet.reported_since(target.satellite_id, target.active_at)
    if not is_news or running == rollout.version.artefact_id:
        return ""
    return f"The satellite fell back: it runs {running[:12] or 'no model'}."


# --- Golden prompts ---------------------------------------------------------------------------


def _golden(rollout: Rollout, target: Target, *, may_act: bool, now: datetime) -> gates.Judgement:
    prompts = list(rollout.version.golden_prompts.all())
    asked = {probe.prompt_id: probe for probe in target.probes.select_related("query", "prompt")}
    passed, unclear = 0, ""
    for prompt in prompts:  # of several attempts, `asked` holds the last
        probe = asked.get(prompt.pk)
        if probe is not None and not probe.verdict:
            _judge(probe)
        if probe is not None and probe.verdict == golden.Verdict.FAILED:
            said = f"Golden prompt {prompt.number}: {probe.reason}"
            return gates.Judgement(gates.Verdict.FAILED, said)
        if probe is not None and probe.verdict == golden.Verdict.PASSED:
            passed += 1
        elif probe is None or probe.verdict == golden.Verdict.INCONCLUSIVE:
            since = target.probes.filter(prompt=prompt, asked_at__gte=rollout.judged_from).count()
            if since >= PROBES_MAX:
                why = probe.reason if probe else ""
                unclear = f"golden prompt {prompt.number} is inconclusive: {why}"
            elif may_act:
                _ask(rollout, target, prompt, probe.attempt + 1 if probe else 0, now=now)
    if unclear:
        return gates.Judgement(gates.Verdict.INCONCLUSIVE, unclear)
    if passed == len(prompts):
        return gates.Judgement(gates.Verdict.SUCCESSFUL, "all golden prompts passed")
    text = f"golden prompts: {passed} of {len(prompts)} passed"
    return gates.Judgement(gates.Verdict.RUNNING, text)


def _ask(
    rollout: Rollout, target: Target, prompt: GoldenPrompt, attempt: int, *, now: datetime
) -> None:
    """Ask a golden prompt of this very satellite, as any customer's question travels."""
    try:
        query, _ = queries.ask(
            query_id=uuid5(rollout.pk, f"{target.pk} {target.begun_at} {prompt.pk} {attempt}"),
            organisation=rollout.organisation,
            user=None,
            version=rollout.version,
            messages=prompt.messages,
            max_tokens=prompt.max_tokens,
            temperature=prompt.temperature,
            seed=prompt.seed,
            lifetime_s=PROBE_LIFETIME_S,
            now=now,
            only=target.satellite,
        )
    except errors.Refusal:
        return  # too many questions are open, or the report of the slot is late: the next tick asks
    Probe.objects.create(target=target, prompt=prompt, attempt=attempt, query=query, asked_at=now)


def _judge(probe: Probe) -> None:
    query = probe.query
    if query.state not in OVER:
        return
    judgement = golden.judge(probe.prompt.expect, _answer(query))
    reason = judgement.reason
    if query.state != QueryState.DELIVERED:
        reason = f"No answer came: {query.reason}"
    probe.verdict, probe.reason = judgement.verdict, reason[:500]
    probe.save(update_fields=["verdict", "reason"])


def _answer(query: Query) -> golden.Answer:
    if query.state != QueryState.DELIVERED:
        return golden.Answer(None)
    text = "".join(piece for _, piece in answers.read(query.pk).pieces)
    took_s = None
    if query.accepted_at and query.finished_at:
        took_s = (query.finished_at - query.accepted_at).total_seconds()
    return golden.Answer(text, took_s)


# --- Metrics ----------------------------------------------------------------------------------


def _metric(
    rollout: Rollout,
    target: Target,
    place: int,
    gate: gates.Gate,
    fleet: Fleet,
    *,
    may_act: bool,
    now: datetime,
) -> gates.Judgement:
    rows = list(target.measurements.filter(gate=place).order_by("taken_at", "pk"))
    if may_act and _is_due(target, gate, rows, fleet, now=now):
        seen = _read(rollout, target, gate, fleet)
        judgement = gates.measure(gate, seen)
        is_number = judgement.verdict is not gates.Verdict.INCONCLUSIVE
        rows.append(
            Measurement.objects.create(
                target=target,
                gate=place,
                taken_at=now,
                value=seen.value if is_number else None,
                verdict=judgement.verdict,
                reason=judgement.reason[:300],
            )
        )
    return gates.assess(gate, _counted(rows, rollout.judged_from))


def _counted(rows: Sequence[Measurement], since: datetime) -> list[gates.Verdict]:
    """Return the verdicts that count: what was inconclusive before a human resumed does not."""
    verdicts = [(gates.Verdict(row.verdict), row.taken_at) for row in rows]
    return [one for one, at in verdicts if one is not gates.Verdict.INCONCLUSIVE or at >= since]


def _is_due(
    target: Target, gate: gates.Gate, rows: Sequence[Measurement], fleet: Fleet, *, now: datetime
) -> bool:
    """Say whether to measure now: by the interval in a contact, and once after one that brought
    nothing, so that silence is counted too."""
    first_at = target.active_at + timedelta(seconds=gate.initial_delay_s)
    if now < first_at:
        return False
    last_at = rows[-1].taken_at if rows else None
    if target.satellite_id in fleet.in_contact:
        opened = _contacts(target).filter(state=ContactState.PASS, los_at__gt=now).first()
        settled_at = max(first_at, opened.aos_at if opened else first_at)
        if last_at is None or last_at < settled_at:
            # The first minute of a contact may pass before its telemetry is decoded.
            late = now - settled_at > timedelta(seconds=2 * gates.STALE_AFTER_S)
            return late or _is_fresh(target, gate, fleet)
        return now - last_at >= timedelta(seconds=gate.interval_s)
    over = _contacts(target).filter(los_at__lte=now, los_at__gt=last_at or first_at)
    return over.filter(aos_at__gte=last_at or first_at).exists()


def _is_fresh(target: Target, gate: gates.Gate, fleet: Fleet) -> bool:
    seen = fleet.values.get(target.satellite_id, {}).get(gate.metric)
    return gate.metric not in gates.REPORTED or (
        seen is not None and seen.age_s <= gates.STALE_AFTER_S
    )


def _contacts(target: Target):
    flown = [ContactState.PASS, ContactState.POSTPASS, ContactState.COMPLETED]
    return Contact.objects.filter(satellite_id=target.satellite_id, state__in=flown)


def _read(rollout: Rollout, target: Target, gate: gates.Gate, fleet: Fleet) -> gates.Reading:
    if gate.metric in ("error_rate", "latency_s"):
        return _of_answers(rollout, target, gate.metric)
    seen = fleet.values.get(target.satellite_id, {}).get(gate.metric)
    if seen is None:
        return gates.Reading(None)
    if gate.metric != "ecc_uncorrected":
        return gates.Reading(seen.value, seen.age_s)
    if not isinstance(seen.value, int | float):
        return gates.Reading(seen.value, seen.age_s)
    if target.ecc_base is None:  # as it stood when the version was first heard of
        target.ecc_base = seen.value
        target.save(update_fields=["ecc_base"])
    if seen.value < target.ecc_base:
        return gates.Reading(None)  # it counts anew since a boot: what was before is not known
    return gates.Reading(seen.value - target.ecc_base, seen.age_s)


def _of_answers(rollout: Rollout, target: Target, metric: str) -> gates.Reading:
    said = Query.objects.filter(
        answered_by_id=target.satellite_id, version=rollout.version, state__in=OVER,
        created_at__gte=target.active_at,
    )  # fmt: skip
    sums = said.aggregate(
        all=Count("pk"),
        failed=Count("pk", filter=Q(state=QueryState.FAILED)),
        took=Avg(F("finished_at") - F("accepted_at"), filter=Q(state=QueryState.DELIVERED)),
    )
    if metric == "latency_s":
        return gates.Reading(sums["took"].total_seconds() if sums["took"] else None)
    return gates.Reading(sums["failed"] / sums["all"] if sums["all"] else None)


# --- Soak -------------------------------------------------------------------------------------


def _soak(ring: Ring, target: Target, *, now: datetime) -> gates.Judgement:
    """Count orbits by the element set of record, contacts by those that were completed."""
    parts = []
    if ring.soak_orbits:
        rows = catalogue.elements_of_record(now, [target.satellite])
        if not rows:
            return gates.Judgement(gates.Verdict.RUNNING, "its orbit is not known")
        motion = catalogue.mean_elements(rows[0]).mean_motion_rev_per_day
        orbits = (now - target.active_at).total_seconds() / DAY_S * motion
        if orbits < ring.soak_orbits:
            parts.append(f"{orbits:.1f} of {ring.soak_orbits:g} orbits")
    if ring.soak_contacts:
        done = Contact.objects.filter(
            satellite_id=target.satellite_id,
            state=ContactState.COMPLETED,
            aos_at__gte=target.active_at,
        ).count()
        if done < ring.soak_contacts:
            parts.append(f"{done} of {ring.soak_contacts} contacts")
    if parts:
        return gates.Judgement(gates.Verdict.RUNNING, f"soak: {', '.join(parts)}")
    return gates.Judgement(gates.Verdict.SUCCESSFUL, "soaked")
