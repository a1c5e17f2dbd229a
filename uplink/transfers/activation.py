"""From verified bytes to a running model: the slot is loaded, then activated, each by telecommand.

Both telecommands may be given twice without harm (loading what is loaded, activating what is
active), so that one which nobody heard is followed by a new one. The old one is never sent again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db.models import Q

from telemetry import onboard
from uplink.commands import release
from uplink.commands.models import Command
from uplink.commands.models import State as CommandState
from uplink.transfers import packing, progress
from uplink.transfers.models import Deployment, State, Transfer

UNHEARD_AFTER = timedelta(seconds=15)
"""After a telecommand that came to nothing comes the next; each wait is twice as long as the one
before, so that an answer that waits to be decoded is not taken for none, and one bad contact does
not end a transfer."""
UNHEARD_MOST = timedelta(minutes=8)
STEPS_MAX = 10
"""So many telecommands without success make the transfer fail."""
_TURN = "waits for the activation of"
LOAD, ACTIVATE = onboard.Opcode.LOAD_SLOT.name, onboard.Opcode.ACTIVATE_SLOT.name
ACTIVATE_AT = onboard.Opcode.ACTIVATE_SLOT_AT.name
CALL_OFF = onboard.Opcode.CALL_OFF_ACTIVATION.name


def verified(transfer: Transfer, *, now: datetime) -> None:
    """The satellite put the artefact together and its SHA-256 is right.

    What is missing then is at most the release: until that is on board, too, nothing is loaded; nor
    is what an operator suspended, before it is resumed.
    """
    waiting = transfer.shipments.filter(delivered=False)
    waiting.exclude(number=packing.RELEASE).update(delivered=True, delivered_at=now)
    if waiting.exists() or transfer.state == State.SUSPENDED:
        transfer.verified_at = transfer.verified_at or now
        transfer.save(update_fields=["verified_at"])
        return
    progress.move(transfer, State.VERIFIED, now=now)
    if transfer.activate:
        _begin_in_turn(transfer, now=now)


def _begin_in_turn(transfer: Transfer, *, now: datetime) -> None:
    """Begin, unless another version is being activated on the satellite: there is one slot to load
    into, and the two would take it from each other. `nudge` begins it then."""
    others = Transfer.objects.filter(satellite_id=transfer.satellite_id, state=State.ACTIVATING)
    if (other := others.exclude(pk=transfer.pk).first()) is None:
        begin(transfer, now=now)
        return
    why = f"{_TURN} {other.version or other.artefact}"
    progress.move(transfer, State.VERIFIED, now=now, reason=why)


def begin(transfer: Transfer, *, now: datetime) -> None:
    """Choose a slot and ask for it to be loaded."""
    if transfer.slot is None:
        transfer.slot = _free_slot(transfer)
    progress.move(transfer, State.ACTIVATING, now=now)
    _command(transfer, LOAD, now=now)


def start(transfer: Transfer, *, now: datetime, at_an_instant: bool = False) -> None:
    """Activate what was VERIFIED and left for later. The caller holds the row's lock.

    An attempt before is forgotten: its telecommands no longer count. With `at_an_instant` it is
    loaded, and waits for `arm`.
    """
    Command.objects.filter(source=f"transfer:{transfer.pk}").update(
        source=f"earlier-transfer:{transfer.pk}"
    )
    Deployment.objects.update_or_create(
        satellite_id=transfer.satellite_id, defaults={"desired_id": transfer.artefact_id}
    )
    transfer.slot, transfer.activate_at = None, None
    transfer.waits_for_instant = at_an_instant
    begin(transfer, now=now)


def is_loaded(transfer: Transfer) -> bool:
    """Say whether the slot holds it, as far as a telecommand or the satellite's report told."""
    known = Deployment.objects.filter(satellite_id=transfer.satellite_id).first()
    if known is not None and transfer.artefact_id in (known.slot_a_sha256, known.slot_b_sha256):
        return True
    return _commands(transfer).filter(name=LOAD, state=CommandState.COMPLETED).exists()


def arm(transfer: Transfer, at: datetime, window: dict[str, object], *, now: datetime) -> None:
    """Have a loaded artefact activated at an instant by the satellite's own clock, if `window`
    holds on board then (`commands.definitions.WINDOW`). The caller holds the row's lock."""
    transfer.activate_at = at
    transfer.save(update_fields=["activate_at"])
    _command(transfer, ACTIVATE_AT, now=now, window=window)


