"""`manage.py ask "…"`: put a question to a model in orbit, read the answer as it arrives."""

import sys
import time
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.core.management import BaseCommand, CommandError, CommandParser

from ops import clock, errors
from ops.accounts.models import Organisation
from uplink.inference import answers, catalogue, queries, wire
from uplink.inference.models import OVER, Query, State
from uplink.registry.models import Version

LOOK_S = 0.1
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
        try:
            query = self._ask(question, options)
        except errors.Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        try:
            query = self._follow(query)
        except KeyboardInterrupt:
            queries.cancel(query_id=query.pk, now=clock.now())
            raise CommandError("Taken back.") from None
        self.stdout.write("")
        self._tell_story(query)
        if query.state != State.DELIVERED:
            raise CommandError(f"{query.state}: {query.reason}")

    def _ask(self, question: str, options: dict[str, Any]) -> Query:
        organisation = Organisation.objects.filter(operates_fleet=True).order_by("pk").first()
        if organisation is None:
            raise CommandError("No organisation operates the fleet yet; start `manage.py up` once.")
        query, _ = queries.ask(
            query_id=uuid4(),
            organisation=organisation,
            user=None,
            version=self._version(options["model"]),
            messages=[{"role": "user", "content": question}],
            max_tokens=options["max_tokens"],
            temperature=options["temperature"],
            seed=options["seed"],
            lifetime_s=options["lifetime"],
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

    def _tell_story(self, query: Query) -> None:
        self.stdout.write("")
        for name, field in LEGS:
            if instant := getattr(query, field):
                self.stdout.write(f"  {name:<12} {_clock(instant)}  {_since(query, instant)}")
        story = answers.story(query)
        by = f"{story['satellite']} by {story['uplink_station']}"
        if story["downlink_station"] not in (None, story["uplink_station"]):
            by += f" up and {story['downlink_station']} down"
        self.stdout.write(f"  satellite    {by}")
        self.stdout.write(f"  model        {query.version}  sha256 {query.model_sha256[:16]}…")
        if query.completion_tokens is not None:
            self.stdout.write(
                f"  tokens       {query.prompt_tokens} in, {query.completion_tokens} out"
            )
        sys.stdout.flush()


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
