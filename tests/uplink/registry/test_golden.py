"""Golden prompts are valid before they are taken, and judged the same everywhere."""

import json
import math

import pytest

from uplink.registry import golden
from uplink.registry.golden import Answer, Verdict


@pytest.mark.parametrize(
    ("expect", "text", "verdict", "reason"),
    [
        ({"contains": "Paris"}, "It is Paris.", "passed", "All conditions"),
        ({"contains": "paris", "ignore_case": True}, "PARIS", "passed", ""),
        ({"contains": "paris"}, "PARIS", "failed", "does not contain 'paris'"),
        ({"contains": ["a", "b"]}, "a", "failed", "does not contain 'b'"),
        ({"excludes": ["sorry"]}, "I am sorry", "failed", "contains 'sorry'"),
        ({"equals": "42"}, " 42\n", "passed", ""),
        ({"equals": "42"}, "43", "failed", "is '43', not '42'"),
        ({"matches": r"^\d{4}$"}, "2026", "passed", ""),
        ({"matches": r"^\d{4}$"}, "x2026", "failed", "does not match"),
        ({"matches": "^YES", "ignore_case": True}, "yes", "passed", ""),
        ({"json": True}, '{"a": 1}', "passed", ""),
        ({"json": True}, "{a: 1}", "failed", "not JSON"),
        ({"json": True}, "[" * 100_000, "failed", "not JSON"),
        ({"json": {"keys": ["a", "b"]}}, '{"a": 1}', "failed", "has no b"),
        ({"json": {"keys": ["a"]}}, "[1]", "failed", "has no a"),
        ({"json": {"equals": [2, 3, 5]}}, "[2,3,5]", "passed", ""),
        ({"json": {"equals": [2, 3]}}, "[2,3,5]", "failed", "other JSON"),
        ({"max_chars": 3}, "four", "failed", "4 characters, more than 3"),
        ({"min_chars": 5}, "four", "failed", "fewer than 5"),
        ({"max_latency_s": 2}, "x", "passed", ""),
        ({"max_latency_s": 1}, "x", "failed", "took 1.5 s, more than 1 s"),
    ],
)
def test_an_answer_is_judged_by_all_conditions(expect, text, verdict, reason):
    said = golden.judge(expect, Answer(text, latency_s=1.5))
    assert (said.verdict, reason in said.reason) == (Verdict(verdict), True), said


def test_what_was_not_seen_is_inconclusive_unless_the_rest_fails():
    expect = {"max_latency_s": 5, "contains": "a"}
    assert golden.judge(expect, Answer(None)).verdict is Verdict.INCONCLUSIVE
    assert golden.judge(expect, Answer("a")).verdict is Verdict.INCONCLUSIVE
    assert golden.judge(expect, Answer("b")).verdict is Verdict.FAILED
    assert golden.judge(expect, Answer("a", 1)).verdict is Verdict.PASSED


def test_a_pattern_made_to_keep_an_engine_busy_does_not():
    # Python's own engine would take years.
    said = golden.judge({"matches": "^(a+)+(a|a)*$"}, Answer("a" * 200_000 + "b"))
    assert said.verdict is Verdict.FAILED


DEEP = json.loads("[" * 500 + "]" * 500)
RIGHT = {"prompt": "How high?", "expect": {"contains": "km"}}


@pytest.mark.parametrize(
    "prompt",
    [
        RIGHT,
        {**RIGHT, "max_tokens": 5, "temperature": 0.5, "seed": 7},
        {"messages": [{"role": "system", "content": "."}, {"role": "user", "content": "?"}],
         "expect": {"json": True}},
    ],
)  # fmt: skip
def test_a_right_prompt_has_no_problems(prompt):
    assert golden.problems(prompt) == []


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("How high?", "not an object"),
        ({"expect": {"json": True}}, "either a prompt or messages"),
        ({**RIGHT, "messages": []}, "either a prompt or messages"),
        ({**RIGHT, "promt": 1}, "'promt' is not known; known are"),
        ({**RIGHT, "prompt": ""}, "must be a user's"),
        ({**RIGHT, "prompt": 5}, "both texts"),
        ({**RIGHT, "prompt": "x" * 32_001}, "more than 32000"),
        ({"messages": [{"role": "robot", "content": ""}], "expect": {"json": True}}, "a role"),
        ({"messages": "hi", "expect": {"json": True}}, "must be a list"),
        ({**RIGHT, "max_tokens": 0}, "max_tokens must be a whole number from 1"),
        ({**RIGHT, "max_tokens": True}, "max_tokens must be"),
        ({**RIGHT, "seed": -1}, "seed must be"),
        ({**RIGHT, "temperature": 3}, "temperature must be"),
        ({**RIGHT, "temperature": float("nan")}, "temperature must be"),
        ({"prompt": "?"}, "expect must hold at least one of contains"),
        ({"prompt": "?", "expect": {"ignore_case": True}}, "at least one of"),
        ({"prompt": "?", "expect": {"is": "a"}}, "expect.is is not known"),
        ({"prompt": "?", "expect": {"contains": []}}, "a phrase, or a list"),
        ({"prompt": "?", "expect": {"contains": [""]}}, "phrases of 1 to"),
        ({"prompt": "?", "expect": {"matches": "(a"}}, "no pattern of RE2: missing )"),
        ({"prompt": "?", "expect": {"matches": r"(a)\1"}}, "no pattern of RE2"),
        ({"prompt": "?", "expect": {"matches": "x" * 1001}}, "pattern of 1 to 1000"),
        ({"prompt": "?", "expect": {"matches": "((a{1000}){1000}){1000}"}}, "no pattern of RE2"),
        ({"prompt": "?", "expect": {"json": 5}}, "must be true, or an object"),
        ({"prompt": "?", "expect": {"json": {"keys": "a"}}}, "a list of names"),
        ({"prompt": "?", "expect": {"max_latency_s": 0}}, "a number above 0"),
        ({"prompt": "?", "expect": {"contains": "a", "ignore_case": 1}}, "true or false"),
        ({"prompt": "a\0", "expect": {"json": True}}, "the character NUL"),
        ({"prompt": "?", "expect": {"json": {"equals": {"\0": 1}}}}, "the character NUL"),
        ({"prompt": "?", "expect": {"json": {"equals": [math.nan]}}}, "nan is no number"),
        ({"prompt": "\udc00", "expect": {"json": True}}, "half a surrogate pair"),
        ({"prompt": "?", "expect": {"json": {"equals": DEEP}}}, "nested deeper than"),
    ],
)
def test_a_wrong_prompt_is_told_what_is_wrong(prompt, says):
    assert any(says in line for line in golden.problems(prompt)), golden.problems(prompt)


def test_all_that_is_wrong_is_told_at_once():
    prompt = {"promt": "?", "seed": "x", "expect": {"is": 1, "json": 5}}
    assert len(golden.problems(prompt)) == 5
