"""The web process as it is in operation, for tests that kill it."""

import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from django.db import connection

from ops.up import table, valkey
from tests import nurseries


class Server:
    """The web process, started as it is in operation, on the tests' database.

    It may be started again when it has ended; what it keeps is in `home`.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = valkey.free_port()
        self._command = table.web(self.port)
        self.url = f"http://127.0.0.1:{self.port}"
        parts = urlsplit(os.environ["DATABASE_URL"])
        name = connection.settings_dict["NAME"]
        self._environment = os.environ | {
            "ZENITH_HOME": str(home),
            "DATABASE_URL": parts._replace(path=f"/{name}").geturl(),
            **self._command.environment,
        }
        self._nursery = nurseries.begun(self._environment, home / "nursery.log")

    def start(self) -> None:
        log = self.home / "web.log"
        self.process = nurseries.bear(self._nursery, self._command.argv, self._environment, log)
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:
            try:
                httpx.get(f"{self.url}/login", timeout=5)
                return
            except httpx.TransportError:
                assert self.process.poll() is None, log.read_text()
                time.sleep(0.1)
        raise AssertionError("the server does not start")

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        assert nurseries.ended(self.process, 60)

    def close(self) -> None:
        self._nursery.close()
