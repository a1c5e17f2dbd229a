"""Expressions of algorithms: text into a tree of functions over columns.

Python's own parser reads the text; nothing is ever compiled or run from it. What is not in the
tables below is refused, so that an expression can reach nothing but its inputs. Arithmetic is that
of float64, bits are those of int64.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from telemetry.xtce.model import Unsupported
from telemetry.xtce.xml import Node

LONGEST = 4_000
_DEEPEST = 60
Values = Mapping[str, Any]
Evaluate = Callable[[Values], Any]


def _shifted(way: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    return lambda left, right: way(whole(left), np.clip(whole(right), 0, 63))


def whole(value: Any) -> Any:
    """Return numbers as int64, cut off behind the point; what is no number is 0."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        return value.astype(np.int64)
    found = np.trunc(np.nan_to_num(np.asarray(value, np.float64), posinf=0.0, neginf=0.0))
    return np.clip(found, -(2.0**63), 2.0**63 - 1024).astype(np.int64)


def number(value: Any) -> Any:
    return np.asarray(value).astype(np.float64)


def _numeric(way: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: way(*(number(value) for value in values))


def _bitwise(way: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: way(*(whole(value) for value in values))


def _rounded(value: Any, digits: Any = 0) -> Any:
    scale = 10.0 ** np.clip(number(digits), -30, 30)
    return np.rint(number(value) * scale) / scale


_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: _numeric(np.add),
    ast.Sub: _numeric(np.subtract),
    ast.Mult: _numeric(np.multiply),
    ast.Div: _numeric(np.divide),
    ast.FloorDiv: _numeric(np.floor_divide),
    ast.Mod: _numeric(np.mod),
    ast.Pow: _numeric(np.power),
    ast.BitAnd: _bitwise(np.bitwise_and),
    ast.BitOr: _bitwise(np.bitwise_or),
    ast.BitXor: _bitwise(np.bitwise_xor),
    ast.LShift: _shifted(np.left_shift),
    ast.RShift: _shifted(np.right_shift),
}
_UNARY: dict[type, Callable[[Any], Any]] = {
    ast.UAdd: _numeric(np.positive),
    ast.USub: _numeric(np.negative),
    ast.Invert: _bitwise(np.invert),
    ast.Not: lambda value: np.logical_not(np.asarray(value, bool)),
}
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: lambda a, b: np.equal(a, b),
    ast.NotEq: lambda a, b: np.not_equal(a, b),
    ast.Lt: _numeric(np.less),
    ast.LtE: _numeric(np.less_equal),
    ast.Gt: _numeric(np.greater),
    ast.GtE: _numeric(np.greater_equal),
}
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    # name: what it does, and how many values it takes at least and at most
    **{
        name: (_numeric(way), 1, 1)
        for name, way in {
            "abs": np.abs,
            "sqrt": np.sqrt,
            "exp": np.exp,
            "log": np.log,
            "log10": np.log10,
            "log2": np.log2,
            "sin": np.sin,
            "cos": np.cos,
            "tan": np.tan,
            "asin": np.arcsin,
            "acos": np.arccos,
            "atan": np.arctan,
            "sinh": np.sinh,
            "cosh": np.cosh,
            "tanh": np.tanh,
            "asinh": np.arcsinh,
            "acosh": np.arccosh,
            "atanh": np.arctanh,
            "floor": np.floor,
            "ceil": np.ceil,
            "int": np.trunc,
            "degrees": np.degrees,
            "radians": np.radians,
            "isnan": np.isnan,
            "sign": np.sign,
        }.items()
    },
    **{
        name: (_numeric(way), 2, 2)
        for name, way in {
            "atan2": np.arctan2,
            "hypot": np.hypot,
            "pow": np.power,
            "fmod": np.fmod,
        }.items()
    },
    "min": (lambda *values: reduce(np.minimum, map(number, values)), 1, 20),
    "max": (lambda *values: reduce(np.maximum, map(number, values)), 1, 20),
    "round": (_rounded, 1, 2),
}
_CONSTANTS = {"pi": np.pi, "e": np.e}


class BadExpression(ValueError):
    """The text is no expression that is understood."""


