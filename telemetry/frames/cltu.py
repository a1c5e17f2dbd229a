"""Communications link transmission units: TC frames on their way up (CCSDS 231.0-B-4).

A unit is a start sequence, code blocks of 7 bytes and a check byte each (a modified BCH code), and
a tail sequence that is made to be no code block.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from telemetry.frames import randomiser

START = 0xEB90
"""The start sequence (5.2.2)."""
TAIL = bytes.fromhex("c5c5c5c5c5c5c579")
"""The tail sequence (5.2.4)."""
DATA_BYTES, BLOCK_BYTES = 7, 8
_GENERATOR = 0b11000101
"""g(x) = x^7 + x^6 + x^2 + 1 (3.3)."""
_FILL = 0x55
_BLOCK_BITS = 63
"""The 64th bit is filler and is not looked at (3.4)."""
_START_BITS, _START_ERRORS_MOST = 16, 1


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit heard: what stood in its blocks, fill and all; where its first bit is in the stream;
    and how many bits were corrected in it."""

    data: bytes
    at_bit: int
    corrected: int


def _divided(polynomial: int) -> int:
    """Return the remainder of a polynomial, as the bits of a number, by the generator."""
    while (excess := polynomial.bit_length() - 8) >= 0:
        polynomial ^= _GENERATOR << excess
    return polynomial


@cache
def _remainders() -> NDArray[np.uint8]:
    """Return what each value of each of 7 bytes adds to the 7 check bits: (7, 256)."""
    shifts = [7 + 8 * (DATA_BYTES - 1 - place) for place in range(DATA_BYTES)]
    rows = [[_divided(value << shift) for value in range(256)] for shift in shifts]
    return np.array(rows, np.uint8)


def _checks(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the 7 check bits of each row of 7 bytes, before they are inverted."""
    table = _remainders()
    return np.bitwise_xor.reduce(table[np.arange(DATA_BYTES), data], axis=-1)


@cache
def _places() -> dict[int, int]:
    """Return for the syndrome of each single error its bit, the first one sent being 0."""
    places = {1 << 6 - bit: 56 + bit for bit in range(7)}
    for bit in range(56):
        data = np.zeros(DATA_BYTES, np.uint8)
        data[bit // 8] = 0x80 >> bit % 8
        places[int(_checks(data))] = bit
    return places


def encode(frames: bytes, *, is_randomised: bool = False) -> bytes:
    """Return the unit around one or several TC frames. ValueError when there is nothing to send.

    The last block is filled up (5.2.3), behind what the randomiser touches.
    """
    if not frames:
        raise ValueError("a transmission unit carries a frame or more")
    data = np.frombuffer(frames, np.uint8)
    if is_randomised:
        data = randomiser.apply(randomiser.Sequence.TC, data)
    blocks = np.full(-(-len(data) // DATA_BYTES) * DATA_BYTES, _FILL, np.uint8)
    blocks[: len(data)] = data
    blocks = blocks.reshape(-1, DATA_BYTES)
    checks = (~_checks(blocks) & 0x7F) << 1
    coded = np.concatenate([blocks, checks.astype(np.uint8)[:, None]], axis=1)
    return START.to_bytes(2) + coded.tobytes() + TAIL


def decode(stream: bytes, *, corrects: bool = True, is_randomised: bool = False) -> list[Unit]:
    """Return the units in a stream of bits, whatever bit they begin at.

    With `corrects`, one wrong bit of a block is corrected, and one of a start sequence passed over
    (the mode SEC); without, up to three are detected and end the unit (TED). A unit ends before the
    first block that is none; one without any good block is not told.
    """
    bits = np.unpackbits(np.frombuffer(stream, np.uint8))
    is_taken, units = np.zeros(len(bits), bool), []
    for start in _starts(bits, _START_ERRORS_MOST if corrects else 0):
        # One bit in 4,000 of noise looks like a start with an error, and half of all blocks can be
        # corrected to something: what begins perfectly goes first.
        end = start + _START_BITS + 8 * BLOCK_BYTES
        if is_taken[start:end].any():
            continue
        data, corrected, blocks = _blocks(bits, start + _START_BITS, corrects)
        if blocks:
            is_taken[start : end + 8 * BLOCK_BYTES * (blocks - 1)] = True
            if is_randomised:
                data = randomiser.apply(
                    randomiser.Sequence.TC, np.frombuffer(data, np.uint8)
                ).tobytes()
            units.append(Unit(data, start, corrected))
    return sorted(units, key=lambda unit: unit.at_bit)


def _starts(bits: NDArray[np.uint8], errors_most: int) -> list[int]:
    """Return the bits at which a start sequence may begin, those without an error first."""
    count = len(bits) - _START_BITS + 1
    if count <= 0:
        return []
    wanted = np.unpackbits(np.frombuffer(START.to_bytes(2), np.uint8))
    errors = np.zeros(count, np.uint8)
    for place, bit in enumerate(wanted):
        errors += bits[place : place + count] ^ bit
    places = np.flatnonzero(errors <= errors_most)
    return places[np.argsort(errors[places], kind="stable")].tolist()


def _blocks(bits: NDArray[np.uint8], at: int, corrects: bool) -> tuple[bytes, int, int]:
    """Return the data of the good blocks from a bit on, bits corrected, and how many they are."""
    data, corrected, blocks = bytearray(), 0, 0
    while at + 8 * BLOCK_BYTES <= len(bits) + 1:  # the very last filler may be missing
        block = bits[at : at + _BLOCK_BITS]
        octets = np.packbits(block)
        syndrome = int(_checks(octets[:DATA_BYTES])) ^ (~int(octets[DATA_BYTES]) >> 1 & 0x7F)
        if syndrome:
            place = _places().get(syndrome) if corrects else None
            if place is None:
                break
            block = block.copy()
            block[place] ^= 1
            corrected += 1
        data += np.packbits(block[:56]).tobytes()
        at, blocks = at + 8 * BLOCK_BYTES, blocks + 1
    return bytes(data), corrected, blocks
