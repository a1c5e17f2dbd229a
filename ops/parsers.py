"""How bodies of the API are read."""

from typing import Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser


class Json(BaseParser):
    """JSON in UTF-8, as RFC 8259 has it.

    Refused is also what others read and nobody can store: halves of surrogate pairs, U+0000, NaN,
    and what is nested deeper than any reader follows.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        body = stream.read()
        try:
            said = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not valid JSON: {error}.") from error
        if b"\\u0000" in body and (place := _place_of_nul(said)):
            raise ParseError(f"{place} holds U+0000, which no text here has.")
        return said


def _place_of_nul(said: Any) -> str | None:
    """Return where the character U+0000 stands, as `arguments.names[2]`; None if nowhere."""
    left: list[tuple[str, Any]] = [("", said)]
    while left:
        place, value = left.pop()
        if isinstance(value, str) and "\0" in value:
            return place or "The body"
        if isinstance(value, list):
            left += [(f"{place}[{number}]", each) for number, each in enumerate(value)]
        elif isinstance(value, dict):
            if any("\0" in name for name in value):
                return f"A name in {place}" if place else "A name"
            left += [(f"{place}.{name}" if place else name, each) for name, each in value.items()]
    return None
