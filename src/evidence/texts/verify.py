#!/usr/bin/env python3
"""Checks an evidence bundle of Sealtrail, with code that shares nothing with the program that made it.

    python3 verify.py --public-key log.vkey BUNDLE        a .tar or a directory
    python3 verify.py --format json --public-key log.vkey BUNDLE

Exit 0: proved under the given key; 1: it does not hold; 2: could not run; 3: nothing wrong, but not all could be checked.

Python 3.9 or later and its standard library; signatures need the package `cryptography` (ML-DSA-44 a recent one): without
it they are listed as not checked. Take keys, and this file, from someone else than whoever gave you the bundle.
"""
import argparse, base64, binascii, hashlib, json, os, re, sys, unicodedata

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None
try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError:
    MLDSA44PublicKey = None

ED25519, ML_DSA_44 = 1, 6
KEY_BYTES = {ED25519: 32, ML_DSA_44: 1312}
NAMES = {ED25519: "Ed25519", ML_DSA_44: "ML-DSA-44"}
LARGEST = 2**63 - 1
WHAT = {
    "SEAL-001": "the content is not the one whose checksum was sealed",
    "SEAL-002": "the hash is not that of the link",
    "SEAL-007": "the record is not in canonical form",
    "SEAL-008": "the record belongs to another chain",
    "SEAL-022": "the checkpoint is not a sound signed note",
    "SEAL-023": "the checkpoint lacks a signature of a key that the genesis names",
    "SEAL-030": "the genesis note is missing or does not hold",
    "SEAL-031": "record 0 does not belong to the genesis note",
    "SEAL-032": "the chain is not signed by the trusted key",
    "SEAL-033": "the note of a rotation of keys does not hold",
    "SEAL-034": "the checkpoint is signed by keys that were not in force",
    "SEAL-080": "the bundle's files are not the ones that were put in",
    "SEAL-081": "the proof does not lead from the record to the signed root",
}


class Wrong(Exception):
    """Something is not of its form; the text says what."""


def require(sound, problem):
    if not sound:
        raise Wrong(problem)


def sha(data):
    return hashlib.sha256(data).digest()


def decimal(text, limit=LARGEST):
    require(re.fullmatch("0|[1-9][0-9]{0,19}", text) and int(text) <= limit, "no decimal number")
    return int(text)


def unbase64(text):
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Wrong("no base64")
    require(base64.b64encode(data).decode() == text, "no base64")
    return data


# The container


NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", re.ASCII)


def header(name, length):
    fields = [(0, name), (100, "0000644\0"), (108, "0000000\0"), (116, "0000000\0"), (124, "%011o\0" % length),
              (136, "00000000000\0"), (148, " " * 8), (156, "0"), (257, "ustar\x0000")]
    head = bytearray(512)
    for at, text in fields:
        head[at:at + len(text)] = text.encode("ascii")
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def read_tar(data):
    """The one form in which a bundle is written, and no other: a general reader could be shown another content."""
    files, at = {}, 0
    while True:
        head = data[at:at + 512]
        require(len(head) == 512, "it has no end")
        if not any(head):
            require(len(data) == at + 1024 and not any(data[at:]), "something lies behind its end")
            return files
        name = head[:head.find(b"\0")].decode("latin-1") if b"\0" in head else ""
        length = head[124:135]
        require(NAME.fullmatch(name) and re.fullmatch(b"[0-7]{11}", length), "a header is not the one that belongs here")
        length = int(length, 8)
        require(head == header(name, length), "a header is not the one that belongs here")
        end = at + 512 + length
        padded = (end + 511) // 512 * 512
        require(padded <= len(data) and not any(data[end:padded]), "it ends within a member, or something lies behind one")
        require(name not in files, "it holds a name twice")
        files[name], at = data[at + 512:end], padded