def split(node: Node, text: str) -> dict[str, str]:
    """Return the expressions of a text by the name that each is given to; "" for one alone."""
    try:
        statements = _parsed(text)
        found: dict[str, str] = {}
        for statement in statements:
            name = ""
            if isinstance(statement, ast.Assign):
                (target, *more) = statement.targets
                if more or not isinstance(target, ast.Name):
                    raise BadExpression("a value can be given to one name only")
                name = target.id
            elif not isinstance(statement, ast.Expr):
                raise BadExpression(f"{type(statement).__name__} is not supported")
            if name in found:
                raise BadExpression(f"{name or 'an expression'} is there twice")
            found[name] = ast.get_source_segment(text.strip(), statement.value) or ""
        if not found:
            raise BadExpression("there is no expression")
        return found
    except BadExpression as error:
        raise _refused(node, error) from None


def check(node: Node, text: str, names: set[str]) -> None:
    """Refuse an expression that is not understood, or uses a name that it is not given."""
    try:
        compiled(text, names)
    except BadExpression as error:
        raise _refused(node, error) from None


def _refused(node: Node, error: BadExpression) -> Unsupported:
    return node.unsupported(str(error))


def compiled(text: str, names: set[str]) -> Evaluate:
    """Return a function over the values of `names`: columns, or single values."""
    (statement,) = _parsed(text)
    if not isinstance(statement, ast.Expr):
        raise BadExpression("is no expression")
    return _tree(statement.value, names, 0)


def _parsed(text: str) -> list[ast.stmt]:
    if len(text) > LONGEST:
        raise BadExpression(f"{len(text)} characters are more than {LONGEST}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.strip()).body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        where = f" at its line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise BadExpression(f"is no expression{where}") from None


def _tree(node: ast.expr, names: set[str], depth: int) -> Evaluate:
    if depth > _DEEPEST:
        raise BadExpression(f"more than {_DEEPEST} levels deep")

    def below(child: ast.expr) -> Evaluate:
        return _tree(child, names, depth + 1)

    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            fixed = value if isinstance(value, str) else float(value)
            return lambda values: fixed
        case ast.Name(id=name):
            return _name(name, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            way, first, second = _BINARY[type(op)], below(left), below(right)
            return lambda values: way(first(values), second(values))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            change, only = _UNARY[type(op)], below(operand)
            return lambda values: change(only(values))
        case ast.BoolOp(op=op, values=parts):
            join = np.logical_and if isinstance(op, ast.And) else np.logical_or
            terms = [below(part) for part in parts]
            return lambda values: reduce(join, (np.asarray(t(values), bool) for t in terms))
        case ast.Compare():
            return _comparison(node, below)
        case ast.IfExp(test=test, body=body, orelse=other):
            chosen, then, otherwise = below(test), below(body), below(other)
            return lambda v: np.where(np.asarray(chosen(v), bool), then(v), otherwise(v))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            way, least, most = FUNCTIONS[name]
            if not least <= len(args) <= most:
                raise BadExpression(f"{name} takes {least} to {most} values, not {len(args)}")
            given = [below(arg) for arg in args]
            return lambda values: way(*(each(values) for each in given))
    raise BadExpression(f"{_called(node)} is not supported")


def _name(name: str, names: set[str]) -> Evaluate:
    if name in names:
        return lambda values: values[name]
    if name in _CONSTANTS:
        fixed = _CONSTANTS[name]
        return lambda values: fixed
    raise BadExpression(f"{name[:60]} is none of its inputs")


def _comparison(node: ast.Compare, below: Callable[[ast.expr], Evaluate]) -> Evaluate:
    if any(type(op) not in _COMPARE for op in node.ops):
        raise BadExpression(f"{_called(node)} is not supported")
    sides = [below(side) for side in (node.left, *node.comparators)]
    ways = [_COMPARE[type(op)] for op in node.ops]

    def holds(values: Values) -> Any:
        found = [side(values) for side in sides]
        pairs = zip(ways, found, found[1:], strict=False)
        return reduce(np.logical_and, (np.asarray(way(a, b), bool) for way, a, b in pairs))

    return holds


def _called(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return f"{node.func.id[:40]}()"
    return type(node).__name__
