"""Each batch of samples judged as it is decoded, inside the transaction that marks it decoded.

Of one satellite one batch at a time, in the order of generation: what is not newer than the last
live sample, and what a recorder dump brought, raises nothing and is recorded as of the past. A
batch that nobody minds costs two statements. Where one definition takes the place of another, a
batch is judged in parts, each by the groups of the definition that read it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from numpy.typing import NDArray

from telemetry.alarms import evaluation, facts, history, keeping, plans
from telemetry.alarms.models import Revision, Watch
from telemetry.archive import columns

if TYPE_CHECKING:
    from telemetry.archive.followers import Arrival
    from telemetry.definitions import Edition, Timeline

CLOCK_OFF_NS = 300 * 10**9
"""A live sample generated so far from its reception has a clock on board that cannot be trusted:
it is taken as of its reception, or one wrong jump would silence every alarm that follows."""


def follow(arrival: Arrival, *, now: datetime) -> None:
    """Judge the samples of a batch. Safe to repeat: the second time nothing is new."""
    watch = _locked(arrival.satellite_id)
    in_force = plans.at(watch.revision)
    answers = facts.of(arrival.satellite_id)
    findings: list[keeping.Finding] = []
    excursions: list[evaluation.Excursion] = []
    is_live = False
    for edition, tables in parts_of(arrival, in_force.timeline(arrival.satellite_id)):
        plan = in_force.of(arrival.satellite_id, edition)
        live, past = _sorted_out(watch, tables)
        if live:
            is_live = True
            findings += _judge(watch, plan, in_force.by_key, live, answers)
        if past:
            excursions += evaluation.look_back(plan, past, answers)
    if is_live:
        watch.heard_ns = max(watch.heard_ns, arrival.received_ns)
        watch.save(update_fields=["newest_ns", "heard_ns", "rules", "values", "histories"])
    if findings:
        keeping.keep(findings, now=now)
    if excursions:
        history.record(arrival.satellite_id, excursions, now=now)


def _judge(
    watch: Watch,
    plan: evaluation.Plan,
    named: dict[str, plans.InForce],
    live: dict[str, columns.Samples],
    answers: evaluation.Facts,
) -> list[keeping.Finding]:
    """Return what live samples change; `watch` is brought up to date."""
    memory = evaluation.Memory(watch.rules, watch.values, watch.histories)
    first_ns = min(int(samples.generated_ns[0]) for samples in live.values())
    keys = {rule.key for rule in plan.rules}
    findings = [
        keeping.Finding(
            satellite_id=watch.pk,
            rule=key,
            name=named[key].name,
            parameter=named[key].parameter,
            limit_id=key,
            level=0,
            generated_ns=first_ns,
            detail="The definition in force does not have its parameter any more.",
        )
        for key in watch.rules
        if key not in keys and key in named
    ]
    changes = evaluation.evaluate(plan, live, memory, answers)
    for group, samples in live.items():
        watch.newest_ns[group] = int(samples.generated_ns[-1])
    return findings + [_finding(watch.pk, named, change) for change in changes]


Tables = dict[str, tuple[columns.Samples, NDArray[np.bool_]]]
"""By group: its samples, and which of them a recorder dump brought."""


def parts_of(arrival: Arrival, timeline: Timeline) -> list[tuple[Edition, Tables]]:
    """Return the samples of a batch by the definition that read them, the oldest first.

    Where two definitions read one batch, groups have the names that each calls them by.
    """
    tables = {group: (t, arrival.playback[group]) for group, t in arrival.tables.items() if len(t)}
    steps = {group: timeline.steps(t.generated_ns) for group, (t, _) in tables.items()}
    there = sorted({int(step) for each in steps.values() for step in np.unique(each)})
    if len(there) == 1:
        return [(timeline.edition(there[0]), tables)]
    found = []
    for step in there:
        edition, part = timeline.edition(step), {}
        for group, (samples, is_dump) in tables.items():
            places = np.flatnonzero(steps[group] == step)
            if len(places):
                name = group.removesuffix(edition.own(""))
                part[name] = (columns.select(samples, places), is_dump[places])
        found.append((edition, part))
    return found


def _finding(
    satellite_id: int, named: dict[str, plans.InForce], change: evaluation.Change
) -> keeping.Finding:
    rule = change.rule
    return keeping.Finding(
        satellite_id=satellite_id,
        rule=rule.key,
        name=named[rule.key].name,
        parameter=rule.parameter,
        limit_id=rule.key,
        level=change.level,
        value=change.value,
        detail=keeping.words_of(rule, change.level, change.value),
        generated_ns=change.at_ns,
        is_latching=rule.limit.is_latching,
        is_suppressed=change.is_suppressed,
    )


def _locked(satellite_id: int) -> Watch:
    """Return what is remembered of a satellite, locked, with the number of the limits' revision."""
    revision = Revision.objects.filter(pk=1).annotate(of=OuterRef("pk")).values("number")[:1]
    rows = Watch.objects.select_for_update().annotate(
        revision=Coalesce(Subquery(revision), Value(0))
    )
    found = rows.filter(pk=satellite_id).first()
    if found is None:
        Watch.objects.bulk_create([Watch(satellite_id=satellite_id)], ignore_conflicts=True)
        found = rows.get(pk=satellite_id)
    return found


def _sorted_out(
    watch: Watch, tables: Tables
) -> tuple[dict[str, columns.Samples], dict[str, columns.Samples]]:
    """Return what is live and new, in order and by the time it counts for, and what is past."""
    live: dict[str, columns.Samples] = {}
    past: dict[str, columns.Samples] = {}
    for group, (samples, is_dump) in tables.items():
        is_off = np.abs(samples.generated_ns - samples.received_ns) > CLOCK_OFF_NS
        is_live = ~is_dump
        at_ns = np.where(is_off & is_live, samples.received_ns, samples.generated_ns)
        is_new = is_live & (at_ns > watch.newest_ns.get(group, -(2**62)))
        for chosen, mask in ((live, is_new), (past, ~is_new)):
            if mask.all() and (np.diff(at_ns) >= 0).all():
                chosen[group] = columns.Samples(
                    at_ns, samples.received_ns, samples.columns, invalid=samples.invalid
                )
            elif mask.any():
                places = np.flatnonzero(mask)
                places = places[np.argsort(at_ns[places], kind="stable")]
                part = columns.select(samples, places)
                part.generated_ns = at_ns[places]
                chosen[group] = part
    return live, past
