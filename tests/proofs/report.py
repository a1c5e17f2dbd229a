"""The report of a proof: what was done, what came of it, written where it is committed."""

from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent / "reports"


class Report:
    """One proof's report: a table, and sentences behind it. Written anew with every row and every
    sentence, so that a failure leaves one too."""

    def __init__(self, name: str, title: str, columns: list[str]) -> None:
        FOLDER.mkdir(exist_ok=True)
        self._file = FOLDER / f"{name}.md"
        at = datetime.now(UTC)
        self._head = f"# {title}\n\n`make prove`, {at:%Y-%m-%d %H:%M} UTC.\n"
        self._table = [columns, ["---"] * len(columns)]
        self._lines: list[str] = []
        self._write()

    def row(self, *cells: object) -> None:
        self._table.append([str(cell) for cell in cells])
        self._write()

    def line(self, text: str) -> None:
        self._lines.append(text)
        self._write()

    def _write(self) -> None:
        table = "".join("| " + " | ".join(row) + " |\n" for row in self._table)
        self._file.write_text("\n".join([self._head, table, *(f"{x}\n" for x in self._lines)]))
