"""Checkpoints, cosignatures and tlog-proof."""

import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from dilithium_py.ml_dsa import ML_DSA_44

from .base import Refused, b64, decimal, unb64
from .note import ED25519, ML_DSA, WITNESS_ED25519, check_note, holds, is_name, make_vkey, parse_note, parse_vkey
from .tree import check_inclusion, leaf


def parse_checkpoint(text):
    """(origin, size, root)"""
    lines = text.split("\n")
    try:
        if len(lines) != 4 or lines[3] or not is_name(lines[0]) or len(lines[0].encode()) > 255:
            raise ValueError("lines")
        digest = unb64(lines[2])
        if len(digest) != 32:
            raise ValueError("root")
        return lines[0], decimal(lines[1]), digest
    except ValueError:
        raise Refused("statement") from None


def cosigned_message(name, seconds, origin, size, digest):
    opaque = lambda text: bytes([len(text.encode())]) + text.encode()
    numbers = struct.pack(">QQ", 0, size)
    return b"subtree/v1\n\0" + opaque(name) + struct.pack(">Q", seconds) + opaque(origin) + numbers + digest


def check_checkpoint(note, vkeys):
    """What a verifier with these keys learns."""
    text, signatures = parse_note(note)
    origin, size, digest = parse_checkpoint(text)
    held, witnessed, cosigned = check_note(note, vkeys), {}, None
    if any(parse_vkey(vkey)[0] != origin for vkey in held):
        raise Refused("statement")
    for vkey in vkeys:
        name, identity, kind, key = parse_vkey(vkey)
        if kind == ED25519:
            continue
        length = 2420 if kind == ML_DSA else 64
        for line in (s for n, i, s in signatures if (n, i) == (name, identity)):
            if len(line) != 8 + length or line[0] >= 0x80:
                raise Refused("forged")
            seconds = struct.unpack(">Q", line[:8])[0]
            if kind == ML_DSA:
                message = cosigned_message(name, seconds, origin, size, digest)
                holds(MLDSA44PublicKey.from_public_bytes(key), line[8:], message)
            else:
                message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
                holds(Ed25519PublicKey.from_public_bytes(key), line[8:], message)
            if kind == WITNESS_ED25519 or name != origin:
                witnessed[vkey] = max(witnessed.get(vkey) or 0, seconds) or None
            else:
                if vkey not in held:
                    held.append(vkey)
                if seconds:
                    cosigned = max(cosigned or 0, seconds)
    known = {parse_vkey(vkey)[:2] for vkey in vkeys}
    return {
        "origin": origin,
        "size": size,
        "root": digest.hex(),
        "held": held,
        "witnessed": list(witnessed),
        "witnessed_at": list(witnessed.values()),
        "cosigned": cosigned,
        "unknown": [n for n, i, _ in signatures if (n, i) not in known],
    }


def check_proof(text, linked, vkeys):
    """Index and checkpoint of a tlog-proof for the record with this hash."""
    head, empty, note = text.partition("\n\n")
    lines = head.split("\n")
    try:
        if not empty or lines.pop(0) != "c2sp.org/tlog-proof@v1":
            raise ValueError("first line")
        if lines and lines[0].startswith("extra "):
            unb64(lines.pop(0)[6:])
        if not lines or not lines[0].startswith("index "):
            raise ValueError("index")
        index, path = decimal(lines.pop(0)[6:]), [unb64(line) for line in lines]
        if any(len(hash) != 32 for hash in path) or len(path) > 63:
            raise ValueError("path")
    except ValueError:
        raise Refused("form") from None
    checkpoint = check_checkpoint(note, vkeys)
    check_inclusion(leaf(linked), index, checkpoint["size"], path, bytes.fromhex(checkpoint["root"]))
    return index, checkpoint


class Signer:
    """Both keys of a log, from their seeds."""

    def __init__(self, name, ed25519, ml_dsa_44):
        self.name = name
        self.ed25519 = Ed25519PrivateKey.from_private_bytes(ed25519)
        self.public, self.secret = ML_DSA_44.key_derive(ml_dsa_44)
        self.vkeys = [
            make_vkey(name, ED25519, self.ed25519.public_key().public_bytes_raw()),
            make_vkey(name, ML_DSA, self.public),
        ]
        self.witness_vkey = make_vkey(name, WITNESS_ED25519, self.ed25519.public_key().public_bytes_raw())

    def line(self, which, signature):
        return self.line_of(self.vkeys[which], signature)

    def line_of(self, vkey, signature):
        return f"— {self.name} {b64(parse_vkey(vkey)[1] + signature)}\n"

    def sign(self, text):
        return self.line(0, self.ed25519.sign(text.encode()))

    def cosign(self, text, seconds):
        message = cosigned_message(self.name, seconds, *parse_checkpoint(text))
        signature = ML_DSA_44.sign(self.secret, message, deterministic=True)
        return self.line(1, struct.pack(">Q", seconds) + signature)

    def witness(self, text, seconds):
        """As a witness with an Ed25519 key."""
        message = f"cosignature/v1\ntime {seconds}\n{text}"
        return self.line_of(self.witness_vkey, struct.pack(">Q", seconds) + self.ed25519.sign(message.encode()))
