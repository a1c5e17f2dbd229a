"""A question arrives whole however it is cut, and an acknowledgement says exactly what is held."""

import json
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from telemetry import onboard
from uplink.inference import prompts

QUERY = UUID("6f1c2a52-0000-4000-8000-00000000002a")


def parts_of(text: str, **details) -> list[bytes]:
    asked = {"max_tokens": 64, "temperature": 0.7, "seed": 7, "lifetime_s": 600} | details
    return prompts.prompt_parts(
        query_id=QUERY, messages=[{"role": "user", "content": text}], **asked
    )


@given(st.text(max_size=4000))
def test_the_parts_put_together_are_the_messages(text):
    parts = [onboard.PromptPart.decode(part) for part in parts_of(text)]

    assert [part.number for part in parts] == list(range(len(parts)))
    assert {part.parts for part in parts} == {len(parts)}
    assert all(len(part.text) <= onboard.PROMPT_PART_BYTES for part in parts)
    whole = b"".join(part.text for part in parts)
    assert json.loads(whole) == [{"role": "user", "content": text}]


def test_a_part_fits_one_frame():
    longest = max(len(part) for part in parts_of("x" * 5000))
    assert onboard.PACKET_HEADER_BYTES + longest <= onboard.UPLINK_ZONE_BYTES


def test_a_part_carries_what_the_runtime_needs():
    (part,) = parts_of("hello", max_tokens=12, temperature=0.25, seed=99, lifetime_s=0)
    seen = onboard.PromptPart.decode(part)
    assert (seen.query_id, seen.max_tokens, seen.temperature, seen.seed) == (QUERY, 12, 0.25, 99)
    assert seen.lifetime_s == 1


def test_a_cancellation_names_the_question_and_has_no_parts():
    seen = onboard.PromptPart.decode(prompts.cancellation(QUERY))
    assert (seen.query_id, seen.parts, seen.text) == (QUERY, onboard.CANCEL_PARTS, b"")


@given(st.sets(st.integers(0, 200)))
def test_an_acknowledgement_never_claims_what_is_not_held(held):
    seen = onboard.TokenAck.decode(prompts.acknowledgement(QUERY, held))
    claimed = set(range(seen.following)) | seen.also
    assert claimed <= held
    assert seen.following not in held
    assert held - claimed == {n for n in held if n >= seen.following + prompts.BITMAP_BITS}


def test_a_models_own_system_prompt_yields_to_the_callers():
    question = [{"role": "user", "content": "Where are you?"}]
    own = [{"role": "system", "content": "Answer in Latin."}, *question]

    assert prompts.with_system(question, "Be brief.") == [
        {"role": "system", "content": "Be brief."},
        *question,
    ]
    assert prompts.with_system(own, "Be brief.") == own
    assert prompts.with_system(question, "") == question
