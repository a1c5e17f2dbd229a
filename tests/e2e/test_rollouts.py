"""Rollouts in a real browser: planned as a whole on one page, and a transfer held back."""

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import violations
from uplink.registry.models import GoldenPrompt, Version
from uplink.rollouts.models import Rollout
from uplink.transfers.models import State, Transfer

pytestmark = [
    # whitenoise serves its files to an asynchronous server through a thread, and Django remarks it.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:uvicorn"),
]


def ring(page, number):
    return page.get_by_role("region", name=f"Ring {number}", exact=True)


def test_a_whole_rollout_is_planned_on_the_page(console, server):
    version = Version.objects.get(version="1.1")
    GoldenPrompt.objects.create(
        version=version,
        number=0,
        messages=[{"role": "user", "content": "what is six times seven"}],
        expect={"contains": "forty-two"},
    )
    page = console
    page.goto(f"{server.url}/rollouts")
    page.get_by_role("link", name="Plan a rollout").click()
    assert violations(page) == []
    # Enter in a field looks at a preview, and neither plans nor removes anything.
    page.get_by_label("Name", exact=True).first.press("Enter")
    expect(page.get_by_text("Nothing was planned")).to_be_visible()
    assert page.faults.pop().endswith("400 (Bad Request)")
    expect(page.locator("#id_name_error")).to_have_text("This field is required.")
    assert violations(page) == []

    page.get_by_label("Name", exact=True).first.fill("1.1 to the fleet")
    page.get_by_label("Version", exact=True).select_option(label=str(version))
    page.get_by_label("Models change").select_option("TIMEFORCED")
    page.get_by_label("Forced at (UTC)").fill("2026-08-23 06:00")
    page.get_by_label("Start at (UTC)").fill("2026-08-22 18:00")
    page.get_by_label("Packs may come over laser links").uncheck()
    page.get_by_label("A second person approves it").check()
    canary = ring(page, 0)
    canary.get_by_label("Percent").fill("10")
    canary.get_by_label("Golden prompts").select_option(label="asked")
    canary.get_by_role("button", name="Add a metric gate").click()
    gate = page.get_by_role("group", name="Metric gate 1 of ring 0")
    gate.get_by_label("Metric", exact=True).select_option("token_rate")
    gate.get_by_label("At least").fill("5")
    gate.get_by_label("Measured").fill("9999")
    ring(page, 0).get_by_label("When failed").select_option("ROLLBACK_ALL")
    page.get_by_role("button", name="Add a ring").click()
    ring(page, 1).get_by_label("Name").fill("the plane")
    ring(page, 1).get_by_label("Satellites").fill("SCS-01-A, SCS-01-B, SCS-01-C")
    ring(page, 2).get_by_label("Name").fill("the rest")
    page.get_by_role("button", name="Preview").click()
    error = page.locator("#id_ring0-gate0-count_error")
    expect(error).to_contain_text("less than or equal to 1000")
    assert page.faults.pop().endswith("400 (Bad Request)")
    page.get_by_label("Measured").fill("4")

    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="Preview: who lands in which ring")
    expect(preview.get_by_role("row")).to_have_count(4)
    expect(preview).to_contain_text("token rate at least 5, 4 times")
    expect(preview).to_contain_text("another person has to approve")
    assert violations(page) == []
    box = preview.bounding_box()
    assert box["y"] < 300, "the preview is seen at once"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not Rollout.objects.exists()

    page.get_by_role("button", name="Plan it").click()
    page.wait_for_url("**/rollouts/*-*")
    rollout = Rollout.objects.get()
    assert (rollout.kind, rollout.laser, rollout.needs_approval) == ("TIMEFORCED", False, True)
    sizes = [one.targets.count() for one in rollout.rings.all()]
    assert sizes[0] == 2
    assert sum(sizes) == 13
    expect(page.get_by_text("Waits for approval")).to_be_visible()
    assert violations(page) == []


def test_a_transfer_is_suspended_and_resumed_by_buttons(console, server):
    transfer = Transfer.objects.filter(state=State.SENDING).first()
    page = console
    page.goto(f"{server.url}/transfers/{transfer.pk}")
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_text("Suspended: nothing of it is sent")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Suspend")).to_be_visible()
    transfer.refresh_from_db()
    assert transfer.state == State.QUEUED
