"""What the tests run on is what Zenith runs on, and every package has its hash."""

import re
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"


def pins(name: str) -> dict[str, str]:
    text = (REQUIREMENTS / name).read_text()
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.M))


def test_the_tests_run_on_the_same_pins():
    base, test = pins("base.txt"), pins("test.txt")
    assert base.items() <= test.items()


def test_every_pin_has_a_hash():
    for name in ("base.txt", "test.txt", "weights.txt"):
        text = (REQUIREMENTS / name).read_text()
        for block in re.split(r"^(?=\S)", text, flags=re.M):
            if "==" in block and not block.startswith("#"):
                assert "--hash=sha256:" in block, block.splitlines()[0]
