import pytest

from tests.system.processes import Processes


@pytest.fixture
def processes(tmp_path, transactional_db, monkeypatch, settings):
    system = Processes(tmp_path)
    settings.ZENITH_SIMULATOR, settings.ZENITH_SIMULATOR_CONTROL = system.stations, system.control
    system.prepare()
    yield system
    system.end()
    print(system.logs())
