"""The report of a proof: what was done, what came of it, written where it is committed."""

from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent / "reports"


class Report:
    """Lines of one proof's report, written out as they come, so that a failure leaves one too."""

    def __init__(self, name: str, title: str, columns: list[str]) -> None:
        FOLDER.mkdir(exist_ok=True)
        self._file = FOLDER / f"{name}.md"
        at = datetime.now(UTC)
        head = f"# {title}\n\n`make prove`, {at:%Y-%m-%d %H:%M} UTC.\n\n"
        table = "| " + " | ".join(columns) + " |\n|" + "---|" * len(columns) + "\n"
        self._file.write_text(head + table)

    def row(self, *cells: object) -> None:
        with self._file.open("a") as out:
            out.write("| " + " | ".join(str(cell) for cell in cells) + " |\n")

    def line(self, text: str) -> None:
        with self._file.open("a") as out:
            out.write(f"\n{text}\n")
