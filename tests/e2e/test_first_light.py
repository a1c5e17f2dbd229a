"""The whole of Zenith in a real browser: log in, see a satellite move, ask, read the answer.

Nothing stands in for anything here: `manage.py up` starts the simulated constellation, the shipped
model is carried up over a contact, and answers from a satellite's slot.
"""

import re
import shutil
import tempfile
from pathlib import Path

import pytest

from ops.up import valkey
from tests.e2e.browsing import sign_in, wait_until
from tests.running import Zenith

ANSWER_WITHIN_S = 420


@pytest.fixture
def zenith():
    folder = Path(tempfile.mkdtemp(prefix="ze-"))
    zenith = Zenith(folder / "home", valkey.free_port())
    yield zenith
    zenith.end()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(ANSWER_WITHIN_S + 180)
def test_a_person_asks_and_a_model_in_orbit_answers(zenith, page):
    url = f"http://127.0.0.1:{zenith.port}"
    name, password = re.split(r"\s+password\s+", zenith.word("Operator"))
    sign_in(page, url, name, password)

    wait_until(page, "document.querySelector('zen-map').visibleItems().length > 10")
    before = page.evaluate("document.querySelector('zen-map').visibleItems()")
    page.wait_for_timeout(3000)
    after = page.evaluate("document.querySelector('zen-map').visibleItems()")
    assert all(a["x"] != b["x"] or a["y"] != b["y"] for a, b in zip(after, before, strict=True))

    # The first start registers the model while the pages are up already.
    ask = page.get_by_role("textbox", name="Question")
    for _ in range(120):
        page.goto(f"{url}/ask")
        if ask.is_visible():
            break
        page.wait_for_timeout(1000)
    for _ in range(60):
        ask.fill("What is the capital of France? Answer in one sentence.")
        ask.press("Control+Enter")
        page.wait_for_load_state()
        if "/ask/" in page.url:
            break
        page.wait_for_timeout(2000)  # refused: the model is not on its way yet

    wait_until(
        page,
        "['Answered', 'Failed', 'Expired']"
        ".includes(document.querySelector('#query-status').textContent)",
        timeout_s=ANSWER_WITHIN_S,
    )
    assert page.locator("#query-status").inner_text() == "Answered"
    page.locator(".history a[aria-current]", has_text="Answered").wait_for()
    assert "Paris" in page.locator("#answer").inner_text()
    assert page.locator(".legs .done").count() == 6
    assert "SCS-01" in page.locator(".figures").inner_text()
    page.faults.clear()  # questions refused while the model was not yet on its way
