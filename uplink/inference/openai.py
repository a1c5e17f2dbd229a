"""The customers' door: OpenAI's chat completions over models in orbit, under `/v1`.

Stock clients work unchanged. What is ours rides along in `zenith`: the question's id, satellite,
model digest, stations, contacts and the time of each leg. A caller that hangs up loses nothing:
`GET /v1/queries/{id}` has the answer, as JSON or, resumed by Last-Event-ID, as events.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from ops import clock, errors
from ops.accounts import keys, roles
from ops.accounts.models import User
from uplink.inference import answers, catalogue, following, queries, wire
from uplink.inference.answers import Progress
from uplink.inference.following import in_thread
from uplink.inference.models import Query, State

View = Callable[..., Awaitable[HttpResponse]]
KINDS = {
    401: "invalid_request_error",
    403: "permission_error",
    404: "invalid_request_error",
    409: "conflict_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
}
ENDED_STATUS = {State.FAILED: 502, State.CANCELLED: 409, State.EXPIRED: 504}


class NoKey(errors.Refusal):
    status = 401
    code = "invalid_api_key"


class NotAllowed(errors.Forbidden):
    code = "insufficient_permissions"


def door(**permissions: str) -> Callable[[View], Any]:
    """Let a view be reached with a key that holds the permission named for the method, and turn
    refusals into OpenAI's error envelope."""

    def around(view: View) -> Any:
        @csrf_exempt
        @functools.wraps(view)
        async def guarded(request: HttpRequest, **named: Any) -> HttpResponse:
            permission = permissions.get("GET" if request.method == "HEAD" else request.method)
            if permission is None:
                also = ["HEAD"] if "GET" in permissions else []
                return _not_allowed(request, [*permissions, *also])
            try:
                user = await in_thread(_recognise, request.headers.get("Authorization", ""))
                if not roles.may(user, permission):
                    raise NotAllowed("This key's role may not do this.")
                return await view(request, user, **named)
            except wire.Malformed as error:
                return _error(400, str(error), error.code, param=error.param)
            except errors.Refusal as refusal:
                param = "model" if isinstance(refusal, catalogue.UnknownModel) else None
                return _error(refusal.status, str(refusal), refusal.code, param=param)

        return guarded

    return around


def _recognise(header: str) -> User:
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise NoKey("You didn't provide an API key: send it as `Authorization: Bearer <key>`.")
    row = keys.recognise(key.strip())
    if row is None:
        raise NoKey("Incorrect API key provided: it is unknown, revoked or expired.")
    return row.user


def _error(status: int, message: str, code: str, *, param: str | None = None) -> JsonResponse:
    kind = KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return JsonResponse(wire.error(message, kind=kind, code=code, param=param), status=status)


def _not_allowed(request: HttpRequest, allowed: list[str]) -> JsonResponse:
    said = f"{request.method} is not allowed here; right is {' or '.join(allowed)}."
    response = _error(405, said, "method_not_allowed")
    response.headers["Allow"] = ", ".join(allowed)
    return response


# --- Chat ------------------------------------------------------------------------------------


@door(POST="inference.add_query")
async def chat_completions(request: HttpRequest, user: User) -> HttpResponse:
    """`POST /v1/chat/completions`: ask, and wait for the answer or stream it."""
    asked = wire.read_request(request.body)
    query_id = _query_id(request.headers.get("Idempotency-Key", ""), user)
    query = await in_thread(_ask, query_id, asked, user)
    if asked.stream:
        told = _completion_events(query, asked.model, include_usage=asked.include_usage)
        return _stream(told, query.pk)
    async for progress in following.follow(query.pk):
        if progress is not None and progress.is_over:
            break
    return _answered(await in_thread(answers.read, query.pk), asked.model)


def _query_id(idempotency_key: str, user: User) -> UUID:
    """Return the id under which the question is asked: the caller's own, when there is one."""
    if not idempotency_key:
        return uuid4()
    try:
        return UUID(idempotency_key)
    except ValueError:
        return uuid5(UUID(int=user.organisation_id), idempotency_key)


def _ask(query_id: UUID, asked: wire.ChatRequest, user: User) -> Query:
    query, _ = queries.ask(
        query_id=query_id,
        organisation=user.organisation,
        user=user,
        version=catalogue.version_of(asked.model),
        messages=asked.messages,
        max_tokens=asked.max_tokens,
        temperature=asked.temperature,
        seed=asked.seed,
        lifetime_s=asked.lifetime_s,
        now=clock.now(),
    )
    return query


def _answered(progress: Progress, model: str) -> HttpResponse:
    query = progress.query
    if query.state != State.DELIVERED:
        message = f"The query is {query.state}: {query.reason}"
        response = _error(ENDED_STATUS[query.state], message, f"query_{query.state.lower()}")
    else:
        body = wire.completion(
            **_head(query, model),
            text="".join(text for _, text in progress.pieces),
            finish_reason=query.finish_reason or "stop",
            usage=_usage(query),
            zenith=answers.story(query),
        )
        response = JsonResponse(body)
    response.headers["X-Request-Id"] = str(query.pk)
    return response


