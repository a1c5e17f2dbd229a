"""A client hears what it wishes for, at its own pace, and is told what was joined or left out."""

import pytest

from ops.live import wishes


def event(number, kind="values", **values):
    return {
        "stream": "t:A",
        "number": number,
        "kind": kind,
        "payload": {"at": number, "values": values},
    }


def test_only_what_is_wished_for_is_sent_and_holes_are_told():
    wish = wishes.read({"only": ["a"]})
    told = wishes.messages(
        [event(6, a=1, b=2), event(7, b=3), event(8, a=4)], wish, "values", since=5
    )
    assert [(m["number"], m["since"], m["merged"]) for m in told] == [(6, 5, 1), (8, 6, 1)]
    assert [m["payload"]["values"] for m in told] == [{"a": 1}, {"a": 4}]


def test_what_comes_in_between_is_joined_and_the_newest_value_stands():
    wish = wishes.read({"every_s": 2})
    told = wishes.messages(
        [event(6, a=1, b=2), event(7, b=3), event(8, a=4)], wish, "values", since=5
    )
    assert told == [
        {**event(8), "payload": {"at": 8, "values": {"a": 4, "b": 3}}, "since": 5, "merged": 3}
    ]


def test_other_events_keep_their_place():
    other = {"stream": "t:A", "number": 7, "kind": "lost", "payload": {}}
    wish = wishes.read({"every_s": 2})
    told = wishes.messages([event(6, a=1), other, event(8, a=2)], wish, "values", since=5)
    assert [m["kind"] for m in told] == ["values", "lost", "values"]
    assert [m["since"] for m in told] == [5, 6, 7]


@pytest.mark.parametrize(
    "told",
    [
        {"only": "a"},
        {"only": []},
        {"only": [1]},
        {"every_s": "2"},
        {"every_s": -1},
        {"every_s": float("nan")},
        {"every_s": True},
        {"every_s": 1e9},
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(told):
    with pytest.raises(wishes.BadWish):
        wishes.read(told)
