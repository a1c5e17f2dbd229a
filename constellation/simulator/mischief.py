"""What goes wrong with whole satellites, as it was told from outside; it outlives a restart.

A lost satellite neither hears nor says anything, by radio or laser. A rogue one lies to those that
fetch from it: `packs` hands out packs with a flipped byte, `manifest` a manifest of its own making.
Or it does wrong to what it is to hand on for others: `alter`, `replay`, `reorder` or `drop` it, or
`forge` reports of its own making beside the true ones.
"""

from __future__ import annotations

import json
from pathlib import Path

from constellation.simulator.clock import replace

LIES = ("packs", "manifest", "alter", "replay", "reorder", "drop", "forge")


class Mischief:
    """Who is lost and who lies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        told = json.loads(path.read_bytes()) if path.exists() else {}
        self.lost: set[str] = set(told.get("lost", []))
        self.rogue: dict[str, str] = told.get("rogue", {})

    def tell(self, told: dict, known: dict[str, object]) -> None:
        """Take what is told for what holds from now on; ValueError or KeyError when it cannot."""
        lost, rogue = told.get("lost", self.lost), told.get("rogue", self.rogue)
        for code in [*lost, *rogue]:
            if code not in known:
                raise KeyError(code)
        if wrong := sorted(set(rogue.values()) - set(LIES)):
            raise ValueError(f"a rogue does one of {', '.join(LIES)}, not {wrong[0]!r}")
        self.lost, self.rogue = set(lost), dict(rogue)
        replace(self._path, json.dumps(self.as_dict()).encode())

    def as_dict(self) -> dict[str, object]:
        return {"lost": sorted(self.lost), "rogue": self.rogue}
