"""`manage.py ask "…"`: put a question to a model in orbit, read the answer as it arrives."""

import json
import math
import sys
import time
from datetime import datetime
from typing import Any, NoReturn
from uuid import uuid4

from django.core.management import BaseCommand, CommandError, CommandParser

from ops import clock, errors
from ops.accounts.models import Organisation
from uplink.inference import answers, catalogue, queries, wire
from uplink.inference.models import OVER, Query, State
from uplink.registry.models import Version

LOOK_S = 0.1
OPTIONS = {
    "model": "--model",
    "messages[0].content": "The question",
    "max_tokens": "--max-tokens",
    "temperature": "--temperature",
    "seed": "--seed",
    "zenith.lifetime_s": "--lifetime",
}
"""What a field of the wire is called on the command line."""
LEGS = (
    ("queued", "created_at"),
    ("routed", "routed_at"),
    ("uplinked", "uplinked_at"),
    ("accepted", "accepted_at"),
    ("first token", "first_token_at"),
    ("finished", "finished_at"),
    ("delivered", "delivered_at"),
)


class Command(BaseCommand):
    help = "Ask a model in orbit and print the answer as it arrives, then the time of each leg."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("question")
        parser.add_argument("--model", help="name or name:version; else what most satellites run")
        parser.add_argument("--max-tokens", type=int, default=wire.TOKENS_DEFAULT)
        parser.add_argument("--temperature", type=float, default=wire.TEMPERATURE_DEFAULT)
        parser.add_argument("--seed", type=int)
        parser.add_argument("--lifetime", type=int, help="seconds of mission time to wait at most")

    def handle(self, *args: Any, question: str, **options: Any) -> None:
        asked = _checked(question, options)
        try:
            query = self._ask(asked, options["model"])
        except errors.Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        try:
            query = self._follow(query)
        except KeyboardInterrupt:
            self._take_back(query)
        self.stdout.write("")
        self._tell_story(query)
        if query.state != State.DELIVERED:
            raise CommandError(f"{query.state}: {query.reason}")

    def _ask(self, asked: wire.ChatRequest, model: str | None) -> Query:
        organisation = Organisation.objects.filter(operates_fleet=True).order_by("pk").first()
        if organisation is None:
            raise CommandError("No organisation operates the fleet yet; start `manage.py up` once.")
        query, _ = queries.ask(
            query_id=uuid4(),
            organisation=organisation,
            user=None,
            version=self._version(model),
            messages=asked.messages,
            max_tokens=asked.max_tokens,
            temperature=asked.temperature,
            seed=asked.seed,
            lifetime_s=asked.lifetime_s,
            now=clock.now(),
        )
        return query

    def _version(self, name: str | None) -> Version:
        if name:
            return catalogue.version_of(name)
        offers = sorted(catalogue.offers(), key=lambda offer: offer.satellites)
        if not offers:
            raise CommandError("No model is registered yet: `manage.py register_model` does that.")
        return offers[-1].version

    def _follow(self, query: Query) -> Query:
        """Print what comes until the question is over, and where it stands while nothing does."""
        after, stood = -1, ""
        while True:
            progress = answers.read(query.pk, after=after)
            after = progress.following - 1
            for _, text in progress.pieces:
                self.stdout.write(text, ending="")
                self.stdout.flush()
            standing = _standing(progress.query)
            if standing != stood and after < 1:
                stood = standing
                self.stderr.write(standing)
            if progress.is_over:
                return progress.query
            time.sleep(LOOK_S)

    def _take_back(self, query: Query) -> NoReturn:
        try:
            queries.cancel(query_id=query.pk, now=clock.now())
        except errors.Refusal as refusal:  # it was over in the same moment
            raise CommandError(str(refusal)) from None
        raise CommandError("Taken back.") from None

    def _tell_story(self, query: Query) -> None:
        self.stdout.write("")
        for name, field in LEGS:
            if instant := getattr(query, field):
                self.stdout.write(f"  {name:<12} {_clock(instant)}  {_since(query, instant)}")
        story = answers.story(query)
        by = story["satellite"] or "none yet"
        if story["uplink_station"]:
            by += f" by {story['uplink_station']}"
            if story["downlink_station"] not in (None, story["uplink_station"]):
                by += f" up and {story['downlink_station']} down"
        self.stdout.write(f"  satellite    {by}")
        ran = f"  sha256 {query.model_sha256[:16]}…" if query.model_sha256 else ""
        self.stdout.write(f"  model        {query.version}{ran}")
        if query.completion_tokens is not None:
            self.stdout.write(
                f"  tokens       {query.prompt_tokens} in, {query.completion_tokens} out"
            )
        sys.stdout.flush()


def _checked(question: str, options: dict[str, Any]) -> wire.ChatRequest:
    """Return what is asked, held to the same limits as what comes over the wire."""
    if not question.strip():
        raise CommandError("The question is empty.")
    try:
        question.encode()
    except UnicodeEncodeError:
        raise CommandError("The question is not UTF-8 text.") from None
    if not math.isfinite(options["temperature"]):
        raise CommandError("--temperature must be between 0 and 2.")
    given = {
        "model": options["model"] or "any",
        "messages": [{"role": "user", "content": question}],
        **{name: options[name] for name in ("max_tokens", "temperature", "seed")},
        "zenith": {"lifetime_s": options["lifetime"]},
    }
    try:
        return wire.read_request(json.dumps(given).encode())
    except wire.Malformed as error:
        said = str(error)
        for name, option in OPTIONS.items():
            said = said.replace(f"'{name}'", option)
        raise CommandError(said) from error


def _standing(query: Query) -> str:
    if query.state in OVER:
        return ""
    if query.state == State.QUEUED:
        return f"waiting: {query.reason or 'no satellite yet'}"
    if query.state == State.ROUTED:
        station = query.contact.antenna.station.name if query.contact else "a station"
        wait_s = (query.contact.aos_at - clock.now()).total_seconds() if query.contact else 0
        when = f", AOS in {wait_s:.0f} s" if wait_s > 0 else ""
        return f"routed to {query.satellite.code} by {station}{when}"
    return f"{query.state.lower()}: {query.satellite.code}"


def _clock(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


def _since(query: Query, instant: datetime) -> str:
    return f"+{(instant - query.created_at).total_seconds():.3f} s"
