"""The console in a real browser, over the sample constellation."""

import pytest
from django.utils import timezone

from ops import clock
from ops.live import events
from tests.e2e import sample
from tests.e2e.browsing import violations, wait_until
from uplink.inference.models import Query, Segment
from uplink.transfers.models import Shipment

pytestmark = [
    # whitenoise serves its files to an asynchronous server through a thread, and Django remarks it.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:uvicorn"),
]

LIVE = "zen-link .status-normal"
MARKS = "() => document.querySelector('zen-map').visibleItems()"


def marks(page):
    return {mark["code"]: (mark["x"], mark["y"]) for mark in page.evaluate(MARKS)}


def drawn(page):
    wait_until(page, "document.querySelector('zen-map').visibleItems().length > 10")
    return marks(page)


def test_satellites_move_over_the_map_and_are_chosen_by_mouse_and_keyboard(console):
    before = drawn(console)
    assert len(before) == 13
    console.wait_for_timeout(2500)
    after = marks(console)
    # A low orbit covers 7.5 km a second: two pixels in five seconds on this map.
    assert all(after[code] != before[code] for code in before)
    moved = [abs(after[c][0] - before[c][0]) + abs(after[c][1] - before[c][1]) for c in before]
    assert 0.2 < max(moved) < 60

    canvas = console.locator("zen-map canvas")
    x, y = marks(console)["STARCLOUD-1"]
    canvas.click(position={"x": x, "y": y})
    assert "satellite=STARCLOUD-1" in console.url
    assert "chosen" in console.locator("#row-STARCLOUD-1").get_attribute("class")

    canvas.press("Escape")
    canvas.press("ArrowRight")
    assert "satellite=SCS-01-A" in console.url
    said = console.locator("zen-map [data-chosen]")
    said.get_by_text("SCS-01 A, Model active").wait_for()
    canvas.press("Enter")
    console.wait_for_url("**/satellites/SCS-01-A")


def test_the_clock_ticks_in_mission_time_and_says_that_it_is_simulated(console):
    console.wait_for_selector(LIVE)
    assert "SIMULATED CLOCK" in console.locator(".banner").inner_text()
    assert console.locator("zen-clock").inner_text().startswith("2026-234T12:0")
    before = console.locator("zen-clock").inner_text()
    console.wait_for_timeout(1200)
    assert console.locator("zen-clock").inner_text() > before

    console.get_by_role("button", name="Mission clock").click()
    console.get_by_role("button", name="×60").click()
    console.locator(".banner", has_text="rate ×60").wait_for()
    before = console.locator("zen-clock").inner_text()
    console.wait_for_timeout(2000)
    later = console.locator("zen-clock").inner_text()
    assert later[:16] > before[:16]  # minutes, in two seconds


def test_a_change_of_the_clock_elsewhere_reaches_an_open_page(console):
    console.wait_for_selector(LIVE)
    assert "PAUSED" not in console.locator(".banner").inner_text()
    clock.pause()
    console.locator(".banner", has_text="PAUSED").wait_for()
    stands = console.locator("zen-clock").first.inner_text()
    console.wait_for_timeout(1_500)
    assert console.locator("zen-clock").first.inner_text() == stands


def test_the_timeline_and_its_table_are_twins(console, server):
    console.goto(f"{server.url}/contacts")
    wait_until(console, "document.querySelector('zen-gantt').visibleItems().length > 30")
    bars = console.evaluate("() => document.querySelector('zen-gantt').visibleItems()")
    rows = console.locator("#contact-list [data-key]").evaluate_all(
        "r => r.map(x => x.dataset.key)"
    )
    # The table comes in pages, the timeline whole.
    later = [b["id"] for b in bars if b["id"] not in rows and b["y"] < 300 and b["x"] < 1200]
    assert 0 < len(later) < len(bars)

    # One on another page of the table turns to that page.
    console.goto(f"{server.url}/contacts?contact={later[0]}")
    console.locator(f"[id='contact-{later[0]}'].chosen").wait_for()
    console.goto(f"{server.url}/contacts?page=1")
    console.evaluate(
        """id => {
        const gantt = document.querySelector('zen-gantt');
        const bar = gantt.visibleItems().find(b => b.id === id);
        const box = gantt.querySelector('canvas').getBoundingClientRect();
        window.spot = [box.x + bar.x, box.y + bar.y];
    }""",
        later[0],
    )
    console.mouse.click(*console.evaluate("window.spot"))
    console.locator(f"[id='contact-{later[0]}'].chosen").wait_for()
    assert "page=" not in console.url

    console.goto(f"{server.url}/contacts")
    canvas = console.locator("zen-gantt canvas")
    canvas.press("ArrowRight")
    chosen = console.locator("#contact-list .chosen")
    said = console.locator("zen-gantt [data-chosen]").inner_text()
    assert chosen.locator("th").inner_text() in said
    canvas.press("ArrowRight")
    assert console.locator("zen-gantt [data-chosen]").inner_text() != said
    canvas.press("Enter")
    console.wait_for_url("**/contacts/*-*")
    assert console.get_by_role("heading", name=" over ").is_visible()


