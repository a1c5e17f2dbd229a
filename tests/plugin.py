"""Every process that runs tests gets its own PostgreSQL and Valkey, before Django looks for them.

A plugin named in `pyproject.toml` rather than a conftest: pytest-django reads the settings
before any conftest is imported. With `-n`, processes of pytest-xdist run the tests, each with
servers of its own, and this one only hands out the files.
"""

import os
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from django.conf import settings as django_settings
from whitenoise.middleware import WhiteNoiseMiddleware
from xdist.scheduler import LoadFileScheduling

from tests import emptying, services

# A busy machine makes an example slow, not wrong; a hang is for pytest-timeout to name. What is
# found with a few examples is found here; `make prove` tries many.
_examples = int(os.environ.get("ZENITH_EXAMPLES", "40"))
hypothesis.settings.register_profile("zenith", deadline=None, max_examples=_examples)
hypothesis.settings.load_profile("zenith")

_CHOSEN = "ZENITH_TESTS_CHOSE"
"""Which of the addresses in the environment are not a user's but those of the process above."""
for _name in os.environ.pop(_CHOSEN, "").split():
    os.environ.pop(_name, None)
os.environ["ZENITH_ROLE"] = "command"  # the site in a thread of ours takes our connections
_given = {name for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)}
_services = services.prepare()
os.environ[_CHOSEN] = " ".join({"DATABASE_URL", "REDIS_URL"} - _given)


_WHOLE = ("tests/system/", "test_up_whole")
"""Files that start whole systems: one process runs all of them, for two systems at once on a small
machine are late with everything."""
_LONG = ("over_the_air", "test_uploads", "test_lasers")
"""Files that mostly wait for processes: begun early, they wait beside those that compute."""


@pytest.hookimpl(tryfirst=True)  # pytest-xdist has an answer of its own
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` means: one more than processors, since many tests
    wait for processes of their own; none beside this one when they would share a server that
    the environment gives."""
    return 0 if _given else min((os.cpu_count() or 2) + 1, 8)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: (not _is_of(_WHOLE, item.nodeid), not _is_of(_LONG, item.nodeid)))


def _is_of(files: tuple[str, ...], nodeid: str) -> bool:
    return any(part in nodeid for part in files)


class _Scheduling(LoadFileScheduling):
    """Files are handed out whole, and those that start whole systems together."""

    def _split_scope(self, nodeid: str) -> str:
        return "whole systems" if _is_of(_WHOLE, nodeid) else super()._split_scope(nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return _Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_configure() -> None:
    # What is tested of passwords is who gets in, not how long guessing one would take.
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    emptying.install()
    WhiteNoiseMiddleware.add_files_from_finders = _once(WhiteNoiseMiddleware.add_files_from_finders)


def _once(add_files: Callable[[WhiteNoiseMiddleware], None]) -> Callable[..., None]:
    """Look for static files once: each test's client makes the middleware anew."""
    found: dict[str, Any] = {}

    def add_files_from_finders(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            add_files(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    return add_files_from_finders


def pytest_sessionstart(session: pytest.Session) -> None:
    option = session.config.option
    if not option.collectonly and not getattr(option, "numprocesses", None):
        services.start(_services)


def pytest_unconfigure() -> None:
    services.stop(_services)
