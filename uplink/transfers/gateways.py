"""Groups of satellites that laser links join, and who of them gets an artefact as a package."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Sum

from uplink.transfers import packages, packing
from uplink.transfers.members import Member
from uplink.transfers.models import PackageState, Shipment, Spread, Transfer
from uplink.transfers.spreading.graph import Graph

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
    give packs to others. Where somebody holds all of the artefact nobody needs one.
    """
    able = [one for one in linked if one.transfer is not None and one.transfer.package_id]
    if not able:
        return {}
    whole = max((len(one.held) for one in linked if not one.is_silent), default=0)
    has_whole = whole >= able[0].transfer.artefact.packs.count() > 0
    heard = [one for one in able if not one.is_silent and one.contacts]
    keeper = None if has_whole or not heard else min(heard, key=lambda one: _done_s(one, now))
    for one in able:
        if keeper is None and not has_whole:
            break  # nobody is in view for hours: nothing is decided
        if one is not keeper:
            _send_no_package(one.transfer, spreads[one.key])
    if keeper is None:
        return {}
    _give_package(keeper.transfer)
    return {keeper.key: _done_s(keeper, now)}


def _done_s(one: Member, now: datetime) -> float:
    package = one.transfer.package
    size = package.files.filter(transfer=None).aggregate(all=Sum("size_bytes", default=0))["all"]
    if package.state == PackageState.PREPARING:
        size = one.transfer.artefact.size_bytes * GUESSED_SHARE
    begins = max(now, one.contacts[0].aos_at).timestamp()
    return begins + size * 8 * 1.2 / one.contacts[0].antenna.uplink_bit_per_s


def _give_package(transfer: Transfer) -> None:
    """See to it that the files of a package are there, if it is made."""
    known = set(transfer.shipments.values_list("number", flat=True))
    if not known - {packing.RELEASE}:
        files = [one for one in packages.files_of(transfer) if one.number not in known]
        Shipment.objects.bulk_create(files)
    packages.have_made(transfer.package)


def _send_no_package(transfer: Transfer, spread: Spread) -> None:
    rows = transfer.shipments.filter(delivered=False).exclude(number=packing.RELEASE)
    spread.withdrawn_bytes += rows.aggregate(all=Sum("sent_bytes", default=0))["all"]
    transfer.shipments.exclude(number=packing.RELEASE).delete()
    transfer.package = None
    transfer.save(update_fields=["package"])
    if not transfer.shipments.exists():
        Shipment.objects.bulk_create(packing.release_of(transfer))
