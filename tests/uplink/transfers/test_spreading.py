"""The plan of who uploads what: each pack once to all in reach, again only if quicker."""

from collections import Counter
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uplink.transfers.spreading.graph import Graph, Window
from uplink.transfers.spreading.planning import (
    FIRST,
    QUICKER,
    QUICKER_S,
    STICKS_S,
    Contact,
    Problem,
    plan,
)

MB = 1_000_000
LASER = 1e9
RATE = 1.0 * MB
"""Bytes a second of the contacts: a pack of 4 MB takes 4 s."""


def always(first, second, start_s=0.0, end_s=1e5, bit_per_s=LASER):
    return Window(first, second, start_s, end_s, bit_per_s)


def contact(satellite, aos_s, los_s, name=None):
    return Contact(name or f"{satellite}@{aos_s}", satellite, aos_s, los_s, RATE)


def problem(wants, contacts, windows, *, packs=6, holds=None, **details):
    everything = frozenset(range(packs))
    ready = details.pop("ready_s", dict.fromkeys(wants, 0.0))
    return Problem(
        now_s=0.0,
        sizes=[4 * MB] * packs,
        wants=dict.fromkeys(wants, everything) if not isinstance(wants, dict) else wants,
        holds=holds or {},
        contacts=contacts,
        graph=Graph(windows),
        ready_s=ready,
        **details,
    )


CHAIN = [always(1, 2), always(2, 3)]


def test_one_upload_serves_all_that_are_linked():
    found = plan(problem([1, 2, 3], [contact(1, 10, 100)], CHAIN))

    assert Counter((one.satellite, one.why) for one in found.uploads) == {(1, FIRST): 6}
    assert found.by_laser == {1: frozenset(), 2: frozenset(range(6)), 3: frozenset(range(6))}
    # 24 MB at 1 MB/s from second 10 on, then a pack of 32 Mbit at 1 Gbit/s over each link.
    assert found.arrives_s[1] == pytest.approx(34.0)
    assert found.arrives_s[3] == pytest.approx(34.0 + 2 * (0.032 + 0.034))


def test_two_gateways_in_view_share_the_packs():
    contacts = [contact(1, 0, 100), contact(3, 0, 100)]
    found = plan(problem([1, 2, 3], contacts, CHAIN))

    assert Counter(one.pack for one in found.uploads) == dict.fromkeys(range(6), 1)
    assert Counter(one.satellite for one in found.uploads) == {1: 3, 3: 3}
    assert max(found.arrives_s.values()) < 13.0


def test_groups_without_a_link_between_them_get_a_copy_each():
    contacts = [contact(1, 0, 100), contact(3, 0, 100)]
    found = plan(problem([1, 2, 3], contacts, [always(1, 2)]))

    assert Counter(one.satellite for one in found.uploads) == {1: 6, 3: 6}
    assert {one.why for one in found.uploads} == {FIRST}


def test_what_somebody_in_reach_holds_is_not_uploaded():
    found = plan(problem([2, 3], [contact(2, 0, 100)], CHAIN, holds={1: frozenset(range(6))}))
    assert found.uploads == ()
    assert max(found.arrives_s.values()) < 1.0


def test_a_holder_that_is_lost_is_replaced():
    # Had it first: nothing to do. Lost: its packs go up again, to another.
    half = {2: frozenset({3, 4, 5}), 3: frozenset(range(6))}
    held = {1: frozenset(range(6)), 2: frozenset({0, 1, 2})}
    contacts = [contact(3, 0, 100)]
    assert plan(problem(half, contacts, CHAIN, holds=held)).uploads == ()

    found = plan(problem(half, contacts, CHAIN, holds={2: held[2]}))
    assert {(one.pack, one.satellite) for one in found.uploads} == {(n, 3) for n in (3, 4, 5)}


def test_a_second_upload_must_be_much_quicker():
    # The link opens late: 3 waits for it, unless its own contact is sooner by the margin.
    late = [always(1, 2), always(2, 3, start_s=1000.0)]
    contacts = [contact(1, 0, 100), contact(3, 900, 990)]
    assert {o.satellite for o in plan(problem([1, 2, 3], contacts, late)).uploads} == {1}

    contacts = [contact(1, 0, 100), contact(3, 500, 600)]
    found = plan(problem([1, 2, 3], contacts, late))
    assert Counter((one.satellite, one.why) for one in found.uploads) == {
        (1, FIRST): 6,
        (3, QUICKER): 6,
    }
    assert found.arrives_s[3] < 1000.0 - QUICKER_S


