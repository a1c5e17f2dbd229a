"""Where the bytes of a model file come from: this machine, or a URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from ops import errors
from uplink.registry import store


class SourceUnavailable(errors.Unavailable):
    """The place that the bytes should come from does not give them."""

    code = "source_unavailable"


def read_file(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a local file; `SourceUnavailable` when it cannot be read."""
    try:
        with path.open("rb") as file:
            while piece := file.read(store.PIECE_BYTES):
                yield piece
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read: {error.strerror}.") from error


def read_url(url: str) -> Iterator[bytes]:
    """Yield the bytes behind a `file:`, `http:` or `https:` URL, as they come."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        yield from read_file(Path(unquote(parts.path)))
        return
    if parts.scheme not in ("http", "https"):
        raise SourceUnavailable(f"{url} is not a file, http or https URL.")
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=60) as answer:
            answer.raise_for_status()
            yield from answer.iter_bytes(store.PIECE_BYTES)
    except httpx.HTTPError as error:
        raise SourceUnavailable(f"{url} does not give the file: {error}.") from error
