"""Notes and keys (c2sp.org/signed-note)."""

import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .base import Refused, b64, sha256, unb64

ED25519, WITNESS_ED25519, ML_DSA = 1, 4, 6
LENGTHS = {ED25519: 32, WITNESS_ED25519: 32, ML_DSA: 1312}
SMALL_ORDER = {
    bytes.fromhex(key)
    for key in (
        "01" + "00" * 31,
        "00" * 32,
        "00" * 31 + "80",
        "ec" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
}


def is_name(name):
    return bool(name) and not re.search(r"[\s+\x00-\x1f\x7f-\x9f]", name)


def key_id(name, kind, key):
    return sha256(name.encode() + b"\n" + bytes([kind]) + key)[:4]


def make_vkey(name, kind, key):
    return f"{name}+{key_id(name, kind, key).hex()}+{b64(bytes([kind]) + key)}"


def parse_vkey(text):
    """(name, key id, type, key)"""
    try:
        name, identity, material = text.split("+", 2)
        material = unb64(material)
    except ValueError:
        raise Refused("vkey") from None
    kind, key = material[:1], material[1:]
    sound = (
        is_name(name)
        and kind
        and LENGTHS.get(kind[0]) == len(key)
        and key not in SMALL_ORDER
        and key_id(name, kind[0], key).hex() == identity
    )
    if not sound:
        raise Refused("vkey")
    return name, bytes.fromhex(identity), kind[0], key


def parse_note(note):
    """(text, [(name, key id, signature)])"""
    split_at = note.rfind("\n\n")
    lines = note[split_at + 2 :].split("\n")
    if (
        len(note.encode()) > 1_000_000
        or re.search(r"[\x00-\x09\x0b-\x1f]", note)
        or split_at < 0
        or lines.pop() != ""
        or len(lines) not in range(1, 65)
    ):
        raise Refused("form")
    signatures = []
    for line in lines:
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or not is_name(parts[1]):
            raise Refused("form")
        try:
            data = unb64(parts[2])
        except ValueError:
            raise Refused("form") from None
        if len(data) < 5:
            raise Refused("form")
        signatures.append((parts[1], data[:4], data[4:]))
    return note[: split_at + 1], signatures


def check_note(note, vkeys):
    """The vkeys whose Ed25519 line is there and holds."""
    text, signatures = parse_note(note)
    held = []
    for vkey in vkeys:
        name, identity, kind, key = parse_vkey(vkey)
        lines = [s for n, i, s in signatures if (n, i) == (name, identity) and kind == ED25519]
        for signature in lines:
            holds(Ed25519PublicKey.from_public_bytes(key), signature, text.encode())
        if lines:
            held.append(vkey)
    return held


def holds(key, signature, message):
    try:
        key.verify(signature, message)
    except (InvalidSignature, ValueError):
        raise Refused("forged") from None