def held(transfer: Transfer, why: str, *, now: datetime) -> None:
    """The instant came and the satellite did not activate, since its window did not hold: it is
    VERIFIED and loaded again, and `missed` says why. The caller holds the row's lock."""
    progress.move(transfer, State.VERIFIED, now=now, reason=f"held at the instant: {why}")


def missed(transfer: Transfer, at: datetime) -> str:
    """Return why a satellite did not activate at an instant that it was told; nothing if it is
    not known that it did not."""
    waits = transfer.state == State.VERIFIED and transfer.waits_for_instant
    return transfer.reason if waits and transfer.activate_at == at else ""


def is_armed(transfer: Transfer) -> bool:
    """Say whether the satellite confirmed that it will activate at the instant."""
    given = _of_the_instant(transfer)
    return bool(
        given and given[-1].name == ACTIVATE_AT and given[-1].state == CommandState.COMPLETED
    )


def _of_the_instant(transfer: Transfer) -> list[Command]:
    """Return what was told of an instant, in order; of one moment, calling it off comes last."""
    given = _commands(transfer).filter(name__in=[ACTIVATE_AT, CALL_OFF])
    return sorted(given, key=lambda one: (one.created_at, one.name == CALL_OFF))


def disarm(transfer: Transfer, *, now: datetime) -> bool:
    """Call an activation at an instant off; return whether nothing will be activated any more.

    What has not left is taken back. The satellite is told of the rest at its next contact; until
    it has confirmed, it may still activate.
    """
    given = _of_the_instant(transfer)
    for command in given:
        if command.name == ACTIVATE_AT and command.state == CommandState.RELEASED:
            try:
                release.cancel(command.pk, now=now)
                command.state = CommandState.CANCELLED
            except release.AlreadySent:
                command.refresh_from_db()
    left = [one for one in given if one.state != CommandState.CANCELLED]
    if not left:
        return True
    last = left[-1]
    if last.name == CALL_OFF:
        return last.state == CommandState.COMPLETED
    if last.state == CommandState.FAILED:
        return True
    _command(transfer, CALL_OFF, now=now)
    return False


def stand_down(transfer: Transfer, reason: str, *, now: datetime) -> bool:
    """Take an activation back whose next telecommand has not left; say whether it was possible.

    The caller holds the row's lock. `start` begins it anew.
    """
    if transfer.state == State.ACTIVATING and transfer.waits_for_instant:
        return _stand_down_in_time(transfer, reason, now=now)
    waiting = Command.objects.filter(
        source=f"transfer:{transfer.pk}", state=CommandState.RELEASED
    ).values_list("pk", flat=True)
    if transfer.state != State.ACTIVATING or not waiting:
        return False
    try:
        for command_id in list(waiting):
            release.cancel(command_id, now=now)
    except release.AlreadySent:
        return False
    progress.move(transfer, State.VERIFIED, now=now, reason=reason)
    return True


def _stand_down_in_time(transfer: Transfer, reason: str, *, now: datetime) -> bool:
    for command in _commands(transfer).filter(name=LOAD, state=CommandState.RELEASED):
        try:
            release.cancel(command.pk, now=now)
        except release.AlreadySent:
            continue  # loading a slot changes nothing of what runs
    if not disarm(transfer, now=now):
        return False
    if transfer.activate_at is not None and transfer.activate_at > now:
        transfer.activate_at = None
    progress.move(transfer, State.VERIFIED, now=now, reason=reason)
    return True


def _free_slot(transfer: Transfer) -> int:
    """Return the slot that holds the artefact already, else the one that is not active."""
    known = Deployment.objects.filter(satellite_id=transfer.satellite_id).first()
    if known is None:
        return onboard.Slot.A
    if transfer.artefact_id in (known.slot_a_sha256, known.slot_b_sha256):
        in_a = known.slot_a_sha256 == transfer.artefact_id
        return onboard.Slot.A if in_a else onboard.Slot.B
    active_in_a = known.slot_a_sha256 and known.slot_a_sha256 == known.active_sha256
    return onboard.Slot.B if active_in_a else onboard.Slot.A


