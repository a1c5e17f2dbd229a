"""Groups of satellites that laser links join, and who of them gets an artefact as a package."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max, Sum

from uplink.transfers import packages, packing
from uplink.transfers.members import Member
from uplink.transfers.models import Package, PackageState, Shipment, Spread, State, Transfer
from uplink.transfers.spreading.graph import Graph

CANDIDATES_MOST = 8
"""Satellites that are looked at for who is sent a package: those whose contact is soonest."""
DECODES = timedelta(minutes=30)
"""Whoever has all of a package is waited for so long, until others hear that it gives packs."""
GUESSED_SHARE = 0.5
"""Of an artefact: what a package is taken to be while it is being made."""


def components(group: list[Member], reach: Graph) -> list[list[Member]]:
    """Return the members in groups that links join, directly or by way of others."""
    left = {one.key: one for one in group}
    found = []
    while left:
        key, first = left.popitem()
        linked, edge = [first], [key]
        while edge:
            for other in reach.neighbours(edge.pop()) & left.keys():
                linked.append(left.pop(other))
                edge.append(other)
        found.append(sorted(linked, key=lambda one: one.key))
    return found


def choose(linked: list[Member], spreads: dict[int, Spread], *, now: datetime) -> dict[int, float]:
    """Let one satellite of a group be sent a package, and the others none; return it, and when.

    A package (differences to what is on board) is less than any pack, but only who decoded it can
    give packs to others. Where somebody holds all of the artefact nobody needs one. Where nobody
    who gets one is left in reach (it fell silent, it failed, its base is gone), another that holds
    a base is sent one, as long as that is less than the packs that nobody in reach holds.
    """
    wanting = [one for one in linked if one.transfer is not None]
    able = [one for one in wanting if one.transfer.package_id]
    for one in able:
        if one.transfer.package.state not in packages.COMING:  # it is not worth it, or failed
            _send_no_package(one.transfer, spreads[one.key])
    able = [one for one in able if one.transfer.package_id]
    missing_bytes = _missing_bytes(linked, wanting)
    if not missing_bytes:
        for one in able:
            _send_no_package(one.transfer, spreads[one.key])
        return {}
    heard = [one for one in able if _is_in_reach(one) or _has_arrived(one, now)]
    keeper = min(heard, key=lambda one: _done_s(one, now)) if heard else None
    if keeper is None:
        keeper = _another(wanting, spreads, missing_bytes, now)
    if keeper is None:
        return {}  # nobody is in view for hours, or packs are less
    for one in able:
        if one is not keeper:
            _send_no_package(one.transfer, spreads[one.key])
    _give_package(keeper.transfer)
    return {keeper.key: _done_s(keeper, now)}


def _is_in_reach(one: Member) -> bool:
    return not one.is_silent and bool(one.contacts)


def _has_arrived(one: Member, now: datetime) -> bool:
    """Say whether a satellite has its whole package, so that it decodes it, or has just done so."""
    if one.is_silent or one.transfer.state != State.VERIFYING:
        return False
    last_at = one.transfer.shipments.aggregate(last=Max("delivered_at"))["last"]
    return last_at is not None and now < last_at + DECODES


def _missing_bytes(linked: list[Member], wanting: list[Member]) -> int:
    """Return the bytes of the packs that nobody holds who is heard."""
    if not wanting:
        return 0
    held = frozenset().union(*(one.held for one in linked if not one.is_silent))
    packs = wanting[0].transfer.artefact.packs.all()
    return sum(pack.size_bytes for pack in packs if pack.number not in held)


def _another(
    wanting: list[Member], spreads: dict[int, Spread], missing_bytes: int, now: datetime
) -> Member | None:
    """Return who is sent a package instead of one that was lost, its package given to it."""
    found: list[tuple[float, Member, Package]] = []
    artefact = wanting[0].transfer.artefact
    if not artefact.packages.filter(state__in=packages.COMING).exists():
        return None
    free = [
        one
        for one in wanting
        if _is_in_reach(one)
        and not one.transfer.package_id
        and not spreads[one.key].without_package
    ]
    free.sort(key=lambda one: one.contacts[0].aos_at)
    for one in free[:CANDIDATES_MOST]:
        transfer = one.transfer
        package = packages.package_for(one.satellite, artefact, transfer.version)
        if package is not None and _size_bytes(package, transfer) < missing_bytes:
            found.append((_done_s(one, now, package), one, package))
    if not found:
        return None
    _, chosen, package = min(found, key=lambda each: each[0])
    _drop_files(chosen.transfer, spreads[chosen.key])
    chosen.transfer.package = package
    chosen.transfer.save(update_fields=["package"])
    return chosen


def _done_s(one: Member, now: datetime, package: Package | None = None) -> float:
    if package is None and _has_arrived(one, now):
        return now.timestamp()
    size = _size_bytes(package or one.transfer.package, one.transfer)
    begins = max(now, one.contacts[0].aos_at).timestamp()
    return begins + size * 8 * 1.2 / one.contacts[0].antenna.uplink_bit_per_s


def _size_bytes(package: Package, transfer: Transfer) -> float:
    """Return what a package has on air; while it is made, a guess."""
    if package.state == PackageState.PREPARING:
        return transfer.artefact.size_bytes * GUESSED_SHARE
    files = package.files.filter(transfer=None).aggregate(all=Sum("size_bytes", default=0))["all"]
    return files + len(package.manifest)


def _give_package(transfer: Transfer) -> None:
    """See to it that the files of a package are there, if it is made."""
    known = set(transfer.shipments.values_list("number", flat=True))
    if not known - {packing.RELEASE}:
        files = [one for one in packages.files_of(transfer) if one.number not in known]
        Shipment.objects.bulk_create(files)
    packages.have_made(transfer.package)


def _send_no_package(transfer: Transfer, spread: Spread) -> None:
    _drop_files(transfer, spread)
    transfer.package = None
    transfer.save(update_fields=["package"])
    if not transfer.shipments.exists():
        Shipment.objects.bulk_create(packing.release_of(transfer))


def _drop_files(transfer: Transfer, spread: Spread) -> None:
    """Take back all files but the release: they come another way, or as others."""
    files = transfer.shipments.exclude(number=packing.RELEASE)
    sent = files.filter(delivered=False).aggregate(all=Sum("sent_bytes", default=0))["all"]
    spread.withdrawn_bytes += sent
    files.delete()
