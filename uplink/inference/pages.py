"""The Ask page: put a question to a model in orbit and watch it answered."""

from uuid import UUID, uuid4

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ops import clock
from ops.accounts import roles
from ops.errors import Forbidden, Invalid, Refusal
from ops.pages import cleaned, needs
from uplink.inference import history, queries
from uplink.inference.models import Query

HISTORY = 40
MAX_TOKENS = (64, 128, 256, 512)


class BadQuestion(Invalid):
    code = "bad_question"


class QuestionForm(forms.Form):
    question = forms.CharField(max_length=8000, error_messages={"required": "Type it first."})
    version = forms.IntegerField(
        min_value=1, max_value=2**63 - 1, error_messages={"required": "Choose who is to answer."}
    )
    max_tokens = forms.TypedChoiceField(
        choices=[(count, count) for count in MAX_TOKENS],
        coerce=int,
        required=False,
        empty_value=256,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("inference.view_query")
def ask_page(request: HttpRequest) -> HttpResponse:
    """The prompt box; a POST asks, and goes to the question's own page."""
    if request.method != "POST":
        return _show(request, None)
    if not roles.may(request.user, "inference.add_query"):
        raise Forbidden("Your role may read questions, not ask them.")
    try:
        query = _ask(request)
    except Refusal as refusal:
        return _show(request, None, refusal=str(refusal), status=refusal.status)
    return redirect("question", query_id=query.pk)


def _ask(request: HttpRequest) -> Query:
    asked = cleaned(QuestionForm(request.POST))
    version = history.versions().filter(pk=asked["version"]).first()
    if version is None:
        raise BadQuestion("Choose the model that is to answer: this one does not exist.")
    query, _ = queries.ask(
        query_id=uuid4(),
        organisation=request.user.organisation,
        user=request.user,
        version=version,
        messages=[{"role": "user", "content": asked["question"]}],
        max_tokens=asked["max_tokens"],
        temperature=0.0,
        seed=None,
        lifetime_s=None,
        now=clock.now(),
    )
    return query


@require_safe
@needs("inference.view_query")
def query_page(request: HttpRequest, query_id: UUID) -> HttpResponse:
    """One question with its story; htmx fetches the moving part as events arrive."""
    queries.of_organisation(query_id, request.user.organisation)
    query = history.visible_to(request.user).get(pk=query_id)
    return _show(request, history.told(query))


@require_safe
@needs("inference.view_query")
def history_page(request: HttpRequest) -> HttpResponse:
    """The list of questions asked before; `open` names the one that the page shows."""
    shown = {"history": _history(request), "open": _uuid(request.GET.get("open", ""))}
    return render(request, "inference/history.html", shown)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _history(request: HttpRequest) -> list[Query]:
    return [history.told(query) for query in history.visible_to(request.user)[:HISTORY]]


@require_POST
@needs("inference.add_query")
def cancel_page(request: HttpRequest, query_id: UUID) -> HttpResponse:
    query = queries.of_organisation(query_id, request.user.organisation)
    queries.cancel(query_id=query.pk, now=clock.now())
    return redirect("question", query_id=query_id)


def _show(
    request: HttpRequest, query: Query | None, refusal: str = "", status: int = 200
) -> HttpResponse:
    shown = {
        "now": clock.now(),
        "versions": history.versions(),
        "chosen": request.POST.get("version") or (query and str(query.version_id)),
        "typed": request.POST.get("question", ""),
        "max_tokens": MAX_TOKENS,
        "may_ask": roles.may(request.user, "inference.add_query"),
        "refusal": refusal,
        "query": query,
        "history": _history(request),
        "section": "ask",
    }
    if query is not None:
        shown |= {"legs": history.legs(query), "answer": history.answer(query)}
    template = "inference/story.html" if request.htmx and query else "inference/ask.html"
    return render(request, template, shown, status=status)


urlpatterns = [
    path("ask", ask_page, name="ask"),
    path("ask/history", history_page, name="asked-before"),
    path("ask/<uuid:query_id>", query_page, name="question"),
    path("ask/<uuid:query_id>/cancel", cancel_page, name="cancel-question"),
]
