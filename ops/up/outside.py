"""Servers that the environment names: looked at before anything is built on them."""

import socket
import time
from contextlib import suppress
from urllib.parse import urlsplit

OLDEST_POSTGRES = 150_000


class ServerRefused(Exception):
    """A server cannot be used; the message says why, in one line, without its password."""


def check_database(url: str) -> None:
    """Raise `ServerRefused` unless `url` is a PostgreSQL database that is ours or empty."""
    import psycopg

    scheme = urlsplit(url).scheme
    if scheme not in ("postgres", "postgresql"):
        raise ServerRefused(
            f"DATABASE_URL must start with postgresql://, not {scheme or 'nothing'}://."
        )
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            version = connection.info.server_version
            found = connection.execute(
                "SELECT count(*), count(*) FILTER (WHERE tablename = 'django_migrations'), "
                "count(*) FILTER (WHERE tablename = 'ops_clockrow') "
                "FROM pg_tables WHERE schemaname = 'public'"
            ).fetchone()
    except (psycopg.Error, ValueError) as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), "no answer")
        raise ServerRefused(f"DATABASE_URL cannot be used: {reason}") from error
    if version < OLDEST_POSTGRES:
        raise ServerRefused(f"DATABASE_URL is PostgreSQL {version // 10_000}; 15 is the oldest.")
    tables, migrated, ours = found
    if tables and not (migrated and ours):
        raise ServerRefused(
            f"DATABASE_URL names a database with {tables} tables that are not Zenith's; "
            "give Zenith a database of its own."
        )


def check_store(url: str) -> None:
    """Raise `ServerRefused` unless a server answers at `url`."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_connect_timeout=10, socket_timeout=10) as store:
            store.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
        raise ServerRefused(f"REDIS_URL cannot be used: {reason}") from error


def check_port(host: str, port: int) -> None:
    """Raise `ServerRefused` when the web pages cannot listen on `port`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # The server sets it too: without it, a port we just left looks taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except PermissionError:
            raise ServerRefused(
                f"Port {port} is only for root; choose one above 1023 with --port."
            ) from None
        except OSError as error:
            raise ServerRefused(
                f"Port {port} of {host} cannot be used ({error.strerror}); "
                "choose another with --port."
            ) from None


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    from ops.up import valkey

    return valkey.free_port()


def answers(host: str, port: int) -> bool:
    """Tell whether somebody accepts connections there."""
    with suppress(OSError), socket.create_connection((host, port), 0.5):
        return True
    return False


def wait_for(host: str, port: int, *, timeout_s: float) -> bool:
    """Wait until somebody accepts connections there; tell whether it happened."""
    give_up_at_s = time.monotonic() + timeout_s
    while not answers(host, port):
        if time.monotonic() > give_up_at_s:
            return False
        time.sleep(0.1)
    return True