def read_bundle(path):
    if not os.path.isdir(path):
        with open(path, "rb") as file:
            return read_tar(file.read())
    files = {}
    for name in os.listdir(path):
        inner = os.path.join(path, name)
        require(NAME.fullmatch(name) and os.path.isfile(inner) and not os.path.islink(inner), "something else lies there")
        with open(inner, "rb") as file:
            files[name] = file.read()
    return files


# Notes, keys, checkpoints (c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature)


def is_key_name(name):
    return bool(name) and not any(c.isspace() or unicodedata.category(c) == "Cc" or c == "+" for c in name)


class Key:
    def __init__(self, text):
        parts = text.split("+", 2)
        require(len(parts) == 3 and is_key_name(parts[0]), "no verifier key")
        self.name, self.id, material = parts[0], parts[1], unbase64(parts[2])
        require(material and KEY_BYTES.get(material[0]) == len(material) - 1, "no verifier key of a known type")
        self.type, self.key, self.text = material[0], material[1:], text
        require(self.id == sha(self.name.encode() + b"\n" + material)[:4].hex(), "the key id is not that of name and key")

    def __str__(self):
        return self.name + "+" + self.id


def parse_note(note):
    """The text and its signature lines: name, key id, signature."""
    require(len(note.encode()) <= 1_000_000 and not any(c < " " and c != "\n" for c in note), "no signed note")
    at = note.rfind("\n\n")
    require(at >= 0 and note.endswith("\n"), "no signed note: it has no signature lines")
    lines = []
    for line in note[at + 2:-1].split("\n"):
        found = re.fullmatch("\u2014 ([^ ]+) (.+)", line)
        data = unbase64(found[2]) if found and is_key_name(found[1]) else b""
        require(len(data) > 4, "a signature line is not em dash, name and base64")
        lines.append((found[1], data[:4].hex(), data[4:]))
    require(len(lines) <= 64, "it has more than 64 signatures")
    return note[:at + 1], lines


class Checkpoint:
    def __init__(self, note):
        self.text, self.lines = parse_note(note)
        parts = self.text.split("\n")
        require(len(parts) == 4 and parts[3] == "", "no checkpoint: its text is not three lines")
        self.origin, self.size, self.root = parts[0], decimal(parts[1]), unbase64(parts[2])
        require(is_key_name(self.origin) and len(self.origin.encode()) <= 255, "no checkpoint: its first line is no origin")
        require(len(self.root) == 32, "no checkpoint: its third line is no root")

    def cosigned(self, name, time):
        name, origin = name.encode(), self.origin.encode()
        return (b"subtree/v1\n\0" + bytes([len(name)]) + name + time + bytes([len(origin)]) + origin
                + bytes(8) + self.size.to_bytes(8, "big") + self.root)


class Unable(Exception):
    """No package here checks this kind of signature."""


def holds(key, message, signature):
    if key.type == ED25519:
        if Ed25519PublicKey is None:
            raise Unable
        public = Ed25519PublicKey
    else:
        if MLDSA44PublicKey is None:
            raise Unable
        public = MLDSA44PublicKey
    try:
        public.from_public_bytes(key.key).verify(signature, message)
    except UnsupportedAlgorithm:
        raise Unable
    except (InvalidSignature, ValueError):
        return False
    return True


def signed_by(key, text, lines, checkpoint, unable):
    """Whether a line of this key is there; one that doesn't hold is wrong. What nobody here can check goes to `unable`."""
    there = False
    for name, number, signature in lines:
        if (name, number) != (key.name, key.id):
            continue
        message = text.encode()
        if key.type == ML_DSA_44:
            time, signature = signature[:8], signature[8:]
            require(len(signature) == 2420 and time[0] < 128, "the signature of %s does not hold" % key)
            message = checkpoint.cosigned(key.name, time)
        try:
            require(holds(key, message, signature), "the signature of %s does not hold" % key)
        except Unable:
            unable.add(NAMES[key.type])
        there = True
    return there


def read_recovery(text):
    if text == "none":
        return None
    key = Key(text)
    require(key.type == ED25519, "the recovery key is not of Ed25519")
    return key