def _head(query: Query, model: str) -> dict[str, Any]:
    return {
        "completion_id": f"chatcmpl-{query.pk.hex}",
        "created": int(query.created_at.timestamp()),
        "model": model,
    }


def _usage(query: Query) -> dict[str, int]:
    return wire.usage(query.prompt_tokens or 0, query.completion_tokens or 0)


async def _completion_events(
    query: Query, model: str, *, include_usage: bool, after: int = -1
) -> AsyncIterator[bytes]:
    piece = functools.partial(wire.chunk, **_head(query, model), with_usage=include_usage)
    if after < 0:
        asked = {"query": str(query.pk)}
        yield wire.event(piece(delta={"role": "assistant", "content": ""}, zenith=asked))
    async for progress in following.follow(query.pk, after=after):
        if progress is None:
            yield wire.KEEP_ALIVE
            continue
        for number, text in progress.pieces:
            yield wire.event(piece(delta={"content": text}), number=number)
        if progress.is_over:
            query = progress.query
    story = answers.story(query)
    if query.state != State.DELIVERED:
        message = f"The query is {query.state}: {query.reason}"
        failure = wire.error(message, kind="server_error", code=f"query_{query.state.lower()}")
        yield wire.event(failure | {"zenith": story})
        return
    finish = query.finish_reason or "stop"
    yield wire.event(piece(delta={}, finish_reason=finish, zenith=story))
    if include_usage:
        yield wire.event(wire.usage_chunk(**_head(query, model), usage=_usage(query)))
    yield wire.DONE


def _stream(told: AsyncIterator[bytes], query_id: UUID) -> StreamingHttpResponse:
    response = StreamingHttpResponse(told, content_type="text/event-stream; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["X-Request-Id"] = str(query_id)
    return response


# --- Models ----------------------------------------------------------------------------------


@door(GET="registry.view_model")
async def models(request: HttpRequest, user: User) -> HttpResponse:
    """`GET /v1/models`: what may be asked, and on how many satellites it runs."""
    offers = await in_thread(catalogue.offers)
    return JsonResponse({"object": "list", "data": [_model_body(offer) for offer in offers]})


@door(GET="registry.view_model")
async def model(request: HttpRequest, user: User, name: str) -> HttpResponse:
    """`GET /v1/models/{name}`."""
    for offer in await in_thread(catalogue.offers):
        if offer.name == name:
            return JsonResponse(_model_body(offer))
    raise catalogue.UnknownModel(f"The model '{name}' does not exist.")


def _model_body(offer: catalogue.Offer) -> dict[str, Any]:
    version = offer.version
    return {
        "id": offer.name,
        "object": "model",
        "created": int(version.registered_at.timestamp()),
        "owned_by": version.model.organisation.slug,
        "zenith": {
            "version": version.version,
            "digest": version.artefact_id,
            "satellites": offer.satellites,
            "context_tokens": version.context_tokens,
        },
    }


# --- Questions by id -------------------------------------------------------------------------


@door(GET="inference.view_query", DELETE="inference.add_query")
async def query(request: HttpRequest, user: User, query_id: UUID) -> HttpResponse:
    """`/v1/queries/{id}`: its story and text by GET, resumed as events when asked for
    `text/event-stream`; taken back by DELETE."""
    found = await in_thread(queries.of_organisation, query_id, user.organisation)
    if request.method == "DELETE":
        await in_thread(lambda: queries.cancel(query_id=query_id, now=clock.now()))
    elif request.method == "GET" and "text/event-stream" in request.headers.get("Accept", ""):
        after = _last_event(request.headers.get("Last-Event-ID", ""))
        told = _completion_events(found, str(found.version), include_usage=True, after=after)
        return _stream(told, query_id)
    return JsonResponse(await in_thread(_query_body, query_id))


def _last_event(given: str) -> int:
    if not given:
        return -1
    if not given.isascii() or not given.isdigit() or len(given) > 12:
        raise wire.Malformed("Last-Event-ID is a segment's number.", param="Last-Event-ID")
    return int(given)


def _query_body(query_id: UUID) -> dict[str, Any]:
    progress = answers.read(query_id)
    return {
        "id": str(query_id),
        "object": "zenith.query",
        "text": "".join(text for _, text in progress.pieces),
        "usage": _usage(progress.query),
        "finish_reason": progress.query.finish_reason or None,
        "zenith": answers.story(progress.query),
    }


urlpatterns = [
    path("chat/completions", chat_completions, name="chat-completions"),
    path("models", models, name="openai-models"),
    path("models/<path:name>", model, name="openai-model"),
    path("queries/<uuid:query_id>", query, name="openai-query"),
]
