"""What a satellite reports of its slots and of what it trusts, signed by itself."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from telemetry import onboard
from telemetry.onboard import SlotState
from uplink.registry.trust.attacks import Attack


class BadInventory(ValueError):
    """Not a report of this satellite; the message says why."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a slot holds; `counter` is that of the release by which it came, 0 for none."""

    state: SlotState = SlotState.EMPTY
    sha256: str = ""
    counter: int = 0


@dataclass(frozen=True, slots=True)
class Inventory:
    """One report; `onboard.INVENTORY_LAYOUT` says what the fields mean."""

    number: int
    at_ns: int
    nonce: int
    attack: Attack
    root: int
    snapshot: int
    assignment: int
    counter: int
    slot_a: Held
    slot_b: Held

    def encode(self, satellite: str, key: Ed25519PrivateKey) -> bytes:
        """Return the payload of an INVENTORY packet."""
        slots = []
        for held in (self.slot_a, self.slot_b):
            digest = bytes.fromhex(held.sha256) or onboard.NO_DIGEST
            slots += [held.state, digest, held.counter]
        body = onboard.INVENTORY_LAYOUT.pack(
            self.number,
            self.at_ns,
            self.nonce,
            self.attack,
            self.root,
            self.snapshot,
            self.assignment,
            self.counter,
            *slots,
        )
        return body + key.sign(_signed(satellite, body))

    @classmethod
    def decode(cls, payload: bytes, satellite: str, key: Ed25519PrivateKey) -> Inventory:
        """Read a payload that `satellite` signed; `BadInventory` when it did not."""
        body = payload[: onboard.INVENTORY_LAYOUT.size]
        signature = payload[onboard.INVENTORY_LAYOUT.size :]
        try:
            key.public_key().verify(signature, _signed(satellite, body))
            *said, a, a_sha, a_counter, b, b_sha, b_counter = onboard.INVENTORY_LAYOUT.unpack(body)
            number, at_ns, nonce, attack, root, snapshot, assignment, counter = said
            slot_a = Held(SlotState(a), _hex(a_sha), a_counter)
            slot_b = Held(SlotState(b), _hex(b_sha), b_counter)
            return cls(
                *(number, at_ns, nonce, Attack(attack), root, snapshot, assignment, counter),
                slot_a,
                slot_b,
            )
        except InvalidSignature:
            raise BadInventory("the signature is not this satellite's")
        except (struct.error, ValueError) as error:
            raise BadInventory(str(error)) from error


def key_of(master: bytes, satellite: str) -> Ed25519PrivateKey:
    """Return the key of one satellite, made from the master key of telecommands."""
    info = onboard.inventory_key_info(satellite)
    seed = HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(master)
    return Ed25519PrivateKey.from_private_bytes(seed)


def _signed(satellite: str, body: bytes) -> bytes:
    return onboard.INVENTORY_DOMAIN + satellite.encode() + body


def _hex(digest: bytes) -> str:
    return "" if digest == onboard.NO_DIGEST else digest.hex()
