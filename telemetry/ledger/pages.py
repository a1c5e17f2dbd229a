"""Pages of completeness: who has open gaps, the books of a satellite by day and by contact."""

from datetime import timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from constellation import fleet
from constellation.contacts import booking
from constellation.models import Satellite
from ops import clock
from ops.pages import needs
from telemetry.ledger import completeness
from telemetry.models import Gap, GapState, RawBatch, Rejected

DAYS = 7
LIST_MAX = 200
SHOWN = 40


@require_safe
@needs("telemetry.view_packet")
def completeness_page(request: HttpRequest) -> HttpResponse:
    """The books of the fleet over the last days, and who has something unsettled."""
    now = clock.now()
    words = request.GET.get("q", "").strip()
    satellites = fleet.found(words)
    codes = {satellite.code for satellite in satellites}
    first = (now - timedelta(days=DAYS - 1)).date()
    books = completeness.by_day(satellites, first, now.date())
    unsettled = [row for row in completeness.unsettled() if row["satellite"] in codes]
    return render(
        request,
        "telemetry/books.html",
        {
            "words": words,
            "days": DAYS,
            "books": books[:LIST_MAX],
            "more": max(0, len(books) - LIST_MAX),
            "unsettled": unsettled[:LIST_MAX],
            "more_unsettled": max(0, len(unsettled) - LIST_MAX),
            "section": "completeness",
        },
    )


@require_safe
@needs("telemetry.view_packet")
def satellite_books(request: HttpRequest, code: str) -> HttpResponse:
    """The books of one satellite: by day and channel and APID, its gaps, and what was rejected."""
    satellite = Satellite.objects.filter(code=code).first()
    if satellite is None:
        raise Http404(f"There is no satellite {code}.")
    now = clock.now()
    first = (now - timedelta(days=DAYS - 1)).date()
    contacts = booking.visible_to(request.user).filter(satellite=satellite, aos_at__lte=now)
    recent = list(contacts.select_related("antenna__station").order_by("-aos_at")[:SHOWN])
    books = {each.contact: each for each in completeness.by_contact([c.pk for c in recent])}
    rejected = Rejected.objects.filter(satellite=satellite).select_related("batch")
    gaps = Gap.objects.filter(satellite=satellite, state=GapState.OPEN).order_by(
        "-opened_at", "-pk"
    )
    waiting = RawBatch.objects.filter(satellite=satellite, decoded=False).defer("frames")
    return render(
        request,
        "telemetry/satellite_books.html",
        {
            "satellite": satellite,
            "days": completeness.by_day([satellite], first, now.date()),
            "contacts": [(contact, books[contact.pk]) for contact in recent if contact.pk in books],
            "gaps": [completeness.gap_of(gap) for gap in gaps.order_by("-pk")[:SHOWN]],
            "rejected": rejected.defer("data", "batch__frames").order_by("-pk")[:SHOWN],
            "waiting": waiting.order_by("-failure", "pk")[:SHOWN],
            "section": "completeness",
        },
    )


urlpatterns = [
    path("completeness", completeness_page, name="completeness"),
    path("satellites/<str:code>/completeness", satellite_books, name="satellite-books"),
]
