"""Each batch of samples judged as it is decoded, inside the transaction that marks it decoded.

Of one satellite one batch at a time, in the order of generation: what is not newer than the last
live sample, and what a recorder dump brought, raises nothing and is recorded as of the past. A
batch that nobody minds costs two statements.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from telemetry.alarms import evaluation, facts, history, keeping, plans
from telemetry.alarms.models import Revision, Watch
from telemetry.archive import columns

if TYPE_CHECKING:
    from telemetry.archive.followers import Arrival

CLOCK_OFF_NS = 300 * 10**9
"""A live sample generated so far from its reception has a clock on board that cannot be trusted:
it is taken as of its reception, or one wrong jump would silence every alarm that follows."""


def follow(arrival: Arrival, *, now: datetime) -> None:
    """Judge the samples of a batch. Safe to repeat: the second time nothing is new."""
    watch = _locked(arrival.satellite_id)
    plan = plans.at(watch.revision).of(arrival.satellite_id)
    live, past = _sorted_out(watch, arrival)
    answers = facts.of(arrival.satellite_id)
    if live:
        memory = evaluation.Memory(watch.rules, watch.values, watch.histories)
        changes = evaluation.evaluate(plan, live, memory, answers)
        watch.heard_ns = max(watch.heard_ns, arrival.received_ns)
        for group, samples in live.items():
            watch.newest_ns[group] = int(samples.generated_ns[-1])
        watch.save(update_fields=["newest_ns", "heard_ns", "rules", "values", "histories"])
        if changes:
            named = plans.at(watch.revision).by_key
            keeping.keep(
                [_finding(arrival.satellite_id, named, change) for change in changes], now=now
            )
    if past:
        history.record(arrival.satellite_id, evaluation.look_back(plan, past, answers), now=now)


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
    watch: Watch, arrival: Arrival
) -> tuple[dict[str, columns.Samples], dict[str, columns.Samples]]:
    """Return what is live and new, in order and by the time it counts for, and what is past."""
    live: dict[str, columns.Samples] = {}
    past: dict[str, columns.Samples] = {}
    for group, samples in arrival.tables.items():
        is_off = np.abs(samples.generated_ns - samples.received_ns) > CLOCK_OFF_NS
        is_live = ~arrival.playback[group]
        at_ns = np.where(is_off & is_live, samples.received_ns, samples.generated_ns)
        is_new = is_live & (at_ns > watch.newest_ns.get(group, -(2**62)))
        for chosen, mask in ((live, is_new), (past, ~is_new)):
            if mask.any():
                places = np.flatnonzero(mask)
                places = places[np.argsort(at_ns[places], kind="stable")]
                part = columns.select(samples, places)
                part.generated_ns = at_ns[places]
                chosen[group] = part
    return live, past
