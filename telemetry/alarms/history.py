"""What recorder dumps tell of the past: violations on record that raise nothing today."""

from __future__ import annotations

from datetime import datetime

from telemetry import times
from telemetry.alarms import evaluation, plans
from telemetry.alarms.models import Transition, Violation

JOINED_NS = 60 * 10**9
"""Excursions of one rule closer than this are one: a dump comes in many batches."""


def record(satellite_id: int, found: list[evaluation.Excursion], *, now: datetime) -> int:
    """Keep excursions that no alarm told of already; return how many are new or longer.

    Safe to repeat: an excursion that lies in one on record changes nothing.
    """
    if not found:
        return 0
    rules = {each.rule.key for each in found}
    first = min(each.first_ns for each in found) - JOINED_NS
    last = max(each.last_ns for each in found) + JOINED_NS
    told = _told_of(satellite_id, rules)
    rows = list(
        Violation.objects.filter(
            satellite_id=satellite_id, rule__in=rules, last_ns__gte=first, first_ns__lte=last
        )
    )
    named = plans.current().by_key
    changed: dict[int, Violation] = {}
    for each in sorted(found, key=lambda excursion: excursion.first_ns):
        spans = told.get(each.rule.key, ())
        if any(start <= each.last_ns and each.first_ns <= end for start, end in spans):
            continue
        row = next((row for row in rows if _is_near(row, each)), None)
        if row is None:
            row = Violation(
                satellite_id=satellite_id,
                rule=each.rule.key,
                name=named[each.rule.key].name if each.rule.key in named else each.rule.parameter,
                parameter=each.rule.parameter,
                level=0,
                first_ns=each.first_ns,
                last_ns=each.last_ns,
                count=0,
                needed=each.rule.limit.minimum_violations,
                recorded_at=now,
            )
            rows.append(row)
        if _take(row, each):
            changed[id(row)] = row
    Violation.objects.bulk_create([row for row in changed.values() if row.pk is None])
    Violation.objects.bulk_update(
        [row for row in changed.values() if row.pk is not None],
        ["first_ns", "last_ns", "count", "level", "value"],
    )
    return len(changed)


def _is_near(row: Violation, each: evaluation.Excursion) -> bool:
    return (
        row.rule == each.rule.key
        and row.first_ns - JOINED_NS <= each.last_ns
        and each.first_ns <= row.last_ns + JOINED_NS
    )


def _take(row: Violation, each: evaluation.Excursion) -> bool:
    """Let a row on record grow by an excursion; say whether that changed it."""
    if row.count and row.first_ns <= each.first_ns and each.last_ns <= row.last_ns:
        return False
    row.first_ns, row.last_ns = min(row.first_ns, each.first_ns), max(row.last_ns, each.last_ns)
    row.count += each.count
    if each.level > row.level:
        row.level, row.value = each.level, each.value
    return True


def _told_of(satellite_id: int, rules: set[str]) -> dict[str, list[tuple[int, int]]]:
    """Return the spans in which alarms of these rules were active, by rule."""
    spans: dict[str, list[tuple[int, int]]] = {}
    rows = (
        Transition.objects.filter(
            alarm__satellite_id=satellite_id,
            alarm__rule__in=rules,
            event__in=("raise", "return"),
            generated_at__isnull=False,
        )
        .order_by("id")
        .values_list("alarm__rule", "event", "generated_at")
    )
    for rule, event, at in rows:
        known = spans.setdefault(rule, [])
        if event == "raise":
            known.append((times.to_ns(at), 2**62))
        elif known:
            known[-1] = (known[-1][0], times.to_ns(at))
    return spans
