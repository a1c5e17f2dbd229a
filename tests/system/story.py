"""What these tests do with a whole Zenith: a model sent up, a question asked, a contact read."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from constellation.contacts import planner
from constellation.contacts.models import Contact, State
from constellation.models import Satellite
from ops import clock
from ops.accounts.models import Organisation
from tests.factories import make_organisation, make_user
from tests.running import wait_for
from uplink.inference import answers, queries
from uplink.inference.models import OVER, Query
from uplink.registry import registering
from uplink.registry.models import Version
from uplink.rollouts import control, planning
from uplink.rollouts.models import Rollout
from uplink.rollouts.models import State as RolloutState
from uplink.transfers import requests
from uplink.transfers.models import Deployment

EPOCH = datetime(2026, 8, 22, 12, tzinfo=UTC)


def begin(rate: float) -> Organisation:
    """Set the clock, make the operator and book the next half hour."""
    clock.start(epoch=EPOCH, rate=rate)
    operator = make_organisation(operates_fleet=True)
    now = clock.now()
    planner.plan_span(now, now, now + timedelta(minutes=30))
    return operator


def send_echo(operator: Organisation, satellite: Satellite, *, size_bytes: int) -> Version:
    """Register a model that echoes, of that size, and send it up."""
    content = b'ZENITH-ECHO\n{"delay_s": 0.01}\n'
    content += bytes(n % 251 for n in range(size_bytes - len(content)))
    artefact, _ = registering.store_artefact([content], form="echo", organisation=operator)
    version, _ = registering.register_version(
        name="echo",
        version="1",
        artefact_sha256=artefact.sha256,
        profiles=[satellite.profile.code],
        licence="Apache-2.0",
        organisation=operator,
    )
    requests.request(
        transfer_id=uuid4(),
        satellite=satellite,
        artefact=artefact,
        version=version,
        organisation=operator,
        now=clock.now(),
    )
    return version


def wait_until_active(version: Version, satellite: Satellite, timeout_s: float) -> None:
    running = Deployment.objects.filter(satellite=satellite, active_sha256=version.artefact_id)
    wait_for("the model is active on board", running.exists, timeout_s)


def roll_out(operator: Organisation, version: Version, *rings: dict[str, Any]) -> Rollout:
    """Plan a rollout and start it."""
    rollout, _ = planning.create(
        rollout_id=uuid4(),
        organisation=operator,
        user=make_user(organisation=operator),
        name=f"{version} to all",
        version=version,
        kind="FORCED",
        forced_at=None,
        start_at=None,
        priority=0,
        safe_window={},
        needs_approval=False,
        rings_asked=list(rings),
        now=clock.now(),
    )
    return control.start(rollout.pk, now=clock.now())


def is_over(rollout: Rollout) -> bool:
    over = [RolloutState.ROLLED_BACK, RolloutState.FINISHED, RolloutState.PAUSED]
    return Rollout.objects.filter(pk=rollout.pk, state__in=[*over, RolloutState.STOPPED]).exists()


def ask(operator: Organisation, version: Version, text: str) -> UUID:
    query, _ = queries.ask(
        query_id=uuid4(),
        organisation=operator,
        user=None,
        version=version,
        messages=[{"role": "user", "content": text}],
        max_tokens=100,
        temperature=0.0,
        seed=1,
        lifetime_s=None,
        now=clock.now(),
    )
    return query.pk


def answer_to(query_id: UUID, timeout_s: float) -> tuple[Query, str]:
    """Wait for the end of a question; return it with its text."""
    over = Query.objects.filter(pk=query_id, state__in=OVER)
    wait_for("the question is over", over.exists, timeout_s)
    progress = answers.read(query_id)
    return progress.query, "".join(text for _, text in progress.pieces)


def open_contact(satellite: Satellite, timeout_s: float = 30) -> Contact:
    """Wait until a conductor flies a contact of this satellite; return it."""
    flown = Contact.objects.filter(satellite=satellite, state=State.PASS).exclude(owner="")
    return wait_for("a conductor flies the contact", flown.first, timeout_s)
