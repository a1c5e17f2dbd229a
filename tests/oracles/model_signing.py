"""Hold `uplink.registry.trust.statements` to the `model-signing` tool, both ways.

The tool brings forty packages with it, so that it lives in an environment of its own:

    python -m venv ../model-signing
    ../model-signing/bin/pip install model-signing==1.1.1 pyOpenSSL
    python -m tests.oracles.model_signing ../model-signing/bin/model_signing
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from uplink.registry.trust import statements

FILES = {"weights/model.gguf": b"GGUF and more", "tokenizer.json": b"{}"}


def main(tool: str) -> None:
    """Print one line for each way round and each curve; a failure ends it with a traceback."""
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        with tempfile.TemporaryDirectory() as folder:
            _hold(tool, ec.generate_private_key(curve), Path(folder))
        print(f"{curve.name}: the tool reads ours, refuses changed bytes, and we read the tool's")


def _hold(tool: str, key: ec.EllipticCurvePrivateKey, folder: Path) -> None:
    model, private, public = folder / "qwen3", folder / "private.pem", folder / "public.pem"
    for path, content in FILES.items():
        (model / path).parent.mkdir(parents=True, exist_ok=True)
        (model / path).write_bytes(content)
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(pem, pkcs8, plain))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(pem, spki))

    files = {path: hashlib.sha256(content).hexdigest() for path, content in FILES.items()}
    ours, theirs = folder / "ours.sig", folder / "theirs.sig"
    ours.write_bytes(statements.sign(key, "qwen3", files))
    check = [tool, "verify", "key", str(model), "--signature", str(ours), "--public_key", public]
    subprocess.run(check, check=True, capture_output=True)

    make = [tool, "sign", "key", str(model), "--signature", str(theirs), "--private_key", private]
    subprocess.run(make, check=True, capture_output=True)
    assert statements.verify(key.public_key(), theirs.read_bytes()) == ("qwen3", files)

    (model / "tokenizer.json").write_bytes(b"[]")
    assert subprocess.run(check, capture_output=True).returncode != 0


if __name__ == "__main__":
    main(sys.argv[1])
