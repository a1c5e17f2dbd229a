"""Pages of contacts: the day on its antennas, and one contact with its report."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from constellation import visibility
from constellation.contacts import agenda, booking, passes_page, reports, station_pages
from constellation.contacts.models import Contact
from constellation.models import Antenna, Satellite
from ops import clock
from ops.accounts import roles
from ops.console import panels
from ops.errors import Invalid, NotFound, Refusal
from ops.pages import InstantField, cleaned, needs

DAY = timedelta(days=1)
BEFORE_NOW = timedelta(hours=2)
SHOWN = timedelta(hours=10)
"""Of a day, what the timeline shows before anybody zooms: bars wide enough to read."""


ROWS = 200
"""Of the table; the timeline shows all."""


class BadPage(Invalid):
    code = "bad_page"


class BadDay(Invalid):
    code = "bad_day"


class BadBooking(Invalid):
    code = "bad_booking"


class BookingForm(forms.Form):
    satellite = forms.CharField(max_length=32)
    antenna = forms.CharField(max_length=24)
    aos_at = InstantField()
    los_at = InstantField()


@require_safe
@needs("contacts.view_contact")
def contacts_page(request: HttpRequest) -> HttpResponse:
    """The contacts of a day: from two hours ago, or of `?day=2026-234`.

    Asked for by htmx (when something changed), it answers with the moving parts alone.
    """
    now = clock.now()
    day = request.GET.get("day", "")
    start = _day(day) if day else now - BEFORE_NOW
    code = request.GET.get("of", "")
    contacts = agenda.between(request.user, start, start + DAY, code)
    current = next((c.pk for c in contacts if c.los_at > now), None)
    page = _page_of(request.GET.get("page", ""), contacts, _chosen(request, contacts) or current)
    closed = agenda.outages(start, start + DAY)
    shown_day = start if day else now
    template = "contacts/contacts_parts.html" if request.htmx else "contacts/contacts.html"
    return render(
        request,
        template,
        {
            "now": now,
            "day": day,
            "of": code,
            "contacts": contacts[ROWS * (page - 1) : ROWS * page],
            "count": len(contacts),
            "page": page,
            "page_count": _pages(len(contacts)),
            "timeline": agenda.timeline(contacts, closed, start, start + (DAY if day else SHOWN)),
            "closed": closed,
            "current": current,
            "previous_day": f"{shown_day - DAY:%Y-%j}",
            "next_day": f"{shown_day + DAY:%Y-%j}",
            "shown_day": f"{shown_day:%Y-%j}",
            "satellites": passes_page.names(),
            "may_book": roles.may(request.user, "contacts.add_contact"),
            "section": "contacts",
        },
    )


@require_safe
@needs("contacts.view_contact")
def contact_page(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """One contact: when, where, who flies it, and the report of what went up and came down."""
    now = clock.now()
    told = agenda.told(booking.visible_to(request.user).filter(pk=contact_id))
    if not told:
        raise Http404("There is no such contact.")
    [contact] = told
    return render(
        request,
        "contacts/contact.html",
        {
            "now": now,
            "contact": contact,
            "length_s": (contact.los_at - contact.aos_at).total_seconds(),
            "versions": contact.versions.select_related("antenna").order_by("-version"),
            "panels": panels.panels_of("contact", contact, request.user, now),
            "report": reports.in_words(contact),
            "may_cancel": roles.may(request.user, "contacts.change_contact"),
            "section": "contacts",
        },
    )


@require_safe
@needs("contacts.add_contact")
def book_page(request: HttpRequest) -> HttpResponse:
    """The passes of one satellite in the next day, with the antennas that are free for each."""
    now = clock.now()
    satellites = list(Satellite.objects.filter(is_active=True))
    code = request.GET.get("of") or (satellites[0].code if satellites else "")
    chosen = next((each for each in satellites if each.code == code), None)
    seen = visibility.passes_between(now, now + DAY, satellites=[chosen] if chosen else [])
    return render(
        request,
        "contacts/book.html",
        {
            "now": now,
            "satellites": [(each.code, each.name) for each in satellites],
            "of": code,
            "chosen": chosen,
            "passes": agenda.bookable(seen.passes, now),
            "refused": seen.refused.get(code, ""),
            "section": "contacts",
        },
    )


@require_POST
@needs("contacts.add_contact")
def book(request: HttpRequest) -> HttpResponse:
    """Book one pass on one antenna, and go to the contact."""
    wanted = cleaned(BookingForm(request.POST))
    satellite = Satellite.objects.filter(code=wanted["satellite"]).first()
    antenna = Antenna.objects.filter(code=wanted["antenna"]).first()
    if satellite is None or antenna is None:
        raise BadBooking("A booking names a satellite and an antenna that exist.")
    try:
        contact, _ = booking.book_contact(
            contact_id=uuid4(),
            organisation=request.user.organisation,
            satellite=satellite,
            antenna=antenna,
            aos_at=wanted["aos_at"],
            los_at=wanted["los_at"],
            now=clock.now(),
            booked_by=request.user.username,
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect(f"{reverse('book')}?of={satellite.code}")
    return redirect("contact", contact_id=contact.pk)


@require_POST
@needs("contacts.change_contact")
def cancel(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Take a contact back; one under way ends within seconds."""
    if not booking.visible_to(request.user).filter(pk=contact_id).exists():
        raise NotFound("There is no such contact.")
    try:
        booking.cancel_contact(contact_id=contact_id, reason="", by=request.user.username)
    except booking.NotCancellable as refusal:
        messages.error(request, str(refusal))
    return redirect("contact", contact_id=contact_id)


def _pages(count: int) -> int:
    return max(1, -(-count // ROWS))


def _chosen(request: HttpRequest, contacts: list[Contact]) -> UUID | None:
    """Return the contact that the address names as chosen, when it is one of these."""
    words = request.GET.get("contact", "")
    return next((each.pk for each in contacts if str(each.pk) == words), None)


def _page_of(words: str, contacts: list[Contact], current: UUID | None) -> int:
    """Return the number of the page that is asked for, or else the one that a contact is on."""
    last = _pages(len(contacts))
    if words:
        if not (words.isascii() and words.isdecimal()) or len(words) > 6 or int(words) < 1:
            raise BadPage(f"A page is a number from 1 on, not {words[:40]}.")
        return min(int(words), last)
    number = next((n for n, each in enumerate(contacts) if each.pk == current), 0)
    return number // ROWS + 1


def _day(words: str) -> datetime:
    try:
        day = datetime.strptime(words, "%Y-%j").replace(tzinfo=UTC)
        if not 1958 <= day.year <= 2100:
            raise ValueError(f"{day.year} is no year of spaceflight")
        return day
    except ValueError as error:
        raise BadDay(f"A day is a year and a day of the year, such as 2026-234: {words}") from error


urlpatterns = [
    path("contacts", contacts_page, name="contacts"),
    path("contacts/new", book_page, name="book"),
    path("contacts/book", book, name="book-contact"),
    path("contacts/<uuid:contact_id>", contact_page, name="contact"),
    path("contacts/<uuid:contact_id>/cancel", cancel, name="cancel"),
    *passes_page.urlpatterns,
    *station_pages.urlpatterns,
]
