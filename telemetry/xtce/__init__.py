"""XTCE: what the bits of packets and commands mean, read from definition files and compiled once.

    definition = xtce.load(data)               # refuses what it would not do
    for table in definition.decode(packets):   # a table a container, and its groups
        table.group, table.indices, table.raw["NAME"], table.values["NAME"]
    definition.commands["NAME"].encode({"argument": value})

`xml` reads the files, `loading` and what it calls turn them into the plain `model`. `building`
finds where values lie; `columns` reads many packets at once, with `walking` for those whose layout
is in themselves. `calibration` makes engineering values, `commanding` the bytes of commands.
"""

from telemetry.xtce import model, validity
from telemetry.xtce.commanding import BadArguments
from telemetry.xtce.loading import load
from telemetry.xtce.model import BadDefinition, Unsupported
from telemetry.xtce.plans import Decoded, Definition, Table

__all__ = [
    "BadArguments",
    "BadDefinition",
    "Decoded",
    "Definition",
    "Table",
    "Unsupported",
    "load",
    "model",
    "validity",
]
