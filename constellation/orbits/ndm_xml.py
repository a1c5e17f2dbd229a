"""OMM and OEM as XML (CCSDS 505.0-B-3), alone or in an `<ndm>`, without building a tree.

A file that is broken somewhere is read on at the next message. Document types and entities are
refused: no message has them, and bombs are made of them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException, ElementTree

from constellation.orbits import oem, omm, text
from constellation.orbits.elements import ElementSet, Refused
from constellation.orbits.ephemeris import Ephemeris

Entry = ElementSet | Ephemeris | Refused

PIECE = 65_536
BREAKS_MOST = 200
"""Places at which a file is broken, after which it is not read on."""
FORBIDDEN = "document types and entities are refused"
STATE = ("EPOCH", "X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")
UNITS = {name: unit for unit, names in (("km", STATE[1:4]), ("km/s", STATE[4:])) for name in names}
DEEPEST = 50
"""Elements within elements; a message has seven."""
_NEXT_MESSAGE = re.compile(r"<(?:[\w.-]{1,40}:)?(?:omm|oem)[\s>]")
_ATTRIBUTE_MOST = 40


@dataclass(frozen=True)
class _Break:
    """Where a file stopped being XML, and why; no reason for what only ends our own wrapping."""

    place: int
    line: int
    reason: str
    is_final: bool = False


def read(whole: str) -> Iterator[Entry]:
    """Yield what the messages of a file hold, in order."""
    at, line, found = 0, 1, 0
    for number in range(BREAKS_MOST):
        messages = _Messages(line)
        broken = _parse(whole, at, line, messages, is_rest=number > 0)
        for entry in messages.entries():
            found += 1
            yield entry
        if broken is None:
            break
        if broken.reason:
            found += 1
            yield Refused(broken.line, "", broken.reason)
        following = _NEXT_MESSAGE.search(whole, max(broken.place, at + 1))
        if following is None or broken.is_final:
            break
        line += whole.count("\n", at, following.start())
        at = following.start()
    else:
        yield Refused(line, "", f"broken in {BREAKS_MOST} places up to here: not read on")
    if not found:
        yield Refused(1, "", "no <omm> and no <oem> is in it")


def _parse(
    whole: str, at: int, line: int, messages: "_Messages", *, is_rest: bool
) -> _Break | None:
    """Feed the parser up to the end or the first break."""
    parser = ElementTree.XMLParser(target=messages, forbid_dtd=True)
    messages.line = lambda: parser.parser.CurrentLineNumber + line - 1
    wrapping = "<ndm>" if is_rest else ""
    try:
        parser.feed(wrapping)
        for start in range(at, len(whole), PIECE):
            parser.feed(whole[start : start + PIECE])
        parser.close()
    except DefusedXmlException as error:
        return _Break(at, line, f"{type(error).__name__}: {FORBIDDEN}", is_final=True)
    except ParseError as error:
        own_line, column = error.position
        if own_line == 1:
            column -= len(wrapping)
        place = _place_of(whole, at, own_line) + max(column, 0)
        if is_rest and messages.is_outside:
            # What closes elements that were opened before the break closes ours.
            return _Break(place, own_line + line - 1, "")
        reason = f"not XML from column {max(column, 0)} on: {str(error).partition(':')[0]}"
        return _Break(place, own_line + line - 1, reason)
    except (ValueError, LookupError) as error:
        return _Break(at, line, f"not XML that is read here: {error}", is_final=True)
    return None


def _place_of(whole: str, at: int, line: int) -> int:
    """Return where a line begins, counted from `at`."""
    for _ in range(line - 1):
        following = whole.find("\n", at)
        if following < 0:
            return len(whole)
        at = following + 1
    return at


class _Messages:
    """Gathers the leaves of each message while the parser walks."""

    def __init__(self, line: int) -> None:
        self.line: Callable[[], int] = lambda: line
        self._done: list[Callable[[], Iterator[Entry]]] = []
        self._fields: dict[str, str] | None = None
        self._version = ""
        self._opened = 0
        self._depth = 0
        self._message: oem.Message | None = None
        self._state: dict[str, str] | None = None
        self._in_covariance = False
        self._text: list[str] = []

    @property
    def is_outside(self) -> bool:
        """Whether no message is open."""
        return self._fields is None and self._message is None

    def entries(self) -> Iterator[Entry]:
        for entry in self._done:
            yield from entry()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._text = []
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST} elements")
        name = _local(tag)
        if name == "oem" and self.is_outside:
            self._message = oem.Message(self.line())
            self._message.header["CCSDS_OEM_VERS"] = attributes.get("version", "")
        elif self._message is not None:
            self._start_of_ephemeris(name, attributes)
        elif name in ("omm", "segment") and self._fields is None:
            self._fields, self._opened = {}, self.line()
            self._version = attributes.get("version", "") if name == "omm" else ""

    def _start_of_ephemeris(self, name: str, attributes: Mapping[str, str]) -> None:
        segments = self._message.segments
        if name == "segment":
            segments.append(oem.Segment(self.line()))
        elif name == "stateVector" and segments:
            self._state, self._opened = {}, self.line()
        elif name == "covarianceMatrix":
            self._in_covariance = True
        right = UNITS.get(name)
        if right and segments and self._state is not None:
            unit = attributes.get("units", right)
            if unit != right:
                said = f"{name} is in {unit[:_ATTRIBUTE_MOST]!r}; right is {right}"
                segments[-1].blame(self.line(), said)

    def data(self, text: str) -> None:
        self._text.append(text)

    def end(self, tag: str) -> None:
        name, said = _local(tag), "".join(self._text).strip()
        self._text = []
        self._depth -= 1
        if self._message is not None:
            self._end_of_ephemeris(name, said)
        elif self._fields is not None:
            if name in ("omm", "segment"):
                self._end_of_mean(name)
            elif name.isupper() and name != "COMMENT":
                if name in self._fields and name != "USER_DEFINED":
                    self._fields.setdefault(omm.REPEATED, name)
                self._fields[name] = said

    def _end_of_mean(self, name: str) -> None:
        fields, line = self._fields, self._opened
        if fields.keys() - {"ORIGINATOR", "CREATION_DATE", "MESSAGE_ID", "COMMENT"}:
            if self._version:
                fields["CCSDS_OMM_VERS"] = self._version
            self._done.append(lambda: iter([omm.element_set(fields, line)]))
        self._fields = {} if name == "segment" else None

    def _end_of_ephemeris(self, name: str, said: str) -> None:
        message = self._message
        if name == "oem":
            message.given = _as_kvn(message)
            self._done.append(lambda: oem.ephemerides(message))
            self._message = None
        elif name == "covarianceMatrix":
            self._in_covariance = False
        elif name == "stateVector" and self._state is not None:
            row = [self._state.get(key, "") for key in STATE]
            missing = [key for key in STATE if not self._state.get(key)]
            if missing:
                message.segments[-1].blame(self._opened, f"{missing[0]} is missing in a state")
            message.segments[-1].rows.append((self._opened, row))
            self._state = None
        elif not name.isupper() or self._in_covariance:
            return
        elif self._state is not None:
            self._state[name] = said
        elif message.segments:
            message.segments[-1].meta[name] = said
        else:
            message.header[name] = said

    def close(self) -> None:
        return None


def _as_kvn(message: oem.Message) -> str:
    """Return a message as KVN says it."""
    lines = [text.as_lines(message.header)]
    for segment in message.segments:
        lines += ["META_START", text.as_lines(segment.meta), "META_STOP"]
        lines += [" ".join(row) for _, row in segment.rows]
    return "\n".join(lines)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
