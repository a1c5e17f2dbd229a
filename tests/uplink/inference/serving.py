"""The real web process, in a thread, for tests that speak HTTP to it."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn
from django.db import connections


@contextlib.contextmanager
def serve() -> Iterator[str]:
    """Serve `ops.asgi` on a free port of the loopback; give its base URL.

    Connections are not kept: the test's database must have no visitors when it is dropped.
    """
    from ops.asgi import application

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    before = connections.databases["default"]["CONN_MAX_AGE"]
    connections.databases["default"]["CONN_MAX_AGE"] = 0
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        connections.databases["default"]["CONN_MAX_AGE"] = before
