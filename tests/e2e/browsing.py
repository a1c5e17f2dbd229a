"""Driving the system's Chromium: finding it, signing in, waiting, asking axe."""

import shutil
import sys
import time
from pathlib import Path

from playwright.sync_api import Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# Canvas on SwiftShader (--use-angle) falls to a frame a second; without a GPU it runs at 50.
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--renderer-process-limit=1",  # none to spare: each takes a fifth of a second to begin
]
LAPTOP = {"width": 1366, "height": 768}
AXE = Path(__file__).parent / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def find_browser() -> str:
    """The path of the system's Chromium."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        sys.exit(
            "The browser tests drive the system's Chromium, and there is none in PATH. "
            "On Debian and Ubuntu: sudo apt-get install chromium"
        )
    return found


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    page.goto(f"{url}/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/**")


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA, one line a rule."""
    # Playwright's own channel: the page's policy forbids foreign scripts, and stays as it is.
    page.evaluate(AXE.read_text())
    # It would describe every element that is right, too, which is most of its time.
    how = {"runOnly": AXE_TAGS, "resultTypes": ["violations"]}
    found = page.evaluate("how => axe.run(how)", how)
    return [
        f"{rule['id']}: {node['html'][:160]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def wait_until(page: Page, expression: str, timeout_s: float = 15) -> None:
    """Wait for a JavaScript expression (the page's policy forbids Playwright's own way)."""
    ends_at_s = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < ends_at_s, f"never became true: {expression}"
        page.wait_for_timeout(50)
