"""What the console shows of questions: the legs of one, and those asked before."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from ops.accounts.models import User
from uplink.inference import answers
from uplink.inference.models import OVER, Query, State
from uplink.registry.models import Version

STATUS = {
    State.QUEUED: ("standby", "Waiting for a way"),
    State.ROUTED: ("standby", "Waiting for its contact"),
    State.UPLINKED: ("standby", "On its way up"),
    State.RUNNING: ("normal", "Being answered"),
    State.DELIVERED: ("normal", "Answered"),
    State.FAILED: ("critical", "Failed"),
    State.CANCELLED: ("off", "Cancelled"),
    State.EXPIRED: ("serious", "Expired"),
}
LEGS = [
    ("Queued", "created_at"),
    ("Routed", "routed_at"),
    ("Uplinked", "uplinked_at"),
    ("On board", "accepted_at"),
    ("First token", "first_token_at"),
    ("Delivered", "delivered_at"),
]


@dataclass(frozen=True)
class Leg:
    """One leg of a question; `mark` is done, current, broken or empty."""

    name: str
    at: datetime | None
    after_s: float | None
    mark: str


def visible_to(user: User) -> QuerySet[Query]:
    """Return the questions `user` may read: the operator's all, others' their organisation's."""
    queries = Query.objects.select_related(*answers.STORY).order_by("-created_at", "id")
    if user.organisation.operates_fleet:
        return queries
    return queries.filter(organisation=user.organisation)


def told(query: Query) -> Query:
    """Give a question its status mark, words and the text it asked."""
    query.status, query.words = STATUS[State(query.state)]
    query.is_over = query.state in OVER
    query.asked = next(
        (m["content"] for m in reversed(query.messages) if m.get("role") == "user"), ""
    )
    return query


def legs(query: Query) -> list[Leg]:
    """Return the legs of a question, each with the time since the one before."""
    shown: list[Leg] = []
    before: datetime | None = None
    reached_end = False
    for name, field in LEGS:
        at = getattr(query, field)
        if at is None:
            mark = "" if reached_end else ("broken" if query.state in OVER else "current")
            reached_end = True
        else:
            mark = "done"
        after_s = (at - before).total_seconds() if at and before else None
        shown.append(Leg(name, at, after_s, mark))
        before = at or before
    return shown


def answer(query: Query) -> str:
    """Return the answer as far as it is here without a hole."""
    return "".join(text for _, text in answers.read(query.pk).pieces)


def versions() -> QuerySet[Version]:
    """Return the versions a question may go to."""
    return Version.objects.select_related("model").order_by("model__name", "-registered_at")
