"""Pages of element sets: what each satellite flies, how old and how far off, and its history."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from constellation import catalogue, choice, feeds, fleet, intake
from constellation.models import ElementFile, ElementSet, ElementSource, ElementState, Satellite
from constellation.models_elements import (
    LEAST_INTERVAL_S,
    MOST_PRIORITY,
    OPERATOR_PRIORITY,
    PUBLIC_PRIORITY,
)
from constellation.orbits.elements import MAX_FILE_BYTES
from ops import clock
from ops.accounts import roles
from ops.errors import Invalid
from ops.pages import cleaned, needs

LIST_MAX = 200
HISTORY_MAX = 200
LINES_SHOWN = 12
STALE = timedelta(days=5)
"""From this age on a low orbit's elements may be off by several kilometres."""
STATUS = {
    ElementState.VALIDATING: "standby",
    ElementState.INVALID: "serious",
    ElementState.ERROR: "critical",
    ElementState.ENABLED: "normal",
    ElementState.DISABLED: "off",
    ElementState.EXPIRED: "caution",
}
ORDERS = {
    "satellite": lambda row: row.satellite.code,
    "age": lambda row: row.newness_at,
    "drift": lambda row: -((row.drift or {}).get("over_day") or {}).get("distance_m", 0.0),
}


class UploadForm(forms.Form):
    file = forms.FileField()
    source = forms.CharField(max_length=100, required=False)
    priority = forms.IntegerField(min_value=0, max_value=MOST_PRIORITY, required=False)


class SourceForm(forms.Form):
    name = forms.CharField(max_length=60)
    url = forms.CharField(max_length=500)
    form = forms.ChoiceField(choices=ElementSource.Form.choices)
    priority = forms.IntegerField(min_value=0, max_value=MOST_PRIORITY)
    interval_h = forms.FloatField(min_value=LEAST_INTERVAL_S / 3600, max_value=720)


class ChangeForm(forms.Form):
    action = forms.ChoiceField(choices=[(each, each) for each in ("enable", "disable", "priority")])
    priority = forms.IntegerField(min_value=0, max_value=MOST_PRIORITY, required=False)


@require_safe
@needs("constellation.view_satellite")
def elements_page(request: HttpRequest) -> HttpResponse:
    """What every satellite flies, by `?by=satellite`, `age` or `drift`; files and sources."""
    now = clock.now()
    words = request.GET.get("q", "").strip()
    order = request.GET.get("by", "satellite")
    if order not in ORDERS:
        raise Invalid(f"There is no order {order[:40]!r}; there are {', '.join(ORDERS)}.")
    satellites = fleet.found(words)
    rows = sorted(catalogue.elements_of_record(now, satellites), key=ORDERS[order])
    for row in rows:
        row.age = now - row.epoch_at
        row.is_stale = row.age > STALE
        row.far = _far(row)
    may_change = roles.may(request.user, "constellation.add_elementset")
    return render(
        request,
        "constellation/elements.html",
        {
            "now": now,
            "words": words,
            "order": order,
            "orders": list(ORDERS),
            "rows": rows[:LIST_MAX],
            "count": len(rows),
            "more": max(0, len(rows) - LIST_MAX),
            "without": len(satellites) - len(rows),
            "may_change": may_change,
            "sources": ElementSource.objects.all() if may_change else [],
            "files": ElementFile.objects.all()[:6] if may_change else [],
            "forms": ElementSource.Form.choices,
            "operator_priority": OPERATOR_PRIORITY,
            "public_priority": PUBLIC_PRIORITY,
            "section": "elements",
        },
    )


def _far(row: ElementSet) -> dict[str, float] | None:
    """Return what a row shows of its drift: kilometres, and seconds along the track."""
    if not row.drift:
        return None
    at_epoch, over_day = row.drift["at_epoch"], row.drift["over_day"]
    return {
        "epoch_km": at_epoch["distance_m"] / 1000.0,
        "day_km": over_day["distance_m"] / 1000.0,
        "radial_km": over_day["radial_m"] / 1000.0,
        "along_km": over_day["along_m"] / 1000.0,
        "cross_km": over_day["cross_m"] / 1000.0,
        "day_s": over_day["along_s"],
    }


