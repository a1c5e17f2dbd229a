"""Work in pieces, shared among processes where that is allowed and asked for."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread
from typing import Any

Work = Callable[[Any], Any]


@dataclass(frozen=True)
class _Answer:
    """What became of a piece: a result, an error that it met, or neither: its process died."""

    piece: Any
    result: Any = None
    error: Exception | None = None
    lost: bool = False


def results(work: Work, pieces: Sequence[Any], workers: int) -> Iterator[Any]:
    """Yield `work(piece)` of each piece, in any order.

    With more than one worker `work` is sent to fresh processes, one less than that, which end
    with this call and with this process, however it ends. This process works meanwhile, and
    never waits for one that is still starting; what one that dies was doing is done here. A
    process that may have no children (a Celery worker's) works alone.
    """
    workers = min(workers, len(pieces))
    if workers < 2 or multiprocessing.current_process().daemon:
        yield from map(work, pieces)
        return
    left, answers = deque(pieces), SimpleQueue()
    helpers = [_Helper(work, left, answers) for _ in range(workers - 1)]
    try:
        for _ in pieces:
            yield _next(work, left, answers)
    finally:
        for helper in helpers:
            helper.end()


def _next(work: Work, left: deque, answers: SimpleQueue) -> Any:
    """Return a result that has come, or else work for one; wait when there is nothing to do."""
    if answers.empty():
        try:
            piece = left.pop()
        except IndexError:
            pass  # The helpers have the rest.
        else:
            return work(piece)
    answer = answers.get()
    if answer.error is not None:
        raise answer.error
    return work(answer.piece) if answer.lost else answer.result


class _Helper:
    """A process that takes pieces from the front, and a thread that speaks with it."""

    def __init__(self, work: Work, left: deque, answers: SimpleQueue) -> None:
        # Not forked: a fork of a process with threads may hang on a lock that one of them held.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self._process.start()
        theirs.close()
        self._thread = Thread(target=self._speak, args=(left, answers), daemon=True)
        self._thread.start()

    def _speak(self, left: deque, answers: SimpleQueue) -> None:
        try:
            self._connection.recv()  # It is ready.
        except (EOFError, OSError):
            return
        while left:
            try:
                piece = left.popleft()
            except IndexError:
                return
            try:
                self._connection.send(piece)
                result, error = self._connection.recv()
            except (EOFError, OSError):
                answers.put(_Answer(piece, lost=True))
                return
            answers.put(_Answer(piece, result, error))

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._thread.join()
        self._connection.close()


def _serve(connection: Connection, work: Work) -> None:
    """Work until the other end is closed, by its death if need be."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        connection.send(None)
        while True:
            piece = connection.recv()
            try:
                answer = work(piece), None
            except Exception as error:
                answer = None, error
            connection.send(answer)
    except (EOFError, OSError):
        return
