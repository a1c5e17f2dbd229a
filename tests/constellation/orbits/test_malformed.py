"""Files with something wrong in them: what is wrong is said, and what is good is taken."""

import pytest

from constellation.orbits import elements
from tests.constellation.orbits import malformed


def test_there_are_many_of_them():
    assert len({case.name for case in malformed.CASES}) == len(malformed.CASES) > 100


@pytest.mark.parametrize("case", malformed.CASES, ids=lambda case: case.name)
def test_a_wrong_entry_is_told_precisely_and_the_rest_is_taken(case):
    # In square time ten megabytes would take hours: pytest's own limit would end it.
    parsed = elements.parse(case.data)

    assert any(case.said in str(each) for each in parsed.refused), parsed.refused[:3]
    assert all(each.line >= 1 for each in parsed.refused)
    names = {each.name for each in [*parsed.taken, *parsed.ephemerides]}
    assert ("SCS-01 B" in names) == case.has_rest
    assert "SCS-01 A" not in names or "twice" in case.name
    assert len(parsed.refused) <= elements.MAX_REFUSALS + 1


@pytest.mark.parametrize(("name", "data"), malformed.WHOLE, ids=lambda each: str(each)[:20])
def test_an_unusual_file_is_read_whole(name, data):
    parsed = elements.parse(data)
    assert parsed.refused == []
    assert [each.name for each in parsed.taken] == ["SCS-01 A", "SCS-01 B"]
