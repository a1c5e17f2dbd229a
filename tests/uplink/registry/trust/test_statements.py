import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from uplink.registry.trust import statements

FILES = {"model.gguf": "ab" * 32, "config/tokenizer.json": "cd" * 32}


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_what_is_signed_is_read_again(curve):
    key = ec.generate_private_key(curve)
    signed = statements.sign(key, "qwen3-8b", FILES)
    assert statements.verify(key.public_key(), signed) == ("qwen3-8b", FILES)


def test_another_key_and_other_bytes_are_refused():
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    signed = json.loads(statements.sign(key, "qwen3-8b", FILES))
    with pytest.raises(statements.BadStatement, match="another key"):
        statements.verify(other.public_key(), json.dumps(signed).encode())

    envelope = signed["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"]).replace(b"ab", b"ac", 1)
    envelope["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(statements.BadStatement, match="not good"):
        statements.verify(key.public_key(), json.dumps(signed).encode())


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"[" * 90_000, b'{"dsseEnvelope": 1}'])
def test_garbage_is_refused(content):
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(statements.BadStatement):
        statements.verify(key, content)


def test_curves_that_the_form_does_not_know_are_refused():
    with pytest.raises(statements.BadStatement, match="P-256"):
        statements.sign(ec.generate_private_key(ec.SECP256K1()), "qwen3-8b", FILES)
