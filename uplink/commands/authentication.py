"""Telecommands that only we can have made: AES-CMAC under a key of each satellite's own.

The key comes from a master key by HKDF-SHA256 (RFC 5869); the code (NIST SP 800-38B) covers the
whole packet with its anti-replay counter, so that a recorded command is worth nothing.
"""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives import cmac, hashes
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from telemetry import onboard
from telemetry.frames import tc
from telemetry.packets import space

_KEY_BYTES, _MASTER_BYTES = 16, 32


def master_key(path: Path) -> bytes:
    """Return the master key, making it (mode 0600) the first time; safe among processes."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=path.parent)  # 0600 by itself
        with os.fdopen(number, "w") as file:
            file.write(secrets.token_hex(_MASTER_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            pass  # another process was first
        finally:
            os.unlink(name)
    key = bytes.fromhex(path.read_text().strip())
    if len(key) != _MASTER_BYTES:
        raise ValueError(f"{path} does not hold {_MASTER_BYTES} bytes in hexadecimal digits.")
    return key


def satellite_key(master: bytes, satellite_code: str) -> bytes:
    """Return the 16-byte key of one satellite."""
    info = onboard.telecommand_key_info(satellite_code)
    return HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=info).derive(master)


def packet(key: bytes, command_id: UUID, counter: int, opcode: int, arguments: bytes) -> bytes:
    """Return the authenticated space packet of a telecommand."""
    head = onboard.TELECOMMAND_LAYOUT.pack(command_id.bytes, counter, opcode)
    return _authenticated(key, onboard.Apid.TELECOMMAND, counter, head + arguments)


def _authenticated(key: bytes, apid: onboard.Apid, counter: int, body: bytes) -> bytes:
    unsigned = space.encode(
        apid, counter, body + bytes(onboard.TELECOMMAND_MAC_BYTES), is_command=True
    )[: -onboard.TELECOMMAND_MAC_BYTES]
    code = cmac.CMAC(algorithms.AES(key))
    code.update(unsigned)
    return unsigned + code.finalize()


def relayed_packet(
    key: bytes,
    entity_id: int,
    until_ns: int,
    command_id: UUID,
    counter: int,
    opcode: int,
    arguments: bytes,
) -> bytes:
    """Return the authenticated packet of a telecommand that others hand on to satellite
    `entity_id`, not to be obeyed from `until_ns` (mission time, ns since 1970) on."""
    head = onboard.RELAYED_COMMAND_LAYOUT.pack(
        entity_id, until_ns, command_id.bytes, counter, opcode
    )
    return _authenticated(key, onboard.Apid.RELAYED_COMMAND, counter, head + arguments)


def relay_key(master: bytes, satellite_code: str) -> bytes:
    """Return the 16-byte key by which a satellite seals packets that others hand on."""
    info = onboard.relay_key_info(satellite_code)
    return HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=info).derive(master)


def is_sealed(key: bytes, entity_id: int, packet: bytes, code: bytes) -> bool:
    """Say whether `code` proves that the packet is of the satellite whose key this is."""
    wanted = cmac.CMAC(algorithms.AES(key))
    wanted.update(onboard.RELAYED_DOMAIN + entity_id.to_bytes(2) + packet)
    return hmac.compare_digest(wanted.finalize(), code)


def frame(spacecraft_id: int, counter: int, command: bytes) -> bytes:
    """Return a TC frame around a telecommand's packet that goes outside the sequence of COP-1."""
    return tc.encode(tc.Frame(spacecraft_id, onboard.TELECOMMAND_CHANNEL, counter & 0xFF, command))
