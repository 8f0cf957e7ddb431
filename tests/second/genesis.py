"""The genesis note."""

import datetime
import re

from .base import CHAIN_NAME, Refused, decimal, sha256, unb64
from .note import ED25519, ML_DSA, check_note, is_name, parse_note, parse_vkey


def check_origin(origin):
    chain = origin.rpartition("/")[2]
    if (
        not is_name(origin)
        or origin.startswith("/")
        and origin.count("/") == 1
        or "/" not in origin
        or not CHAIN_NAME.fullmatch(chain)
        or len(origin.encode()) > 255
        or origin in ("cosignature/v1", "subtree/v1")
    ):
        raise ValueError("origin")


def check_genesis(note):
    """The digest of the text."""
    text, _ = parse_note(note)
    names = ("origin", "created", "partition", "key", "key", "recovery", "predecessor")
    lines = text.split("\n")
    try:
        if lines[0] != "sealtrail genesis v1" or len(lines) != 9 or lines[8]:
            raise ValueError("lines")
        values = []
        for name, line in zip(names, lines[1:8]):
            if not line.startswith(name + " "):
                raise ValueError(name)
            values.append(line[len(name) + 1 :])
        origin, created, partition, ed25519, ml_dsa, recovery, predecessor = values
        check_origin(origin)
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", created, re.ASCII):
            raise ValueError("created")
        if datetime.datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").year < 1970:
            raise ValueError("created")
        decimal(partition, 2**31)
        for key, kind in ((ed25519, ED25519), (ml_dsa, ML_DSA)):
            name, _, found, _ = parse_vkey(key)
            if name != origin or found != kind:
                raise ValueError("key")
        if recovery != "none" and parse_vkey(recovery)[2] != ED25519:
            raise ValueError("recovery")
        if predecessor != "none":
            other, size, digest = predecessor.split(" ")
            check_origin(other)
            decimal(size)
            if len(unb64(digest)) != 32:
                raise ValueError("root")
    except ValueError:
        raise Refused("statement") from None
    if not check_note(note, [ed25519]):
        raise Refused("unsigned")
    return sha256(text.encode())


def check_rotation(note, origin, before):
    """What a note says that changes a chain's keys; `before` are the vkeys in force until then."""
    text, _ = parse_note(note)
    names = ("origin", "created", "cause", "size", "root", "key", "key", "recovery")
    lines = text.split("\n")
    try:
        if lines[0] != "sealtrail key rotation v1" or len(lines) != 10 or lines[9]:
            raise ValueError("lines")
        values = []
        for name, line in zip(names, lines[1:9]):
            if not line.startswith(name + " "):
                raise ValueError(name)
            values.append(line[len(name) + 1 :])
        named, created, cause, size, digest, ed25519, ml_dsa, recovery = values
        check_origin(named)
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", created, re.ASCII):
            raise ValueError("created")
        datetime.datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ")
        if cause not in ("planned", "lost", "compromised"):
            raise ValueError("cause")
        decimal(size)
        if len(unb64(digest)) != 32:
            raise ValueError("root")
        for key, kind in ((ed25519, ED25519), (ml_dsa, ML_DSA)):
            name, _, found, _ = parse_vkey(key)
            if name != named or found != kind:
                raise ValueError("key")
        if recovery != "none" and parse_vkey(recovery)[2] != ED25519:
            raise ValueError("recovery")
    except ValueError:
        raise Refused("statement") from None
    if not check_note(note, [ed25519]):
        raise Refused("unsigned")
    if named != origin or ed25519 == before["ed25519"] or ml_dsa == before["ml_dsa_44"]:
        raise Refused("statement")
    vouches = before["ed25519"] if cause == "planned" else before["recovery"]
    if vouches is None:
        raise Refused("statement")
    if not check_note(note, [vouches]):
        raise Refused("unsigned")
    return {
        "cause": cause,
        "size": int(size),
        "root": unb64(digest).hex(),
        "keys": [ed25519, ml_dsa],
        "recovery": None if recovery == "none" else recovery,
    }

