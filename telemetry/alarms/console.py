"""What the console shows of alarms: rows with their words, plots with their limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any

import orjson

from constellation.models import Satellite
from telemetry import times
from telemetry.alarms import evaluation, judging, levels, lifecycle, plans
from telemetry.alarms.models import Alarm, Limit, Transition
from telemetry.models import Latest

STATE_WORDS = {
    "normal": "Normal",
    "unacknowledged": "Not acknowledged",
    "acknowledged": "Acknowledged",
    "returned": "Over, not acknowledged",
    "latched": "Over, latched",
    "latched_acknowledged": "Latched, acknowledged",
    "shelved": "Shelved",
    "suppressed": "Suppressed by design",
    "out_of_service": "Out of service",
}
EVENT_WORDS = {
    "raise": "Raised",
    "worsen": "Got worse",
    "ease": "Eased",
    "return": "Over",
    "acknowledge": "Acknowledged",
    "reset": "Cleared",
    "shelve": "Shelved",
    "unshelve": "Off the shelf",
    "suppress": "Suppressed by design",
    "unsuppress": "Suppressed no more",
    "remove": "Taken out of service",
    "restore": "Put back in service",
    "note": "Remark",
}
BEFORE = timedelta(minutes=20)
"""What the plot of an alarm shows of the time before it was raised."""
AFTER = timedelta(minutes=10)


def history(rows: Iterable[Transition]) -> list[Transition]:
    """Return what happened to an alarm with the words that its page shows."""
    found = list(rows)
    for row in found:
        row.words, row.after_words = EVENT_WORDS[row.event], STATE_WORDS[row.after]
    return found


def told(rows: list[Alarm]) -> list[Alarm]:
    """Return alarms with the words and marks that pages show."""
    for row in rows:
        worst = row.level or row.worst
        row.word, row.status_mark = levels.shown(worst), levels.status(worst)
        row.words = STATE_WORDS[row.state]
        row.is_calling = row.state in lifecycle.CALLING
        row.is_inhibited = row.state in lifecycle.INHIBITED
        row.may_be_cleared = row.state in (
            lifecycle.State.RETURNED,
            lifecycle.State.LATCHED,
            lifecycle.State.LATCHED_ACKNOWLEDGED,
        )
    return rows


def plot_of(alarm: Alarm) -> dict[str, Any] | None:
    """Return what the plot around an alarm asks for; None when there is nothing to plot."""
    if alarm.raised_at is None or not alarm.parameter:
        return None
    start = alarm.raised_at - BEFORE
    end = (alarm.returned_at + AFTER) if alarm.returned_at else None
    rule = rule_of(alarm, times.to_ns(alarm.raised_at))
    return {
        "parameter": alarm.parameter,
        "start": start.isoformat().replace("+00:00", "Z"),
        "end": end.isoformat().replace("+00:00", "Z") if end else "",
        "limits": limits_json([rule]) if rule else "[]",
    }


def rule_of(alarm: Alarm, at_ns: int) -> evaluation.Rule | None:
    """Return the rule in force behind an alarm, by the definition of an instant."""
    plan = plans.current().at(alarm.satellite, at_ns)
    return next((rule for rule in plan.rules if rule.key == alarm.rule), None)


def limits_json(rules: list[evaluation.Rule]) -> str:
    """Return the ranges of static limits as plots draw them: `[{status, low, high}, …]`."""
    found = []
    for rule in rules:
        if rule.limit.kind != "static":
            continue
        for band in rule.limit.default.bands:
            if not band.is_inside:
                low = None if band.low == -inf else band.low
                high = None if band.high == inf else band.high
                found.append({"status": levels.status(band.level), "low": low, "high": high})
    return orjson.dumps(found).decode()


@dataclass(frozen=True)
class Shown:
    """How the newest value of a parameter is shown."""

    status: str
    word: str
    limits: str
    """Ranges for its plot."""


def of_satellite(satellite: Satellite, now: datetime) -> dict[str, Shown]:
    """Return for each parameter with a limit or an open alarm how its value is marked.

    The worse of what its newest value says and of its active alarms counts; what is normal has
    no mark.
    """
    plan = plans.current().at(satellite, times.to_ns(now))
    worst: dict[str, int] = defaultdict(int)
    rules: dict[str, list[evaluation.Rule]] = defaultdict(list)
    newest = dict(Latest.objects.filter(satellite=satellite).values_list("parameter", "value"))
    for rule in plan.rules:
        rules[rule.parameter].append(rule)
        if rule.limit.kind != "change" and newest.get(rule.parameter) is not None:
            level = level_now(rule, newest)
            worst[rule.parameter] = max(worst[rule.parameter], level)
    active = Alarm.objects.filter(satellite=satellite, is_active=True).exclude(parameter="")
    for parameter, level in active.values_list("parameter", "level"):
        worst[parameter] = max(worst[parameter], level)
    return {
        name: Shown(
            levels.status(worst[name]) if worst[name] else "",
            levels.shown(worst[name]) if worst[name] else "",
            limits_json(rules[name]),
        )
        for name in {*worst, *rules}
    }


def level_now(rule: evaluation.Rule, newest: dict[str, Any]) -> int:
    """Return the level of a newest value, by the context that the other newest values make.

    Facts that only geometry knows are taken not to hold.
    """
    judgement = rule.limit.default
    for context in rule.limit.contexts:
        if all(_holds(condition, newest) for condition in context.when):
            judgement = context.judgement
            break
    return judging.level_of(judgement, newest[rule.parameter])


def _holds(condition: judging.Condition, newest: dict[str, Any]) -> bool:
    if condition.fact:
        return False
    return bool(judging.holds(condition, [newest.get(condition.parameter)])[0])


def rows_of_limits(limits: list[Limit]) -> list[dict[str, Any]]:
    """Return limits as the page lists them: what holds, for whom, since which version."""
    return [
        {
            "limit": limit,
            "version": limit.active.version if limit.active else None,
            "last": next(iter(limit.versions.all()), None),
            "levels": _levels_in_words((limit.active or _last(limit)).content),
            "scope": _scope_in_words((limit.active or _last(limit)).content),
        }
        for limit in limits
    ]


def _last(limit: Limit) -> Any:
    return next(iter(limit.versions.all()))


def _levels_in_words(content: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (mark, word, range) of each level of a limit, the worst last, contexts behind."""
    found = _judgement_in_words(content, "")
    for context in content.get("contexts", []):
        when = " and ".join(_condition_in_words(each) for each in context["when"])
        found += _judgement_in_words(context, f" when {when}")
    return found


