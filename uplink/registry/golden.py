"""Golden prompts: questions whose answers are known well enough to judge a version by them. Pure.

A prompt's `expect` holds conditions that all must be met; `CONDITIONS` lists them. Patterns are
those of RE2, which takes linear time whatever is asked of it. An answer that never came, or whose
latency nobody measured, is inconclusive and no success.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import re2

PROMPTS_MAX = 100
PROMPT_CHARS_MAX = 32_000
PATTERN_CHARS_MAX = 1_000
PHRASES_MAX = 50
ANSWER_CHARS_MAX = 262_144
"""Of a longer answer only so much is judged."""
TOKENS_MAX = 4_096
_DEPTH_MAX = 50
_ROLES = ("system", "user", "assistant")
_KNOWN = {"prompt", "messages", "expect", "max_tokens", "temperature", "seed"}


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a satellite said. `text` is None when no answer came, `latency_s` when not measured."""

    text: str | None
    latency_s: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    reason: str


def judge(expect: Mapping[str, Any], answer: Answer) -> Judgement:
    """Return whether an answer meets all conditions, and of the first that it does not, why.

    What fails outweighs what is inconclusive. `expect` is one that `problems` finds none in.
    """
    if answer.text is None:
        return Judgement(Verdict.INCONCLUSIVE, "No answer came.")
    open_reason = ""
    for name, wanted in expect.items():
        if name == "ignore_case":
            continue
        if name == "max_latency_s" and answer.latency_s is None:
            open_reason = "The latency was not measured."
            continue
        said = Answer(answer.text[:ANSWER_CHARS_MAX], answer.latency_s)
        reason = CONDITIONS[name].meet(wanted, said, bool(expect.get("ignore_case")))
        if reason:
            return Judgement(Verdict.FAILED, reason)
    if open_reason:
        return Judgement(Verdict.INCONCLUSIVE, open_reason)
    return Judgement(Verdict.PASSED, "All conditions are met.")


# --- Conditions -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Condition:
    """`check` returns why a wanted value is none; `meet` why an answer does not meet it."""

    check: Callable[[Any], str]
    meet: Callable[[Any, Answer, bool], str]


def _phrases(wanted: Any) -> str:
    phrases = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(phrases, list) or not 1 <= len(phrases) <= PHRASES_MAX:
        return f"must be a phrase, or a list of 1 to {PHRASES_MAX}"
    if not all(isinstance(one, str) and 1 <= len(one) <= PATTERN_CHARS_MAX for one in phrases):
        return f"must hold phrases of 1 to {PATTERN_CHARS_MAX} characters"
    return ""


def _text(wanted: Any) -> str:
    return "" if isinstance(wanted, str) and len(wanted) <= PROMPT_CHARS_MAX else "must be a text"


def _positive(wanted: Any) -> str:
    is_number = isinstance(wanted, int | float) and not isinstance(wanted, bool)
    return "" if is_number and 0 < wanted < 1e9 else "must be a number above 0"


def _pattern(wanted: Any) -> str:
    if not isinstance(wanted, str) or not 1 <= len(wanted) <= PATTERN_CHARS_MAX:
        return f"must be a pattern of 1 to {PATTERN_CHARS_MAX} characters"
    try:
        _compiled(wanted, False)
    except re2.error as error:
        said = error.args[0] if error.args else error
        said = said.decode(errors="replace") if isinstance(said, bytes) else said
        return f"is no pattern of RE2: {said}"
    return ""


def _json_rule(wanted: Any) -> str:
    if wanted is True:
        return ""
    if not isinstance(wanted, dict) or not wanted or set(wanted) - {"keys", "equals"}:
        return 'must be true, or an object with "keys" or "equals"'
    keys = wanted.get("keys", [])
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        return 'must have a list of names as "keys"'
    return ""


def _compiled(pattern: str, ignore_case: bool) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    options.case_sensitive = not ignore_case
    return re2.compile(pattern, options)


def _folded(text: str, ignore_case: bool) -> str:
    return text.casefold() if ignore_case else text


def _contains(wanted: Any, answer: Answer, ignore_case: bool) -> str:
    text = _folded(answer.text, ignore_case)
    for phrase in [wanted] if isinstance(wanted, str) else wanted:
        if _folded(phrase, ignore_case) not in text:
            return f"The answer does not contain {phrase!r}."
    return ""


def _excludes(wanted: Any, answer: Answer, ignore_case: bool) -> str:
    text = _folded(answer.text, ignore_case)
    for phrase in [wanted] if isinstance(wanted, str) else wanted:
        if _folded(phrase, ignore_case) in text:
            return f"The answer contains {phrase!r}."
    return ""


def _equals(wanted: str, answer: Answer, ignore_case: bool) -> str:
    said = _folded(answer.text.strip(), ignore_case)
    if said == _folded(wanted.strip(), ignore_case):
        return ""
    return f"The answer is {answer.text.strip()[:80]!r}, not {wanted.strip()[:80]!r}."


def _matches(wanted: str, answer: Answer, ignore_case: bool) -> str:
    if _compiled(wanted, ignore_case).search(answer.text):
        return ""
    return f"The answer does not match {wanted!r}."


def _is_json(wanted: Any, answer: Answer, ignore_case: bool) -> str:
    try:
        said = json.loads(answer.text)
    except (ValueError, RecursionError) as error:
        return f"The answer is not JSON: {error}."
    if wanted is True:
        return ""
    if "equals" in wanted and said != wanted["equals"]:
        return "The answer is other JSON than the one expected."
    missing = [
        key for key in wanted.get("keys", []) if not isinstance(said, dict) or key not in said
    ]
    return f"The answer has no {', '.join(missing)}." if missing else ""


