"""Every run of the tests gets its own PostgreSQL and Valkey, before Django looks for them.

A plugin named in `pyproject.toml` rather than a conftest: pytest-django reads the settings
before any conftest is imported.
"""

import hypothesis
import pytest

from tests import services

# A busy machine makes an example slow, not wrong; a hang is for pytest-timeout to name.
hypothesis.settings.register_profile("zenith", deadline=None)
hypothesis.settings.load_profile("zenith")

_services = services.prepare()


def pytest_sessionstart(session: pytest.Session) -> None:
    if not session.config.option.collectonly:
        services.start(_services)


def pytest_unconfigure() -> None:
    services.stop(_services)