def test_who_has_no_order_yet_does_not_fetch():
    found = plan(problem([1, 2], [contact(1, 0, 100)], CHAIN, ready_s={1: 0.0, 2: 700.0}))
    assert found.arrives_s[2] == pytest.approx(700.0, abs=1.0)


def test_a_pair_that_fell_out_finds_another_way():
    refused = frozenset({(2, 1)})
    held = {1: frozenset(range(6))}
    around = [*CHAIN, always(1, 3)]
    assert plan(problem([2, 3], [], around, holds=held, refused=refused)).arrives_s[2] < 1.0
    found = plan(problem([2], [contact(2, 50, 99)], CHAIN, holds=held, refused=refused))
    assert Counter(one.satellite for one in found.uploads) == {2: 6}


def test_what_has_begun_stays_unless_it_is_much_sooner_elsewhere():
    begun = {(1, pack): 3 * MB for pack in range(6)}
    contacts = [contact(1, STICKS_S / 2, 200), contact(2, 0, 200)]
    assert {o.satellite for o in plan(problem([1, 2], contacts, CHAIN, begun=begun)).uploads} == {1}

    contacts = [contact(1, 500, 700), contact(2, 0, 200)]
    assert {o.satellite for o in plan(problem([1, 2], contacts, CHAIN, begun=begun)).uploads} == {2}


def test_a_pack_that_does_not_fit_goes_on_in_the_next_contact():
    found = plan(problem([1], [contact(1, 0, 3), contact(1, 50, 53)], [], packs=1))
    assert [one.done_s for one in found.uploads] == [pytest.approx(51.0)]
    assert plan(problem([1], [contact(1, 0, 3)], [], packs=1)).arrives_s == {1: inf}


def test_who_gets_everything_another_way_gives_it_to_the_others():
    found = plan(problem([2, 3], [contact(2, 0, 100)], CHAIN, coming_s={1: 40.0}))
    assert found.uploads == ()
    assert found.arrives_s[3] == pytest.approx(40.0, abs=1.0)


SLOW = 8e6
"""A pack of 4 MB takes 4 s over such a link."""


