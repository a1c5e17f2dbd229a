"""The ways that packets take from link to link: light, rates, and where they end."""

from types import SimpleNamespace

import numpy as np
import pytest

from constellation.orbits import look
from constellation.simulator.relays import HEAD_BYTES, HOLD_S, Relays
from telemetry import onboard

APART_M = 3_000_000.0
RATE = 1_000_000


class Board:
    def __init__(self):
        self.radio = SimpleNamespace(linked=False)
        self.troubles = SimpleNamespace(lasers_down=0.0)
        self.taken = []

    def handed(self, content, giver):
        self.taken.append((content, giver))

    def hand_on(self, sealed):
        self.taken.append(sealed)

    def live_on(self, now_s):
        pass


class Chain:
    """Satellites in a line, each linked with the next; `cut` names pairs that are not."""

    def __init__(self, count):
        self.codes = [f"S{n}" for n in range(count)]
        self.now_s = 1_000.0
        self.cut = set()
        fleet = SimpleNamespace(
            satellites={
                code: SimpleNamespace(entity_id=10 + n, isl_bit_per_s=RATE)
                for n, code in enumerate(self.codes)
            }
        )
        self.boards = {code: Board() for code in self.codes}
        self.mischief = SimpleNamespace(lost=set(), rogue={})
        clock = SimpleNamespace(now_s=lambda: self.now_s)
        self.relays = Relays(
            fleet, self, clock, self.mischief, boards=self.boards, board=self.boards.__getitem__
        )

    def neighbours(self, code, at_s):
        n = self.codes.index(code)
        beside = [self.codes[k] for k in (n - 1, n + 1) if 0 <= k < len(self.codes)]
        return [one for one in beside if frozenset((one, code)) not in self.cut]

    def positions_m(self, code, at_s):
        return np.array([[self.codes.index(code) * APART_M, 0.0, 0.0]])

    def taken(self, code):
        return self.boards[code].taken

    def go(self, seconds):
        self.now_s += seconds
        self.relays.step(self.now_s)


@pytest.fixture
def chain():
    return Chain(4)


def test_each_link_takes_the_light_s_way_and_the_bytes_at_its_rate(chain):
    content = bytes(936)
    one_s = APART_M / look.SPEED_OF_LIGHT_M_S + (len(content) + HEAD_BYTES) * 8 / RATE

    chain.relays.up("S0", 13, content)
    chain.go(3 * one_s - 1e-4)
    assert chain.taken("S3") == []
    chain.go(2e-4)

    assert chain.taken("S3") == [(content, 12)]  # who handed it over last
    assert chain.taken("S1") == chain.taken("S2") == []


def test_reports_go_to_the_nearest_that_has_a_contact(chain):
    done = []
    assert not chain.relays.down("S1", b"sealed", lambda: done.append(True))
    chain.boards["S3"].radio.linked = chain.boards["S0"].radio.linked = True

    assert chain.relays.down("S1", b"sealed", lambda: done.append(True))
    assert done == []
    chain.go(1.0)

    assert (chain.taken("S0"), chain.taken("S3"), done) == ([b"sealed"], [], [True])


def test_where_no_link_leads_on_a_packet_waits_and_is_dropped_in_the_end(chain):
    chain.cut.add(frozenset(("S2", "S3")))
    chain.relays.up("S0", 13, b"one")
    chain.go(HOLD_S / 2)
    chain.cut.clear()
    chain.go(0.1)
    chain.go(1.0)
    assert chain.taken("S3") == [(b"one", 12)]

    chain.cut.add(frozenset(("S2", "S3")))
    chain.relays.up("S0", 13, b"two")
    for _ in range(3):
        chain.go(HOLD_S)
    chain.cut.clear()
    chain.go(1.0)
    assert chain.taken("S3") == [(b"one", 12)]


def test_it_goes_on_from_where_it_is_when_links_change(chain):
    chain.boards["S0"].radio.linked = True
    chain.relays.down("S2", b"sealed", lambda: None)
    chain.boards["S0"].radio.linked = False
    chain.boards["S3"].radio.linked = True
    chain.go(1.0)
    chain.go(1.0)

    assert (chain.taken("S0"), chain.taken("S3")) == ([], [b"sealed"])


def test_the_lost_and_those_without_lasers_hand_nothing_on(chain):
    chain.boards["S1"].troubles.lasers_down = 1.0
    chain.relays.up("S0", 13, b"one")
    chain.go(HOLD_S + 1)
    chain.boards["S1"].troubles.lasers_down = 0.0
    chain.mischief.lost.add("S2")
    chain.relays.up("S0", 13, b"two")
    chain.go(HOLD_S + 1)

    assert chain.taken("S3") == []


def test_no_packet_crosses_more_links_than_it_may():
    long = Chain(onboard.RELAY_HOPS_MAX + 2)
    last = long.codes[-1]
    long.relays.up("S0", 10 + len(long.codes) - 1, b"one")
    long.relays.up("S1", 10 + len(long.codes) - 1, b"two")
    for _ in range(20):
        long.go(1.0)

    assert [content for content, _ in long.taken(last)] == [b"two"]
