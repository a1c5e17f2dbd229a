"""What an operator writes on the page that plans a rollout, and what `planning` makes of it.

Rings are the forms `ring0`, `ring1`, …, their metric gates `ring0-gate0`, …: as many as were sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django import forms

from constellation.models import HardwareProfile, Plane, Role, Satellite
from ops.errors import Refusal
from ops.pages import InstantField
from uplink.registry.models import Version
from uplink.rollouts import gates, planning, rings
from uplink.rollouts.models import ErrorAction, Kind, SuccessAction, Synchronise

AUTO, ASKED, NOT_ASKED = "", "yes", "no"
METRICS = [(name, name.replace("_", " ")) for name in gates.METRICS]
STARTS_WITH: tuple[dict[str, Any], ...] = (
    {"name": "canary", "percentage": 5, "canary": True, "soak_orbits": 1, "soak_contacts": 2},
    {"name": "the rest"},
)
_RING, _GATE = re.compile(r"ring(\d{1,3})-"), re.compile(r"ring(\d{1,3})-gate(\d{1,3})-")
_PLACE = re.compile(r"^(?:rings\[(\d+)\]: |Ring (\d+) )")
_GATE_PLACE = re.compile(r"^metrics\[(\d+)\]\.?")


class PlanForm(forms.Form):
    """What holds for the whole rollout. Instants are UTC."""

    name = forms.CharField(max_length=100)
    version = forms.ModelChoiceField(
        Version.objects.select_related("model").order_by("model__name", "-registered_at")
    )
    kind = forms.ChoiceField(choices=Kind.choices, initial=Kind.FORCED, label="Models change")
    forced_at = InstantField(
        required=False, label="Forced at (UTC)", help_text="Only of “until a time, then forced”."
    )
    start_at = InstantField(
        required=False, label="Start at (UTC)", help_text="Empty: when somebody starts it."
    )
    priority = forms.IntegerField(min_value=-100, max_value=100, initial=0)
    min_charge = forms.FloatField(
        min_value=0, max_value=1, initial=0.3, label="Battery at least (0 to 1)"
    )
    max_temperature_c = forms.FloatField(
        min_value=-100, max_value=150, initial=75, label="Accelerator at most (°C)"
    )
    in_sunlight = forms.BooleanField(required=False, label="Only in sunlight")
    laser = forms.BooleanField(
        required=False,
        initial=True,
        label="Packs may come over laser links",
        help_text="Up once to a group of satellites that links join; off: to each by its contacts.",
    )
    needs_approval = forms.BooleanField(required=False, label="A second person approves it")

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        if found.get("kind") == Kind.TIMEFORCED and not found.get("forced_at"):
            self.add_error("forced_at", "Say from when it is forced.")
        elif found.get("kind") != Kind.TIMEFORCED and found.get("forced_at"):
            self.add_error("forced_at", "Only “until a time, then forced” has such a time.")
        return found

    def asked(self) -> dict[str, Any]:
        """Return it as `planning.create` takes it."""
        said = dict(self.cleaned_data)
        names = ("min_charge", "max_temperature_c", "in_sunlight")
        window = {name: said.pop(name) for name in names}
        return {**said, "safe_window": window}


class GateForm(forms.Form):
    """One metric gate."""

    metric = forms.ChoiceField(choices=METRICS)
    min = forms.FloatField(required=False, label="At least")
    max = forms.FloatField(required=False, label="At most")
    count = forms.IntegerField(
        min_value=1, max_value=gates.MEASUREMENTS_MAX, initial=3, label="Measured"
    )
    interval_s = forms.FloatField(min_value=1, max_value=86_400, initial=10, label="Every (s)")
    initial_delay_s = forms.FloatField(min_value=0, max_value=86_400, initial=0, label="After (s)")
    failure_limit = forms.IntegerField(
        min_value=0, max_value=gates.MEASUREMENTS_MAX, initial=0, label="May fail"
    )
    inconclusive_limit = forms.IntegerField(
        min_value=0, max_value=gates.MEASUREMENTS_MAX, initial=5, label="May be unknown"
    )
    consecutive_successes = forms.IntegerField(
        min_value=0, max_value=gates.MEASUREMENTS_MAX, initial=0, label="Good in a row"
    )
    dry_run = forms.BooleanField(required=False, label="Only told")

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        least, most = found.get("min"), found.get("max")
        if least is None and most is None and not self.errors:
            self.add_error("min", "Give a least, a most, or both.")
        elif least is not None and most is not None and least > most:
            self.add_error("min", "This is above the most.")
        low, high = gates.range_of(found.get("metric", ""))
        for name, bound in (("min", least), ("max", most)):
            if bound is not None and not low <= bound <= high:
                self.add_error(name, f"It can be from {low:g} to {high:g}.")
        return found


class RingForm(forms.Form):
    """One ring: who, what they are judged by, when it is through or has failed, what then."""

    name = forms.CharField(max_length=60)
    canary = forms.BooleanField(required=False, label="Canary (spares each plane)")
    percentage = forms.FloatField(min_value=0.000001, max_value=100, initial=100, label="Percent")
    plane = forms.CharField(required=False)
    cluster = forms.CharField(required=False, label="Cluster (plane or shell)")
    shell = forms.CharField(required=False)
    profile = forms.CharField(required=False, label="Hardware profile")
    role = forms.CharField(required=False)
    codes = forms.CharField(required=False, label="Satellites")
    golden = forms.ChoiceField(
        required=False,
        choices=[(AUTO, "asked if there are any"), (ASKED, "asked"), (NOT_ASKED, "not asked")],
        label="Golden prompts",
    )
    soak_orbits = forms.FloatField(min_value=0, max_value=10_000, initial=0, label="Soak: orbits")
    soak_contacts = forms.IntegerField(
        min_value=0, max_value=10_000, initial=0, label="Soak: contacts"
    )
    success_percent = forms.FloatField(
        min_value=1, max_value=100, initial=100, label="At least (% of finished)"
    )
    success_min_finished = forms.IntegerField(
        required=False, min_value=1, label="Once finished (or all)"
    )
    on_success = forms.ChoiceField(
        required=False, choices=SuccessAction.choices, label="When through"
    )
    error_percent = forms.FloatField(
        required=False, min_value=0, max_value=99.999, initial=0, label="More than (% of finished)"
    )
    error_min_finished = forms.IntegerField(min_value=1, initial=1, label="Of at least")
    error_count = forms.IntegerField(required=False, min_value=1, label="Or at (failures)")
    on_error = forms.ChoiceField(choices=ErrorAction.choices, label="When failed")
    synchronise = forms.ChoiceField(choices=Synchronise.choices, label="Activates")
    together = forms.BooleanField(required=False, label="Only once all of the ring hold it")

    GROUPS = (
        ("Who", (*rings.FILTERS,)),
        ("Judged by", ("golden", "soak_orbits", "soak_contacts")),
        ("Through", ("success_percent", "success_min_finished", "on_success")),
        ("Failed", ("error_percent", "error_min_finished", "error_count", "on_error")),
        ("Activation", ("synchronise", "together")),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gates: list[GateForm] = []
        for name in rings.FILTERS:
            self.fields[name].widget.attrs |= {"placeholder": "any", "list": f"known-{name}"}

    @property
    def head(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "percentage", "canary")]

    @property
    def groups(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """The fields as the page groups them."""
        for title, names in self.GROUPS:
            yield title, [self[name] for name in names]

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        for name in rings.FILTERS:
            found[name] = _names(found.get(name, ""))
            if unknown := _unknown(name, found[name]):
                self.add_error(name, f"There is no {_WORDS[name]} {', '.join(unknown[:5])}.")
        if found.get("error_percent") is None and found.get("error_count") is None:
            self.add_error("error_percent", "Say a percentage, a number of failures, or both.")
        return found

    def asked(self) -> dict[str, Any]:
        """Return the ring as `planning.create` reads it."""
        said = self.cleaned_data
        ring = {
            "name": said["name"],
            "canary": said["canary"],
            "percentage": said["percentage"],
            "filter": {name: said[name] for name in rings.FILTERS if said[name]},
            "metrics": [
                {name: value for name, value in gate.cleaned_data.items() if value is not None}
                for gate in self.gates
            ],
            "success": _without_none(
                percent=said["success_percent"], min_finished=said["success_min_finished"]
            ),
            "error": _without_none(
                percent=said["error_percent"],
                count=said["error_count"],
                min_finished=said["error_min_finished"],
            ),
            "on_success": said["on_success"] or SuccessAction.NEXT,
        }
        for name in ("soak_orbits", "soak_contacts", "on_error", "synchronise", "together"):
            ring[name] = said[name]
        if said["golden"] != AUTO:
            ring["golden"] = said["golden"] == ASKED
        return ring


_WORDS = {
    "role": "role", "profile": "hardware profile", "plane": "plane", "shell": "shell",
    "cluster": "plane or shell", "codes": "satellite",
}  # fmt: skip


def known(name: str) -> list[str]:
    """Return the names that a ring may be filtered by."""
    planes = Plane.objects.values_list("code", "shell")
    match name:
        case "role":
            return list(Role.values)
        case "profile":
            return list(HardwareProfile.objects.order_by("code").values_list("code", flat=True))
        case "plane":
            return sorted({plane for plane, _ in planes})
        case "shell":
            return sorted({shell for _, shell in planes if shell})
        case "cluster":
            return sorted({one for pair in planes for one in pair if one})
    flying = Satellite.objects.filter(is_active=True)
    return list(flying.order_by("code").values_list("code", flat=True))


def _unknown(name: str, wanted: list[str]) -> list[str]:
    there = set(known(name)) if wanted else set()
    return [one for one in wanted if one not in there]


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(one for part in text.split(",") if (one := part.strip())))


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def counts(data: Any) -> list[int]:
    """Return how many gates each ring that was sent has; rings and gates are numbered from 0."""
    numbers = {int(found[1]) for name in data if (found := _RING.match(name))}
    found: list[int] = [0] * min(max(numbers, default=-1) + 1, planning.RINGS_MAX)
    for name in data:
        if (one := _GATE.match(name)) and int(one[1]) < len(found):
            found[int(one[1])] = max(found[int(one[1])], min(int(one[2]) + 1, gates.GATES_MAX))
    return found


def bound(data: Any) -> tuple[PlanForm, list[RingForm]]:
    """Return the forms of what was sent."""
    made = []
    for number, gate_count in enumerate(counts(data)):
        ring = RingForm(data, prefix=f"ring{number}", use_required_attribute=False)
        ring.gates = [
            GateForm(data, prefix=f"ring{number}-gate{k}", use_required_attribute=False)
            for k in range(gate_count)
        ]
        made.append(ring)
    return PlanForm(data, use_required_attribute=False), made


def blank() -> tuple[PlanForm, list[RingForm]]:
    """Return the forms to begin with."""
    return _unbound({}, [(one, []) for one in STARTS_WITH])


def changed(data: Any, change: str) -> tuple[PlanForm, list[RingForm]]:
    """Return the forms of what was sent with a ring or a gate added or removed, not judged yet.

    `change` is `add ring`, `add gate 0`, `remove ring 1` or `remove gate 0 2`; another changes
    nothing.
    """
    plan, sent = bound(data)
    kept = [(_typed(ring), [_typed(gate) for gate in ring.gates]) for ring in sent]
    match change.split():
        case ["add", "ring"] if len(kept) < planning.RINGS_MAX:
            kept.append(({}, []))
        case ["remove", "ring", at] if at.isdecimal() and int(at) < len(kept):
            del kept[int(at)]
        case ["add", "gate", at] if at.isdecimal() and int(at) < len(kept):
            kept[int(at)][1].append({})
        case ["remove", "gate", at, which] if (at + which).isdecimal():
            if int(at) < len(kept) and int(which) < len(kept[int(at)][1]):
                del kept[int(at)][1][int(which)]
    return _unbound(_typed(plan), kept)


def _typed(form: forms.Form) -> dict[str, Any]:
    """Return what was typed, right or not."""
    return {
        name: form[name].data if form[name].data is not None else ("" if form.is_bound else None)
        for name in form.fields
    }


def _unbound(
    plan: dict[str, Any], given: Iterable[tuple[dict[str, Any], list[dict[str, Any]]]]
) -> tuple[PlanForm, list[RingForm]]:
    made = []
    for number, (ring_initial, gates_initial) in enumerate(given):
        ring = RingForm(initial=ring_initial, prefix=f"ring{number}", use_required_attribute=False)
        ring.gates = [
            GateForm(initial=one, prefix=f"ring{number}-gate{k}", use_required_attribute=False)
            for k, one in enumerate(gates_initial)
        ]
        made.append(ring)
    return PlanForm(initial=plan, use_required_attribute=False), made


def are_valid(plan: PlanForm, asked: list[RingForm]) -> bool:
    """Check every form, so that all errors are shown at once."""
    each = [plan, *asked, *(gate for ring in asked for gate in ring.gates)]
    if not asked:
        plan.add_error(None, "A rollout has at least one ring; add one.")
    judged = [one.is_valid() for one in each]
    return all(judged)


def blame(refusal: Refusal, plan: PlanForm, asked: list[RingForm]) -> None:
    """Put a refusal at the ring that it names, at its field or gate if it names one."""
    text = str(refusal)
    place = _PLACE.match(text)
    number = int(place[1] or place[2]) if place else len(asked)
    if number >= len(asked):
        plan.add_error(_field(plan, text), text)
        return
    said = text[place.end() :] if place[1] else text
    gate = _GATE_PLACE.match(said)
    if gate and int(gate[1]) < len(asked[number].gates):
        form, rest = asked[number].gates[int(gate[1])], said[gate.end() :]
    else:
        form, rest = asked[number], said
    form.add_error(_field(form, rest), said)


def _field(form: forms.Form, text: str) -> str | None:
    """Return the field that a refusal begins with, as `filter.plane` or `error.count`."""
    first = text.partition(" ")[0].rstrip(":,.")
    for name in (first.replace(".", "_"), first.rpartition(".")[2], first.partition(".")[0]):
        if name in form.fields:
            return name
    return None
