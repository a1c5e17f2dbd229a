"""The child process that holds one model: JSON lines in, JSON lines out.

`python -m constellation.simulator.runtimes.llama_child FILE SHA256 PARENT_PID`. It checks the
file against its digest before it loads it, is niced, uses one thread (more of them fight over
busy cores), and dies with its parent.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path

from constellation.simulator import kernel
from constellation.simulator.store import digest_of
from telemetry import onboard

NICE = 5


class Child:
    """Answers one question at a time, and looks out for cancellations meanwhile."""

    def __init__(self, path: Path, output: int) -> None:
        # Imported late: the library is 100 MB, and a wrong file needs none of it.
        from xllamacpp import CommonParams, Server

        params = CommonParams()
        params.model.path = str(path)
        params.n_ctx = onboard.CONTEXT_TOKENS
        params.n_parallel = 1
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        params.verbosity = -1
        self._server = Server(params)
        self._output = output
        self._asked: queue.SimpleQueue[dict | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()

    def serve(self) -> None:
        """Answer until nobody asks any more."""
        threading.Thread(target=self._listen, daemon=True).start()
        tell(self._output, {"ready": True})
        while (asked := self._asked.get()) is not None:
            self._answer(asked)

    def _listen(self) -> None:
        for line in sys.stdin.buffer:
            fields = json.loads(line)
            if "cancel" in fields:
                self._cancelled.add(fields["cancel"])
            else:
                self._asked.put(fields)
        self._asked.put(None)

    def _answer(self, asked: dict) -> None:
        number = asked["ask"]
        finish_reason = ""
        usage: dict | None = None
        error = ""

        def take(chunk: dict) -> bool:
            """Pass a piece on; True stops the work."""
            nonlocal finish_reason, usage, error
            if not isinstance(chunk, dict) or "choices" not in chunk:
                error = str(chunk)[:500]
                return True
            for choice in chunk["choices"]:
                finish_reason = choice.get("finish_reason") or finish_reason
                text = (choice.get("delta") or {}).get("content")
                if text:
                    tell(self._output, {"number": number, "text": text})
            usage = chunk.get("usage") or usage
            return number in self._cancelled

        request = {
            "messages": asked["messages"],
            "max_tokens": asked["max_tokens"],
            "temperature": asked["temperature"],
            "seed": asked["seed"],
            # Without what an earlier question left in the cache, the same question is
            # computed the same way every time.
            "cache_prompt": False,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        try:
            self._server.handle_chat_completions(request, take)
        except RuntimeError as failure:
            error = str(failure)[:500]
        self._cancelled.discard(number)
        if error or usage is None:
            tell(self._output, {"number": number, "error": error or "cancelled"})
            return
        counted = {
            "prompt_tokens": usage["prompt_tokens"],
            "completion_tokens": usage["completion_tokens"],
            "finish_reason": finish_reason or "stop",
        }
        tell(self._output, {"number": number, "usage": counted})


def tell(output: int, fields: dict) -> None:
    os.write(output, json.dumps(fields).encode() + b"\n")


def main() -> None:
    path, digest, parent = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    kernel.die_with_parent(parent)
    os.nice(NICE)
    # The library writes to standard output as it pleases; the protocol keeps a copy of its own.
    output = os.dup(1)
    os.dup2(2, 1)
    if digest_of(path) != digest:
        tell(output, {"error": "the model's bytes do not hash to its name"})
        return
    try:
        child = Child(path, output)
    except (RuntimeError, OSError) as failure:
        tell(output, {"error": f"the model does not load: {failure}"[:500]})
        return
    child.serve()


if __name__ == "__main__":
    main()