def test_a_table_turns_to_what_is_chosen_though_an_older_answer_comes_late(console, server):
    console.goto(f"{server.url}/contacts")
    wait_until(console, "document.querySelector('zen-gantt').visibleItems().length > 30")
    bars = console.evaluate("() => document.querySelector('zen-gantt').visibleItems()")
    rows = console.locator("#contact-list [data-key]").evaluate_all(
        "r => r.map(x => x.dataset.key)"
    )
    later = next(b for b in bars if b["id"] not in rows and b["y"] < 300 and b["x"] < 1200)
    held = []
    console.route("**/contacts", lambda route: held.append(route))
    with console.expect_request("**/contacts"):
        console.evaluate("() => document.body.dispatchEvent(new CustomEvent('live-contacts'))")

    box = console.locator("zen-gantt canvas").bounding_box()
    console.mouse.click(box["x"] + later["x"], box["y"] + later["y"])
    console.wait_for_url(f"**/contacts?contact={later['id']}")
    console.wait_for_timeout(1_000)  # a turn that does not wait would be over
    held.pop(0).continue_()
    console.unroute("**/contacts")  # which also lets go of what else was held
    console.locator(f"[id='contact-{later['id']}'].chosen").wait_for()
    console.wait_for_timeout(1_000)  # and nothing older turns it back
    assert console.locator(f"[id='contact-{later['id']}'].chosen").is_visible()


def test_a_contact_is_cancelled_and_everybody_sees_it(console, server):
    from constellation.contacts.models import Contact, State

    contact = Contact.objects.filter(state=State.SCHEDULED, aos_at__gt=sample.NOON).first()
    watching = console.context.new_page()
    watching.goto(f"{server.url}/contacts")
    watching.wait_for_selector(LIVE)
    row = watching.locator(f"[id='contact-{contact.pk}']")
    assert "Scheduled" in row.inner_text()

    console.goto(f"{server.url}/contacts/{contact.pk}")
    console.get_by_role("button", name="Cancel this contact").click()

    console.locator(".satellite-head", has_text="Cancelled").wait_for()
    row.filter(has_text="Cancelled").wait_for()


def test_an_antenna_is_kept_free_and_everybody_sees_it(console, server):
    watching = console.context.new_page()
    watching.goto(f"{server.url}/contacts")
    watching.wait_for_selector(LIVE)

    console.goto(f"{server.url}/stations")
    console.wait_for_selector(LIVE)
    console.get_by_role("link", name="Chengdu").click()
    console.get_by_role("combobox", name="Antenna").select_option("CTU-2")
    console.get_by_label("Reason").fill("azimuth bearing")
    console.get_by_role("button", name="Reserve").click()

    outages = watching.locator(".outages")
    outages.wait_for()
    assert "CTU-2 2026-234T13:00:00Z to 2026-234T15:00:00Z, azimuth bearing" in outages.inner_text()
    assert "CTU-2 serves nobody from 2026-234T13:00Z" in console.locator(".messages").inner_text()
    console.get_by_role("button", name="Give back CTU-2, azimuth bearing").click()
    outages.wait_for(state="detached")
    assert "CTU-2 may be booked again" in console.locator(".messages").inner_text()


def test_a_transfer_grows_before_ones_eyes(console, server):
    console.goto(f"{server.url}/models")
    console.wait_for_selector(LIVE)
    shipment = Shipment.objects.filter(transfer__state="SENDING", number=13).first()
    row = console.locator(f"[id='transfer-{shipment.transfer_id}']")
    assert row.get_by_label("13 of 24 packs on board").is_visible()

    Shipment.objects.filter(pk=shipment.pk).update(delivered=True)
    events.publish("transfers", "transfer", {"transfer": str(shipment.transfer_id)})

    row.get_by_label("14 of 24 packs on board").wait_for()