def loaded(transfer: Transfer, *, now: datetime) -> None:
    """The slot holds the artefact: ask for its activation."""
    if transfer.waits_for_instant:
        return  # until all that it waits for hold it, too
    if not _commands(transfer).filter(name=ACTIVATE).exists():
        _command(transfer, ACTIVATE, now=now)


def command_ended(command: Command, *, now: datetime) -> None:
    """A telecommand that a transfer gave was completed or refused on board."""
    transfer = (
        Transfer.objects.select_for_update()
        .filter(pk=UUID(command.source.partition(":")[2]), state=State.ACTIVATING)
        .first()
    )
    if transfer is None:
        return
    if command.state == CommandState.FAILED and command.code == onboard.CommandCode.BUSY:
        return  # `nudge` asks again
    if command.state == CommandState.FAILED:
        # That another of them had succeeded is told by a report of its own.
        progress.fail(transfer, f"{command.name} failed: {command.reason}", now=now)
    elif command.name == LOAD:
        loaded(transfer, now=now)


def _is_too_late(transfer: Transfer, command: Command, now: datetime) -> bool:
    """Say whether a telecommand for an instant would come after it."""
    return command.name == ACTIVATE_AT and (
        transfer.activate_at is None or transfer.activate_at <= now
    )


def nudge(satellite_id: int, *, now: datetime) -> None:
    """In a contact: follow telecommands that came to nothing by new ones, after longer and longer.

    To nothing came what was sent and never heard of, and what met a satellite that was busy.
    """
    for transfer in Transfer.objects.select_for_update().filter(
        satellite_id=satellite_id, state=State.ACTIVATING
    ):
        given = list(_commands(transfer))
        if not given or not _came_to_nothing(given[-1]):
            continue
        if given[-1].sent_at > now - _patience(given) or _is_too_late(transfer, given[-1], now):
            continue
        if len(given) >= STEPS_MAX:
            busy = given[-1].state == CommandState.FAILED
            why = "met a busy satellite each time" if busy else "was never answered"
            progress.fail(transfer, f"{given[-1].name} {why}", now=now)
            continue
        window = given[-1].arguments.get("window")
        _command(transfer, given[-1].name, now=now, window=window)
    waiting = Transfer.objects.select_for_update().filter(in_turn(), satellite_id=satellite_id)
    if (following := waiting.order_by("verified_at").first()) is not None:
        _begin_in_turn(following, now=now)


def in_turn() -> Q:
    """Return which transfers are to be activated and wait for another version's activation."""
    # Others that are VERIFIED and to be activated were taken back by a rollout, which decides.
    return Q(state=State.VERIFIED, activate=True, finished_at=None, reason__startswith=_TURN)


def _patience(given: list[Command]) -> timedelta:
    """Return how long the last of the telecommands is waited for, by how often it was given."""
    times = sum(one.name == given[-1].name for one in given)
    return min(UNHEARD_AFTER * 2 ** (times - 1), UNHEARD_MOST)


def _came_to_nothing(command: Command) -> bool:
    if command.state in (CommandState.SENT, CommandState.SENDING):
        return True
    return command.state == CommandState.FAILED and command.code == onboard.CommandCode.BUSY


def _commands(transfer: Transfer):
    return Command.objects.filter(source=f"transfer:{transfer.pk}").order_by("created_at", "-name")


def _command(
    transfer: Transfer, name: str, *, now: datetime, window: dict[str, object] | None = None
) -> None:
    slot = onboard.Slot(transfer.slot).name
    arguments: dict[str, object] = {} if name == CALL_OFF else {"slot": slot}
    if name == ACTIVATE_AT:
        arguments |= {"at": transfer.activate_at.isoformat(), "window": window}
    if name == LOAD:
        arguments["artefact"] = transfer.artefact_id
    # Of all that were ever given: those of an attempt before a retry are renamed, not forgotten.
    number = Command.objects.filter(source__endswith=f"transfer:{transfer.pk}").count()
    release.request(
        command_id=uuid5(transfer.pk, f"{name} {number}"),
        satellite=transfer.satellite,
        name=name,
        arguments=arguments,
        organisation=transfer.organisation,
        source=f"transfer:{transfer.pk}",
        now=now,
    )
