"""An XTCE file into the plain model. The file comes from outside: no entities, no network."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from lxml import etree

from telemetry.xtce import grammar, model, plans
from telemetry.xtce.model import BadDefinition, Encoding, Size

NAMESPACES = ("http://www.omg.org/space/xtce", "http://www.omg.org/spec/XTCE/")
"""Versions 1.0 and 1.1; then 1.2 and later, which append their date. A file without one is read."""
_DAY_NS = 86_400 * 10**9
_UNITS_NS = {"seconds": 10**9, "days": _DAY_NS, "picoSeconds": 1e-3}
_CHARACTERS = {"UTF-8": "utf-8", "US-ASCII": "ascii", "ISO-8859-1": "latin-1"}
_FORMS = {
    "unsigned": "unsigned",
    "twosComplement": "twosComplement",
    "twosCompliment": "twosComplement",  # as 1.0 and 1.1 spell it
    "signMagnitude": "signMagnitude",
    "onesComplement": "onesComplement",
}
_OPERATORS = {"==", "!=", "<", "<=", ">", ">="}


def load(data: bytes) -> plans.Definition:
    """Compile the definition in `data`.

    BadDefinition when it is no sound XTCE; Unsupported, one of those, when it asks for what is not
    done, with the line and the element.
    """
    root = _parse(data)
    namespace = etree.QName(root).namespace
    if grammar.name(root) != "SpaceSystem" or not _is_xtce(namespace):
        raise grammar.refuse(root, f"no SpaceSystem of XTCE (namespace {namespace})")
    grammar.check(root, namespace)
    return plans.Definition(_system(root))


def _parse(data: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadDefinition(f"no well-formed XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise model.Unsupported("line 1: a document type declaration is not supported")
    return root


def _is_xtce(namespace: str | None) -> bool:
    return namespace is None or namespace.startswith(NAMESPACES)


def _system(root: etree._Element) -> model.SpaceSystem:
    system = model.SpaceSystem(root.get("name", ""))
    types: dict[str, model.ParameterType] = {}
    for element in _below(root, "TelemetryMetaData", "ParameterTypeSet"):
        built = _parameter_type(element)
        _put(types, built.name, built, element)
    for element in _below(root, "TelemetryMetaData", "ParameterSet"):
        named = _attribute(element, "name")
        kind = types.get(_attribute(element, "parameterTypeRef"))
        if kind is None:
            raise BadDefinition(f"line {element.sourceline}: {named}: its type is not defined")
        described = element.get("shortDescription", "")
        _put(system.parameters, named, model.Parameter(named, kind, described), element)
    for element in _below(root, "TelemetryMetaData", "ContainerSet"):
        _put(system.containers, _attribute(element, "name"), _container(element), element)
    return system


def _below(root: etree._Element, *path: str) -> list[etree._Element]:
    """Return all elements at the end of a path of names."""
    found = [root]
    for step in (*path, None):
        found = [
            child
            for element in found
            for child in grammar.children(element)
            if step is None or grammar.name(child) == step
        ]
    return found


def _put(table: dict, key: str, value: object, element: etree._Element) -> None:
    if key in table:
        raise BadDefinition(f"line {element.sourceline}: {key} is defined twice")
    table[key] = value


def _attribute(element: etree._Element, key: str) -> str:
    value = element.get(key)
    if value is None:
        raise BadDefinition(f"line {element.sourceline}: {grammar.name(element)} has no {key}")
    return value


def _number(element: etree._Element, key: str, kind: type, default: object = None):
    text = element.get(key) if default is not None else _attribute(element, key)
    try:
        return default if text is None else kind(text)
    except ValueError as error:
        named = grammar.name(element)
        raise BadDefinition(f'line {element.sourceline}: {named}: {key}="{text}"') from error


def _flag(element: etree._Element, key: str, default: bool) -> bool:
    return element.get(key, str(default).lower()) in ("true", "1")


def _child(element: etree._Element, *names: str) -> etree._Element | None:
    chosen = [child for child in grammar.children(element) if grammar.name(child) in names]
    if len(chosen) > 1:
        raise grammar.refuse(chosen[1], f"a second one in {grammar.name(element)}")
    return chosen[0] if chosen else None


def _needed(element: etree._Element, *names: str) -> etree._Element:
    child = _child(element, *names)
    if child is None:
        raise grammar.refuse(element, f"without {' or '.join(names)} is not supported")
    return child


# --- Types ----------------------------------------------------------------------------------


def _parameter_type(element: etree._Element) -> model.ParameterType:
    named, kind = _attribute(element, "name"), grammar.name(element).removesuffix("ParameterType")
    unit_set = _child(element, "UnitSet")
    units = grammar.children(unit_set) if unit_set is not None else []
    build = partial(
        model.ParameterType, name=named, unit=" ".join((unit.text or "").strip() for unit in units)
    )
    match kind:
        case "String":
            encoding = _needed(element, "StringDataEncoding")
            return build(kind="string", encoding=_string_encoding(encoding))
        case "Binary":
            encoding = _needed(element, "BinaryDataEncoding")
            size = _size(_needed(encoding, "SizeInBits"))
            return build(kind="binary", encoding=Encoding("binary", size))
        case "AbsoluteTime":
            return _time_type(element, build)
    encoding = _needed(element, "IntegerDataEncoding", "FloatDataEncoding")
    calibrator = _calibrator(_child(encoding, "DefaultCalibrator"))
    labels: tuple[tuple[int, int, str], ...] = ()
    if kind == "Enumerated":
        labels = tuple(_label(e) for e in grammar.children(_needed(element, "EnumerationList")))
    if kind == "Boolean":
        zero, one = element.get("zeroStringValue", "False"), element.get("oneStringValue", "True")
        labels = ((0, 0, zero), (1, 1, one))
    if labels and calibrator:
        raise grammar.refuse(encoding, "a calibrator under labels is not supported")
    return build(
        kind=kind.lower(),
        encoding=_numeric_encoding(encoding),
        calibrator=calibrator,
        labels=labels,
    )


def _label(element: etree._Element) -> tuple[int, int, str]:
    first = _number(element, "value", int)
    return first, _number(element, "maxValue", int, first), _attribute(element, "label")


def _time_type(element: etree._Element, build: partial) -> model.ParameterType:
    encoding, reference = _needed(element, "Encoding"), _needed(element, "ReferenceTime")
    units = encoding.get("units", "seconds")
    if units not in _UNITS_NS:
        raise grammar.refuse(encoding, f'units="{units}" is not supported')
    inner = _needed(encoding, "IntegerDataEncoding", "FloatDataEncoding")
    if _child(inner, "DefaultCalibrator") is not None:
        raise grammar.refuse(inner, "a calibrator inside a time is not supported")
    return build(
        kind="time",
        encoding=_numeric_encoding(inner),
        scale_ns=_number(encoding, "scale", float, 1.0) * _UNITS_NS[units],
        offset_ns=_number(encoding, "offset", float, 0.0) * _UNITS_NS[units],
        reference=_reference(_needed(reference, "Epoch", "OffsetFrom")),
    )


def _reference(element: etree._Element) -> model.Reference:
    """Return where a time counts from. Epochs of scales that know no leap seconds are refused:
    their offset to UTC changes, and no table of it is kept here."""
    if grammar.name(element) == "OffsetFrom":
        return model.Reference(parameter=_attribute(element, "parameterRef"))
    text = (element.text or "").strip()
    if text in ("UNIX", "POSIX"):
        return model.Reference()
    try:
        epoch = datetime.fromisoformat(text)
    except ValueError as error:
        raise grammar.refuse(element, f'"{text}" is not supported') from error
    elapsed = (epoch if epoch.tzinfo else epoch.replace(tzinfo=UTC)) - datetime(
        1970, 1, 1, tzinfo=UTC
    )
    nanoseconds = (elapsed.days * 86_400 + elapsed.seconds) * 10**9 + elapsed.microseconds * 1000
    return model.Reference(epoch_ns=nanoseconds)


def _numeric_encoding(element: etree._Element) -> Encoding:
    is_float = grammar.name(element) == "FloatDataEncoding"
    bits = _number(element, "sizeInBits", int, 32 if is_float else 8)
    written = element.get("encoding", "unsigned")
    form = "float" if is_float else _FORMS.get(written)
    if form is None:
        raise grammar.refuse(element, f'encoding="{written}" is not supported')
    if bits not in ((16, 32, 64) if is_float else range(1, 65)):
        raise grammar.refuse(element, f'sizeInBits="{bits}" is not supported')
    order = element.get("byteOrder", "mostSignificantByteFirst")
    if order not in ("mostSignificantByteFirst", "leastSignificantByteFirst"):
        raise grammar.refuse(element, f'byteOrder="{order}" is not supported')
    is_little = order == "leastSignificantByteFirst" and bits > 8
    if is_little and bits % 8:
        raise grammar.refuse(element, f"{bits} bits, least significant byte first")
    return Encoding(form, Size(bits), is_little)


def _string_encoding(element: etree._Element) -> Encoding:
    written = element.get("encoding", "UTF-8")
    if written not in _CHARACTERS:
        raise grammar.refuse(element, f'encoding="{written}" is not supported')
    return Encoding(_CHARACTERS[written], _size(_needed(element, "SizeInBits", "Variable")))


def _size(element: etree._Element) -> Size:
    chosen = _needed(element, "Fixed", "FixedValue", "DynamicValue")
    if grammar.name(chosen) == "Fixed":
        chosen = _needed(chosen, "FixedValue")
    if grammar.name(chosen) == "FixedValue":
        text = (chosen.text or "").strip()
        if not text.isdigit() or int(text) % 8:
            raise grammar.refuse(chosen, f'"{text}" is no number of whole bytes')
        return Size(int(text))
    adjustment = _child(chosen, "LinearAdjustment")
    slope, intercept = 1, 0
    if adjustment is not None:
        slope = _number(adjustment, "slope", int, 0)
        intercept = _number(adjustment, "intercept", int, 0)
    counted = _attribute(_needed(chosen, "ParameterInstanceRef"), "parameterRef")
    return Size(parameter=counted, slope=slope, intercept=intercept)


def _calibrator(element: etree._Element | None) -> model.Polynomial | model.Spline | None:
    if element is None:
        return None
    chosen = _needed(element, "PolynomialCalibrator", "SplineCalibrator")
    parts = grammar.children(chosen)
    if not parts:
        raise grammar.refuse(chosen, "without terms or points is not supported")
    if grammar.name(chosen) == "PolynomialCalibrator":
        terms = [
            (_number(part, "coefficient", float), _number(part, "exponent", int)) for part in parts
        ]
        return model.Polynomial(tuple(terms))
    points = [(_number(part, "raw", float), _number(part, "calibrated", float)) for part in parts]
    order, extrapolates = int(chosen.get("order", "1")), _flag(chosen, "extrapolate", False)
    return model.Spline(tuple(sorted(points)), order, extrapolates)


# --- Containers -----------------------------------------------------------------------------


def _container(element: etree._Element) -> model.Container:
    base = _child(element, "BaseContainer")
    listed = _child(element, "EntryList")
    criteria = _child(base, "RestrictionCriteria") if base is not None else None
    return model.Container(
        name=_attribute(element, "name"),
        entries=tuple(_entry(e) for e in grammar.children(listed)) if listed is not None else (),
        is_abstract=_flag(element, "abstract", False),
        base=_attribute(base, "containerRef") if base is not None else "",
        criteria=tuple(_comparisons(criteria)) if criteria is not None else (),
        line=element.sourceline,
    )


def _entry(element: etree._Element) -> model.Entry:
    if grammar.name(element) == "ContainerRefEntry":
        return model.Entry(container=_attribute(element, "containerRef"), line=element.sourceline)
    return model.Entry(parameter=_attribute(element, "parameterRef"), line=element.sourceline)


def _comparisons(element: etree._Element) -> list[model.Comparison]:
    found = []
    for child in grammar.children(element):
        if grammar.name(child) == "ComparisonList":
            found += _comparisons(child)
            continue
        operator = child.get("comparisonOperator", "==")
        if operator not in _OPERATORS:
            raise grammar.refuse(child, f'comparisonOperator="{operator}" is not supported')
        found.append(
            model.Comparison(
                parameter=_attribute(child, "parameterRef"),
                operator=operator,
                value=_attribute(child, "value"),
                is_calibrated=_flag(child, "useCalibratedValue", True),
                line=child.sourceline,
            )
        )
    return found