def _judgement_in_words(said: dict[str, Any], when: str) -> list[tuple[str, str, str]]:
    found = []
    for name, ranges in tidy(said).get("levels", {}).items():
        level = levels.BY_NAME[name]
        for each in ranges if isinstance(ranges, list) else [ranges]:
            low, high = each.get("low"), each.get("high")
            sides = [f"< {low:,.6g}"] if low is not None else []
            sides += [f"> {high:,.6g}"] if high is not None else []
            words = f"{low:g} to {high:g}" if each.get("inside") else " or ".join(sides)
            found.append((levels.status(level), levels.shown(level), words + when))
    for label, name in said.get("labels", {}).items():
        level = levels.BY_NAME[name]
        found.append((levels.status(level), levels.shown(level), label + when))
    return found


def _condition_in_words(said: dict[str, Any]) -> str:
    if "fact" in said:
        return said["fact"].replace("_", " ")
    if "is" in said:
        labels = said["is"] if isinstance(said["is"], list) else [said["is"]]
        return f"{said['parameter']} is {' or '.join(labels)}"
    low, high = said.get("low"), said.get("high")
    sides = [f"≥ {low:g}"] if low is not None else []
    sides += [f"≤ {high:g}"] if high is not None else []
    return f"{said['parameter']} {' and '.join(sides)}"


def tidy(content: dict[str, Any]) -> dict[str, Any]:
    """Return a limit's content as people read it: its levels from mild to severe."""
    if "levels" not in content:
        return content
    order = list(levels.BY_NAME)
    ranked = sorted(content["levels"].items(), key=lambda each: order.index(each[0]))
    contexts = [tidy(each) for each in content.get("contexts", [])]
    found = {"kind": content["kind"]} if "kind" in content else {}
    found |= {**content, "levels": dict(ranked)}
    return found | ({"contexts": contexts} if contexts else {})


def _scope_in_words(content: dict[str, Any]) -> str:
    scope = content.get("applies_to", {})
    said = [f"{name} {', '.join(values)}" for name, values in scope.items() if values]
    return "; ".join(said)
