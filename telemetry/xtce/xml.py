"""XML from outside into a small tree whose elements know their file and line.

No document type declaration is read, so that there are no entities to expand or to fetch; depth,
number and size of what is read have limits, so that no file can take the process with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from xml.parsers import expat

from telemetry.xtce.model import BadDefinition, Unsupported

LONGEST_BYTES = 64 * 1024 * 1024
DEEPEST = 100
MOST_ELEMENTS = 2_000_000
LONGEST_ATTRIBUTE = 64 * 1024
_XMLNS = ("http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/XML/1998/namespace")
_PIECE_BYTES = 1 << 16

T = TypeVar("T")


@dataclass(slots=True)
class Node:
    """One element: `name` without its `namespace`, `text` of itself alone, `file` empty when there
    is one file only."""

    name: str
    namespace: str
    attributes: dict[str, str]
    line: int
    file: str
    children: list[Node] = field(default_factory=list)
    text: str = ""

    @property
    def place(self) -> str:
        return f"{self.file} line {self.line}" if self.file else f"line {self.line}"

    def bad(self, what: str) -> BadDefinition:
        """Return the refusal of something that contradicts itself or the standard."""
        return BadDefinition(
            f"{self.place}: {self.name}: {what}", line=self.line, element=self.name
        )

    def unsupported(self, what: str) -> Unsupported:
        """Return the refusal of something that would not be done."""
        return Unsupported(f"{self.place}: {self.name}: {what}", line=self.line, element=self.name)

    def child(self, *names: str) -> Node | None:
        """Return the one child of these names, or None; a second one is refused."""
        chosen = [child for child in self.children if child.name in names]
        if len(chosen) > 1:
            raise chosen[1].bad(f"a second one in {self.name}")
        return chosen[0] if chosen else None

    def needed(self, *names: str) -> Node:
        child = self.child(*names)
        if child is None:
            raise self.bad(f"has no {' or '.join(names)}")
        return child

    def below(self, *path: str) -> list[Node]:
        """Return the children of all elements at the end of a path of names."""
        found = [self]
        for step in path:
            found = [child for node in found for child in node.children if child.name == step]
        return [child for node in found for child in node.children]

    def get(self, key: str, default: str = "") -> str:
        return self.attributes.get(key, default)

    def attribute(self, key: str) -> str:
        value = self.attributes.get(key)
        if value is None:
            raise self.bad(f"has no {key}")
        return value

    def number(self, key: str, kind: Callable[[str], T], default: T | None = None) -> T:
        """Return an attribute read by `kind`; without a default it must be there."""
        text = self.attributes.get(key)
        if text is None:
            if default is None:
                raise self.bad(f"has no {key}")
            return default
        try:
            return kind(text)
        except (ValueError, OverflowError):
            raise self.bad(f'{key}="{text[:60]}" is not understood') from None

    def flag(self, key: str, default: bool) -> bool:
        text = self.attributes.get(key)
        if text is None:
            return default
        if text not in ("true", "false", "1", "0"):
            raise self.bad(f'{key}="{text[:60]}" is neither true nor false')
        return text in ("true", "1")

    def words(self) -> str:
        return self.text.strip()


def parse(data: bytes, file: str = "") -> Node:
    """Return the root of a well-formed document; BadDefinition says where it is none."""
    where = f"{file}: " if file else ""
    if len(data) > LONGEST_BYTES:
        raise BadDefinition(f"{where}{len(data)} bytes are more than {LONGEST_BYTES}")
    return _Reader(file).read(data)


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self._open: list[Node] = []
        self._root: Node | None = None
        self._count = 0
        self._texts: list[list[str]] = []
        # Names come as "namespace name", for a space is in neither.
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def read(self, data: bytes) -> Node:
        try:
            for start in range(0, len(data), _PIECE_BYTES):
                self._parser.Parse(data[start : start + _PIECE_BYTES], False)
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            line = error.lineno
            raise BadDefinition(
                f"{self._place(line)}: no well-formed XML: {expat.ErrorString(error.code)}",
                line=line,
            ) from None
        except (ValueError, LookupError) as error:  # an encoding that Python has not
            if isinstance(error, BadDefinition):
                raise
            raise BadDefinition(f"no well-formed XML: {error}") from None
        assert self._root is not None
        return self._root

    def _place(self, line: int) -> str:
        return f"{self._file} line {line}" if self._file else f"line {line}"

    def _refuse(self, what: str) -> Unsupported:
        line = self._parser.CurrentLineNumber
        return Unsupported(f"{self._place(line)}: {what}", line=line)

    def _doctype(self, *_: object) -> None:
        raise self._refuse("a document type declaration is not supported")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        self._count += 1
        if len(self._open) >= DEEPEST:
            raise self._refuse(f"{local}: more than {DEEPEST} elements inside one another")
        if self._count > MOST_ELEMENTS:
            raise self._refuse(f"{local}: more than {MOST_ELEMENTS} elements")
        kept = {}
        for key, value in attributes.items():
            if len(value) > LONGEST_ATTRIBUTE:
                raise self._refuse(f"{local}: a value of {len(value)} characters")
            if not key.startswith(_XMLNS):
                kept[key] = value
        node = Node(local, namespace, kept, self._parser.CurrentLineNumber, self._file)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
        self._open.append(node)
        self._texts.append([])

    def _end(self, _: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _text(self, data: str) -> None:
        self._texts[-1].append(data)
