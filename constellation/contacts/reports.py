"""A contact's report in words: what went up and came down, as we counted and as the station did."""

from dataclasses import dataclass
from typing import Any

from constellation.contacts.models import Contact

_COUNTS = (
    ("Up", "handed to the station", ("up", "sent_frames"), ("up", "sent_bytes")),
    ("Up", "radiated by the station", ("up", "frames"), ("up", "bytes")),
    ("Down", "delivered by the station", ("station", "down_frames"), ("station", "down_bytes")),
    ("Down", "stored here", ("down", "frames"), ("down", "bytes")),
)
_CARRIED = (
    ("Bytes of files", "file_bytes"),
    ("Files ended", "files_finished"),
    ("Telecommands", "commands"),
    ("Questions", "prompts"),
    ("Acknowledgements", "acknowledgements"),
    ("Requests for gaps", "gap_requests"),
    ("Packets of releases", "releases"),
    ("Links to the station", "links"),
)


_ENDED = {
    "until": "at the planned end",
    "los": "when the signal was lost",
    "closed": "when we closed it",
}
"""Why a station ended a contact (`END` on the wire), in words."""


@dataclass(frozen=True)
class InWords:
    """`counts` are direction, what of it, frames and bytes; `carried` is what was in them."""

    agrees: bool
    ended: str
    holders: int
    counts: list[tuple[str, str, int | None, int | None]]
    carried: list[tuple[str, int]]


def in_words(contact: Contact) -> InWords | None:
    """Return a report in words; None when there is none, or the contact still goes on."""
    report = contact.report or {}
    if "agrees" not in report:
        return None
    tally, reason = report.get("tally") or {}, report.get("reason", "")
    return InWords(
        agrees=report["agrees"],
        ended=_ENDED.get(reason, reason),
        holders=report.get("holders", 1),
        counts=[
            (way, what, _at(report, frames), _at(report, size))
            for way, what, frames, size in _COUNTS
        ],
        carried=[(words, tally[name]) for words, name in _CARRIED if tally.get(name)],
    )


def _at(report: dict[str, Any], path: tuple[str, str]) -> int | None:
    return (report.get(path[0]) or {}).get(path[1])
