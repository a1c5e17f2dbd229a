"""How bodies of the API are read."""

from typing import Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser


class Json(BaseParser):
    """JSON in UTF-8, as RFC 8259 has it.

    Refused is also what others read and nobody can store: halves of surrogate pairs, NaN, and
    what is nested deeper than any reader follows.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not valid JSON: {error}.") from error
