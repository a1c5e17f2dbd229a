"""Signatures of models in the OpenSSF model-signing form, with a plain key.

A sigstore bundle (v0.3) holds a DSSE envelope, which holds an in-toto statement (v1) whose
predicate `https://model_signing/signature/v1.0` lists every file with its SHA-256. The tool
`model-signing` 1.x reads what is written here (`model_signing verify key`), and the other way
round. It takes keys on NIST curves alone, which is why these are not the keys of releases.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://model_signing/signature/v1.0"
BYTES_MAX = 16 * 1024 * 1024
_HASHES = {"secp256r1": hashes.SHA256, "secp384r1": hashes.SHA384, "secp521r1": hashes.SHA512}
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BadStatement(ValueError):
    """Not a model's signature, not by this key, or of other bytes; the message says which."""


def sign(key: ec.EllipticCurvePrivateKey, name: str, files: Mapping[str, str]) -> bytes:
    """Return the signature file of model `name` with `files` (path: SHA-256 in hex)."""
    resources = [
        {"name": path, "algorithm": "sha256", "digest": files[path]} for path in sorted(files)
    ]
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": _over_all(files)}}],
        "predicateType": PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [],
            },
            "resources": resources,
        },
    }
    payload = json.dumps(statement, separators=(",", ":")).encode()
    signature = key.sign(_encoded(payload), ec.ECDSA(_hash_of(key.public_key())))
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {
            "publicKey": {"hint": _hint(key.public_key())},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps(bundle).encode()


def verify(key: ec.EllipticCurvePublicKey, content: bytes) -> tuple[str, dict[str, str]]:
    """Return the name of the model and its files (path: SHA-256) as signed by `key`.

    Raises `BadStatement`. To compare the files with bytes is the caller's.
    """
    if len(content) > BYTES_MAX:
        raise BadStatement(f"A signature of {len(content)} bytes is too long.")
    try:
        bundle = json.loads(content)
        envelope = bundle["dsseEnvelope"]
        hint = bundle["verificationMaterial"]["publicKey"].get("hint")
        payload = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        if envelope["payloadType"] != PAYLOAD_TYPE:
            raise BadStatement(f"The payload is {envelope['payloadType']!r:.80}.")
    except BadStatement:
        raise
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise BadStatement(f"This is not a model's signature: {error!r:.80}") from error
    if hint and hint != _hint(key):
        raise BadStatement("It was signed by another key.")
    try:
        key.verify(signature, _encoded(payload), ec.ECDSA(_hash_of(key)))
    except InvalidSignature:
        raise BadStatement("The signature is not good.")
    return _read(payload)


def _read(payload: bytes) -> tuple[str, dict[str, str]]:
    try:
        statement = json.loads(payload)
        if (statement["_type"], statement["predicateType"]) != (STATEMENT, PREDICATE):
            raise BadStatement("The statement is not about a model's files.")
        (subject,) = statement["subject"]
        resources = statement["predicate"]["resources"]
        files = {one["name"]: one["digest"] for one in resources}
        kinds = {one["algorithm"] for one in resources}
        name, whole = subject["name"], subject["digest"]["sha256"]
    except BadStatement:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadStatement(f"The statement cannot be read: {error!r:.80}") from error
    digests = all(isinstance(one, str) and _SHA256.fullmatch(one) for one in files.values())
    if kinds != {"sha256"} or not digests or len(files) != len(resources):
        raise BadStatement("Files are named by SHA-256, each once.")
    if whole != _over_all(files):
        raise BadStatement("The digest over all files is not theirs.")
    return name, files


def _over_all(files: Mapping[str, str]) -> str:
    """Return the digest of the digests, in the order of the names."""
    joined = b"".join(bytes.fromhex(files[path]) for path in sorted(files))
    return hashlib.sha256(joined).hexdigest()


def _encoded(payload: bytes) -> bytes:
    """Return what is signed: DSSE's pre-authentication encoding (v1.0)."""
    head = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)}"
    return head.encode() + b" " + payload


def _hash_of(key: ec.EllipticCurvePublicKey) -> hashes.HashAlgorithm:
    if key.curve.name not in _HASHES:
        raise BadStatement(f"Keys lie on P-256, P-384 or P-521, not on {key.curve.name}.")
    return _HASHES[key.curve.name]()


def _hint(key: ec.EllipticCurvePublicKey) -> str:
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(pem).hexdigest()
