"""Every run of the tests gets its own PostgreSQL and Valkey, before Django looks for them."""

import importlib.util
import os

import pytest

from tests import services

_services = services.prepare()
if importlib.util.find_spec("ops.settings"):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ops.settings")


def pytest_sessionstart(session: pytest.Session) -> None:
    if not session.config.option.collectonly:
        services.start(_services)


def pytest_unconfigure() -> None:
    services.stop(_services)
