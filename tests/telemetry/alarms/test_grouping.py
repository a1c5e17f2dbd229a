"""What members of a group share is told when it sets them apart, and else nothing."""

from collections import Counter

from telemetry.alarms.grouping import explain


def fleet(planes=20, slots=20):
    return [
        {"plane": f"P{plane}", "profile": "a" if plane < 10 else "b", "model": "m1"}
        for plane in range(planes)
        for _ in range(slots)
    ]


def counted(satellites):
    names = satellites[0]
    return {name: Counter(each[name] for each in satellites) for name in names}


def causes(members, satellites):
    found = explain(members, counted(satellites), len(satellites))
    return [(cause.attribute, cause.value, cause.members, cause.fleet) for cause in found]


def test_a_plane_explains_its_own_satellites_and_what_all_have_explains_nothing():
    everybody = fleet()
    members = [each for each in everybody if each["plane"] == "P3"]
    assert causes(members, everybody) == [("plane", "P3", 20, 20), ("profile", "a", 20, 200)]


def test_a_few_strangers_among_them_do_not_hide_a_cause():
    everybody = fleet()
    members = [each for each in everybody if each["profile"] == "b"][:190] + everybody[:10]
    assert causes(members, everybody) == []  # 1.9 times the usual share
    rare = [dict(each, model="m2") for each in everybody[:30]]
    everybody = rare + everybody[30:]
    assert causes(rare + everybody[-2:], everybody)[0] == ("model", "m2", 30, 30)


def test_two_or_a_mix_of_all_are_explained_by_nothing():
    everybody = fleet()
    assert causes(everybody[:2], everybody) == []
    assert causes(everybody[::7], everybody) == []
    assert explain([], {}, 0) == []