class Rotation:
    """The note by which the keys of a chain change; `before`: those in force until then, a genesis or another such note."""

    FIELDS = ["origin ", "created ", "cause ", "size ", "root ", "key ", "key ", "recovery "]

    def __init__(self, note, origin, before, unable):
        self.text, lines = parse_note(note)
        parts = self.text.split("\n")
        require(parts[0] == "sealtrail key rotation v1" and len(parts) == 10 and parts[9] == "", "no note of a rotation")
        require(all(line.startswith(field) for line, field in zip(parts[1:], self.FIELDS)), "a line is not the one there")
        values = [line[len(field):] for line, field in zip(parts[1:], self.FIELDS)]
        require(values[0] == origin, "it is another chain's")
        require(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", values[1], re.ASCII), "no time")
        self.cause, self.size = values[2], decimal(values[3])
        require(self.cause in ("planned", "lost", "compromised"), "an unknown cause")
        self.root = unbase64(values[4])
        require(len(self.root) == 32, "no root")
        self.keys, self.recovery = [Key(values[5]), Key(values[6])], read_recovery(values[7])
        require([key.type for key in self.keys] == [ED25519, ML_DSA_44], "keys are not one of Ed25519, one of ML-DSA-44")
        require(all(key.name == origin for key in self.keys), "a key has another name than the origin")
        require(all(new.text != old.text for new, old in zip(self.keys, before.keys)), "a key that was in force before")
        vouches = before.keys[0] if self.cause == "planned" else before.recovery
        require(vouches, "the chain has no recovery key that could have signed it")
        for key in (self.keys[0], vouches):
            require(signed_by(key, self.text, lines, None, unable), "it is not signed by %s" % key)


def size_of(note):
    """The size that a note names, sound or not."""
    found = re.search(r"^size ([0-9]{1,19})$", note, re.ASCII | re.MULTILINE)
    return int(found[1]) if found else 0


class Genesis:
    FIELDS = ["origin ", "created ", "partition ", "key ", "key ", "recovery ", "predecessor "]

    def __init__(self, note, unable):
        self.text, lines = parse_note(note)
        parts = self.text.split("\n")
        require(parts[0] == "sealtrail genesis v1" and len(parts) == 9 and parts[8] == "", "no genesis note of version 1")
        require(all(line.startswith(field) for line, field in zip(parts[1:], self.FIELDS)), "a line is not the one there")
        values = [line[len(field):] for line, field in zip(parts[1:], self.FIELDS)]
        self.origin, self.chain = values[0], values[0].rpartition("/")[2]
        host = values[0].rpartition("/")[0]
        require(is_key_name(host) and is_chain(self.chain) and len(self.origin.encode()) <= 255, "no origin")
        require(self.origin not in ("cosignature/v1", "subtree/v1"), "no origin")
        require(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", values[1], re.ASCII), "no time")
        decimal(values[2], 2**31 - 1)
        self.keys = [Key(values[3]), Key(values[4])]
        require([key.type for key in self.keys] == [ED25519, ML_DSA_44], "keys are not one of Ed25519, one of ML-DSA-44")
        require(all(key.name == self.origin for key in self.keys), "a key has another name than the origin")
        self.recovery, self.cause, self.size = read_recovery(values[5]), None, 0
        if values[6] != "none":
            parts = values[6].split(" ")
            require(len(parts) == 3 and decimal(parts[1]) >= 0 and len(unbase64(parts[2])) == 32, "no predecessor")
        require(signed_by(self.keys[0], self.text, lines, None, unable), "it is not signed by its own key")


# The record


def is_chain(name):
    return re.fullmatch("[a-z][a-z0-9-]{0,62}", name) is not None


class Link:
    def __init__(self, text):
        form = r"sealtrail/1\n(.*)\n(.*)\n(.*)\n([0-9a-f]{64})\n([0-9a-f]{64})\n"
        found = re.fullmatch(form, text)
        require(found and is_chain(found[1]), "no link")
        self.chain, self.previous, self.checksum = found[1], found[4], found[5]
        self.sequence, self.observed = decimal(found[2], 2**64 - 1), decimal(found[3], 2**64 - 1)
        self.hash = sha(text.encode())


class Number(str):
    """A number as it was written."""


def shortest(number):
    """A double as ECMAScript, and so RFC 8785, writes it."""
    if number == 0:
        return "0"
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(digits) - len(fraction) + int(exponent or 0)
    digits = digits.rstrip("0")
    sign = "-" if number < 0 else ""
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    rest = "." + digits[1:] if len(digits) > 1 else ""
    return "%s%s%se%+d" % (sign, digits[0], rest, point - 1)


def canonical(value):
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be"))
        return "{" + ",".join(canonical(key) + ":" + canonical(inner) for key, inner in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return shortest(float(value)) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def once(pairs):
    require(len(dict(pairs)) == len(pairs), "a key stands twice")
    return dict(pairs)


def impossible(_):
    raise Wrong("no number")


TEXT, INT, COUNT = "text", "int", "count"
ATTRIBUTES = {"attributes": ["KeyValue"], "droppedAttributesCount": COUNT}
MESSAGES = {
    "": {"logRecord": "LogRecord", "received": "Received", "resource": "Resource", "resourceSchemaUrl": TEXT,
         "scope": "Scope", "scopeSchemaUrl": TEXT},
    "LogRecord": {**ATTRIBUTES, "body": "AnyValue", "eventName": TEXT, "flags": COUNT, "observedTimeUnixNano": INT,
                  "severityNumber": COUNT, "severityText": TEXT, "spanId": TEXT, "timeUnixNano": INT, "traceId": TEXT},
    "Received": {"auth": TEXT, "by": TEXT, "peer": TEXT, "subject": TEXT},
    "Resource": ATTRIBUTES,
    "Scope": {**ATTRIBUTES, "name": TEXT, "version": TEXT},
    "KeyValue": {"key": TEXT, "value": "AnyValue"},
    "List": {"values": ["AnyValue"]},
    "Map": {"values": ["KeyValue"]},
}
VALUES = {"arrayValue": "List", "boolValue": bool, "bytesValue": str, "doubleValue": (Number, str), "intValue": str,
          "kvlistValue": "Map", "stringValue": str}


def check_value(value, depth):
    require(isinstance(value, dict) and len(value) <= 1 and depth <= 24, "no value")
    for name, inner in value.items():
        require(name in VALUES, "a value of an unknown kind")
        if isinstance(VALUES[name], str):
            check_message(VALUES[name], inner, depth + 1)
        else:
            require(isinstance(inner, VALUES[name]), "a value of another type")
            # A number of the JSON is a text here; only a double may be one.
            require(name == "doubleValue" or not isinstance(inner, Number), "a value of another type")


def check_field(kind, value, depth, element=False):
    """A plain field stands only when it is not its default, a message only when it is not empty."""
    if isinstance(kind, list):
        require(isinstance(value, list) and value, "an empty list")
        for inner in value:
            check_field(kind[0], inner, depth, element=True)
    elif kind == TEXT or kind == INT:
        require(isinstance(value, str) and not isinstance(value, Number) and value not in ("", "0" if kind == INT else ""),
                "a text that is empty")
        require(kind == TEXT or re.fullmatch("[1-9][0-9]*", value), "no number")
    elif kind == COUNT:
        require(isinstance(value, Number) and re.fullmatch("-?[1-9][0-9]*", value), "a count that is none")
    elif kind == "AnyValue":
        require(element or value, "an empty value")
        check_value(value, depth)
    else:
        require(element or value or kind in ("LogRecord", "Received"), "an empty message")
        check_message(kind, value, depth)


def check_message(kind, message, depth):
    require(isinstance(message, dict) and set(message) <= set(MESSAGES[kind]), "an unknown field")
    for name, value in message.items():
        check_field(MESSAGES[kind][name], value, depth)


def check_content(data):
    """Canonical text of the fields that version 1 knows."""
    try:
        text = data.decode()
        record = json.loads(text, object_pairs_hook=once, parse_int=Number, parse_float=Number, parse_constant=impossible)
        require(canonical(record) == text, "another form")
    except (ValueError, RecursionError, OverflowError):
        raise Wrong("no canonical text")
    check_message("", record, 1)
    require("logRecord" in record and "received" in record, "a record lacks a part")
    require({"auth", "by"} <= set(record["received"]), "a record lacks a part")
    require(record["received"]["by"] in ("sender", "access", "self"), "a record lacks a part")
    require(record["received"]["auth"] in ("mtls", "token", "none"), "a record lacks a part")


# The proof (c2sp.org/tlog-proof, RFC 6962)


class Proof:
    def __init__(self, text):
        head, found, self.checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        require(found and lines.pop(0) == "c2sp.org/tlog-proof@v1", "no tlog-proof")
        if lines and lines[0].startswith("extra "):
            unbase64(lines.pop(0)[6:])
        require(lines and lines[0].startswith("index "), "no tlog-proof: it has no index")
        self.index = decimal(lines.pop(0)[6:])
        self.path = [unbase64(line) for line in lines]
        require(len(self.path) <= 63 and all(len(node) == 32 for node in self.path), "no tlog-proof: its path is none")

    def root(self, entry, size):
        require(self.index < size, "the record is not in the tree")
        node, index, last, path = sha(b"\0" + entry), self.index, size - 1, list(self.path)
        while last:
            if index % 2 or index < last:
                require(path, "the path is too short")
                other = path.pop(0)
                node = sha(b"\1" + (other + node if index % 2 else node + other))
            index, last = index // 2, last // 2
        require(not path, "the path is too long")
        return node


# The judgement


FORMAT = "sealtrail evidence 1"
NEEDED = ["record.json", "link.txt", "record.tlog-proof", "checkpoint.note", "genesis.note", "statement.json", "SHA256SUMS"]
TEXTS = ["README.txt", "certification-us.txt", "certification-cn.txt", "verify.py"]
OTHERS = ["checkpoint.cosigned", "checkpoint.tsr", "checkpoint.crl"]
KEYS_NOTE = re.compile("keys-[0-9]{1,20}[.]note", re.ASCII)
STATED = {"format": str, "chain": str, "origin": str, "sequence": int, "observed": int, "checksum": str, "hash": str,
          "checkpoint_size": int, "checkpoint_key": str, "stored": dict, "exported_at": str, "exported_by": str,
          "tool": str, "tool_sha256": str}
STORED = ["archive", "key", "bucket", "version_id", "lock_mode", "locked_until", "sha256"]


def itself():
    with open(__file__, "rb") as file:
        return file.read()


class Judgement:
    def __init__(self, place, trusted):
        self.place, self.given, self.trusted = place, trusted, []
        self.findings, self.unchecked, self.notes, self.unable, self.signers = [], [], [], set(), []
        self.files, self.link, self.genesis, self.proof, self.checkpoint = {}, None, None, None, None
        # Who has signed, where that is from before all that is trusted.
        self.older = None
        # The genesis and the rotations that follow from it: each names the keys from there on.
        self.epochs = []

    def find(self, code, file, found):
        self.findings.append({"code": code, "what": WHAT[code], "place": "/".join(filter(None, [self.place, file])),
                              "found": str(found)})

    def read(self, code, file, form):
        """The file taken apart; a finding where it is there and not of its form."""
        if file not in self.files:
            return None
        try:
            return form(self.files[file].decode())
        except (Wrong, UnicodeDecodeError) as error:
            self.find(code, file, error)
            return None

    def judge(self, path):
        try:
            self.files = read_bundle(path)
        except Wrong as error:
            self.find("SEAL-080", "", error)
            return
        self.presence()
        self.link = self.read("SEAL-002", "link.txt", Link)
        self.record()
        self.genesis = self.read("SEAL-030", "genesis.note", lambda text: Genesis(text, self.unable))
        self.rotations()
        self.keys()
        self.proof = self.read("SEAL-081", "record.tlog-proof", Proof)
        if self.proof:
            self.lead()
        if "checkpoint.note" in self.files:
            stored = self.read("SEAL-022", "checkpoint.note", Checkpoint)
            if stored:
                self.signatures("checkpoint.note", stored, alone=True)
                if self.checkpoint and self.checkpoint.text != stored.text:
                    self.find("SEAL-081", "checkpoint.note", "another checkpoint than that of the proof")
        self.statement()
        if self.older:
            self.unchecked.append("the checkpoint is signed by %s, keys from before a rotation to the trusted ones, which vouch for"
                                  " the size in their note alone: give the older key, too (--public-key, the log's older.vkey),"
                                  " from someone else than whoever gave you this" % self.older)
        self.notes.append("README.txt, statement.json and the certifications are the exporter's words: no key signs them")
        if self.files.get("verify.py", b"") != itself():
            self.notes.append("verify.py there is not this one: don't run it")
        for name in sorted(self.files):
            if name in ("checkpoint.cosigned", "checkpoint.tsr", "checkpoint.crl"):
                self.notes.append(name + ": not looked at here")
        self.unchecked += ["signatures of %s: no package here checks them (pip install cryptography)" % name
                           for name in sorted(self.unable)]

    def presence(self):
        needed = NEEDED if self.version() not in (None, FORMAT) else NEEDED + TEXTS
        wrong = {name: "no such file" for name in needed if name not in self.files}
        if needed != NEEDED:
            wrong.update((name, "a name that belongs into no bundle") for name in self.files
                         if name not in NEEDED + TEXTS + OTHERS and not KEYS_NOTE.fullmatch(name))
        if "SHA256SUMS" in self.files:
            try:
                sums = self.files["SHA256SUMS"].decode()
            except UnicodeDecodeError:
                sums, wrong["SHA256SUMS"] = None, "no text"
            listed = {}
            for line in sums.split("\n")[:-1] if sums is not None else []:
                claimed, found, name = line.partition("  ")
                if found:
                    listed.setdefault(name, []).append(claimed)
                else:
                    wrong["SHA256SUMS"] = "a line that is not a digest and a name"
            if sums and not sums.endswith("\n"):
                wrong["SHA256SUMS"] = "a line that is not a digest and a name"
            for name, data in self.files.items() if sums is not None else []:
                if name != "SHA256SUMS" and listed.get(name) != [sha(data).hex()]:
                    wrong[name] = "not the digest in SHA256SUMS"
            for name in listed:
                if name not in self.files or name == "SHA256SUMS":
                    wrong[name] = "no such file"
        for name, problem in wrong.items():
            self.find("SEAL-080", name, problem)

    def version(self):
        """What the statement says of its version, whatever else stands there."""
        try:
            said = json.loads(self.files.get("statement.json", b"").decode())
        except (ValueError, RecursionError):
            return None
        version = said.get("format") if isinstance(said, dict) else None
        return version if isinstance(version, str) else None

    def record(self):
        if not self.link or "record.json" not in self.files:
            return
        data = self.files["record.json"]
        if sha(data).hex() != self.link.checksum:
            self.find("SEAL-001", "record.json", sha(data).hex())
            return
        try:
            check_content(data)
        except Wrong as error:
            self.find("SEAL-007", "record.json", error)

    def rotations(self):
        if not self.genesis:
            return
        self.epochs = [self.genesis]
        notes = [(size_of(self.files[name].decode("utf-8", "replace")), name) for name in self.files if name.startswith("keys-")]
        known = set()
        for _, name in sorted(notes):
            if self.files[name] in known:
                continue
            note = self.read("SEAL-033", name,
                             lambda text: Rotation(text, self.genesis.origin, self.epochs[-1], self.unable))
            if note:
                self.epochs.append(note)
                known.add(self.files[name])
        if len(self.epochs) > 1:
            self.notes.append("the keys of this chain have changed: the bundle has the notes that let them, not the records"
                              " that carry these notes")

    def keys(self):
        if self.link and self.genesis:
            if self.link.chain != self.genesis.chain:
                self.find("SEAL-008", "link.txt", self.link.chain)
            elif self.link.sequence == 0 and self.link.previous != sha(self.genesis.text.encode()).hex():
                self.find("SEAL-031", "link.txt", self.link.previous)
        chain = self.link.chain if self.link else self.genesis.chain if self.genesis else "unknown"
        mine = [key for key in self.given if key.name.rpartition("/")[2] == chain]
        texts = {key.text for key in self.given}
        vouched = False
        for epoch in self.epochs:
            # What comes behind trusted keys follows from them.
            vouched = vouched or epoch.keys[0].text in texts
            self.trusted += [key for key in epoch.keys if vouched or (key.type == ML_DSA_44 and key.text in texts)]
        if not self.genesis:
            self.trusted = mine
        elif not self.trusted and mine:
            self.find("SEAL-032", "genesis.note", "other keys")
            return
        if not self.trusted:
            self.unchecked.append("who signed: no trusted key of this chain was given (--public-key log.vkey)")

    def lead(self):
        try:
            self.checkpoint = Checkpoint(self.proof.checkpoint)
        except Wrong as error:
            self.find("SEAL-022", "record.tlog-proof", error)
            return
        self.signatures("record.tlog-proof", self.checkpoint, alone=False)
        if self.link:
            try:
                require(self.proof.index == self.link.sequence, "index %d" % self.proof.index)
                require(self.proof.root(self.link.hash, self.checkpoint.size) == self.checkpoint.root, "another root")
            except Wrong as error:
                self.find("SEAL-081", "record.tlog-proof", error)

    def signatures(self, file, checkpoint, alone):
        if not self.genesis:
            return
        every = [key for epoch in self.epochs for key in epoch.keys]
        try:
            held = [key for key in every if signed_by(key, checkpoint.text, checkpoint.lines, checkpoint, self.unable)]
            require(checkpoint.origin == self.genesis.origin or all(key.type != ED25519 for key in held),
                    "signed by the key of another log")
        except Wrong as error:
            self.find("SEAL-022", file, error)
            return
        if checkpoint.origin != self.genesis.origin:
            self.find("SEAL-008", file, checkpoint.origin)
            return
        # The latest keys that have signed it, else the latest that may.
        signed = [at for at, epoch in enumerate(self.epochs) if any(key in held for key in epoch.keys)]
        may = [at for at, epoch in enumerate(self.epochs) if epoch.size < checkpoint.size]
        at = max(signed or may or [0])
        for key in self.epochs[at].keys:
            if key not in held:
                self.find("SEAL-023", file, "no line of %s" % key)
        self.signers += [str(key) for key in held if str(key) not in self.signers]
        if held:
            later = self.epochs[at + 1] if at + 1 < len(self.epochs) else None
            if at and checkpoint.size <= self.epochs[at].size:
                self.find("SEAL-034", file, "keys that came later")
            elif later and later.cause != "planned" and checkpoint.size > later.size:
                self.find("SEAL-034", file, "keys that were lost or compromised")
            if self.trusted and not any(key in self.trusted for key in held):
                believed = [place for place, epoch in enumerate(self.epochs) if any(key in self.trusted for key in epoch.keys)]
                # A note doesn't name the keys before (anyone may sign it, too), so nothing of theirs follows from it but the size
                # and root that it names itself.
                if not any(epoch.root == checkpoint.root and epoch.size == checkpoint.size and epoch.keys[0] in self.trusted
                           for epoch in self.epochs[1:]):
                    if believed and at < believed[0]:
                        self.older = ", ".join(map(str, held))
                    else:
                        self.find("SEAL-032", file, "other keys")
        known = {(key.name, key.id) for key in every}
        if alone and any(line[:2] not in known for line in checkpoint.lines):
            self.find("SEAL-022", file, "a line of another key")

    def statement(self):
        if "statement.json" not in self.files:
            return
        try:
            version = self.version()
            if version not in (None, FORMAT):
                self.unchecked.append("statement.json: version %.40r is not known here" % version)
                return
            said = json.loads(self.files["statement.json"].decode(), object_pairs_hook=once, parse_constant=impossible)
            require(isinstance(said, dict) and set(said) == set(STATED), "other fields")
            require(all(type(said[name]) is kind for name, kind in STATED.items()), "a field of another type")
            stored = said["stored"]
            require(set(stored) <= set(STORED) and all(type(stored.get(name)) is str for name in STORED[:2]), "other fields")
            require(all(type(stored.get(name)) in (str, type(None)) for name in STORED), "a field of another type")
            if self.genesis:
                require(said["origin"] == self.genesis.origin, "another origin")
            if self.checkpoint:
                require(said["checkpoint_size"] == self.checkpoint.size, "another checkpoint")
            if self.link:
                link = self.link
                proved = [link.chain, link.sequence, link.observed, link.checksum, link.hash.hex()]
                require([said[name] for name in ("chain", "sequence", "observed", "checksum", "hash")] == proved,
                        "another record")
        except (Wrong, ValueError, RecursionError) as error:
            self.find("SEAL-080", "statement.json", error)

    def verdict(self):
        if self.findings:
            return "tampered"
        if not self.trusted or self.older:
            return "signer-unknown"
        return "not-all-checked" if self.unchecked else "intact"

    def report(self):
        link = self.link
        return {
            "verdict": self.verdict(), "bundle": sha(self.files.get("SHA256SUMS", b"")).hex() if self.files else "",
            "chain": link and link.chain, "origin": self.genesis and self.genesis.origin,
            "sequence": link.sequence if link else None, "observed": link.observed if link else None,
            "checksum": link and link.checksum, "hash": link and link.hash.hex(),
            "checkpoint_size": self.checkpoint.size if self.checkpoint else None, "signed_by": self.signers,
            "trusted": [str(key) for key in self.trusted], "findings": self.findings, "unchecked": self.unchecked,
            "notes": self.notes,
        }


WORDS = {
    "intact": "PROVED: the record is, byte for byte, the one that was sealed and signed for",
    "tampered": "NOT PROVED: what lies here is not what was sealed, or not all of it",
    "signer-unknown": "CONSISTENT, SIGNER UNKNOWN: give the chain's public key with --public-key",
    "not-all-checked": "NOT ALL CHECKED: what could be checked holds",
}


def say(report):
    print(WORDS[report["verdict"]])
    for finding in report["findings"]:
        print("  {code} {what} ({place}): {found}".format(**finding))
    for name in ("chain", "sequence", "observed", "origin", "checksum", "hash", "checkpoint_size", "bundle"):
        if report[name] is not None:
            print("  %-16s %s" % (name, report[name]))
    for name in ("signed_by", "trusted", "unchecked", "notes"):
        for line in report[name]:
            print("  %-16s %s" % (name, line))


def main():
    parser = argparse.ArgumentParser(description="Checks an evidence bundle of Sealtrail.")
    parser.add_argument("bundle")
    parser.add_argument("--public-key", action="append", default=[], metavar="FILE", help="one vkey a line; repeatable")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    arguments = parser.parse_args()
    keys = []
    try:
        for path in arguments.public_key:
            with open(path, encoding="utf-8") as file:
                lines = [line.strip() for line in file]
            keys += [Key(line) for line in lines if line and not line.startswith("#")]
        judgement = Judgement(arguments.bundle, keys)
        judgement.judge(arguments.bundle)
    except (OSError, Wrong, UnicodeDecodeError) as error:
        print("error:", error, file=sys.stderr)
        return 2
    report = judgement.report()
    if arguments.format == "json":
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        say(report)
    return {"intact": 0, "tampered": 1}.get(report["verdict"], 3)


if __name__ == "__main__":
    sys.exit(main())
