"""How bad it is: the five levels of XTCE, and the four words that people are shown. Pure.

XTCE 1.2 (OMG formal/2018-10-04), section 4.3.2.2.6, names watch, warning, distress, critical and
severe. Shown are Normal, Warning, Distress and Critical, as the OMG Space DTF agreed in 2024.
"""

from enum import IntEnum


class Level(IntEnum):
    """XTCE's concern levels, in rising order."""

    NORMAL = 0
    WATCH = 1
    WARNING = 2
    DISTRESS = 3
    CRITICAL = 4
    SEVERE = 5


BY_NAME = {level.name.lower(): level for level in Level}
SHOWN = ("Normal", "Warning", "Warning", "Distress", "Critical", "Critical")
STATUS = ("normal", "caution", "caution", "serious", "critical", "critical")
"""The marks of the console's design tokens, by level."""
AT_LEAST = {"warning": Level.WATCH, "distress": Level.DISTRESS, "critical": Level.CRITICAL}
"""The lowest level that is shown by a word."""


def shown(level: int) -> str:
    """Return the word of the four by which `level` is shown."""
    return SHOWN[level]


def status(level: int) -> str:
    """Return the design token's mark of `level`."""
    return STATUS[level]
