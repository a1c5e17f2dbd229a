"""Taking files of element sets: each is recorded, checked, and flown or told why not.

A set is recorded as VALIDATING in one transaction and judged in the next, so that nothing given
is lost, whatever happens in between; a tick judges what was left (`validation.judge`).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import connection, transaction

from constellation import validation
from constellation.models import (
    ElementFile,
    ElementKind,
    ElementSet,
    ElementSource,
    ElementState,
    Satellite,
)
from constellation.models_elements import OPERATOR_PRIORITY, PUBLIC_PRIORITY
from constellation.orbits import elements, ephemeris, omm
from constellation.orbits.elements import ElementSet as MeanElements
from constellation.orbits.elements import Refused
from constellation.orbits.ephemeris import Ephemeris
from ops import errors

Entry = MeanElements | Ephemeris

AHEAD_MOST = timedelta(days=30)
"""An epoch farther ahead than this is a slip of the pen."""
TRUSTED_FOR = timedelta(days=14)
"""How long mean elements that somebody gives go before newer public ones, unless he says."""
LINES_KEPT = 1_100
"""Of each report; a file of garbage has `elements.MAX_REFUSALS` and a few."""
STRANGERS_NAMED = 20
"""A public catalogue is nearly all of satellites that are not ours: so many are named."""
GIVEN_MOST = 4_000
"""Of an entry that was refused, so many characters are kept."""
_LOCK = 0x5A656E45
"""One file at a time is taken ("ZenE"), so that two never record the same set."""


@dataclass
class Loaded:
    """The satellites that fly a new element set, and a line for each entry that is not flown.

    `kept` entries are on record and enabled, but another goes before them.
    """

    taken: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    file_id: UUID | None = None


def take_file(
    *,
    file_id: UUID,
    data: bytes,
    source: str,
    now: datetime,
    priority: int = OPERATOR_PRIORITY,
    expires_at: datetime | None = None,
    given_by: str = "",
    origin: ElementSource | None = None,
) -> tuple[ElementFile, bool]:
    """Take a file under an id that the caller chose; return it and whether it is new.

    Safe to repeat: the same file under the same id changes nothing.
    """
    wanted = {
        "name": source[:100],
        "sha256": hashlib.sha256(data).hexdigest(),
        "priority": priority,
        "expires_at": expires_at,
    }
    parsed = elements.parse(data)
    with transaction.atomic():
        _one_file_at_a_time()
        details = wanted | {
            "size_bytes": len(data),
            "given_by": given_by[:100],
            "origin": origin,
            "loaded_at": now,
        }
        file, is_new = ElementFile.objects.get_or_create(id=file_id, defaults=details)
        if not is_new:
            if any(getattr(file, name) != value for name, value in wanted.items()):
                raise errors.IdReused(f"{file_id} already names another file of element sets.")
            return file, False
        waiting, refused = _record(parsed, file, now)
    with transaction.atomic():
        _one_file_at_a_time()
        judged = validation.judge(list(waiting), now)
        _report(file, judged, waiting, refused)
    return file, True


def load_elements(data: bytes, *, source: str, priority: int, now: datetime) -> Loaded:
    """Take the element sets of a file; each that is not flown gets one clear line.

    Loading a file again takes nothing and says so.
    """
    file, _ = take_file(file_id=uuid4(), data=data, source=source, priority=priority, now=now)
    return Loaded(file.taken, file.refused, file.kept, file.pk)


def _one_file_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


class _Known:
    """The satellites by what an element set may call them, and what they hold already."""

    def __init__(self, digests: set[str]) -> None:
        self._by: dict[str, dict[str, Satellite]] = {"number": {}, "designator": {}, "name": {}}
        for satellite in Satellite.objects.all():
            if satellite.catalogue_number is not None:
                self._by["number"][str(satellite.catalogue_number)] = satellite
            if satellite.international_designator:
                self._by["designator"][satellite.international_designator] = satellite
            self._by["name"][satellite.name] = self._by["name"][satellite.code] = satellite
        self.held: dict[tuple[int, str], ElementSet] = {}
        held = ElementSet.objects.filter(digest__in=digests).defer("states", "given")
        for row in held.order_by("priority"):
            self.held[row.satellite_id, row.digest] = row

    def satellite(self, number: str, designator: str, name: str) -> Satellite | None:
        """Return the satellite by catalogue number, else by designator, else by name."""
        if number:
            return self._by["number"].get(number)
        if designator:
            known = self._by["designator"].get(designator)
            # Some ephemerides give the catalogue number as the object's id.
            return known or self._by["number"].get(designator)
        return self._by["name"].get(name)


def _record(
    parsed: elements.Parsed, file: ElementFile, now: datetime
) -> tuple[dict[int, Entry], list[Refused]]:
    """Write what can be tied to a satellite; return what waits for judgement, what is refused."""
    entries = [(each, digest_of(each)) for each in [*parsed.taken, *parsed.ephemerides]]
    known = _Known({digest for _, digest in entries})
    rows: list[tuple[ElementSet, Entry]] = []
    wrong, refused, strangers = [], list(parsed.refused), 0
    for each, digest in entries:
        satellite = known.satellite(_number_of(each), each.object_id, each.name)
        strangers += satellite is None
        if satellite is None and strangers > STRANGERS_NAMED:
            continue
        problem = _problem(each, digest, satellite, known, file, now)
        if problem is None:
            row = _row(each, digest, satellite, file, now)
            rows.append((row, each))
            known.held[satellite.pk, digest] = row
        else:
            said, is_wrong = problem
            refusal = Refused(each.line, each.name, said, each.identity, _given(each))
            refused.append(refusal)
            if is_wrong:
                wrong.append((satellite, refusal))
    if strangers > STRANGERS_NAMED:
        said = f"{strangers - STRANGERS_NAMED:,} more are of no satellite of the fleet"
        refused.append(Refused(entries[-1][0].line, "", said))
    for refusal in parsed.refused:
        if satellite := _tied(refusal, known):
            wrong.append((satellite, refusal))
    _record_wrong(wrong, file, now)
    made = ElementSet.objects.bulk_create([row for row, _ in rows], batch_size=1_000)
    return {row.pk: each for row, (_, each) in zip(made, rows, strict=True)}, refused


def _number_of(each: Entry) -> str:
    return each.catalogue_number if isinstance(each, MeanElements) else ""


def _given(each: Entry) -> str:
    return omm.text_of(each) if isinstance(each, MeanElements) else each.given


def _problem(
    each: Entry,
    digest: str,
    satellite: Satellite | None,
    known: _Known,
    file: ElementFile,
    now: datetime,
) -> tuple[str, bool] | None:
    """Return why an entry is not recorded for judgement, and whether it is wrong in itself."""
    if satellite is None:
        return f"no satellite of the fleet is {each.identity}", False
    held = known.held.get((satellite.pk, digest))
    if held is not None and (held.priority >= file.priority or held.source == file.name):
        called = f"the element set of {when(each.epoch_at)} already"
        off = f", {held.state.lower()}" if held.state == ElementState.DISABLED else ""
        return f"{satellite.code} has {called}{off}", False
    if each.epoch_at > now + AHEAD_MOST:
        ahead = f"{(each.epoch_at - now).days} days ahead of {when(now)}"
        right = f"right is at most {AHEAD_MOST.days} days ahead"
        return f"the epoch {when(each.epoch_at)} is {ahead}; {right}", True
    return None


def _row(
    each: Entry, digest: str, satellite: Satellite, file: ElementFile, now: datetime
) -> ElementSet:
    row = ElementSet(
        satellite=satellite,
        epoch_at=each.epoch_at,
        source=file.name,
        file=file,
        priority=file.priority,
        state=ElementState.VALIDATING,
        loaded_at=now,
        digest=digest,
    )
    if isinstance(each, MeanElements):
        row.kind, row.omm = ElementKind.MEAN, omm.to_fields(each)
        row.newness_at, row.expires_at = each.epoch_at, _expiry(each.epoch_at, file)
    else:
        row.kind, row.states = ElementKind.EPHEMERIS, ephemeris.pack(each)
        row.given = each.given
        # One that says it comes from the future would beat all that follow.
        row.newness_at = min(each.created_at or now, now)
        row.expires_at = min(file.expires_at or each.ends_at, each.ends_at)
    return row


def _expiry(epoch_at: datetime, file: ElementFile) -> datetime | None:
    if file.expires_at is not None or file.priority == PUBLIC_PRIORITY:
        return file.expires_at
    return epoch_at + TRUSTED_FOR


def digest_of(each: Entry) -> str:
    """Return a digest of what an entry says of the orbit, whatever form said it."""
    if not isinstance(each, MeanElements):
        found = hashlib.sha256()
        for arc in each.arcs:
            found.update(f"{arc.method} {arc.degree} {arc.start_s} {arc.stop_s}".encode())
            found.update(arc.at_s.tobytes() + arc.states.tobytes())
        return found.hexdigest()
    figures = (
        each.mean_motion_rev_per_day,
        each.eccentricity,
        each.inclination_deg,
        each.node_deg,
        each.perigee_argument_deg,
        each.mean_anomaly_deg,
        each.bstar_per_earth_radius,
    )
    # A TLE's epoch is good to 0.9 ms and an OMM's to a microsecond.
    said = [f"{each.epoch_at.timestamp():.2f}", *(f"{figure:.9g}" for figure in figures)]
    return hashlib.sha256(" ".join(said).encode()).hexdigest()


def _tied(refusal: Refused, known: _Known) -> Satellite | None:
    about = refusal.about
    number = about if about.isdigit() else ""
    return known.satellite(number, "" if number else about, "") or known.satellite(
        "", "", refusal.name
    )


def _record_wrong(wrong: list[tuple[Satellite, Refused]], file: ElementFile, now: datetime) -> None:
    """Keep what is wrong beside the satellite it is of; the same from the same source once."""
    rows = [
        ElementSet(
            satellite=satellite,
            source=file.name,
            file=file,
            priority=file.priority,
            state=ElementState.INVALID,
            reason=refusal.problem[:500],
            loaded_at=now,
            digest=hashlib.sha256(f"{refusal.problem}\n{refusal.given}".encode()).hexdigest(),
            given=refusal.given[:GIVEN_MOST],
        )
        for satellite, refusal in wrong
    ]
    ElementSet.objects.bulk_create(rows, ignore_conflicts=True)


def _report(
    file: ElementFile,
    judged: validation.Judged,
    waiting: dict[int, Entry],
    refused: list[Refused],
) -> None:
    def lines(problems: dict[int, str]) -> list[Refused]:
        return [Refused(waiting[pk].line, waiting[pk].name, why) for pk, why in problems.items()]

    refused = sorted([*refused, *lines(judged.refused)], key=lambda each: each.line)
    kept = sorted(lines(judged.kept), key=lambda each: each.line)
    file.taken = judged.taken
    file.refused = _cut([str(each) for each in refused])
    file.kept = _cut([str(each) for each in kept])
    file.save(update_fields=["taken", "refused", "kept"])


def _cut(lines: list[str]) -> list[str]:
    if len(lines) <= LINES_KEPT:
        return lines
    return [*lines[:LINES_KEPT], f"{len(lines) - LINES_KEPT:,} more"]


def when(instant: datetime) -> str:
    """Return an instant as the lines of a report write it."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
