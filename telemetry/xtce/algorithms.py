"""Algorithms as a definition writes them: expressions and calculations that make a parameter."""

from __future__ import annotations

from telemetry.xtce import calibrators, criteria, expressions, model
from telemetry.xtce.references import Scope
from telemetry.xtce.xml import Node

LANGUAGES = {"expression", "python", "pseudo"}
"""Of a text that is one expression. `pseudo` is what the standard takes when none is said."""


def read(node: Node, scope: Scope, name: str) -> list[model.Algorithm]:
    """Return what an algorithm makes: one for each output."""
    if node.name == "MathAlgorithm":
        return [_math(node, scope, name)]
    outputs = node.below("OutputSet")
    if not outputs:
        raise node.unsupported("without an output is not supported")
    text = node.needed("AlgorithmText")
    language = text.get("language", "pseudo")
    if language.lower() not in LANGUAGES:
        raise text.unsupported(f'language="{language[:40]}" is not supported')
    inputs, constants = _inputs(node, scope)
    triggers, triggering = _triggers(node, scope)
    if reference := node.get("triggerContainer"):
        triggering = (*triggering, scope.qualified(node, reference, "Container"))
    known = {each for each, _ in inputs} | {each for each, _ in constants}
    results = expressions.split(text, text.text)
    if len(results) != len(outputs) and (len(results) > 1 or "" not in results):
        raise text.bad(f"makes {len(results)} values for {len(outputs)} outputs")
    found = []
    for output in outputs:
        parameter = scope.parameter(output, output.attribute("parameterRef"))
        written = output.get("outputName", output.attribute("parameterRef").rpartition("/")[2])
        body = results.get(written, results.get("") if len(outputs) == 1 else None)
        if body is None:
            raise text.bad(f"says nothing of {written[:60]}")
        expressions.check(text, body, known)
        found.append(
            model.Algorithm(
                name,
                parameter,
                inputs,
                constants,
                text=body,
                containers=triggering,
                triggers=triggers,
                line=node.line,
                place=node.place,
            )
        )
    return found


def _inputs(
    node: Node, scope: Scope
) -> tuple[tuple[tuple[str, model.Reference], ...], tuple[tuple[str, float | str], ...]]:
    inputs: dict[str, model.Reference] = {}
    constants: dict[str, float | str] = {}
    for each in node.below("InputSet"):
        if each.name == "Constant":
            name, written = each.attribute("constantName"), each.attribute("value")
            number = criteria.number_of(written)
            constants[name] = written if number is None else number
            continue
        reference = each.attribute("parameterRef")
        name = each.get("inputName", reference.rpartition("/")[2])
        if name in inputs or name in constants:
            raise each.bad(f"{name[:60]} is given twice")
        inputs[name] = scope.instance(each)
    return tuple(inputs.items()), tuple(constants.items())


def _triggers(node: Node, scope: Scope) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the parameters and the containers whose arrival an algorithm waits for."""
    parameters, containers = [], []
    for each in node.below("TriggerSet"):
        if each.name == "OnParameterUpdateTrigger":
            parameters.append(scope.parameter(each, each.attribute("parameterRef")))
        else:
            containers.append(scope.qualified(each, each.attribute("containerRef"), "Container"))
    return tuple(parameters), tuple(containers)


def _math(node: Node, scope: Scope, name: str) -> model.Algorithm:
    operation = node.needed("MathOperation")
    for part in operation.children:
        if part.name == "ThisParameterOperand":
            raise part.bad("there is no value that is calibrated")
    triggers, triggering = _triggers(operation, scope)
    calculation = calibrators.operation(operation, scope)
    references = [step for step in calculation.steps if isinstance(step, model.Reference)]
    return model.Algorithm(
        name,
        scope.parameter(operation, operation.attribute("outputParameterRef")),
        tuple((each.name, each) for each in references),
        operation=calculation,
        containers=triggering,
        triggers=triggers,
        line=node.line,
        place=node.place,
    )
