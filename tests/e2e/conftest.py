"""A real browser, and a server for it: the console as people meet it.

Runs in a pytest process of its own (`pytest tests/e2e`): Playwright keeps an event loop running in
the main thread, which asynchronous tests elsewhere cannot share.
"""

import os
import socket
import threading
import time
from datetime import timedelta

import pytest
import uvicorn
from django.db import connection, connections
from playwright.sync_api import sync_playwright

from tests import databases
from tests.e2e import sample
from tests.e2e.browsing import FLAGS, LAPTOP, find_browser, sign_in

# Playwright's loop makes Django think that the test itself is asynchronous.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page in a fresh profile that fails the test on any script error or foreign request."""
    context = browser.new_context(viewport=LAPTOP)
    page = context.new_page()
    page.set_default_timeout(15_000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("console", lambda m: m.type == "error" and faults.append(f"console: {m.text}"))
    page.on("request", lambda r: "//127.0.0.1:" not in r.url and faults.append(f"to: {r.url}"))
    page.faults = faults
    yield page
    context.close()
    assert faults == []


class Server:
    """uvicorn in a thread, which can be stopped and started again on its port."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(
            "ops.asgi:application",
            host="127.0.0.1",
            port=self.port,
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)


@pytest.fixture(scope="session")
def sample_database(django_db_setup, django_db_blocker):
    """A database with the sample constellation, for copies: to fill one takes seconds."""
    with django_db_blocker.unblock():
        connection.close()
        name = databases.make(of=connection.settings_dict["NAME"])
        with databases.connected_to(name):
            sample.fill(ahead=timedelta(hours=5))
    return name


@pytest.fixture
def server(sample_database, transactional_db, monkeypatch):
    """The console over the sample constellation."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    # The cluster goes with the tests, and the copy with it.
    with databases.connected_to(databases.make(of=sample_database)):
        sample.set_clock()
        server = Server()
        server.start()
        yield server
        server.stop()


@pytest.fixture
def console(server, page):
    """The sample constellation with the operator signed in, on the fleet page."""
    sign_in(page, server.url, "operator", sample.PASSWORD)
    return page