def _in_time(wanted: float, answer: Answer, ignore_case: bool) -> str:
    if answer.latency_s <= wanted:
        return ""
    return f"The answer took {answer.latency_s:.3g} s, more than {wanted:g} s."


def _short(wanted: float, answer: Answer, ignore_case: bool) -> str:
    size = len(answer.text)
    return "" if size <= wanted else f"The answer has {size} characters, more than {wanted:g}."


def _long(wanted: float, answer: Answer, ignore_case: bool) -> str:
    size = len(answer.text)
    return "" if size >= wanted else f"The answer has {size} characters, fewer than {wanted:g}."


CONDITIONS = {
    "contains": Condition(_phrases, _contains),
    "excludes": Condition(_phrases, _excludes),
    "equals": Condition(_text, _equals),
    "matches": Condition(_pattern, _matches),
    "json": Condition(_json_rule, _is_json),
    "max_latency_s": Condition(_positive, _in_time),
    "max_chars": Condition(_positive, _short),
    "min_chars": Condition(_positive, _long),
}


# --- What is taken ----------------------------------------------------------------------------


def problems(prompt: Any) -> list[str]:
    """Return all that is wrong with a golden prompt as it is given; nothing when it is right."""
    if not isinstance(prompt, dict):
        return ["it is not an object"]
    if why := _unkept([prompt.get(name) for name in ("prompt", "messages", "expect")]):
        return [why]
    found = [f"{name!r} is not known; known are {', '.join(sorted(_KNOWN))}"
             for name in sorted(map(str, set(prompt) - _KNOWN))]  # fmt: skip
    found += _asked_problems(prompt)
    for name, least, most in (("max_tokens", 1, TOKENS_MAX), ("seed", 0, 2**31 - 1)):
        value = prompt.get(name, least)
        if type(value) is not int or not least <= value <= most:
            found.append(f"{name} must be a whole number from {least} to {most}")
    temperature = prompt.get("temperature", 0)
    if type(temperature) not in (int, float) or not 0 <= temperature <= 2:
        found.append("temperature must be a number from 0 to 2")
    return found + _expect_problems(prompt.get("expect"))


def _unkept(said: Any, depth: int = 0) -> str:
    """Return why what was said could not be kept as JSON in UTF-8; nothing when it can."""
    if isinstance(said, str):
        if "\0" in said:
            return "a text holds the character NUL, which no text here may"
        return "" if _is_utf8(said) else "a text holds half a surrogate pair"
    if isinstance(said, float):
        return "" if math.isfinite(said) else f"{said} is no number"
    parts = [*said, *said.values()] if isinstance(said, dict) else said
    if not isinstance(parts, list):
        return ""
    if depth == _DEPTH_MAX:
        return f"it is nested deeper than {_DEPTH_MAX}"
    return next(filter(None, (_unkept(one, depth + 1) for one in parts)), "")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _asked_problems(prompt: dict[str, Any]) -> list[str]:
    if ("prompt" in prompt) == ("messages" in prompt):
        return ["give either a prompt or messages"]
    rows = messages(prompt)
    if not isinstance(rows, list) or not rows:
        return ["messages must be a list"]
    for row in rows:
        if (
            not isinstance(row, dict)
            or set(row) != {"role", "content"}
            or row["role"] not in _ROLES
            or not isinstance(row["content"], str)
        ):
            return [f"a message has a role ({', '.join(_ROLES)}) and a content, both texts"]
    if sum(len(row["content"]) for row in rows) > PROMPT_CHARS_MAX:
        return [f"it has more than {PROMPT_CHARS_MAX} characters"]
    return (
        [] if rows[-1]["role"] == "user" and rows[-1]["content"] else ["the last must be a user's"]
    )


def _expect_problems(expect: Any) -> list[str]:
    if not isinstance(expect, dict) or not set(expect) - {"ignore_case"}:
        return [f"expect must hold at least one of {', '.join(CONDITIONS)}"]
    found = []
    for name, wanted in expect.items():
        if name == "ignore_case":
            if not isinstance(wanted, bool):
                found.append("expect.ignore_case must be true or false")
        elif name not in CONDITIONS:
            found.append(f"expect.{name} is not known; known are {', '.join(CONDITIONS)}")
        elif why := CONDITIONS[name].check(wanted):
            found.append(f"expect.{name} {why}")
    return found


def messages(prompt: Mapping[str, Any]) -> Any:
    """Return the messages of a prompt, of which a bare `prompt` is one by the user."""
    if "prompt" in prompt:
        return [{"role": "user", "content": prompt["prompt"]}]
    return prompt["messages"]


def in_words(expect: Mapping[str, Any]) -> list[str]:
    """Return the conditions as people read them: `contains "Paris"`."""
    lines = []
    for name, wanted in expect.items():
        if name == "ignore_case":
            continue
        said = "" if wanted is True else f" {json.dumps(wanted, ensure_ascii=False)}"
        lines.append(f"{_WORDS[name]}{said}")
    return lines + ["whatever the case"] * bool(expect.get("ignore_case"))


_WORDS = {
    "contains": "contains",
    "excludes": "does not contain",
    "equals": "is",
    "matches": "matches",
    "json": "is JSON",
    "max_latency_s": "comes within seconds",
    "max_chars": "has at most characters",
    "min_chars": "has at least characters",
}
