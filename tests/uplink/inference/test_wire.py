"""What OpenAI's format allows is read, what it does not is refused by the name of the field."""

import json

import pytest

from uplink.inference import wire

HELLO = [{"role": "user", "content": "hello"}]


def read(**body):
    return wire.read_request(json.dumps({"model": "smollm2", "messages": HELLO} | body).encode())


def test_defaults_are_filled_in():
    asked = read()
    assert asked.model == "smollm2"
    assert asked.messages == HELLO
    assert (asked.max_tokens, asked.stream, asked.seed) == (wire.TOKENS_DEFAULT, False, None)


def test_the_newer_name_of_the_token_limit_wins():
    assert read(max_tokens=5, max_completion_tokens=7).max_tokens == 7
    assert read(max_tokens=5, max_completion_tokens=None).max_tokens == 5


def test_text_parts_are_joined_and_developers_are_the_system():
    content = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    asked = read(messages=[{"role": "developer", "content": content}])
    assert asked.messages == [{"role": "system", "content": "ab"}]


def test_neutral_values_and_hints_are_taken():
    hinted = read(n=1, top_p=1.0, presence_penalty=0, user="someone", tools=[], stop=None)
    assert hinted == read()


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"model": ""}, "model", "missing_required_parameter"),
        ({"model": "a\x00"}, "model", "invalid_value"),
        ({"messages": []}, "messages", "missing_required_parameter"),
        ({"messages": "hello"}, "messages", "invalid_type"),
        ({"messages": ["hello"]}, "messages[0]", "invalid_type"),
        ({"messages": [{"role": "tool", "content": ""}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": []}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "invalid_type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content",
            "invalid_type",
        ),
        (
            {"messages": [{"role": "user", "content": "x" * (wire.TEXT_MAX_BYTES + 1)}]},
            "messages",
            "context_length_exceeded",
        ),
        (
            {"messages": [{"role": "user", "content": "a\x00b"}]},
            "messages[0].content",
            "invalid_value",
        ),
        ({"temperature": 2.5}, "temperature", "invalid_value"),
        ({"temperature": "warm"}, "temperature", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"max_tokens": True}, "max_tokens", "invalid_type"),
        ({"n": 2}, "n", "unsupported_parameter"),
        ({"tools": [{"type": "function"}]}, "tools", "unsupported_parameter"),
        ({"colour": "blue"}, "colour", "unknown_parameter"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        ({"zenith": {"lifetime_s": 0}}, "zenith.lifetime_s", "invalid_value"),
    ],
)
def test_a_field_that_is_off_is_named(body, param, code):
    with pytest.raises(wire.Malformed) as refusal:
        read(**body)
    assert (refusal.value.param, refusal.value.code) == (param, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 50_000, b'{"model":"\\ud800"}'])
def test_a_body_that_is_no_object_is_refused(body):
    with pytest.raises(wire.Malformed):
        wire.read_request(body)


def test_an_event_is_one_line_of_data_with_its_number():
    assert wire.event({"a": "x\ny"}, number=7) == b'id: 7\ndata: {"a":"x\\ny"}\n\n'
