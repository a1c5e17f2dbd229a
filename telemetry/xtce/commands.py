"""Telecommands as a definition writes them, each with all that it inherits from its base."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from telemetry.xtce import amounts, calibrators, containers, criteria, model, names
from telemetry.xtce.references import Scope
from telemetry.xtce.types import Types
from telemetry.xtce.xml import Node

STAGES = {
    "TransferredToRangeVerifier": "transferred to range",
    "SentFromRangeVerifier": "sent from range",
    "ReceivedVerifier": "received",
    "AcceptedVerifier": "accepted",
    "QueuedVerifier": "queued",
    "ExecutionVerifier": "execution",
    "CompleteVerifier": "complete",
    "FailedVerifier": "failed",
}
REACHED = {
    # as a definition calls what a command has reached: as we do
    "release": "release",
    "transferredToRange": "transferred to range",
    "sentFromRange": "sent from range",
    "received": "received",
    "accepted": "accepted",
    "queued": "queued",
    "executing": "execution",
    "complete": "complete",
    "failed": "failed",
}
APPENDED = ("execution", "complete")
"""Stages whose verifiers are added to those of the base; of the others, the newest counts."""
LEVELS = ("normal", "vital", "critical", "forbidden", "user1", "user2")
_DEEPEST = 100


def read_all(systems: list[names.System], types: Types, found: model.SpaceSystem) -> None:
    """Read all commands, and the containers that they are packed in, into `found`."""
    inline: dict[str, tuple[Node, names.System]] = {}
    for system in systems:
        for name, node in system.tables.get("Command", {}).items():
            if node.name != "MetaCommand":
                continue
            written = node.child("CommandContainer")
            if written is not None:
                key = f"{system.qualified(name)}!"
                inline[key] = (written, system)
                # Bases are referred to by the name that their container has.
                table = system.tables.setdefault("CommandContainer", {})
                table.setdefault(written.get("name", name), written)
    for system in systems:
        for name, node in list(system.tables.get("CommandContainer", {}).items()):
            if node.name == "SequenceContainer" or node.name == "CommandContainer":
                is_inline = any(node is each for each, _ in inline.values())
                if is_inline:
                    continue
                qualified = system.qualified(name)
                found.command_containers[qualified] = containers.read(
                    node, Scope(system), qualified, is_command=True
                )
    reader = _Reader(systems, types, found)
    for system in systems:
        for name, node in system.tables.get("Command", {}).items():
            if node.name == "MetaCommand":
                reader.command(system, name)
    for system in systems:
        for name, node in system.tables.get("Command", {}).items():
            if node.name == "BlockMetaCommand":
                qualified = system.qualified(name)
                found.blocks[qualified] = _block(system, node, qualified, found)


class _Reader:
    def __init__(self, systems: list[names.System], types: Types, found: model.SpaceSystem) -> None:
        self._types = types
        self._found = found
        self._open: list[str] = []
        self._names: dict[str, str] = {}

    def command(self, system: names.System, name: str) -> model.Command:
        qualified = system.qualified(name)
        if qualified in self._found.commands:
            return self._found.commands[qualified]
        node = system.tables["Command"][name]
        if qualified in self._open:
            raise node.bad(f"command {name} inherits from itself")
        if len(self._open) > _DEEPEST:
            raise node.bad(f"command {name} is the base of more than {_DEEPEST} in a row")
        self._open.append(qualified)
        try:
            made = self._read(system, node, qualified)
        finally:
            self._open.pop()
        self._found.commands[qualified] = made
        return made

    def _base(self, system: names.System, node: Node) -> tuple[model.Command | None, dict]:
        written = node.child("BaseMetaCommand")
        if written is None:
            return None, {}
        reference = written.attribute("metaCommandRef")
        at = names.find(system, reference, "Command")
        if at is None:
            raise written.bad(f"command {reference[:100]} is not defined")
        if at[0].tables["Command"][at[1]].name != "MetaCommand":
            raise written.bad(f"{reference[:100]} is no MetaCommand")
        base = self.command(*at)
        assigned: dict[str, str] = {}
        for each in written.below("ArgumentAssignmentList"):
            name = each.attribute("argumentName")
            if name not in base.arguments:
                raise each.bad(f"{base.name} has no argument {name[:100]}")
            if name in assigned or name in base.assigned:
                raise each.bad(f"{name[:100]} has its value already")
            assigned[name] = each.attribute("argumentValue")
        return base, assigned

    def _read(self, system: names.System, node: Node, name: str) -> model.Command:
        base, assigned = self._base(system, node)
        arguments = dict(base.arguments) if base else {}
        listed = node.below("ArgumentList")
        scope = Scope(system, {*arguments, *(each.get("name") for each in listed)})
        for each in listed:
            own = each.attribute("name")
            if own in arguments:
                raise each.bad(f"{own[:100]} is defined twice")
            if "value" in each.attributes:
                raise each.unsupported("attribute value is not supported in a MetaCommand")
            kind = self._types.find(
                each, scope, each.attribute("argumentTypeRef"), ("ArgumentType", "Type")
            )
            arguments[own] = model.Parameter(
                own,
                kind,
                each.get("shortDescription"),
                each.attributes.get("initialValue", kind.initial),
            )
        container = self._container(system, node, name, scope, base)
        inherited = base or model.Command(name, {}, {}, "")
        significance = node.child("DefaultSignificance")
        return model.Command(
            name,
            arguments,
            {**inherited.assigned, **assigned},
            container,
            constraints=inherited.constraints + _constraints(node, scope),
            significance=_significance(significance)
            if significance is not None
            else inherited.significance,
            context_significances=tuple(
                (
                    criteria.needed(each.needed("ContextMatch"), scope),
                    _significance(each.needed("Significance")),
                )
                for each in node.below("ContextSignificanceList")
            )
            + inherited.context_significances,
            verifiers=_verifiers(node, scope, inherited.verifiers),
            settings=_over(inherited.settings, _settings(node, scope)),
            suspensions=_over(inherited.suspensions, _suspensions(node, scope)),
            interlock=_interlock(node, system) or inherited.interlock,
            is_abstract=node.flag("abstract", False),
            description=node.get("shortDescription"),
            line=node.line,
            place=node.place,
        )

    def _container(
        self,
        system: names.System,
        node: Node,
        name: str,
        scope: Scope,
        base: model.Command | None,
    ) -> str:
        written = node.child("CommandContainer")
        if written is None:
            return base.container if base else ""
        key = f"{name}!"
        made = self._with_base(written, scope, key, base)
        self._found.command_containers[key] = made
        own = system.qualified(written.get("name", name))
        self._found.command_containers.setdefault(own, replace(made, name=own))
        return key

    def _with_base(
        self, written: Node, scope: Scope, key: str, base: model.Command | None
    ) -> model.Container:
        """Return a command's container. Its base is by name the one of the base command, or any
        other; without a BaseContainer it stands alone."""
        made = containers.read(written, scope, key, is_command=True)
        self._names[key] = written.get("name", key.removesuffix("!").rpartition("/")[2])
        named = made.base.rpartition("/")[2]
        if base is not None and base.container and named == self._names.get(base.container):
            return replace(made, base=base.container)
        return made


# --- Parts ----------------------------------------------------------------------------------


def seconds(node: Node, key: str) -> float | None:
    """Return a duration as XML Schema writes it (PT30S) in seconds; days have 86,400 of them."""
    text = node.attributes.get(key)
    if text is None:
        return None
    found = criteria.duration_s(text)
    if found is None or found < 0:
        raise node.bad(f'{key}="{text[:40]}" is no duration such as PT30S')
    return found


def _only_for(node: Node, scope: Scope) -> tuple[tuple[str, str], ...]:
    found = []
    for each in node.below("ArgumentRestrictionList"):
        name = each.attribute("argumentName")
        if name not in scope.arguments:
            raise each.bad(f"argument {name[:100]} is not defined")
        found.append((name, each.attribute("argumentValue")))
    return tuple(found)


def _constraints(node: Node, scope: Scope) -> tuple[model.Constraint, ...]:
    return tuple(
        model.Constraint(
            criteria.needed(each, scope),
            seconds(each, "timeOut"),
            each.flag("suspendable", False),
            _only_for(each, scope),
            each.line,
        )
        for each in node.below("TransmissionConstraintList")
    )


def _significance(node: Node) -> model.Significance:
    level = node.get("consequenceLevel", "normal")
    # 1.0 and 1.1 have a scale of their own.
    level = {"none": "normal", "watch": "normal", "warning": "vital"}.get(level, level)
    level = {"distress": "vital", "severe": "critical"}.get(level, level)
    if level not in LEVELS:
        raise node.bad(f'consequenceLevel="{level[:40]}" is none of {", ".join(LEVELS)}')
    return model.Significance(level, node.get("reasonForWarning"), node.get("spaceSystemAtRisk"))


def _verifiers(
    node: Node, scope: Scope, inherited: tuple[model.Verifier, ...]
) -> tuple[model.Verifier, ...]:
    own = [_verifier(each, scope) for each in node.below("VerifierSet")]
    replaced = {each.stage for each in own if each.stage not in APPENDED}
    kept = [each for each in inherited if each.stage not in replaced]
    counted = [each.stage for each in own if each.stage not in APPENDED]
    for stage in counted:
        if counted.count(stage) > 1:
            raise node.bad(f"has more than one verifier of {stage}")
    return tuple(kept + own)


def _verifier(node: Node, scope: Scope) -> model.Verifier:
    held = criteria.read(node, scope)
    arrives, change = node.child("ContainerRef"), node.child("ParameterValueChange")
    if (held is not None) + (arrives is not None) + (change is not None) != 1:
        raise node.bad("looks at a criterion, a container or a change: one of them")
    parameter, least = "", 0.0
    if change is not None:
        reference = change.needed("ParameterRef")
        parameter = scope.parameter(reference, reference.attribute("parameterRef"))
        least = change.needed("Change").number("value", amounts.real)
    return model.Verifier(
        STAGES[node.name],
        held,
        containers.container(arrives, scope) if arrives is not None else "",
        parameter,
        least,
        _window(node.child("CheckWindow")),
        _only_for(node, scope),
        _referred(returned, scope) if (returned := node.child("ReturnParmRef")) else "",
        node.line,
    )


def _referred(node: Node, scope: Scope) -> str:
    """Return the parameter that an element, or the ParameterRef in it, refers to."""
    holder = node if "parameterRef" in node.attributes else node.needed("ParameterRef")
    return scope.parameter(holder, holder.attribute("parameterRef"))


def _stage(node: Node, key: str, default: str) -> str:
    written = node.get(key, default)
    if written not in REACHED:
        raise node.bad(f'{key}="{written[:40]}" is none of {", ".join(REACHED)}')
    return REACHED[written]


def _settings(node: Node, scope: Scope) -> tuple[model.Setting, ...]:
    found = []
    for each in node.below("ParameterToSetList"):
        chosen = each.needed("NewValue", "Derivation")
        if any(part.name == "ThisParameterOperand" for part in chosen.children):
            raise chosen.bad("there is no value that is calibrated")
        is_derived = chosen.name == "Derivation"
        found.append(
            model.Setting(
                _referred(each, scope),
                _stage(each, "setOnVerification", "complete"),
                "" if is_derived else chosen.words(),
                calibrators.operation(chosen, scope) if is_derived else None,
                each.line,
            )
        )
    return tuple(found)


def _suspensions(node: Node, scope: Scope) -> tuple[model.Suspension, ...]:
    found = []
    for each in node.below("ParametersToSuspendAlarmsOnSet"):
        duration_s = seconds(each, "suspenseTime")
        if duration_s is None:
            raise each.bad("has no suspenseTime")
        stage = _stage(each, "verifierToTriggerOn", "release")
        found.append(model.Suspension(_referred(each, scope), stage, duration_s, each.line))
    return tuple(found)


T = TypeVar("T", model.Setting, model.Suspension)


def _over(inherited: tuple[T, ...], own: tuple[T, ...]) -> tuple[T, ...]:
    """Return what a command has with what it inherits; its own goes before that of the base for
    the same parameter (XTCE 1.2, MetaCommandType)."""
    named = {each.parameter for each in own}
    return tuple(each for each in inherited if each.parameter not in named) + own


def _interlock(node: Node, system: names.System) -> model.Interlock | None:
    written = node.child("Interlock")
    if written is None:
        return None
    scope = written.get("scopeToSpaceSystem")
    if scope and names.system(system, scope) is None:
        raise written.bad(f"space system {scope[:100]} is not defined")
    stage = _stage(written, "verificationToWaitFor", "complete")
    return model.Interlock(stage, scope, written.flag("suspendable", False), written.line)


def _block(system: names.System, node: Node, name: str, found: model.SpaceSystem) -> model.Block:
    steps = []
    for step in node.below("MetaCommandStepList"):
        reference = step.attribute("metaCommandRef")
        at = names.find(system, reference, "Command")
        command = found.commands.get(at[0].qualified(at[1])) if at is not None else None
        if command is None:
            raise step.bad(f"command {reference[:100]} is not defined")
        given: dict[str, str] = {}
        listed = step.child("ArgumentAssignmentList", "ArgumentAssigmentList", "ArgumentList")
        # 1.0 and 1.1 have a list of arguments with name and value.
        is_old = listed is not None and listed.name == "ArgumentList"
        for each in listed.children if listed is not None else ():
            argument = each.attribute("name" if is_old else "argumentName")
            if argument not in command.arguments or argument in command.assigned:
                raise each.bad(f"{command.name} takes no argument {argument[:100]}")
            if argument in given:
                raise each.bad(f"{argument[:100]} has its value already")
            given[argument] = each.attribute("value" if is_old else "argumentValue")
        if command.is_abstract:
            raise step.bad(f"{command.name} is abstract")
        steps.append((command.name, given))
    if not steps:
        raise node.bad("has no steps")
    return model.Block(name, tuple(steps), node.get("shortDescription"), node.line, node.place)


def _window(node: Node | None) -> model.Window | None:
    if node is None:
        return None
    stop = seconds(node, "timeToStopChecking")
    if stop is None:
        raise node.bad("has no timeToStopChecking")
    relative = node.get("timeWindowIsRelativeTo", "timeLastVerifierPassed")
    if relative not in ("timeLastVerifierPassed", "commandRelease"):
        raise node.bad(f'timeWindowIsRelativeTo="{relative[:40]}" is not understood')
    return model.Window(
        seconds(node, "timeToStartChecking") or 0.0, stop, relative == "commandRelease"
    )
