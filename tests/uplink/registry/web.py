"""The web process as it is in operation, for tests that kill it."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from django.db import connection

PROJECT = Path(__file__).resolve().parents[3]


class Server:
    """The web process, started as it is in operation, on the tests' database."""

    def __init__(self, home: Path) -> None:
        self._home = home
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        parts = urlsplit(os.environ["DATABASE_URL"])
        name = connection.settings_dict["NAME"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "ops.asgi:application", "--port", str(self.port),
             "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "2"],
            cwd=PROJECT,
            env={**os.environ, "ZENITH_HOME": str(self._home),
                 "DATABASE_URL": parts._replace(path=f"/{name}").geturl()},
        )  # fmt: skip
        for _ in range(600):
            try:
                httpx.get(f"{self.url}/login", timeout=5)
                return
            except httpx.TransportError:
                assert self.process.poll() is None
                time.sleep(0.1)
        raise AssertionError("the server does not start")

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(60)
