"""XTCE: what the bits of a packet mean, read from a definition file and compiled once.

    definition = xtce.load(data)               # refuses what it would not do
    for table in definition.decode(packets):   # one table a container
        table.container, table.indices, table.raw["NAME"], table.values["NAME"]

`loading` reads the XML into the plain `model`; `plans` turns a container into offsets and reads
columns out of many packets at once; `calibration` makes engineering values.
"""

from telemetry.xtce.loading import load
from telemetry.xtce.model import BadDefinition, Unsupported
from telemetry.xtce.plans import Definition, Table

__all__ = ["BadDefinition", "Definition", "Table", "Unsupported", "load"]
