"""The coding of links: as real satellites and another implementation did it."""

import numpy as np
import pytest

from telemetry.frames import aos, cadu, randomiser, reedsolomon, sync
from tests.telemetry import REFERENCE

FRAMES = REFERENCE / "frames"
SNPP = cadu.Coding(892, reedsolomon.Code(32, interleave=4))


def units_of(stream, coding):
    synchroniser = sync.Synchroniser(coding.search)
    return np.concatenate([synchroniser.feed(stream).data, synchroniser.finish().data])


def test_the_downlink_of_a_real_satellite_is_read():
    stream = (FRAMES / "snpp_7cadus_2vcids.dat").read_bytes()

    units = units_of(stream, SNPP)
    decoded = cadu.decode(SNPP, units)
    batch = aos.decode(aos.Layout(892, has_ocf=False, has_fecf=False), decoded.data.tobytes())

    assert not decoded.symbols.any()
    assert batch.channel.tolist().count(16) == 3
    assert batch.channel.tolist().count(6) == 4
    assert set(batch.spacecraft.tolist()) == {157}  # Suomi NPP
    assert (cadu.encode(SNPP, decoded.data) == units).all()


@pytest.mark.parametrize("name", ["dumpFile_aos_1.hex", "dumpFile_aos_1_gap.hex"])
def test_foreign_check_symbols_agree(name):
    # The same code, without a randomiser.
    stream = bytes.fromhex((FRAMES / name).read_text().replace("\n", ""))
    coding = cadu.Coding(892, reedsolomon.Code(32, interleave=4), sequence=None)

    decoded = cadu.decode(coding, units_of(stream, coding))

    assert len(decoded.data) == stream.count(bytes.fromhex("1acffc1d"))
    assert not decoded.symbols.any()


@pytest.mark.parametrize("sequence", [None, *randomiser.Sequence])
@pytest.mark.parametrize("code", [None, reedsolomon.Code(16, interleave=5, is_dual=False)])
def test_what_is_coded_is_decoded(sequence, code):
    size = code.data_bytes if code else 300
    frames = np.random.default_rng(1).integers(0, 256, (4, size), dtype=np.uint8)
    coding = cadu.Coding(size, code, sequence)

    decoded = cadu.decode(coding, units_of(cadu.encode(coding, frames).tobytes(), coding))

    assert (decoded.data == frames).all()
    assert decoded.is_whole.all()


def test_frames_that_do_not_fill_the_code_are_refused():
    with pytest.raises(reedsolomon.BadCode, match="1115 bytes do not fill the code"):
        cadu.Coding(1115, reedsolomon.Code(32, interleave=4))
