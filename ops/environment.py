"""From `DATABASE_URL` and `REDIS_URL` to what Django and Celery want to be told."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def database(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return Django's database settings from `DATABASE_URL`.

    The form is `postgresql://user:password@host:port/name?host=/socket/folder`; what stands
    behind the question mark goes to libpq as it is (`sslmode`, `host` for a socket folder).
    Raises ImproperlyConfigured for any other scheme.
    """
    url = environment.get("DATABASE_URL", "postgresql://zenith@127.0.0.1:5432/zenith")
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            f"DATABASE_URL must start with postgresql://, not {parts.scheme}://: "
            "Zenith keeps its promises with PostgreSQL's constraints."
        )
    query = dict(parse_qsl(parts.query))
    host = query.pop("host", None) or unquote(parts.hostname or "")
    port = query.pop("port", None) or parts.port or ""
    options: dict[str, Any] = {"connect_timeout": 10, **query}
    settings: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "zenith",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port),
        "OPTIONS": options,
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 600,
    }
    return settings


def pool(database: dict[str, Any]) -> None:
    """Have a process that has not connected yet hold a pool of connections, not one a thread.

    For the web process. Celery closes Django's pool after every task (celery #10554).
    """
    database["OPTIONS"]["pool"] = {"min_size": 2, "max_size": 16, "timeout": 10}
    database["CONN_MAX_AGE"] = 0


def broker_url(environment: Mapping[str, str]) -> str:
    """Return `REDIS_URL`, by default the server on this machine's loopback."""
    return environment.get("REDIS_URL", "redis://127.0.0.1:6379/0")


def artefact_storage(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return Django's storage of artefacts from `ZENITH_ARTEFACT_STORE`.

    By default it is the folder that they are used from. `s3://bucket/prefix?endpoint_url=…` keeps
    them in S3 or what speaks like it; what stands behind the question mark are settings of
    django-storages, which is then to be installed, and credentials are found as boto3 finds them.
    """
    url = environment.get("ZENITH_ARTEFACT_STORE", "")
    if not url:
        return {"BACKEND": "uplink.registry.storage.Folder"}
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ImproperlyConfigured(
            f"ZENITH_ARTEFACT_STORE must be s3://bucket/prefix, not {url}, or nothing."
        )
    options = {
        "bucket_name": parts.netloc,
        "location": unquote(parts.path.strip("/")),
        "file_overwrite": True,
        "default_acl": None,
        **dict(parse_qsl(parts.query)),
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