@require_safe
@needs("constellation.view_satellite")
def history_page(request: HttpRequest, code: str) -> HttpResponse:
    """Every element set that a satellite was given, newest first, and which one is flown."""
    now = clock.now()
    satellite = Satellite.objects.filter(code=code).first()
    if satellite is None:
        raise Http404(f"There is no satellite {code}.")
    rows = list(
        satellite.element_sets.defer("states", "given").order_by("-loaded_at", "-id")[:HISTORY_MAX]
    )
    flown = {row.pk for row in catalogue.elements_of_record(now, [satellite])}
    for row in rows:
        row.status = STATUS[ElementState(row.state)]
        row.is_flown = row.pk in flown
        row.may_change = row.state in choice.CHANGEABLE
        row.far = _far(row)
    return render(
        request,
        "constellation/element_history.html",
        {
            "now": now,
            "satellite": satellite,
            "rows": rows,
            "may_change": roles.may(request.user, "constellation.change_elementset"),
            "section": "elements",
        },
    )


@require_POST
@needs("constellation.add_elementset")
def upload(request: HttpRequest) -> HttpResponse:
    """Take a file that somebody chose in the browser, and say what became of it."""
    wanted = cleaned(UploadForm(request.POST, request.FILES))
    given = wanted["file"]
    if given.size > MAX_FILE_BYTES:
        raise Invalid(f"The file has {given.size} bytes; at most {MAX_FILE_BYTES} are taken.")
    priority = wanted["priority"]
    file, _ = intake.take_file(
        file_id=uuid4(),
        data=given.read(),
        source=wanted["source"] or Path(given.name).name,
        priority=OPERATOR_PRIORITY if priority is None else priority,
        given_by=request.user.get_username(),
        now=clock.now(),
    )
    said = (
        f"{len(file.taken)} taken, {len(file.kept)} kept as history, {len(file.refused)} refused."
    )
    messages.add_message(request, messages.SUCCESS if file.taken else messages.WARNING, said)
    for line in [*file.refused, *file.kept][:LINES_SHOWN]:
        messages.warning(request, line)
    return redirect("elements")


@require_POST
@needs("constellation.change_elementset")
def change_set(request: HttpRequest, number: str) -> HttpResponse:
    """Enable, disable or order an element set; then back to its satellite's history."""
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Http404("There is no such element set.")
    wanted = cleaned(ChangeForm(request.POST))
    change: dict[str, object] = {}
    if wanted["action"] == "priority":
        if wanted["priority"] is None:
            raise Invalid("priority: a whole number is needed.")
        change["priority"] = wanted["priority"]
    else:
        change["is_enabled"] = wanted["action"] == "enable"
    row = choice.change(int(number), now=clock.now(), **change)
    return redirect("element-history", code=row.satellite.code)


@require_POST
@needs("constellation.change_elementsource")
def add_source(request: HttpRequest) -> HttpResponse:
    """Add an address from which element sets are fetched."""
    wanted = cleaned(SourceForm(request.POST))
    interval_s = round(wanted.pop("interval_h") * 3600)
    feeds.put_source(uuid4(), wall=timezone.now(), interval_s=interval_s, **wanted)
    return redirect(reverse("elements"))


@require_POST
@needs("constellation.change_elementsource")
def change_source(request: HttpRequest, source_id: UUID) -> HttpResponse:
    """Ask a source soon, or switch it on or off."""
    action = request.POST.get("action", "")
    row = ElementSource.objects.filter(pk=source_id).first()
    if row is None:
        raise Http404("There is no such source.")
    if action == "ask":
        feeds.ask_soon(source_id, timezone.now())
        messages.success(request, f"{row.name} is asked within a minute.")
    elif action in ("enable", "disable"):
        fields = {name: getattr(row, name) for name in ("name", "url", "form", "priority")}
        fields |= {"interval_s": row.interval_s, "is_enabled": action == "enable"}
        feeds.put_source(source_id, wall=timezone.now(), **fields)
    else:
        raise Invalid(f"action is {action[:40]!r}; right is ask, enable or disable.")
    return redirect("elements")


urlpatterns = [
    path("elements", elements_page, name="elements"),
    path("elements/files", upload, name="upload-elements"),
    path("elements/sets/<str:number>", change_set, name="change-element-set"),
    path("elements/sources", add_source, name="add-element-source"),
    path("elements/sources/<uuid:source_id>", change_source, name="change-element-source"),
    path("satellites/<str:code>/elements", history_page, name="element-history"),
]
