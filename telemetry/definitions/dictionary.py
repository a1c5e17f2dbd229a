"""Dictionaries of telemetry in CSV, as many missions keep them, into XTCE. Pure.

The first row names the columns, in any order; each row after it is a field of a packet, in the
order in which fields come. Columns:

    name         of the parameter
    data_type    uint, int, float, str, bytes, bool or fill; or U8, I16, F32 with the length in it
    bit_length   of one element
    packet       name of the packet; without it, all rows are of one packet
    apid         of the packet; in its first row, or in each
    bit_offset   from the start of the packet, primary header and all; without it, a field follows
                 the one before, and the first the primary header
    array_shape  sizes of an array, like 4 or 2,3; a name of a field before it: as many elements as
                 that field says; expand: all that is left of the packet (of bytes and text only);
                 it may stand behind the type instead: uint(2, 3), uint(expand)
    byte_order   big or little
    unit, description
    labels       of an enumeration: 0=OFF|1=ON|2..7=SPARE
    polynomial   coefficients from the constant one on: 1.5 0.25
    spline       points of raw and engineering value: 0:0 100:5.5

`name`, `data_type` and `bit_length` are those of ccsdspy, whose files read as they are.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from telemetry.definitions.dictionary_rows import (
    BadDictionary,
    Item,
    Packet,
    floats,
    labels,
    points,
    read,
)

__all__ = ["BadDictionary", "to_xtce"]

HEADER = (
    # name, bits (CCSDS 133.0-B-2, 4.1.3)
    ("packet_version", 3),
    ("packet_is_command", 1),
    ("packet_has_secondary", 1),
    ("packet_apid", 11),
    ("packet_sequence_flags", 2),
    ("packet_sequence", 14),
    ("packet_length", 16),
)
HEADER_BITS = 48
NAMESPACE = "http://www.omg.org/spec/XTCE/20180204"


def to_xtce(data: bytes, name: str = "dictionary") -> bytes:
    """Return the XTCE of a dictionary; BadDictionary lists what is wrong by row and column."""
    return _written(read(data), name)


def _written(packets: list[Packet], name: str) -> bytes:
    ET.register_namespace("", NAMESPACE)
    root = _Writer(ET.Element("SpaceSystem", xmlns=NAMESPACE, name=name)).write(packets)
    ET.indent(root)
    return ET.tostring(root, "utf-8", xml_declaration=True)


class _Writer:
    def __init__(self, root: ET.Element) -> None:
        self.root = root
        telemetry = ET.SubElement(root, "TelemetryMetaData")
        self.types = ET.SubElement(telemetry, "ParameterTypeSet")
        self.parameters = ET.SubElement(telemetry, "ParameterSet")
        self.containers = ET.SubElement(telemetry, "ContainerSet")
        self._skipped = 0

    def write(self, packets: list[Packet]) -> ET.Element:
        header = self._container("HEADER", abstract="true")
        for name, bits in HEADER:
            self._type("Integer", name, {"sizeInBits": str(bits), "encoding": "unsigned"})
            ET.SubElement(self.parameters, "Parameter", name=name, parameterTypeRef=name)
            ET.SubElement(header, "ParameterRefEntry", parameterRef=name)
        counts: dict[str, int] = {name: 2 for name, _ in HEADER}
        for packet in packets:
            for item in packet.items:
                counts[item.name] = counts.get(item.name, 0) + 1
        for packet in packets:
            self._packet(packet, counts)
        return self.root

    def _container(self, name: str, **attributes: str) -> ET.Element:
        container = ET.SubElement(self.containers, "SequenceContainer", name=name, **attributes)
        return ET.SubElement(container, "EntryList")

    def _packet(self, packet: Packet, counts: dict[str, int]) -> None:
        called = packet.name if packet.name != "HEADER" else "HEADER_PACKET"
        self._skipped = 0
        entries = self._container(called)
        container = self.containers[-1]
        names: dict[str, str] = {}
        at: int | None = HEADER_BITS
        for item in packet.items:
            offset = item.offset_bits if item.offset_bits is not None else at
            if item.kind != "fill":
                own = item.name if counts[item.name] == 1 else f"{packet.name}.{item.name}"
                names[item.name] = own
                item.offset_bits = offset
                self._item(entries, item, own, names)
            size = item.bits
            for each in item.shape:
                size *= each
            is_moving = bool(item.counted_by) or item.expands
            at = None if is_moving or offset is None else offset + size
            if item.kind == "fill" and at is None:
                # The entry that follows leaves room for it.
                self._skipped += item.bits
        base = ET.SubElement(container, "BaseContainer", containerRef="HEADER")
        if packet.apid is not None:
            criteria = ET.SubElement(base, "RestrictionCriteria")
            ET.SubElement(
                criteria, "Comparison", parameterRef="packet_apid", value=str(packet.apid)
            )

    def _item(self, entries: ET.Element, item: Item, name: str, names: dict[str, str]) -> None:
        self._simple(item, name)
        is_array = bool(item.shape or item.counted_by)
        if is_array:
            array = ET.SubElement(
                self.types, "ArrayParameterType", name=f"{name}.array", arrayTypeRef=name
            )
            listed = ET.SubElement(array, "DimensionList")
            for size in item.shape or (0,):
                dimension = ET.SubElement(listed, "Dimension")
                first = ET.SubElement(dimension, "StartingIndex")
                ET.SubElement(first, "FixedValue").text = "0"
                last = ET.SubElement(dimension, "EndingIndex")
                if item.shape:
                    ET.SubElement(last, "FixedValue").text = str(size - 1)
                else:
                    _dynamic(last, names[item.counted_by], "1", "-1")
        ET.SubElement(
            self.parameters,
            "Parameter",
            name=name,
            parameterTypeRef=f"{name}.array" if is_array else name,
            shortDescription=item.cells.get("description", ""),
        )
        kind = "ArrayParameterRefEntry" if is_array else "ParameterRefEntry"
        entry = ET.SubElement(entries, kind, parameterRef=name)
        skipped, self._skipped = self._skipped, 0
        offset = item.offset_bits
        if offset is not None:
            place = ET.SubElement(
                entry, "LocationInContainerInBits", referenceLocation="containerStart"
            )
            ET.SubElement(place, "FixedValue").text = str(offset)
        elif skipped:
            place = ET.SubElement(entry, "LocationInContainerInBits")
            ET.SubElement(place, "FixedValue").text = str(skipped)

    def _simple(self, item: Item, name: str) -> None:
        if item.kind in ("str", "bytes") or item.expands:
            self._octets(item, name)
            return
        coded = {"uint": "unsigned", "bool": "unsigned", "int": "twosComplement"}
        encoding = {"sizeInBits": str(item.bits)}
        if item.kind in coded:
            encoding["encoding"] = coded[item.kind]
        if item.is_little:
            encoding["byteOrder"] = "leastSignificantByteFirst"
        cells = item.cells
        kind = {"uint": "Integer", "int": "Integer", "float": "Float", "bool": "Boolean"}[item.kind]
        if cells.get("labels"):
            kind = "Enumerated"
        elif cells.get("polynomial") or cells.get("spline"):
            kind = "Float"
        inner = "Float" if item.kind == "float" else "Integer"
        made, encoded = self._type(kind, name, encoding, inner, cells.get("unit", ""))
        if cells.get("labels"):
            listed = ET.SubElement(made, "EnumerationList")
            for first, last, label in labels(cells["labels"]):
                written = {"value": str(first), "maxValue": str(last), "label": label}
                ET.SubElement(listed, "Enumeration", written)
        _calibrator(encoded, cells)

    def _octets(self, item: Item, name: str) -> None:
        is_text = item.kind == "str"
        kind = "String" if is_text else "Binary"
        made = ET.SubElement(self.types, f"{kind}ParameterType", name=name)
        encoding = ET.SubElement(made, f"{kind}DataEncoding")
        if item.expands:
            size = ET.SubElement(encoding, "Variable" if is_text else "SizeInBits")
            if is_text:
                size.set("maxSizeInBits", str(65_542 * 8))
            # The packet's length counts bytes behind the primary header, less one.
            assert item.offset_bits is not None
            _dynamic(size, "packet_length", "8", str(HEADER_BITS + 8 - item.offset_bits))
            return
        size = ET.SubElement(encoding, "SizeInBits")
        if is_text:
            size = ET.SubElement(size, "Fixed")
        ET.SubElement(size, "FixedValue").text = str(item.bits)

    def _type(
        self, kind: str, name: str, encoding: dict[str, str], inner: str = "Integer", unit: str = ""
    ) -> tuple[ET.Element, ET.Element]:
        made = ET.SubElement(self.types, f"{kind}ParameterType", name=name)
        if unit:
            ET.SubElement(ET.SubElement(made, "UnitSet"), "Unit").text = unit
        return made, ET.SubElement(made, f"{inner}DataEncoding", encoding)


def _dynamic(parent: ET.Element, parameter: str, slope: str, intercept: str) -> None:
    dynamic = ET.SubElement(parent, "DynamicValue")
    ET.SubElement(
        dynamic, "ParameterInstanceRef", parameterRef=parameter, useCalibratedValue="false"
    )
    ET.SubElement(dynamic, "LinearAdjustment", slope=slope, intercept=intercept)


def _calibrator(encoding: ET.Element, cells: dict[str, str]) -> None:
    if cells.get("polynomial"):
        holder = ET.SubElement(encoding, "DefaultCalibrator")
        made = ET.SubElement(holder, "PolynomialCalibrator")
        for exponent, coefficient in enumerate(floats(cells["polynomial"])):
            ET.SubElement(made, "Term", coefficient=repr(coefficient), exponent=str(exponent))
    elif cells.get("spline"):
        holder = ET.SubElement(encoding, "DefaultCalibrator")
        made = ET.SubElement(holder, "SplineCalibrator")
        for raw, value in points(cells["spline"]):
            ET.SubElement(made, "SplinePoint", raw=repr(raw), calibrated=repr(value))
