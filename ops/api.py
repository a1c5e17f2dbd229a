"""Doors' common ground: refusals as RFC 9457 problems, cursor pages."""

import functools
import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.db.models import Field, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotFound,
    JsonResponse,
)
from django.utils.decorators import sync_and_async_middleware
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from ops import db
from ops.errors import Refusal

PROBLEM = "application/problem+json"
RETRY = {"Retry-After": "1"}
AGAIN = "Ask again in a second."
log = logging.getLogger(__name__)
prohibit_null_characters = ProhibitNullCharactersValidator()


class Page(CursorPagination):
    """Cursor pages: `{"next": url or null, "previous": …, "results": […]}`."""

    page_size = 100
    max_page_size = 1000
    page_size_query_param = "limit"
    # So many rows may be alike in what they are ordered by first: a ring's satellites, transfers
    # of one instant. Behind it a cursor would lead to rows that were shown already.
    offset_cutoff = 1_000_000

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: Any = None) -> list:
        self._model = queryset.model
        return super().paginate_queryset(queryset, request, view)

    def decode_cursor(self, request: Request) -> Any:
        """Refuse also a cursor whose place the database could not compare with its column."""
        cursor = super().decode_cursor(request)
        if cursor and cursor.position is not None:
            field = self._column(self.ordering[0].lstrip("-"))
            try:
                field.to_python(cursor.position)
                prohibit_null_characters(cursor.position)
            except ValidationError as error:
                raise exceptions.NotFound(self.invalid_cursor_message) from error
        return cursor

    def _get_position_from_instance(self, instance: Any, ordering: Sequence[str]) -> str | None:
        """Return the place of a row, which may be one of a row that it refers to."""
        place = functools.reduce(getattr, ordering[0].lstrip("-").split("__"), instance)
        return None if place is None else str(place)

    def _column(self, name: str) -> Field:
        model = self._model
        *steps, last = name.split("__")
        for step in steps:
            model = model._meta.get_field(step).related_model
        return model._meta.get_field(last)


def problem(status: int, detail: str, code: str, **extra: Any) -> dict[str, Any]:
    """Return the members of an RFC 9457 problem."""
    return {
        "type": f"urn:zenith:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **extra,
    }


def problem_of(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn a refusal into a problem; None (and so a 500 that is logged) for a bug."""
    if isinstance(error, Refusal):
        body = problem(error.status, str(error), error.code, **error.extra)
        headers: dict[str, str] = {}
        if wait := getattr(error, "retry_after_s", None):
            headers["Retry-After"] = str(wait)
    elif trouble := db.passing_trouble(error):
        log.warning("a request met trouble that passes: %s", error)
        body, headers = problem(503, f"{trouble} {AGAIN}", "unavailable"), dict(RETRY)
    elif isinstance(error, Http404):
        body, headers = problem(404, str(error) or "There is no such thing.", "not_found"), {}
    elif isinstance(error, PermissionDenied):
        body, headers = problem(403, "Your role may not do this.", "forbidden"), {}
    elif isinstance(error, exceptions.ValidationError):
        body = problem(400, "What was sent is not valid.", "invalid", errors=error.detail)
        headers = {}
    elif isinstance(error, exceptions.APIException):
        body = problem(error.status_code, str(error.detail), str(error.default_code))
        headers = {}
        if challenge := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = challenge
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = str(int(wait))
    else:
        return None
    set_rollback()
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM)


@sync_and_async_middleware
def refusals(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Answer as JSON what Django itself would refuse as a page: an address that leads nowhere, a
    body that is too large. Under `/v1/` it takes the form that OpenAI's clients read.

    Trouble of the database that passes is a 503 on every page, never a 500."""

    def answered(request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_said = response.status_code < 400 or "json" in response.get("Content-Type", "")
        if is_said or not request.path.startswith(("/api/", "/v1/")):
            return response
        status, code, detail = _in_words(request, response.status_code)
        return _refusal(request, status, detail, code)

    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponse:
            return answered(request, _nowhere(request) or await get_response(request))

    else:

        def middleware(request: HttpRequest) -> HttpResponse:
            return answered(request, _nowhere(request) or get_response(request))

    middleware.process_exception = _ask_again
    return middleware


def _nowhere(request: HttpRequest) -> HttpResponse | None:
    """Answer 404 to a NUL in the address: no name has one, and the database refuses to look.

    The API's parameters say for themselves what is wrong with them.
    """
    is_asked = "%00" in request.META.get("QUERY_STRING", "")
    if "\0" in request.path or (is_asked and not request.path.startswith("/api/")):
        return HttpResponseNotFound("There is no such page.", content_type="text/plain")
    return None


def _ask_again(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Answer 503 when the database could not do it just now; None leaves a bug a bug."""
    trouble = db.passing_trouble(error)
    if trouble is None:
        return None
    log.warning("%s %s met trouble that passes: %s", request.method, request.path, error)
    detail = f"{trouble} {AGAIN}"
    if request.path.startswith(("/api/", "/v1/")):
        response = _refusal(request, 503, detail, "unavailable")
    else:
        response = HttpResponse(detail, status=503, content_type="text/plain")
    for name, value in RETRY.items():
        response[name] = value
    return response


def _refusal(request: HttpRequest, status: int, detail: str, code: str) -> JsonResponse:
    """Return a refusal in the form that clients of this address read."""
    if not request.path.startswith("/v1/"):
        return json_problem(status, detail, code)
    kind = "server_error" if status >= 500 else "invalid_request_error"
    if status == 503:
        kind = "service_unavailable_error"
    error = {"message": detail, "type": kind, "param": None, "code": code}
    return JsonResponse({"error": error}, status=status)


def _in_words(request: HttpRequest, status: int) -> tuple[int, str, str]:
    """Return status, code and sentence for a refusal that Django made without saying why."""
    size = int(request.headers.get("Content-Length") or 0)
    if status == 400 and size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return 413, "too_large", f"The body has {size} bytes; at most {most} are taken here."
    match status:
        case 404:
            return 404, "not_found", f"There is nothing at {request.path}."
        case status if status >= 500:
            return status, "internal_error", "This is our fault, and it is in our log."
        case _:
            return status, "invalid", f"{HTTPStatus(status).phrase}."


def json_problem(status: int, detail: str, code: str, **extra: Any) -> JsonResponse:
    """Return a problem as a plain Django response."""
    body = problem(status, detail, code, **extra)
    return JsonResponse(body, status=status, content_type=PROBLEM)
