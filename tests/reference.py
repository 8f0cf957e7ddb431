"""The second implementation of the chain format, written from chain/FORMAT.md alone.

Content, links, trees, names, digests and frames use the standard library; signatures and ciphers the packages of
requirements.txt. It is slow and plain on purpose: where RFC 6962 gives a recursion, this is that recursion.
"""

import base64
import datetime
import hashlib
import hmac
import json
import re
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from dilithium_py.ml_dsa import ML_DSA_44


class Refused(Exception):
    """What a reader of the format must not take; `args[0]` says which kind of refusal."""


def sha256(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    data = base64.b64decode(text, validate=True)
    if b64(data) != text:
        raise ValueError("not the one base64 writing")
    return data


def decimal(text, limit=2**63):
    if not re.fullmatch("0|[1-9][0-9]*", text) or int(text) >= limit:
        raise ValueError("not a decimal")
    return int(text)


# Content

CHAIN_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
MAX_DEPTH = 24


def double(value):
    """ECMAScript's writing of a finite double, from the shortest digits, which repr finds."""
    if value == 0:
        return "0"
    sign, digits, exponent = "-" if value < 0 else "", *re.fullmatch(
        r"([0-9.]+)(?:e([+-][0-9]+))?", repr(abs(value))
    ).groups("0")
    whole, _, fraction = digits.partition(".")
    point = len(whole) + int(exponent)
    digits = whole + fraction
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    mantissa = digits[0] + ("." + digits[1:] if digits[1:] else "")
    return f"{sign}{mantissa}e{point - 1:+d}"


ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def text_json(text):
    text.encode()  # a lone surrogate has no UTF-8
    return '"' + "".join(ESCAPES.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text) + '"'


def jcs(value):
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return double(value)
        case str():
            return text_json(value)
        case list():
            return "[" + ",".join(map(jcs, value)) + "]"
        case dict():
            members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
            return "{" + ",".join(f"{jcs(name)}:{jcs(member)}" for name, member in members) + "}"
    raise Refused("content")


def pick(message, fields):
    """The members of a message that stand; each field's function makes the member, or None where it is left out."""
    if not isinstance(message, dict) or set(message) - set(fields):
        raise Refused("content")
    made = {name: make(message[name]) for name, make in fields.items() if name in message}
    return {name: member for name, member in made.items() if member is not None}


def plain(kind):
    def make(value):
        if type(value) is not kind:
            raise Refused("content")
        return value or None
    return make


def number(low, high):
    def make(value):
        if type(value) is not int or not low <= value < high:
            raise Refused("content")
        return value or None
    return make


def time(value):
    if type(value) is not str:
        raise Refused("content")
    return str(decimal(value, 2**64)) if value != "0" else None


def identifier(value):
    if type(value) is not str or not re.fullmatch("([0-9a-f]{2})*", value):
        raise Refused("content")
    return value or None


def int64(value):
    if type(value) is not str or not re.fullmatch("0|-?[1-9][0-9]*", value) or not -2**63 <= int(value) < 2**63:
        raise Refused("content")
    return value


def any_double(value):
    if value in ("NaN", "Infinity", "-Infinity"):
        return value
    if type(value) not in (int, float) or abs(value) == float("inf"):
        raise Refused("content")
    return float(value)


def is_a(kind):
    def make(value):
        if type(value) is not kind:
            raise Refused("content")
        return value
    return make


def any_value(depth):
    def make(value):
        if depth > MAX_DEPTH:
            raise Refused("content")
        value = pick(value, {
            "arrayValue": lambda v: pick(v, {"values": items(lambda x: any_value(depth + 1)(x) or {})}),
            "boolValue": is_a(bool),
            "bytesValue": lambda v: b64(unb64(v)),
            "doubleValue": any_double,
            "intValue": int64,
            "kvlistValue": lambda v: pick(v, {"values": items(key_value(depth + 1))}),
            "stringValue": is_a(str),
        })
        if len(value) > 1:
            raise Refused("content")
        return value or None
    return make


def items(make):
    def make_all(values):
        if type(values) is not list:
            raise Refused("content")
        return [make(value) for value in values] or None
    return make_all


def key_value(depth):
    return lambda pair: pick(pair, {"key": plain(str), "value": any_value(depth)})


COUNT = number(0, 2**32)
ATTRIBUTES = items(key_value(1))
LOG_RECORD = {
    "attributes": ATTRIBUTES, "body": any_value(1), "droppedAttributesCount": COUNT, "eventName": plain(str),
    "flags": COUNT, "observedTimeUnixNano": time, "severityNumber": number(-2**31, 2**31), "severityText": plain(str),
    "spanId": identifier, "timeUnixNano": time, "traceId": identifier,
}
RESOURCE = {"attributes": ATTRIBUTES, "droppedAttributesCount": COUNT}
SCOPE = RESOURCE | {"name": plain(str), "version": plain(str)}


def one_of(*names):
    def make(value):
        if value not in names:
            raise Refused("content")
        return value
    return make


def required(fields, names):
    def make(message):
        if not isinstance(message, dict) or not set(names) <= set(message):
            raise Refused("content")
        return pick(message, fields)
    return make


RECEIVED = required({
    "auth": one_of("mtls", "token", "none"), "by": one_of("sender", "access", "self"),
    "peer": plain(str), "subject": plain(str),
}, ("auth", "by"))
RECORD = required({
    "logRecord": lambda v: pick(v, LOG_RECORD), "received": RECEIVED,
    "resource": lambda v: pick(v, RESOURCE) or None, "resourceSchemaUrl": plain(str),
    "scope": lambda v: pick(v, SCOPE) or None, "scopeSchemaUrl": plain(str),
}, ("logRecord", "received"))


def content(record):
    """The content of a record given in the OTLP/JSON mapping."""
    return jcs(RECORD(record))


def check_content(text):
    """Refuses a text that is not the content of the record that it says."""
    try:
        if content(json.loads(text)) == text:
            return
    except (ValueError, TypeError, RecursionError):
        pass
    raise Refused("content")


def escaped(name):
    return "sender." + name if re.match(r"(sender\.)*sealtrail\.", name) else name


# Link

def link_hash(chain, sequence, observed, previous, checksum):
    text = f"sealtrail/1\n{chain}\n{sequence}\n{observed}\n{previous.hex()}\n{checksum.hex()}\n"
    return sha256(text.encode())


def seal(chain, head, contents):
    """Links for contents, each with its observed time; `head` is (next sequence, observed, hash)."""
    (sequence, _, previous), records = head, []
    for observed, text in contents:
        checksum = sha256(text.encode())
        linked = link_hash(chain, sequence, observed, previous, checksum)
        records.append({
            "sequence": sequence, "observed": str(observed), "previous": previous.hex(),
            "checksum": checksum.hex(), "hash": linked.hex(), "content": text,
        })
        sequence, previous = sequence + 1, linked
    return records


def follow(chain, head, records):
    """The first deviation, as (index, name), or None."""
    sequence, before, previous = head
    for index, record in enumerate(records):
        observed = int(record["observed"])
        given = {name: bytes.fromhex(record[name]) for name in ("previous", "checksum", "hash")}
        computed = link_hash(chain, record["sequence"], observed, given["previous"], given["checksum"])
        for name, holds in (
            ("content", sha256(record["content"].encode()) == given["checksum"]),
            ("sequence", record["sequence"] == sequence),
            ("previous", given["previous"] == previous),
            ("time", observed >= before),
            ("hash", computed == given["hash"]),
        ):
            if not holds:
                return index, name
        sequence, before, previous = sequence + 1, observed, computed
    return None


# Tree: RFC 6962, 2.1, over a list of leaf hashes

def leaf(data):
    return sha256(b"\0" + data)


def node(left, right):
    return sha256(b"\1" + left + right)


def split(count):
    return 1 << (count - 1).bit_length() - 1


def root(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def places(begin, end):
    if not 0 <= begin <= end < 2**63:
        raise Refused("bounds")
    while begin < end:
        level = max(l for l in range(64) if begin % (1 << l) == 0 and begin + (1 << l) <= end)
        yield level, begin >> level
        begin += 1 << level


def range_text(leaves, begin, end):
    """`leaves` are all from 0."""
    lines = (f"{l} {i} {root(leaves[i << l:i + 1 << l]).hex()}\n" for l, i in places(begin, end))
    return "".join(lines)


def parse_range(begin, end, text):
    where = list(places(begin, end))
    lines = text.split("\n")
    if lines.pop() != "" or len(lines) != len(where):
        raise Refused("line")
    for line, (level, index) in zip(lines, where):
        if not re.fullmatch(f"{level} {index} [0-9a-f]{{64}}", line):
            raise Refused("line")


def parse_ranges(size, text):
    """Where the second range begins."""
    whole, empty, since = ("", "\n", text[1:]) if text.startswith("\n") else text.partition("\n\n")
    if not empty:
        raise Refused("line")
    parse_range(0, size, whole + "\n" if whole else "")
    if not since:
        return size
    first = re.match("([0-9]{1,2}) ([0-9]+) ", since)
    if not first:
        raise Refused("line")
    begin = int(first[2]) << int(first[1])
    if begin > size:
        raise Refused("line")
    parse_range(begin, size, since)
    return begin


def inclusion(leaves, index):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return inclusion(leaves[:k], index) + [root(leaves[k:])]
    return inclusion(leaves[k:], index - k) + [root(leaves[:k])]


def check_inclusion(entry, index, size, path, expected):
    def climb(index, size, path):
        if size == 1:
            if path:
                raise Refused("length")
            return entry
        if not path:
            raise Refused("length")
        k, sibling = split(size), path[-1]
        if index < k:
            return node(climb(index, k, path[:-1]), sibling)
        return node(sibling, climb(index - k, size - k, path[:-1]))
    if not index < size:
        raise Refused("outside")
    if climb(index, size, path) != expected:
        raise Refused("root")


def consistency(leaves, old, known=True):
    if old == len(leaves):
        return [] if known else [root(leaves)]
    k = split(len(leaves))
    if old <= k:
        return consistency(leaves[:k], old, known) + [root(leaves[k:])]
    return consistency(leaves[k:], old - k, False) + [root(leaves[:k])]


def check_consistency(old, old_root, size, new_root, path):
    def climb(old, size, path, known):
        """Roots of the old and the new part of a subtree."""
        if old == size:
            if len(path) != (0 if known else 1):
                raise Refused("length")
            return (old_root, old_root) if known else (path[0], path[0])
        if not path:
            raise Refused("length")
        k, other = split(size), path[-1]
        if old <= k:
            before, after = climb(old, k, path[:-1], known)
            return before, node(after, other)
        before, after = climb(old - k, size - k, path[:-1], False)
        return node(other, before), node(other, after)
    if old > size:
        raise Refused("backwards")
    if old == 0:
        if path:
            raise Refused("length")
        if old_root != sha256(b"") or size == 0 and new_root != old_root:
            raise Refused("root")
        return
    if climb(old, size, path, True) != (old_root, new_root):
        raise Refused("root")


# Notes and keys

ED25519, ML_DSA = 1, 6
LENGTHS = {ED25519: 32, ML_DSA: 1312}
SMALL_ORDER = {bytes.fromhex(key) for key in (
    "01" + "00" * 31, "00" * 32, "00" * 31 + "80", "ec" + "ff" * 30 + "7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
)}


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
        is_name(name) and kind and LENGTHS.get(kind[0]) == len(key) and key not in SMALL_ORDER
        and key_id(name, kind[0], key).hex() == identity
    )
    if not sound:
        raise Refused("vkey")
    return name, bytes.fromhex(identity), kind[0], key


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

    def line(self, which, signature):
        return f"— {self.name} {b64(parse_vkey(self.vkeys[which])[1] + signature)}\n"

    def sign(self, text):
        return self.line(0, self.ed25519.sign(text.encode()))

    def cosign(self, text, seconds):
        message = cosigned_message(self.name, seconds, *parse_checkpoint(text))
        signature = ML_DSA_44.sign(self.secret, message, deterministic=True)
        return self.line(1, struct.pack(">Q", seconds) + signature)


def parse_note(note):
    """(text, [(name, key id, signature)])"""
    split_at = note.rfind("\n\n")
    lines = note[split_at + 2:].split("\n")
    if (len(note.encode()) > 1_000_000 or re.search(r"[\x00-\x09\x0b-\x1f]", note)
            or split_at < 0 or lines.pop() != "" or len(lines) not in range(1, 65)):
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
    return note[:split_at + 1], signatures


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


# Genesis

def check_origin(origin):
    chain = origin.rpartition("/")[2]
    if (not is_name(origin) or origin.startswith("/") and origin.count("/") == 1 or "/" not in origin
            or not CHAIN_NAME.fullmatch(chain) or len(origin.encode()) > 255
            or origin in ("cosignature/v1", "subtree/v1")):
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
            values.append(line[len(name) + 1:])
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


# Checkpoints

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
    held, witnessed, cosigned = check_note(note, vkeys), [], None
    if any(parse_vkey(vkey)[0] != origin for vkey in held):
        raise Refused("statement")
    for vkey in vkeys:
        name, identity, kind, key = parse_vkey(vkey)
        if kind != ML_DSA:
            continue
        for line in (s for n, i, s in signatures if (n, i) == (name, identity)):
            if len(line) != 8 + 2420 or line[0] >= 0x80:
                raise Refused("forged")
            seconds = struct.unpack(">Q", line[:8])[0]
            message = cosigned_message(name, seconds, origin, size, digest)
            holds(MLDSA44PublicKey.from_public_bytes(key), line[8:], message)
            (held if name == origin else witnessed).append(vkey)
            if name == origin and seconds:
                cosigned = max(cosigned or 0, seconds)
    known = {parse_vkey(vkey)[:2] for vkey in vkeys}
    return {
        "origin": origin, "size": size, "root": digest.hex(), "held": held, "witnessed": witnessed,
        "cosigned": cosigned, "unknown": [n for n, i, _ in signatures if (n, i) not in known],
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


# Names

def names(chain, sequence, observed, size, seconds):
    date = (datetime.date(1970, 1, 1) + datetime.timedelta(observed // 86_400_000_000_000)).isoformat()
    stem = f"audit-checkpoints/chain={chain}/{size:020}-{seconds:010}"
    return {
        "segment": f"audit-logs/chain={chain}/date={date}/{sequence:020}.parquet",
        "genesis": f"audit-genesis/{chain}.note",
        "checkpoint": stem + ".checkpoint",
        "range": stem + ".range",
    }


def check_name(what, text):
    if what == "chain":
        if not CHAIN_NAME.fullmatch(text):
            raise Refused("name")
        return
    pattern = {
        "segment": r"audit-logs/chain=([^/]*)/date=([^/]*)/([0-9]{20})\.parquet",
        "checkpoint": r"audit-checkpoints/chain=([^/]*)/([0-9]{20})-([0-9]{10})\.checkpoint",
    }[what]
    match = re.fullmatch(pattern, text, re.ASCII)
    if not match or not CHAIN_NAME.fullmatch(match[1]) or int(match[3]) >= 2**63:
        raise Refused("name")
    try:
        if what == "segment":
            sound = datetime.date.fromisoformat(match[2]).isoformat() == match[2] and match[2] >= "1970"
        else:
            sound = int(match[2]) < 2**63
    except ValueError:
        sound = False
    if not sound:
        raise Refused("name")


# Stream: protobuf, written field by field, and the local twin's frames

def varint(value):
    value &= 2**64 - 1
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def field(number, value):
    match value:
        case bytes():
            return varint(number << 3 | 2) + varint(len(value)) + value
        case str():
            return field(number, value.encode())
        case int():
            return varint(number << 3) + varint(value)


def pb_value(value):
    match next(iter(value.items()), None):
        case None:
            return b""
        case "stringValue", text:
            return field(1, text)
        case "boolValue", flag:
            return field(2, int(flag))
        case "intValue", number:
            return field(3, int(number))
        case "doubleValue", number:
            return varint(4 << 3 | 1) + struct.pack("<d", float(number))
        case "arrayValue", array:
            return field(5, b"".join(field(1, pb_value(v)) for v in array.get("values", [])))
        case "kvlistValue", pairs:
            return field(6, b"".join(field(1, pb_pair(p)) for p in pairs.get("values", [])))
        case "bytesValue", data:
            return field(7, unb64(data))


def pb_pair(pair):
    key = field(1, pair["key"]) if "key" in pair else b""
    return key + (field(2, pb_value(pair["value"])) if "value" in pair else b"")


def pb_pairs(number, message):
    return b"".join(field(number, pb_pair(pair)) for pair in message.get("attributes", []))


def pb_some(message, *fields):
    return b"".join(field(n, convert(message[name])) for n, name, convert in fields if name in message)


def pb_fixed(number, kind, message, name):
    wire = {"<Q": 1, "<I": 5}[kind]
    return varint(number << 3 | wire) + struct.pack(kind, int(message[name])) if name in message else b""


def pb_log(log, extra=()):
    attributes = log.get("attributes", []) + list(extra)
    return (
        pb_fixed(1, "<Q", log, "timeUnixNano")
        + pb_some(log, (2, "severityNumber", int), (3, "severityText", str), (5, "body", pb_value))
        + pb_pairs(6, {"attributes": attributes})
        + pb_some(log, (7, "droppedAttributesCount", int))
        + pb_fixed(8, "<I", log, "flags")
        + pb_some(log, (9, "traceId", bytes.fromhex), (10, "spanId", bytes.fromhex))
        + pb_fixed(11, "<Q", log, "observedTimeUnixNano")
        + pb_some(log, (12, "eventName", str))
    )


def stream_value(chain, records, attributes=None):
    """An ExportLogsServiceRequest, each record in a ResourceLogs of its own; `attributes` may bend the seven."""
    message = b""
    for record in records:
        said = json.loads(record["content"])
        seven = [
            ("chain", {"stringValue": chain}), ("sequence", {"intValue": str(record["sequence"])}),
            ("observed", {"intValue": record["observed"]}), ("prev_hash", {"stringValue": record["previous"]}),
            ("checksum", {"stringValue": record["checksum"]}), ("hash", {"stringValue": record["hash"]}),
            ("received", {"stringValue": jcs(said["received"])}),
        ]
        if attributes:
            seven = attributes(seven)
        log = pb_log(said["logRecord"], [{"key": "sealtrail." + name, "value": value} for name, value in seven])
        scope = said.get("scope", {})
        pb_scope = (
            pb_some(scope, (1, "name", str), (2, "version", str)) + pb_pairs(3, scope)
            + pb_some(scope, (4, "droppedAttributesCount", int))
        )
        resource = said.get("resource", {})
        pb_resource = pb_pairs(1, resource) + pb_some(resource, (2, "droppedAttributesCount", int))
        scope_logs = field(1, pb_scope) + field(2, log) + pb_some(said, (3, "scopeSchemaUrl", str))
        resource_logs = field(1, pb_resource) + field(2, scope_logs) + pb_some(said, (3, "resourceSchemaUrl", str))
        message += field(1, resource_logs)
    return message


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def frame(key, headers, value):
    part = lambda data: struct.pack("<I", len(data)) + data
    rest = part(key) + part("".join(f"{name}: {text}\n" for name, text in headers).encode()) + part(value)
    return struct.pack("<II", len(rest), crc32c(rest)) + rest


def check_frame(data):
    """(key, headers, value); "short" where the message ends too early, "damage" where it doesn't fit."""
    if len(data) < 8:
        raise Refused("short")
    length, crc = struct.unpack("<II", data[:8])
    rest, parts = data[8:], []
    if len(rest) < length:
        raise Refused("short")
    if len(rest) > length or crc32c(rest) != crc:
        raise Refused("damage")
    while rest and len(parts) < 3:
        size = struct.unpack("<I", rest[:4])[0] if len(rest) >= 4 else len(rest)
        if len(rest) < 4 + size:
            raise Refused("damage")
        parts, rest = parts + [rest[4:4 + size]], rest[4 + size:]
    if rest or len(parts) != 3:
        raise Refused("damage")
    return parts


# Envelopes

def xaes_key(key, nonce):
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    mask = int.from_bytes(block.update(bytes(16)))
    mask = mask << 1 & 2**128 - 1 ^ (0x87 if mask >> 127 else 0)
    message = lambda i: int.from_bytes(bytes([0, i, 0x58, 0]) + nonce[:12]) ^ mask
    return b"".join(block.update(message(i).to_bytes(16)) for i in (1, 2))


def xaes_seal(key, nonce, plaintext, additional):
    return AESGCM(xaes_key(key, nonce)).encrypt(nonce[12:], plaintext, additional)


def envelope(key, key_id, rule, chain, nonce, plaintext):
    head = f"enc:1:{key_id}:{rule}:{chain}"
    return f"{head}:{b64(nonce + xaes_seal(key, nonce, plaintext, head.encode()))}"


def open_envelope(key, text):
    head, _, body = text.rpartition(":")
    try:
        if not re.fullmatch("enc:1(:[^:]+){3}", head):
            raise ValueError("head")
        data = unb64(body)
        return AESGCM(xaes_key(key, data[:24])).decrypt(data[12:24], data[24:], head.encode())
    except Exception:
        raise Refused("cipher") from None


def token(key, key_id, kind, value):
    digest = hmac.digest(key, f"sealtrail/token/1\n{kind}\n{value}".encode(), "sha256")[:16]
    return f"tok:1:{key_id}:{kind}:{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


# Reading the stream: as much protobuf as that takes

def fields(data):
    """(number, wire type, value) of each field."""
    def read_varint():
        nonlocal data
        shift = result = 0
        while True:
            if not data or shift > 63:
                raise Refused("malformed")
            byte, data = data[0], data[1:]
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7

    while data:
        tag = read_varint()
        size = {1: 8, 5: 4, 2: None, 0: 0}.get(tag & 7, -1)
        if size == 0:
            yield tag >> 3, 0, read_varint()
            continue
        size = read_varint() if size is None else size
        if size < 0 or size > len(data):
            raise Refused("malformed")
        yield tag >> 3, tag & 7, data[:size]
        data = data[size:]


def inner(data, number):
    return [value for n, _, value in fields(data) if n == number]


def read_stream(value):
    """Chain and links of each record; "attribute" with the one that isn't at its place."""
    records = []
    for resource_logs in inner(value, 1):
        for scope_logs in inner(resource_logs, 2):
            records += [read_link(log) for log in inner(scope_logs, 2)]
    return records


def read_link(log):
    pairs = [(b"".join(inner(pair, 1)).decode(), b"".join(inner(pair, 2))) for pair in inner(log, 6)][-7:]
    names = ("chain", "sequence", "observed", "prev_hash", "checksum", "hash", "received")
    pairs = [("", b"")] * (7 - len(pairs)) + pairs
    said = {}
    for name, (key, any_value) in zip(names, pairs):
        value = dict((n, v) for n, _, v in fields(any_value))
        try:
            if key != "sealtrail." + name:
                raise ValueError(key)
            if name in ("sequence", "observed"):
                said[name] = value[3]
                if value[3] >= 2**63:
                    raise ValueError("negative")
                continue
            said[name] = value[1].decode()
            if name in ("prev_hash", "checksum", "hash") and not re.fullmatch("[0-9a-f]{64}", said[name]):
                raise ValueError("hex")
            if name == "received" and jcs(RECEIVED(json.loads(said[name]))) != said[name]:
                raise ValueError("received")
        except (ValueError, KeyError, AttributeError):
            raise Refused("attribute", "sealtrail." + name) from None
    return said | {"observed": str(said["observed"])}
