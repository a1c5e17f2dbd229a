"""Work on many satellites, shared among processes where that is allowed and asked for."""

import ctypes
import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from typing import Any

_PR_SET_PDEATHSIG = 1
"""<linux/prctl.h>"""
_work: Callable[[Any], Any] | None = None


def results(work: Callable[[Any], Any], pieces: Sequence[Any], workers: int) -> Iterator[Any]:
    """Yield `work(piece)` of each piece, in any order.

    With more than one worker `work` is sent to fresh processes, one less than that, which end
    with this call and with this process, however it ends; this process works meanwhile, from
    the other end. A process that may have no children (a Celery worker's) works alone.
    """
    workers = min(workers, len(pieces))
    if workers < 2 or multiprocessing.current_process().daemon:
        yield from map(work, pieces)
        return
    # Not forked: a fork of a process with threads may hang on a lock that one of them held.
    crew = futures.ProcessPoolExecutor(
        workers - 1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(work,),
    )
    try:
        left = deque((piece, crew.submit(_do, piece)) for piece in pieces)
        while left:
            piece, given = left.pop()
            # What is begun cannot be taken back.
            yield work(piece) if given.cancel() else given.result()
            while left and left[0][1].done():
                yield left.popleft()[1].result()
    finally:
        crew.shutdown(cancel_futures=True)


def _begin(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _do(piece: Any) -> Any:
    assert _work is not None
    return _work(piece)