def test_a_question_is_answered_before_ones_eyes(console, server):
    console.keyboard.press("g")
    console.keyboard.press("a")
    console.wait_for_url("**/ask")
    console.get_by_label("Model").select_option(label="smollm2-135m-instruct:1.0")
    box = console.get_by_label("Question")
    box.fill("How far is the horizon from up there?")
    box.press("Control+Enter")
    console.wait_for_url("**/ask/*-*")
    console.wait_for_selector(LIVE)
    query = Query.objects.order_by("-created_at").first()

    for number, piece in enumerate(["About", " 2,500", " kilometres."], start=1):
        hear(query, number, piece)
        console.locator("#answer", has_text=piece.strip()).wait_for()
    query.state, query.delivered_at = "DELIVERED", clock.now()
    query.save()
    events.publish(f"query:{query.pk}", "delivered", {})

    console.locator("#query-status", has_text="Answered").wait_for()
    console.locator(".history a[aria-current]", has_text="Answered").wait_for()
    assert console.locator("#answer").inner_text() == "About 2,500 kilometres."


def hear(query, number, text):
    """One piece of an answer comes down, as the handler of tokens would write it."""
    if number == 1:
        query.answered_by = query.satellite
        query.state, query.accepted_at, query.first_token_at = "RUNNING", clock.now(), clock.now()
        query.save()
        write(query, 0, 0, query.version.artefact_id)
    write(query, number, 1, text)
    events.publish(f"query:{query.pk}", "text", {"number": number})


def write(query, number, kind, text):
    Segment.objects.create(
        query=query,
        satellite=query.satellite,
        number=number,
        kind=kind,
        text=text,
        received_at=timezone.now(),
    )


def test_a_lost_link_is_said_and_comes_back_by_itself(console, server):
    console.wait_for_selector(LIVE)

    server.stop()
    console.locator("#stale-banner").wait_for(state="visible")
    console.locator("zen-link", has_text="Link lost").wait_for()

    server.start()
    console.wait_for_selector(LIVE, timeout=30_000)
    console.locator("#stale-banner").wait_for(state="hidden")
    assert console.locator("zen-link").inner_text() == "Live"
    # While the server was away, the browser noted what it could not reach.
    console.faults.clear()


def test_the_keys_are_listed_and_can_be_switched_off(console):
    console.locator("main").press("?")
    dialog = console.get_by_role("dialog", name="Keyboard")
    dialog.get_by_label("Single-key shortcuts are on").uncheck()
    dialog.get_by_role("button", name="Close").click()

    console.keyboard.press("g")
    console.keyboard.press("c")
    console.wait_for_timeout(300)
    assert "/contacts" not in console.url


WIDE = """[...document.querySelectorAll('html, main, .scroll, .panel')]
    .filter(e => e.scrollWidth > e.clientWidth + 1)
    .map(e => `${e.tagName} ${e.className} ${e.scrollWidth} > ${e.clientWidth}`)"""
"""What is wider than the place it has: nobody scrolls a console sideways."""
PAGES = [
    "/",
    "/?satellite=SCS-01-B",
    "/contacts",
    "/contacts/new?of=SCS-01-A",
    "/stations",
    "/stations/SGS",
    "/passes",
    "/passes/calendars",
    "/models",
    "/registry/smollm2-135m-instruct",
    "/registry/smollm2-135m-instruct/1.0",
    "/artefacts",
    "/satellites/SCS-01-C",
    "/satellites/SCS-01-C/elements",
    "/elements",
    "/completeness",
    "/satellites/SCS-01-C/completeness",
    "/replays",
    "/rollouts",
    "/ask",
    "/keys",
]


def test_every_page_fits_a_laptop_and_is_accessible(console, server):
    contact = f"/contacts/{first_contact()}"
    query = f"/ask/{Query.objects.get(state='DELIVERED').pk}"
    wrong = []
    for address in [*PAGES, contact, query]:
        console.goto(server.url + address)
        console.wait_for_selector(LIVE)
        wrong += [(address, each) for each in violations(console)]
        height = console.evaluate("document.documentElement.scrollHeight")
        inner = console.evaluate(
            "(m => m.scrollHeight - m.clientHeight)(document.querySelector('main'))"
        )
        assert (height, inner) == (768, 0), address
        assert console.evaluate(WIDE) == [], address
    console.get_by_role("button", name="operator").click()
    wrong += [("the user's panel", each) for each in violations(console)]
    assert not wrong, "\n".join(f"{where}: {what}" for where, what in wrong)


def test_the_sign_in_page_is_accessible_and_says_what_is_wrong(server, page):
    page.goto(f"{server.url}/login")
    assert violations(page) == []
    page.get_by_label("Name").fill("operator")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    assert "do not fit together" in page.get_by_role("alert").inner_text()


def first_contact():
    from constellation.contacts.models import Contact

    return Contact.objects.filter(state="COMPLETED").first().pk
