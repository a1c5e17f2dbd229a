"""An environment for each peer, made when it is first asked for and kept in `.peers`."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[2] / ".peers"
PEERS = {
    # Apache-2.0.
    "cfdp-py": ("cfdp-py==0.7.0", HERE / "by_cfdppy.py"),
    # MIT.
    "pycfdp": ("pycfdp==0.2.3", HERE / "by_pycfdp.py"),
}


def command(peer: str) -> list[str]:
    """Return what starts a peer: its Python and our script for it."""
    requirement, script = PEERS[peer]
    folder = FOLDER / requirement
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        # An old pip, as Python 3.11 brings, finds no candidate for a dependency of cfdp-py.
        for what in ("pip>=26", requirement):
            install = [python, "-m", "pip", "install", "--quiet", "--upgrade", what]
            subprocess.run(install, check=True, stdout=sys.stderr)
        (folder / "complete").touch()
    return [str(python), str(script)]
