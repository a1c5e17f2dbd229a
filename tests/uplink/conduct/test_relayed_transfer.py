"""A model reaches a satellite that has no contact, and runs there: everything goes by laser."""

import random
from datetime import timedelta
from uuid import uuid4

import pytest

from constellation import links
from constellation.stations import control
from ops import clock
from tests.constellation.simulator.test_lasers import FIRST, SECOND
from tests.factories import make_artefact
from tests.uplink.conduct.test_command_flight import fly, in_thread
from tests.uplink.conduct.test_relayed_flight import Story
from tests.uplink.conduct.test_relayed_flight import simulator as simulator
from tests.uplink.releases.sharing import share_keys
from uplink.commands.models import Command, Handover
from uplink.transfers import flying, packing, reports, requests, spreads
from uplink.transfers.models import Deployment, Shipment, State, Transfer

pytestmark = pytest.mark.django_db(transaction=True)
PACK_BYTES = 128 * 1024
CONTENT = random.Random(12).randbytes(4 * PACK_BYTES - 77)


class Spreading(Story):
    """One transfer each for a gateway in contact and for a satellite without one."""

    def __init__(self, simulator):
        super().__init__(simulator, commands=0)
        reports._newest.clear()
        links._kept.clear()
        self.artefact = make_artefact(CONTENT)
        packing.pack(self.artefact, pack_bytes=PACK_BYTES)
        for satellite in (self.gateway, self.other):
            requests.request(
                transfer_id=uuid4(),
                satellite=satellite,
                artefact=self.artefact,
                version=None,
                organisation=self.artefact.organisation,
                now=clock.now(),
            )

    def goes_on(self):
        """Decode and plan; say whether all run it."""
        self.decode()
        spreads.plan(self.artefact, now=clock.now(), rate=1.0)
        rows = Transfer.objects.values_list("state", "reason")
        assert State.FAILED not in {state for state, _ in rows}, list(rows)
        return {state for state, _ in rows} == {State.ACTIVE}

    def sent_to_other(self):
        rows = Shipment.objects.filter(transfer__satellite=self.other)
        return {row.number: (row.sequence, row.relays, row.delivered) for row in rows}

    def ways(self):
        rows = Handover.objects.filter(command__satellite=self.other).select_related("relay")
        return {row.command.name: row.way for row in rows.select_related("command", "relay")}


async def test_without_a_contact_of_its_own_it_fetches_loads_and_runs(
    simulator, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(flying, "COMPARED_AFTER", timedelta(0))
    await in_thread(share_keys, settings, tmp_path)
    story = await in_thread(Spreading, simulator)

    await fly(simulator, "one", story.goes_on)

    on_board = control.satellite(simulator.control, SECOND)
    assert on_board["active"] == story.artefact.sha256
    assert not on_board["linked"]
    # No file went to it by a transaction of its own, and its metadata went as one packet.
    assert await in_thread(story.sent_to_other) == {packing.RELEASE: (None, 1, True)}
    way = f"relayed by {FIRST} over laser"
    ways = await in_thread(story.ways)
    assert ways == dict.fromkeys(["FETCH", "LOAD_SLOT", "ACTIVATE_SLOT"], way)

    def told():
        row = Deployment.objects.get(satellite=story.other)
        return row.active_sha256, Command.objects.filter(satellite=story.other).count()

    assert await in_thread(told) == (story.artefact.sha256, 3)