def star(terminals, *, packs=1, bit_per_s=SLOW):
    windows = [always(1, other, bit_per_s=bit_per_s) for other in range(2, 8)]
    wants = list(range(2, 8))
    return plan(
        problem(
            wants, [], windows, packs=packs, holds={1: frozenset(range(packs))},
            terminals=dict.fromkeys(range(1, 8), terminals),
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("terminals", "rounds"), [(1, 6), (2, 3), (3, 2), (4, 2), (6, 1), (100, 1)]
)
def test_no_more_copies_at_a_time_than_there_are_terminals(terminals, rounds):
    found = star(terminals)
    assert max(found.arrives_s.values()) == pytest.approx(rounds * (4.0 + 0.034))
    assert len(set(found.arrives_s.values())) == rounds


def test_packs_share_the_terminals():
    one, many = star(2, packs=1), star(2, packs=5)
    assert max(many.arrives_s.values()) == pytest.approx(5 * max(one.arrives_s.values()))
    assert max(star(6, packs=5).arrives_s.values()) < max(many.arrives_s.values()) / 2


def test_where_terminals_are_the_bottleneck_another_upload_is_quicker():
    # A gateway of one terminal that serves six over slow links, and a contact of the last of them.
    windows = [always(1, other, bit_per_s=SLOW / 16) for other in range(2, 8)]
    held, counts = {1: frozenset(range(6))}, dict.fromkeys(range(1, 8), 1)
    contacts = [contact(7, 100, 200)]
    wants = list(range(2, 8))
    plenty = plan(problem(wants, contacts, windows, holds=held))
    assert plenty.uploads == ()
    found = plan(problem(wants, contacts, windows, holds=held, terminals=counts))
    assert {(one.satellite, one.why) for one in found.uploads} == {(7, QUICKER)}


def test_with_two_terminals_a_chain_passes_on_what_it_still_receives():
    held = {1: frozenset(range(200))}
    chain = [always(n, n + 1, bit_per_s=LASER) for n in range(1, 5)]
    wants = [2, 3, 4, 5]

    def last_s(terminals):
        counts = dict.fromkeys(range(1, 6), terminals)
        found = plan(problem(wants, [], chain, packs=200, holds=held, terminals=counts))
        return max(found.arrives_s.values())

    one_link_s = 200 * 4 * MB * 8 / LASER
    assert last_s(2) == pytest.approx(one_link_s, rel=0.5)
    assert last_s(1) > 1.5 * one_link_s


satellites = st.integers(0, 5)
spans = st.tuples(st.integers(0, 2000), st.integers(1, 800)).map(lambda s: (s[0], s[0] + s[1]))


@st.composite
def problems(draw, *, limited=False):
    packs = draw(st.integers(1, 5))
    some = st.frozensets(st.integers(0, packs - 1))
    holds = draw(st.dictionaries(satellites, some, max_size=6))
    everything = frozenset(range(packs))
    wants = {
        one: everything - holds.get(one, frozenset())
        for one in draw(st.sets(satellites, min_size=1))
    }
    contacts = [
        contact(one, *span, name=number)
        for number, (one, span) in enumerate(
            draw(st.lists(st.tuples(satellites, spans), max_size=8))
        )
    ]
    pairs = st.tuples(satellites, satellites).filter(lambda pair: pair[0] < pair[1])
    windows = [
        always(*pair, *span) for pair, span in draw(st.lists(st.tuples(pairs, spans), max_size=10))
    ]
    ready = {one: float(draw(st.integers(0, 1500))) for one in wants}
    counts = st.dictionaries(satellites, st.integers(1, 2)) if limited else st.just({})
    return problem(
        wants, contacts, windows, packs=packs, holds=holds, ready_s=ready, terminals=draw(counts)
    )


@given(problems(limited=True))
def test_every_wanted_pack_is_planned_once_or_for_a_reason(asked):
    found = plan(asked)
    uploads = {(one.satellite, one.pack) for one in found.uploads}
    assert len(uploads) == len(found.uploads)
    for satellite, packs in asked.wants.items():
        up, across = found.uploads_to(satellite), found.by_laser[satellite]
        assert up | across <= packs
        assert not up & across
        if found.arrives_s[satellite] < inf:
            assert up | across == packs
        else:  # nobody in reach, and no contact of its own that has time
            assert up | across < packs


@given(problems())
def test_no_pack_goes_up_twice_where_one_copy_would_do(asked):
    for upload in (found := plan(asked)).uploads:
        others = [one for one in found.uploads if one.pack == upload.pack and one != upload]
        sources = {s: 0.0 for s, packs in asked.holds.items() if upload.pack in packs}
        sources |= {one.satellite: one.done_s for one in others}
        without_s = asked.graph.earliest(sources, asked.sizes[upload.pack], ready_s=asked.ready_s)
        would_s = without_s.get(upload.satellite, inf)
        if upload.why == QUICKER:
            assert upload.done_s < would_s - QUICKER_S
        elif would_s < inf:
            # A later first copy that can come back here is one that reached somebody else.
            with_s = asked.graph.earliest(
                sources | {upload.satellite: upload.done_s},
                asked.sizes[upload.pack],
                ready_s=asked.ready_s,
            )
            assert any(with_s.get(one, inf) < without_s.get(one, inf) for one in asked.wants)


@given(problems(limited=True), st.data())
def test_losing_a_gateway_leaves_a_whole_plan(asked, data):
    gateways = sorted({one.satellite for one in plan(asked).uploads})
    if not gateways:
        return
    lost = data.draw(st.sampled_from(gateways))
    rest = Problem(
        now_s=asked.now_s,
        sizes=asked.sizes,
        wants={one: packs for one, packs in asked.wants.items() if one != lost},
        holds={one: packs for one, packs in asked.holds.items() if one != lost},
        contacts=[one for one in asked.contacts if one.satellite != lost],
        graph=asked.graph,
        ready_s={one: at for one, at in asked.ready_s.items() if one != lost},
        terminals=asked.terminals,
    )

    found = plan(rest)

    assert lost not in {one.satellite for one in found.uploads}
    for satellite, packs in rest.wants.items():
        has_time = any(
            c.satellite == satellite and c.los_s - c.aos_s >= 4.0 * len(packs) * len(rest.wants)
            for c in rest.contacts
        )
        if has_time:  # its own contact alone could carry everything that anybody lacks
            assert found.arrives_s[satellite] < inf
