"""Parameters made of others by algorithms, for whole columns at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.xtce import calibration, criteria, expressions, layout, model

_KINDS = ("integer", "float", "boolean", "enumerated")


@dataclass(frozen=True, slots=True)
class Made:
    """An algorithm ready to run on the packets of a container."""

    algorithm: model.Algorithm
    kind: model.ParameterType
    evaluate: Callable[[criteria.Get, int], Any]

    def check(self, get: criteria.Get, count: int) -> None:
        """Refuse an algorithm that cannot be computed of such values: it would fail on packets."""
        try:
            self.column(get, count)
        except (TypeError, ValueError) as error:
            what = str(error).partition("\n")[0][:100]
            raise model.Unsupported(
                f"{self.algorithm.place}: {self.algorithm.name}: cannot be computed: {what}",
                line=self.algorithm.line,
            ) from None

    def column(self, get: criteria.Get, count: int) -> tuple[NDArray, NDArray]:
        """Return raw and engineering values of `count` packets."""
        with np.errstate(all="ignore"):
            found = np.asarray(self.evaluate(get, count))
        found = np.broadcast_to(found, (count,)).astype(np.float64)
        match self.kind.kind:
            case "boolean":
                return (found != 0).astype(np.int64), found != 0
            case "enumerated":
                raw = expressions.whole(found)
                return raw, calibration.labels(self.kind.labels, raw)
            case "integer" if np.isfinite(found).all():
                raw = expressions.whole(found)
                return raw, raw
        return found, found


def compile_all(
    system: model.SpaceSystem, plans: Mapping[str, layout.Plan]
) -> dict[str, list[Made]]:
    """Return for each container what is made of its packets, in the order in which it can be.

    An algorithm that would never run is refused: its inputs come in no packet together.
    """
    found: dict[str, list[Made]] = {}
    waiting = dict(system.algorithms)
    for name, plan in plans.items():
        made = _of_container(system, name, plan)
        if made:
            found[name] = made
        for one in made:
            for key in [k for k, v in waiting.items() if v is one.algorithm]:
                del waiting[key]
    for algorithm in waiting.values():
        raise model.Unsupported(
            f"{algorithm.place}: {algorithm.name}: no packet has all that it needs",
            line=algorithm.line,
        )
    return found


def _of_container(system: model.SpaceSystem, name: str, plan: layout.Plan) -> list[Made]:
    here = {placed.parameter.name for placed in plan.fields if not placed.leaf.is_optional}
    here |= {placed.leaf.key for placed in plan.fields if not placed.leaf.is_optional}
    made: list[Made] = []
    waiting = [a for a in system.algorithms.values() if _is_triggered(system, a, name, here)]
    progress = True
    while waiting and progress:
        progress = False
        for algorithm in list(waiting):
            if all(_is_known(system, ref, here) for _, ref in algorithm.inputs):
                made.append(_compiled(system, algorithm, plan))
                made[-1].check(lambda reference: _like(system, reference), 2)
                here.add(algorithm.output)
                waiting.remove(algorithm)
                progress = True
    # What is made of constants alone belongs to no packet.
    return [one for one in made if _touches(one.algorithm, plan, made)]


def _touches(algorithm: model.Algorithm, plan: layout.Plan, made: list[Made]) -> bool:
    outputs = {one.algorithm.output for one in made}
    return bool(algorithm.triggers or algorithm.containers) or any(
        ref.name in plan.types or ref.name in outputs for _, ref in algorithm.inputs
    )


def _is_triggered(
    system: model.SpaceSystem, algorithm: model.Algorithm, name: str, here: set[str]
) -> bool:
    if algorithm.output in here:
        return False
    chain, at = set(), name
    while at:
        chain.add(at)
        at = system.containers[at].base
    if algorithm.containers and not chain.intersection(algorithm.containers):
        return False
    return all(trigger in here for trigger in algorithm.triggers)


def _is_known(system: model.SpaceSystem, reference: model.Reference, here: set[str]) -> bool:
    if reference.name in here:
        return True
    parameter = layout.find_parameter(system, reference.name)
    return parameter is not None and parameter.source == "constant" and bool(parameter.initial)


def _like(system: model.SpaceSystem, reference: model.Reference) -> Any:
    """Return two values of the sort that a parameter has in packets."""
    parameter = layout.find_parameter(system, reference.name)
    assert parameter is not None
    match parameter.type.kind:
        case "string":
            return ["a", "b"] if reference.is_calibrated else [b"a", b"b"]
        case "binary":
            return [b"a", b"b"]
        case "enumerated" if reference.is_calibrated:
            return np.array(["a", None], object)
        case "boolean" if reference.is_calibrated:
            return np.array([False, True])
        case "float":
            return np.ones(2)
    return np.ones(2, np.int64)


def _compiled(system: model.SpaceSystem, algorithm: model.Algorithm, plan: layout.Plan) -> Made:
    output = layout.find_parameter(system, algorithm.output)
    if output is None or output.type.kind not in _KINDS:
        raise model.Unsupported(
            f"{algorithm.place}: {algorithm.name}: makes {algorithm.output}, which is no "
            f"number, boolean or label",
            line=algorithm.line,
        )
    fixed = dict(algorithm.constants)
    for _, reference in algorithm.inputs:
        parameter = layout.find_parameter(system, reference.name)
        if reference.name not in plan.types and parameter is not None and parameter.initial:
            from_text = criteria.number_of(parameter.initial)
            fixed[reference.name] = parameter.initial if from_text is None else from_text

    def value(get: criteria.Get, reference: model.Reference) -> Any:
        return fixed[reference.name] if reference.name in fixed else get(reference)

    if algorithm.operation is not None:
        operation = algorithm.operation
        return Made(
            algorithm,
            output.type,
            lambda get, count: calibration.operation(
                operation, None, lambda ref: value(get, ref), count
            ),
        )
    names = {name for name, _ in algorithm.inputs} | set(fixed)
    evaluate = expressions.compiled(algorithm.text, names)
    inputs = algorithm.inputs

    def run(get: criteria.Get, count: int) -> Any:
        given = dict(fixed)
        given.update({name: value(get, reference) for name, reference in inputs})
        return evaluate(given)

    return Made(algorithm, output.type, run)
