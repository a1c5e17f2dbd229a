"""Reed-Solomon of CCSDS: against another implementation, published tables, and errors put in."""

import numpy as np
import pytest
import reedsolo
from hypothesis import given
from hypothesis import strategies as st

from telemetry.frames import galois, reedsolomon
from telemetry.frames.reedsolomon import Code

codes = st.builds(
    Code,
    parity_bytes=st.sampled_from([16, 32]),
    interleave=st.integers(1, 8),
    is_dual=st.booleans(),
    fill_bytes=st.sampled_from([0, 1, 100, 222]),
)


def noise(shape, seed):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def spoil(blocks, code, counts, seed):
    """Change so many symbols of each codeword, (n, interleave), and return what arrives."""
    random, spoilt = np.random.default_rng(seed), blocks.copy()
    symbols = code.block_bytes // code.interleave
    for (row, word), count in np.ndenumerate(counts):
        places = random.choice(symbols, min(count, symbols), replace=False)
        spoilt[row, places * code.interleave + word] ^= random.integers(
            1, 256, len(places), dtype=np.uint8
        )
    return spoilt


def test_the_dual_basis_is_the_published_one():
    # Annex F of CCSDS 131.0-B-5: the rows of the matrix to the dual basis, alpha^7 first.
    rows = [int(galois.TO_DUAL[1 << power]) for power in range(7, -1, -1)]
    assert bytes(rows).hex() == "8defec86fa99af7b"
    assert sorted(galois.FROM_DUAL[galois.TO_DUAL]) == list(range(256))


@pytest.mark.parametrize("parity_bytes", [16, 32])
def test_another_implementation_makes_the_same_parity(parity_bytes):
    other = reedsolo.RSCodec(
        nsym=parity_bytes, fcr=128 - parity_bytes // 2, prim=galois.FIELD, generator=173
    )  # 173 is alpha to the 11
    data = noise((3, 255 - parity_bytes), 1)

    blocks = reedsolomon.encode(Code(parity_bytes, is_dual=False), data)
    dual = reedsolomon.encode(Code(parity_bytes, is_dual=True), galois.TO_DUAL[data])

    assert [block.tobytes() for block in blocks] == [bytes(other.encode(row)) for row in data]
    assert (galois.FROM_DUAL[dual] == blocks).all()


@given(code=codes, n=st.integers(0, 4), seed=st.integers(0, 99), data=st.data())
def test_as_many_errors_as_the_code_promises_are_corrected(code, n, seed, data):
    frames = noise((n, code.data_bytes), seed)
    most = min(code.parity_bytes // 2, code.block_bytes // code.interleave)
    words = n * code.interleave
    counts = data.draw(st.lists(st.integers(0, most), min_size=words, max_size=words))
    counts = np.array(counts, np.int64).reshape(n, code.interleave)

    corrected = reedsolomon.decode(
        code, spoil(reedsolomon.encode(code, frames), code, counts, seed)
    )

    assert (corrected.data == frames).all()
    assert (corrected.symbols == counts).all()
    assert corrected.is_whole.all()


@pytest.mark.parametrize("fill_bytes", [0, 60])
def test_what_cannot_be_corrected_is_said_and_left_as_it_came(fill_bytes):
    # One codeword of every block has 20 errors, four more than can be mended. One pattern in some
    # 10^13 looks like another codeword's 16 errors (1/16! of them do).
    code = Code(32, interleave=4, fill_bytes=fill_bytes)
    counts = np.full((50, 4), 16)
    counts[np.arange(50), np.arange(50) % 4] = 20
    frames = noise((50, code.data_bytes), 3)
    received = spoil(reedsolomon.encode(code, frames), code, counts, 4)

    corrected = reedsolomon.decode(code, received)

    lost = corrected.symbols == reedsolomon.UNCORRECTABLE
    assert (lost == (counts == 20)).all()
    assert not corrected.is_whole.any()
    symbols = corrected.data.reshape(50, -1, 4)
    came = received[:, : code.data_bytes].reshape(50, -1, 4)
    sent = frames.reshape(50, -1, 4)
    expected = np.where(lost[:, None, :], came, sent)
    assert (symbols == expected).all()


def test_blocks_that_came_are_not_written_into():
    code = Code(16)
    blocks = reedsolomon.encode(code, noise((1, code.data_bytes), 5))
    blocks[0, 7] ^= 1
    blocks.setflags(write=False)

    assert reedsolomon.decode(code, blocks).symbols.tolist() == [[1]]


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"parity_bytes": 31}, "32 or 16"),
        ({"interleave": 0}, "1 to 8"),
        ({"interleave": 9}, "1 to 8"),
        ({"fill_bytes": 223}, "no room"),
        ({"fill_bytes": -1}, "no room"),
    ],
)
def test_codes_that_do_not_exist_are_refused(details, reason):
    with pytest.raises(reedsolomon.BadCode, match=reason):
        Code(**details)


def test_blocks_of_another_length_are_refused():
    with pytest.raises(reedsolomon.BadCode, match="1020 bytes"):
        reedsolomon.decode(Code(interleave=4), np.zeros((1, 1019), np.uint8))
