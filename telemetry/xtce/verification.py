"""How far a command is, by what telemetry shows: its verifiers, looked at as time goes by.

A stage has passed when all its verifiers have, "complete" too (XTCE 1.2, CompleteVerifierType: all
must be true). A command has failed when its FailedVerifier holds, or the window of a verifier
closes before it has passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from telemetry.xtce import calibration, commanding, criteria, model, packing, values


@dataclass(slots=True)
class Look:
    """One verifier: when it passed or was too late, in seconds; None: not yet. `returned` is what
    the command gave back, where the verifier says which parameter has it."""

    verifier: model.Verifier
    passed_s: float | None = None
    late_s: float | None = None
    before: Any = None
    returned: Any = None


class Progress:
    """The verification of one command that was released at `released_s`, with its arguments.

    `get` gives the values of parameters as they are then, against which changes are counted.
    """

    def __init__(
        self,
        encoder: commanding.Encoder,
        arguments: Mapping[str, Any],
        released_s: float,
        get: criteria.Get,
    ) -> None:
        self._encoder = encoder
        self._given = encoder.values(arguments)
        self._released_s = self._last_s = released_s
        self._tests: dict[int, criteria.Test] = {}
        self.looks: list[Look] = []
        for verifier in encoder.command.verifiers:
            if not _takes_part(encoder, verifier, self._given):
                continue
            look = Look(verifier)
            if verifier.parameter:
                look.before = get(model.Reference(verifier.parameter))
            if verifier.criteria is not None:
                self._tests[id(look)] = criteria.compiled(verifier.criteria, encoder.type_of)
            self.looks.append(look)

    def look(self, now_s: float, get: criteria.Get, containers: Set[str] = frozenset()) -> None:
        """Look at telemetry: values as `get` gives them, and the containers that arrived."""
        passed_s = self._last_s
        for look in self.looks:
            if look.passed_s is not None or look.late_s is not None:
                continue
            start_s, stop_s = self._window(look.verifier)
            if now_s < start_s:
                continue
            if now_s > stop_s:
                look.late_s = stop_s
            elif self._holds(look, get, containers):
                look.passed_s = passed_s = now_s
                if look.verifier.returns:
                    look.returned = get(model.Reference(look.verifier.returns))
        self._last_s = passed_s

    def _window(self, verifier: model.Verifier) -> tuple[float, float]:
        window = verifier.window
        if window is None:
            return self._released_s, float("inf")
        since_s = self._released_s if window.is_from_release else self._last_s
        return since_s + window.start_s, since_s + window.stop_s

    def _holds(self, look: Look, get: criteria.Get, containers: Set[str]) -> bool:
        verifier = look.verifier
        if verifier.container:
            return verifier.container in containers
        if verifier.parameter:
            after = get(model.Reference(verifier.parameter))
            if look.before is None:
                look.before = after
            return after is not None and _change(look.before, after) >= abs(verifier.change)
        return bool(self._tests[id(look)](get))

    def has_passed(self, stage: str) -> bool:
        """Say whether all verifiers of a stage have passed; one without any never does."""
        of_stage = [look for look in self.looks if look.verifier.stage == stage]
        return bool(of_stage) and all(look.passed_s is not None for look in of_stage)

    @property
    def is_complete(self) -> bool:
        return not self.has_failed and self.has_passed("complete")

    @property
    def has_failed(self) -> bool:
        late = any(
            look.late_s is not None for look in self.looks if look.verifier.stage != "failed"
        )
        return late or self.has_passed("failed")

    def reached_s(self, stage: str) -> float | None:
        """Return when a stage was reached ("release" among them); None: not yet."""
        if stage == "release":
            return self._released_s
        if not (self.has_failed if stage == "failed" else self.has_passed(stage)):
            return None
        ends = [
            look.passed_s if look.passed_s is not None else look.late_s
            for look in self.looks
            if look.verifier.stage == stage or (stage == "failed" and look.late_s is not None)
        ]
        return max((end for end in ends if end is not None), default=self._released_s)

    def settings(self, get: criteria.Get) -> dict[str, Any]:
        """Return the values that parameters get by what the command has reached by now."""
        found: dict[str, Any] = {}
        for each in self._encoder.command.settings:
            if self.reached_s(each.stage) is None:
                continue
            if each.derivation is not None:
                found[each.parameter] = calibration.operation(each.derivation, None, get, 1).item()
            else:
                kind = self._encoder.type_of(model.Reference(each.parameter))
                found[each.parameter] = values.constant(kind, each.value, True)
        return found

    def suspended(self, now_s: float) -> set[str]:
        """Return the parameters whose alarms are off for now because of the command."""
        return {
            each.parameter
            for each in self._encoder.command.suspensions
            if (since_s := self.reached_s(each.stage)) is not None
            and since_s <= now_s < since_s + each.duration_s
        }

    @property
    def holds_others_back(self) -> bool:
        """Say whether other commands of the interlock's space system have to wait."""
        interlock = self._encoder.command.interlock
        if interlock is None or self.has_failed:
            return False
        return self.reached_s(interlock.stage) is None


def _change(before: Any, after: Any) -> float:
    try:
        return abs(float(after) - float(before))
    except (TypeError, ValueError):
        return 0.0


def _takes_part(
    encoder: commanding.Encoder, verifier: model.Verifier, given: Mapping[str, Any]
) -> bool:
    """Say whether a verifier that is for some values of arguments only is for these."""
    for name, wanted in verifier.only_for:
        kind = encoder.command.arguments[name].type
        if packing.raw_of(kind, given[name]) != packing.raw_of(kind, wanted):
            return False
    return True
