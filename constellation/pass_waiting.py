"""What a question about passes would have to wait for, and having it computed meanwhile.

The whole planned fleet takes minutes to compute for the first time: nobody's request hangs for
that. A worker computes, and who asks is told how far it is.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from kombu.exceptions import OperationalError

from constellation import pass_blocks, tasks, visibility
from constellation.questions import rfc3339
from constellation.visibility import View
from ops import errors

PATIENCE = 1_500
"""Pieces (satellites times six hours) that a request computes itself: a few seconds."""
ASK_AGAIN_S = 3
log = logging.getLogger(__name__)


class StillComputing(errors.Unavailable):
    """The passes are being computed; `done` of `wanted` pieces are there."""

    code = "still_computing"
    retry_after_s = ASK_AGAIN_S


@dataclass(frozen=True)
class Progress:
    """How much of what is wanted is computed."""

    done: int
    wanted: int

    @property
    def is_near(self) -> bool:
        """Whether a request may compute what is left itself."""
        return self.wanted - self.done <= PATIENCE


def progress(view: View, start_at: datetime, end_at: datetime) -> Progress:
    """Return how much of a span is computed; if much is not, let a worker compute it."""
    blocks = visibility.blocks_of(start_at, end_at)
    wanted = len(view.element_sets) * len(blocks)
    if wanted <= PATIENCE:
        return Progress(wanted, wanted)
    missing, wanted = pass_blocks.missing(view.element_sets, view.stations, blocks)
    found = Progress(wanted - missing, wanted)
    if not found.is_near:
        span = {"start": rfc3339(start_at), "end": rfc3339(end_at)}
        try:
            # Those that wait behind the first expire, or find everything done.
            tasks.compute_passes.apply_async(kwargs=span, expires=2 * ASK_AGAIN_S, retry=False)
        except OperationalError as error:
            log.warning("passes wait for the planner's tick: %s", error)
    return found


def check(view: View, start_at: datetime, end_at: datetime) -> None:
    """Refuse, for now, a question whose answer would take long to compute."""
    found = progress(view, start_at, end_at)
    if not found.is_near:
        raise StillComputing(
            f"The passes are being computed: {found.done:,} of {found.wanted:,} pieces are there. "
            f"Ask again in {ASK_AGAIN_S} s.",
            done=found.done,
            wanted=found.wanted,
        )
