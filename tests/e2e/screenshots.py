"""Takes the pictures of the documentation: `screenshots.py URL NAME PASSWORD [FOLDER]`.

Needs a running Zenith (`manage.py up` prints all three) and the system's Chromium.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.browsing import FLAGS, LAPTOP, find_browser, sign_in

SETTLED_MS = 4_000


def main(url: str, name: str, password: str, folder: str = "docs") -> None:
    """Write one picture a page into `folder`."""
    Path(folder).mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page(viewport=LAPTOP)
        sign_in(page, url, name, password)
        page.wait_for_timeout(SETTLED_MS)
        flying = page.locator(".fleet-next tbody th a").first.get_attribute("href")
        code = flying.rpartition("/")[2]
        take(page, f"{url}/?satellite={code}", f"{folder}/console.png")
        take(page, f"{url}/contacts", f"{folder}/contacts.png")
        take(page, f"{url}/models", f"{folder}/models.png")
        take(page, f"{url}/satellites/{code}", f"{folder}/satellite.png")
        page.goto(f"{url}/ask")
        answered = page.locator(".history a", has_text="Answered").first
        if answered.count():
            take(page, url + answered.get_attribute("href"), f"{folder}/ask.png")
        else:
            take(page, f"{url}/ask", f"{folder}/ask.png")
        browser.close()


def take(page: Page, address: str, path: str) -> None:
    page.goto(address)
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=path)


if __name__ == "__main__":
    main(*sys.argv[1:])
