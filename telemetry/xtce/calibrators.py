"""Calibrators as a definition writes them: polynomials, splines, and calculations in postfix."""

from __future__ import annotations

from telemetry.xtce import amounts, criteria, model
from telemetry.xtce.references import Scope
from telemetry.xtce.xml import Node

HIGHEST = 1000
"""Of an exponent, or of the order of a spline."""
TAKES: dict[str, tuple[int, int]] = {
    # operator: (values it takes from the stack, values it leaves) (XTCE 1.2, MathOperatorsType)
    **dict.fromkeys(["+", "-", "*", "/", "%", "^", "y^x", "atan2", "<<", ">>", "&", "|"], (2, 1)),
    **dict.fromkeys(["&&", "||", ">", ">=", "<", "<=", "==", "!=", "min", "max", "xor"], (2, 1)),
    **dict.fromkeys(["ln", "log", "e^x", "1/x", "x!", "tan", "cos", "sin", "atan"], (1, 1)),
    **dict.fromkeys(["acos", "asin", "tanh", "cosh", "sinh", "atanh", "acosh", "asinh"], (1, 1)),
    **dict.fromkeys(["!", "abs", "int", "~"], (1, 1)),
    "div": (2, 1),
    "swap": (2, 2),
    "drop": (1, 0),
    "dup": (1, 2),
    "over": (2, 3),
}
_NUMBERS = ("integer", "float", "boolean", "time", "duration")
_OPERANDS = ("ValueOperand", "ThisParameterOperand", "Operator", "ParameterInstanceRefOperand")


def read(node: Node | None, scope: Scope) -> model.Calibrator | None:
    """Return what a DefaultCalibrator or Calibrator holds."""
    if node is None:
        return None
    chosen = node.needed("PolynomialCalibrator", "SplineCalibrator", "MathOperationCalibrator")
    match chosen.name:
        case "PolynomialCalibrator":
            return _polynomial(chosen)
        case "SplineCalibrator":
            return _spline(chosen)
    return operation(chosen, scope)


def contexts(
    node: Node | None, scope: Scope
) -> tuple[tuple[model.Criteria, model.Calibrator], ...]:
    found = []
    for each in node.children if node is not None else []:
        calibrator = read(each.needed("Calibrator"), scope)
        assert calibrator is not None
        found.append((criteria.needed(each.needed("ContextMatch"), scope), calibrator))
    return tuple(found)


def _polynomial(node: Node) -> model.Polynomial:
    terms = [
        (term.number("coefficient", amounts.real), term.number("exponent", _order))
        for term in node.children
        if term.name == "Term"
    ]
    if not terms:
        raise node.bad("has no terms")
    return model.Polynomial(tuple(terms))


def _order(text: str) -> int:
    order = float(text)
    if order != int(order) or not 0 <= order <= HIGHEST:
        raise ValueError(text)
    return int(order)


def _spline(node: Node) -> model.Spline:
    default = node.number("order", _order, 1)
    points = [
        (
            point.number("raw", amounts.real),
            point.number("calibrated", amounts.real),
            # 1.2 declares a default of 1 on points that in truth override the spline's order.
            point.number("order", _order, default),
        )
        for point in node.children
        if point.name == "SplinePoint"
    ]
    if not points:
        raise node.bad("has no points")
    points.sort(key=lambda point: point[0])
    if len({raw for raw, _, _ in points}) < len(points):
        raise node.bad("gives two values for one raw value")
    orders = [order for _, _, order in points]
    if max(orders[:-1], default=0) >= len(points):
        raise node.bad(f"order {max(orders)} needs more than {len(points)} points")
    return model.Spline(
        tuple((raw, calibrated) for raw, calibrated, _ in points),
        tuple(orders),
        node.flag("extrapolate", False),
    )


def operation(node: Node, scope: Scope) -> model.Operation:
    """Return a calculation in postfix order that leaves one value, whatever it is given."""
    steps: list[float | str | model.Reference | None] = []
    depth = 0
    for part in node.children:
        if part.name not in _OPERANDS:
            continue
        if part.name == "Operator":
            name = part.words()
            if name not in TAKES:
                raise part.unsupported(f'"{name[:20]}" is not supported')
            taken, left = TAKES[name]
            if depth < taken:
                raise part.bad(f"{name} finds {depth} values, and needs {taken}")
            depth += left - taken
            steps.append(name)
            continue
        depth += 1
        steps.append(_operand(part, scope))
    if depth != 1:
        raise node.bad(f"leaves {depth} values instead of one")
    return model.Operation(tuple(steps), node.line)


def _operand(node: Node, scope: Scope) -> float | model.Reference | None:
    if node.name == "ThisParameterOperand":
        return None
    if node.name == "ParameterInstanceRefOperand":
        return scope.instance(node)
    try:
        return amounts.real(node.words())
    except ValueError:
        raise node.bad(f'"{node.words()[:60]}" is no number') from None


def check(calibrator: model.Calibrator | None, type_of: criteria.Types) -> None:
    """Refuse a calculation with what is no number."""
    for reference in references(calibrator):
        found = type_of(reference)
        if found.kind not in _NUMBERS and (found.kind != "enumerated" or reference.is_calibrated):
            raise model.BadDefinition(
                f"line {reference.line}: {reference.name} is {found.kind}, and no number",
                line=reference.line,
            )


def references(calibrator: model.Calibrator | None) -> list[model.Reference]:
    if not isinstance(calibrator, model.Operation):
        return []
    return [step for step in calibrator.steps if isinstance(step, model.Reference)]
