#!/usr/bin/env python3
"""Vectors of the chain format and the write-ahead log's: `vectors.py generate|check [chain/vectors [src/wal/vectors]]`.

One case a file: its kind, what it proves, what is given, and either what must come out or with which word it must be
refused. `generate` writes them; `check` generates them again, compares byte for byte, and judges every case anew, the
signatures with OpenSSL. Packages: `pip install -r tests/requirements.txt`. Every key, card number and name is fictional
or a public test value.
"""

import json
import pathlib
import struct
import sys

import second as ref
from second import Refused, sha256

CHAIN, ORIGIN = "payments-eu-1", "audit.example.com/payments-eu-1"
NOON = 1_795_449_600_000_000_000  # 2026-11-23T16:00:00Z
LOG = ref.Signer(ORIGIN, bytes(range(32)), bytes(range(32, 64)))
OTHER = ref.Signer("audit.example.com/payments-us-1", b"\x51" * 32, b"\x52" * 32)
WITNESS = ref.Signer("witness.example.net", b"\x53" * 32, b"\x54" * 32)
NEXT = ref.Signer(ORIGIN, b"\x57" * 32, b"\x58" * 32)
LITEWITNESS = "witness.example/w1+3b709c12+BHAEVoYUr/j4WpbnllexqIaSX8G2Q3q6mnGdPLvv2RnC"
LITEWITNESS_LINE = "— witness.example/w1 O3CcEgAAAABrB8fSNamzHOZu5oTSou0PFjRUqAL+aBQl7NVeMh0xiWNmX9K64HGEke4qZhd93PdN6rtp3RQNWTzoBBEi9BghtbVOAg==\n"
RECOVERY = ref.Signer("recovery.example.com", b"\x55" * 32, b"\x56" * 32)
SEEDS = {"ed25519": bytes(range(32)).hex(), "ml_dsa_44": bytes(range(32, 64)).hex()}
HASHES = [sha256(str(n).encode()) for n in range(128)]
LEAVES = [ref.leaf(linked) for linked in HASHES]

CASES = {}


def right(kind, name, proves, **given):
    CASES[f"{kind}-{name}"] = {"kind": kind, "proves": proves, "given": given, "expected": judge(kind, given)}


def wrong(kind, name, refused, proves, **given):
    try:
        judge(kind, given)
    except Refused as refusal:
        assert list(refusal.args) == ([refused] if isinstance(refused, str) else list(refused)), (name, refusal)
        CASES[f"{kind}-refused-{name}"] = {
            "kind": kind,
            "proves": proves,
            "given": given,
            "refused": list(refusal.args),
        }
        return
    raise AssertionError(f"{kind}-refused-{name} was taken")


# What each kind asks


def judge(kind, given):
    return globals()["judge_" + kind](**given)


def judge_content(record=None, text=None):
    if record is None:
        ref.check_content(text)
        return {}
    text = ref.content(record)
    ref.check_content(text)
    return {"content": text, "checksum": sha256(text.encode()).hex()}


def judge_number(bits):
    return {"texts": [ref.double(struct.unpack(">d", bytes.fromhex(b))[0]) for b in bits]}


def judge_reserved(names):
    return {"sealed": [ref.escaped(name) for name in names]}


def judge_link(chain, head, records):
    start = (head["next"], int(head["observed"]), bytes.fromhex(head["hash"]))
    broken = ref.follow(chain, start, records)
    if broken:
        raise Refused(broken[1], broken[0])
    leaves = [ref.leaf(bytes.fromhex(record["hash"])) for record in records]
    size = head["next"] + len(records)
    return {"hash": records[-1]["hash"]} | ({"root": ref.root(leaves).hex(), "size": size} if not head["next"] else {})


def judge_tree(entries):
    leaves = [ref.leaf(bytes.fromhex(entry)) for entry in entries]
    return {"roots": [ref.root(leaves[:n]).hex() for n in range(len(leaves) + 1)]}


def judge_range(begin, end, text):
    ref.parse_range(begin, end, text)
    return {"same": text == ref.range_text(LEAVES, begin, end)} | (
        {} if begin else {"root": ref.root(LEAVES[:end]).hex()}
    )


def judge_ranges(size, text):
    return {"previous": ref.parse_ranges(size, text)}


def judge_key(vkey):
    name, identity, kind, _ = ref.parse_vkey(vkey)
    return {"name": name, "id": identity.hex(), "type": kind}


def judge_note(note, keys):
    return {"held": ref.check_note(note, keys)}


def judge_genesis(note, seed=None):
    return {"digest": ref.check_genesis(note).hex()}


def judge_rotation(note, origin, before, seeds=None):
    return ref.check_rotation(note, origin, before)


def judge_checkpoint(note, keys, seeds=None, time=None):
    return ref.check_checkpoint(note, keys)


def judge_inclusion(hash, index, size, path, root):
    path = [bytes.fromhex(step) for step in path]
    ref.check_inclusion(ref.leaf(bytes.fromhex(hash)), index, size, path, bytes.fromhex(root))
    return {}


def judge_consistency(old, old_root, size, root, path):
    path = [bytes.fromhex(step) for step in path]
    ref.check_consistency(old, bytes.fromhex(old_root), size, bytes.fromhex(root), path)
    return {}


def judge_proof(text, hash, keys):
    index, checkpoint = ref.check_proof(text, bytes.fromhex(hash), keys)
    return {"index": index, "size": checkpoint["size"], "held": checkpoint["held"]}


def judge_names(chain, sequence, observed, size, seconds):
    return ref.names(chain, sequence, int(observed), size, seconds)


def judge_name(what, text):
    ref.check_name(what, text)
    return {}


def judge_stream(value):
    return {"records": ref.read_stream(bytes.fromhex(value))}


def judge_frame(frame):
    key, headers, value = ref.check_frame(bytes.fromhex(frame))
    return {"key": key.decode(), "headers": headers.decode(), "value": value.hex()}


def judge_cipher(key, **given):
    key = bytes.fromhex(key)
    if "envelope" in given:
        return {"plaintext": ref.open_envelope(key, given["envelope"]).decode()}
    nonce, plaintext, additional = (given[name].encode() for name in ("nonce", "plaintext", "additional"))
    return {
        "derived": ref.xaes_key(key, nonce).hex(),
        "ciphertext": ref.xaes_seal(key, nonce, plaintext, additional).hex(),
    }


def judge_token(key, key_id, value_class, value):
    return {"token": ref.token(bytes.fromhex(key), key_id, value_class, value)}


# Cases

SENDER = {"auth": "none", "by": "sender"}


def record(log=None, received=SENDER, **rest):
    return {"logRecord": log or {}, "received": received, **rest}


def value(text):
    return {"stringValue": text}


PAYMENT = record(
    {
        "timeUnixNano": str(NOON - 1_000_000),
        "observedTimeUnixNano": str(NOON - 900_000),
        "severityNumber": 9,
        "severityText": "INFO",
        "body": value("card 4242********4242 authorised 支付成功"),
        "flags": 1,
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "spanId": "00f067aa0ba902b7",
        "eventName": "payment.authorised",
        "attributes": [
            {"key": "transaction_id", "value": value("tx-000017")},
            {"key": "pan", "value": value("5555********4444")},
            {"key": "amount", "value": {"doubleValue": 129.95}},
            {"key": "amount_masked", "value": {"boolValue": True}},
            {"key": "attempt", "value": {"intValue": "-1"}},
            {"key": "raw", "value": {"bytesValue": "AP8Q"}},
            {"key": "parts", "value": {"arrayValue": {"values": [{"intValue": "1"}, {}, value("")]}}},
            {"key": "card", "value": {"kvlistValue": {"values": [{"key": "brand", "value": value("visa")}]}}},
        ],
    },
    {"auth": "mtls", "by": "sender", "peer": "203.0.113.7", "subject": "CN=checkout"},
    resource={"attributes": [{"key": "service.name", "value": value("checkout")}]},
    resourceSchemaUrl="https://opentelemetry.io/schemas/1.37.0",
    scope={"name": "checkout.audit", "version": "2.1", "droppedAttributesCount": 3},
    scopeSchemaUrl="https://example.com/scope",
)


def nested(depth):
    """A value whose innermost part is at `depth`."""
    inner = value("deep")
    for _ in range(depth - 1):
        inner = {"arrayValue": {"values": [inner]}}
    return inner


def contents():
    body = lambda any_value: record({"body": any_value})
    right("content", "payment", "a record with every field and kind of value", record=PAYMENT)
    right("content", "least", "an empty record keeps logRecord and received", record=record())
    right(
        "content",
        "defaults-left-out",
        "fields at their default, empty lists and empty messages are left out",
        record=record(
            {
                "timeUnixNano": "0",
                "severityNumber": 0,
                "severityText": "",
                "flags": 0,
                "attributes": [],
                "body": {},
                "traceId": "",
            },
            resource={"attributes": []},
            scope={"name": ""},
            scopeSchemaUrl="",
        ),
    )
    right(
        "content",
        "set-members-stay",
        "a set member of a value stands even when it is empty",
        record=record(
            {
                "attributes": [
                    {"key": "s", "value": value("")},
                    {"key": "b", "value": {"boolValue": False}},
                    {"key": "i", "value": {"intValue": "0"}},
                    {"key": "d", "value": {"doubleValue": -0.0}},
                    {"key": "x", "value": {"bytesValue": ""}},
                    {"key": "a", "value": {"arrayValue": {}}},
                    {"key": "m", "value": {"kvlistValue": {"values": []}}},
                    {"key": "n"},
                    {},
                ]
            }
        ),
    )
    right(
        "content",
        "order-and-duplicates",
        "attributes stay in their order, duplicate keys are kept",
        record=record({"attributes": [{"key": k, "value": value(v)} for k, v in ("z1", "a2", "z3", "a2")]}),
    )
    right(
        "content",
        "escapes",
        "RFC 8785, 3.2.2: the shortest escape, and none where none is needed",
        record=body(value('\u20ac$\u000f\nA\'B"\\\\"/ \b\t\f\r\u0000\u001f\u007f\u2028 \U0001f600\ufffd')),
    )
    right(
        "content",
        "doubles",
        "doubles as RFC 8785 writes them, the others as strings",
        record=body(
            {
                "arrayValue": {
                    "values": [
                        {"doubleValue": v}
                        for v in (333333333.33333329, 1e30, 4.5, 2e-3, 1e-27, 100, -0.5, "NaN", "Infinity", "-Infinity")
                    ]
                }
            }
        ),
    )
    right(
        "content",
        "integers",
        "the ends of every integer",
        record=record(
            {
                "timeUnixNano": str(2**64 - 1),
                "severityNumber": -(2**31),
                "flags": 2**32 - 1,
                "droppedAttributesCount": 1,
                "attributes": [
                    {"key": "min", "value": {"intValue": str(-(2**63))}},
                    {"key": "max", "value": {"intValue": str(2**63 - 1)}},
                ],
            }
        ),
    )
    right(
        "content",
        "short-ids",
        "ids keep the length that they were sent with",
        record=record({"traceId": "0a", "spanId": "00" * 9}),
    )
    right("content", "deepest", "24 levels", record=body(nested(24)))
    right(
        "content",
        "empty-subject",
        "a certificate may have an empty name",
        record=record(None, SENDER | {"subject": ""}),
    )
    right(
        "content",
        "own",
        "a record of the collector",
        record=record(
            {"eventName": "sealtrail.stopped", "severityNumber": 9, "timeUnixNano": str(NOON)},
            {"auth": "none", "by": "self"},
            resource={"attributes": [{"key": "service.name", "value": value("sealtrail")}]},
            scope={"name": "sealtrail.collector"},
        ),
    )

    least = ref.content(record())
    tail = ',"received":{"auth":"none","by":"sender"}}'
    log = lambda text: '{"logRecord":{' + text + "}" + tail
    attribute = lambda text: log('"attributes":[{"key":"k","value":{' + text + "}}]")
    for name, proves, text in (
        ("space", "no white space", least.replace(":", ": ", 1)),
        ("newline-at-end", "nothing behind the last brace", least + "\n"),
        ("bom", "nothing before the first brace", "\ufeff" + least),
        ("cut-short", "the text is whole", least[:-1]),
        (
            "members-out-of-order",
            "members stand in the order of JCS",
            '{"received":{"auth":"none","by":"sender"},"logRecord":{}}',
        ),
        ("fields-out-of-order", "so do the fields of a record", log('"severityText":"INFO","severityNumber":9')),
        ("duplicate-member", "a member stands once", log('"flags":1,"flags":1')),
        ("unknown-field", "only the fields of the format", log('"traceState":"x"')),
        ("unknown-member", "only the members of the format", least[:-1] + ',"sealed":true}'),
        ("snake-case", "names are in lowerCamelCase", log('"severity_text":"INFO"')),
        ("default-number", "a number at its default is left out", log('"flags":0')),
        ("default-time", "a time of 0 is left out", log('"timeUnixNano":"0"')),
        ("default-text", "an empty text is left out", log('"eventName":""')),
        ("empty-list", "an empty list is left out", log('"attributes":[]')),
        ("empty-body", "an empty body is left out", log('"body":{}')),
        ("empty-value", "an empty value of an attribute is left out", log('"attributes":[{"key":"k","value":{}}]')),
        ("empty-resource", "an empty resource is left out", least[:-1] + ',"resource":{}}'),
        ("empty-values", "an array without elements has no list", attribute('"arrayValue":{"values":[]}')),
        ("null", "null stands nowhere", log('"body":null')),
        ("two-kinds", "a value has one member", attribute('"boolValue":true,"stringValue":"x"')),
        ("time-number", "64-bit integers are strings", log('"timeUnixNano":1')),
        ("time-overflow", "a time has 64 bits", log(f'"timeUnixNano":"{2**64}"')),
        ("time-leading-zero", "decimals have no leading zero", log('"timeUnixNano":"01"')),
        ("int-number", "an intValue is a string", attribute('"intValue":1')),
        ("int-plus", "decimals have no plus", attribute('"intValue":"+1"')),
        ("int-minus-zero", "there is one zero", attribute('"intValue":"-0"')),
        ("int-overflow", "an intValue has 64 bits", attribute(f'"intValue":"{2**63}"')),
        ("severity-text", "enums are numbers", log('"severityNumber":"SEVERITY_NUMBER_INFO"')),
        ("severity-overflow", "a severity has 32 bits", log(f'"severityNumber":{2**31}')),
        ("flags-negative", "flags have no sign", log('"flags":-1')),
        ("flags-fraction", "flags are whole", log('"flags":1.0')),
        ("double-fraction-zero", "a whole double has no fraction", attribute('"doubleValue":1.0')),
        ("double-minus-zero", "negative zero is 0", attribute('"doubleValue":-0')),
        ("double-exponent-plus", "exponents carry their sign", attribute('"doubleValue":1e21')),
        ("double-upper-case", "the exponent is e", attribute('"doubleValue":1E+21')),
        ("double-not-shortest", "the shortest digits", attribute('"doubleValue":0.10000000000000001')),
        ("double-overflow", "infinity is a string", attribute('"doubleValue":1e+999')),
        ("double-string", "a finite double is a number", attribute('"doubleValue":"1"')),
        ("double-nan-case", "NaN is written so", attribute('"doubleValue":"nan"')),
        ("bool-text", "a bool is a bool", attribute('"boolValue":"true"')),
        ("id-upper-case", "ids are in lower-case hex", log('"traceId":"0A"')),
        ("id-odd", "ids are whole bytes", log('"traceId":"0"')),
        ("bytes-unpadded", "base64 is padded", attribute('"bytesValue":"AA"')),
        ("bytes-url", "base64 has the standard alphabet", attribute('"bytesValue":"_-8="')),
        ("bytes-trailing-bits", "base64 has no loose bits", attribute('"bytesValue":"AB=="')),
        ("escape-not-needed", "what needs no escape has none", log('"eventName":"\\u0041"')),
        ("escape-slash", "a slash has no escape", log('"eventName":"\\/"')),
        ("escape-upper-case", "hex of escapes is lower-case", log('"eventName":"\\u001F"')),
        ("escape-not-short", "a short escape is used where there is one", log('"eventName":"\\u000a"')),
        ("escape-astral", "characters beyond U+FFFF have no escape", log('"eventName":"\\ud83d\\ude00"')),
        ("lone-surrogate", "half a character is none", log('"eventName":"\\ud83d"')),
        ("raw-control", "control characters are escaped", log('"eventName":"\u0001"')),
        ("no-log-record", "logRecord always stands", '{"received":{"auth":"none","by":"sender"}}'),
        ("no-received", "received always stands", '{"logRecord":{}}'),
        ("no-by", "by always stands", least.replace(',"by":"sender"', "")),
        ("unknown-auth", "auth is of a closed list", least.replace("none", "password")),
        ("unknown-by", "by is of a closed list", least.replace('"sender"', '"own"')),
        ("peer-null", "an unknown peer is left out", least.replace("}}", ',"peer":null}}')),
        (
            "received-order",
            "members of received have an order",
            least.replace('"auth":"none","by":"sender"', '"by":"sender","auth":"none"'),
        ),
        ("array-not-object", "the whole is an object", f"[{least}]"),
    ):
        wrong("content", name, "content", proves, text=text)
    deep = '"stringValue":"deep"'
    for _ in range(24):
        deep = '"arrayValue":{"values":[{' + deep + "}]}"
    wrong("content", "too-deep", "content", "25 levels are refused", text=log('"body":{' + deep + "}"))

    right(
        "number",
        "rfc-8785-appendix-b",
        "the doubles of RFC 8785, appendix B",
        bits=[
            "0000000000000000",
            "8000000000000000",
            "0000000000000001",
            "8000000000000001",
            "7fefffffffffffff",
            "ffefffffffffffff",
            "4340000000000000",
            "c340000000000000",
            "4430000000000000",
            "44b52d02c7e14af5",
            "44b52d02c7e14af6",
            "44b52d02c7e14af7",
            "444b1ae4d6e2ef4e",
            "444b1ae4d6e2ef4f",
            "444b1ae4d6e2ef50",
            "3eb0c6f7a0b5ed8c",
            "3eb0c6f7a0b5ed8d",
            "41b3de4355555553",
            "41b3de4355555554",
            "41b3de4355555555",
            "41b3de4355555556",
            "41b3de4355555557",
            "becbf647612f3696",
            "43143ff3c1cb0959",
        ],
    )
    assert (
        CASES["number-rfc-8785-appendix-b"]["expected"]["texts"]
        == (
            "0 0 5e-324 -5e-324 1.7976931348623157e+308 -1.7976931348623157e+308 9007199254740992 -9007199254740992 "
            "295147905179352830000 9.999999999999997e+22 1e+23 1.0000000000000001e+23 999999999999999700000 "
            "999999999999999900000 1e+21 9.999999999999997e-7 0.000001 333333333.3333332 333333333.33333325 333333333.3333333 "
            "333333333.3333334 333333333.33333343 -0.0000033333333333333333 1424953923781206.2"
        ).split()
    )
    right(
        "reserved",
        "names",
        "a sender's reserved names get one more prefix, others none",
        names=[
            "sealtrail.started",
            "sender.sealtrail.started",
            "sender.sender.sealtrail.x",
            "sealtrail.",
            "sealtrail",
            "sealtrailx.y",
            "sender.",
            "sender.x.sealtrail.y",
            "Sealtrail.x",
            "xsealtrail.y",
            "",
        ],
    )


GENESIS = sha256(b"the genesis text of these vectors\n")
START = {"next": 0, "observed": "0", "hash": GENESIS.hex()}


def sealed(times=(0, 5, 5, 9, 1_000_000_007), first=PAYMENT):
    texts = [ref.content(first)] + [ref.content(record({"body": value(f"record {n}")})) for n in range(1, len(times))]
    return ref.seal(CHAIN, (0, 0, GENESIS), [(NOON + time, text) for time, text in zip(times, texts)])


def links():
    records = sealed()
    right(
        "link",
        "five-records",
        "a chain of five, two of them at the same time",
        chain=CHAIN,
        head=START,
        records=records,
    )
    right(
        "link",
        "one-record",
        "a chain's first record hangs on the genesis text",
        chain=CHAIN,
        head=START,
        records=records[:1],
    )
    head = {"next": 3, "observed": records[2]["observed"], "hash": records[2]["hash"]}
    right(
        "link",
        "from-the-middle",
        "a segment is followed from the head before it",
        chain=CHAIN,
        head=head,
        records=records[3:],
    )
    limit = {"next": 2**63 - 2, "observed": str(2**63 - 1), "hash": GENESIS.hex()}
    right(
        "link",
        "largest",
        "the largest sequence and time",
        chain=CHAIN,
        head=limit,
        records=ref.seal(CHAIN, (2**63 - 2, 0, GENESIS), [(2**63 - 1, ref.content(record()))]),
    )

    def bent(name, refused, proves, bend, chain=CHAIN, head=START):
        copy = [dict(r) for r in records]
        wrong("link", name, refused, proves, chain=chain, head=head, records=bend(copy) or copy)

    def set_in(at, **members):
        return lambda copy: copy[at].update(members)

    other = ref.content(record({"body": value("record 9")}))
    bent("content-changed", ("content", 2), "one changed record", set_in(2, content=other))
    bent(
        "content-and-checksum-changed",
        ("hash", 2),
        "with its checksum made to fit",
        set_in(2, content=other, checksum=sha256(other.encode()).hex()),
    )
    bent("checksum-changed", ("content", 1), "the checksum is that of the content", set_in(1, checksum="00" * 32))
    bent("removed", ("sequence", 2), "a record taken out", lambda copy: copy[:2] + copy[3:])
    bent("first-removed", ("sequence", 0), "the first record taken out", lambda copy: copy[1:])
    bent(
        "removed-and-renumbered",
        ("previous", 2),
        "and those behind it renumbered",
        lambda copy: copy[:2] + [r | {"sequence": r["sequence"] - 1} for r in copy[3:]],
    )
    bent("swapped", ("sequence", 1), "two records swapped", lambda copy: [copy[0], copy[2], copy[1], *copy[3:]])
    bent("repeated", ("sequence", 2), "a record twice", lambda copy: copy[:2] + copy[1:])
    bent(
        "inserted",
        ("hash", 2),
        "a record put in with a hash of its own making",
        lambda copy: (
            copy[:2]
            + [
                {
                    "sequence": 2,
                    "observed": copy[1]["observed"],
                    "previous": copy[1]["hash"],
                    "checksum": sha256(other.encode()).hex(),
                    "hash": sha256(b"forged").hex(),
                    "content": other,
                }
            ]
            + copy[2:]
        ),
    )
    bent(
        "resealed-alone",
        ("previous", 3),
        "one record resealed, the next still holds the old hash",
        lambda copy: (
            copy[:2]
            + ref.seal(CHAIN, (2, 0, bytes.fromhex(copy[1]["hash"])), [(int(copy[2]["observed"]), other)])
            + copy[3:]
        ),
    )
    bent("time-changed", ("hash", 4), "the time is under the hash", set_in(4, observed=str(NOON + 10)))
    bent("time-back", ("time", 3), "a time that goes back, sealed so", lambda copy: sealed((0, 5, 5, 4, 9)))
    bent("other-chain", ("hash", 0), "a record of another chain", lambda copy: None, chain="payments-us-1")
    bent(
        "other-genesis",
        ("previous", 0),
        "a chain with another beginning",
        lambda copy: None,
        head=START | {"hash": "00" * 32},
    )
    bent("hash-changed", ("hash", 4), "the hash is that of its parts", set_in(4, hash="ff" * 32))


def trees():
    right(
        "tree",
        "rfc-6962",
        "the known roots of 0 to 8 entries",
        entries=["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"],
    )
    assert CASES["tree-rfc-6962"]["expected"]["roots"][1:] == [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    right("tree", "hashes", "roots over hashes of records", entries=[linked.hex() for linked in HASHES[:40]])
    for begin, end in ((0, 0), (0, 1), (0, 7), (0, 64), (3, 9), (5, 6), (64, 100), (77, 77)):
        right(
            "range",
            f"{begin}-{end}",
            "a compact range over the hashes SHA-256(decimal of n)",
            begin=begin,
            end=end,
            text=ref.range_text(LEAVES, begin, end),
        )
    text = ref.range_text(LEAVES, 3, 9)
    for name, proves, bad in (
        ("level", "each line names its level", text.replace("2 1 ", "1 1 ")),
        ("index", "and its index", text.replace("0 3 ", "0 4 ")),
        ("leading-zero", "decimals have no leading zero", text.replace("0 3 ", "0 03 ")),
        ("upper-case", "hex is lower-case", text.replace("a", "A")),
        ("short", "a hash is 32 bytes", text[:-2] + "\n"),
        ("missing-line", "each node has a line", text[text.index("\n") + 1 :]),
        ("more-lines", "no line is left over", text + text),
        ("no-newline", "the last line ends", text[:-1]),
        ("carriage-return", "lines end with one newline", text.replace("\n", "\r\n")),
        ("two-spaces", "one space between the parts", text.replace(" ", "  ")),
        ("empty", "an empty text is an empty range", ""),
    ):
        wrong("range", name, "line", proves, begin=3, end=9, text=bad)
    wrong("range", "backwards", "bounds", "a range ends behind its beginning", begin=9, end=3, text="")
    wrong("range", "too-large", "bounds", "sizes are below 2^63", begin=0, end=2**63, text="")
    both = lambda size, previous: ref.range_text(LEAVES, 0, size) + "\n" + ref.range_text(LEAVES, previous, size)
    for size, previous in ((0, 0), (7, 0), (9, 3), (100, 64), (64, 64)):
        right(
            "ranges", f"{size}-since-{previous}", "what lies beside a checkpoint", size=size, text=both(size, previous)
        )
    for name, proves, size, bad in (
        ("other-size", "both ranges end at the size", 8, both(9, 3)),
        ("no-empty-line", "an empty line parts them", 9, both(9, 3).replace("\n\n", "\n")),
        ("second-cut", "the second range is whole", 9, both(9, 3)[:-1]),
        ("first-only", "both are there", 9, ref.range_text(LEAVES, 0, 9)),
        ("gap", "the second range has no gap", 9, both(9, 3).replace("2 1 ", "2 2 ")),
        (
            "huge-level",
            "a level that shifts a number away",
            9,
            ref.range_text(LEAVES, 0, 9) + "\n64 1 " + "00" * 32 + "\n",
        ),
    ):
        wrong("ranges", name, "line", proves, size=size, text=bad)
    hexes = lambda path: [step.hex() for step in path]
    for index, size in ((0, 1), (0, 8), (7, 8), (5, 7), (6, 7), (99, 100)):
        right(
            "inclusion",
            f"{index}-of-{size}",
            "a record is in a tree",
            hash=HASHES[index].hex(),
            index=index,
            size=size,
            path=hexes(ref.inclusion(LEAVES[:size], index)),
            root=ref.root(LEAVES[:size]).hex(),
        )
    good = dict(CASES["inclusion-5-of-7"]["given"])
    for name, refused, proves, bad in (
        ("other-record", "root", "another record is not there", {"hash": HASHES[6].hex()}),
        ("other-index", "root", "nor at another place", {"index": 4}),
        ("other-root", "root", "nor in another tree", {"root": "00" * 32}),
        ("swapped", "root", "the path has an order", {"path": good["path"][::-1]}),
        ("short", "length", "the path is whole", {"path": good["path"][:-1]}),
        ("long", "length", "and no longer", {"path": good["path"] + ["00" * 32]}),
        ("other-size", "length", "the size says how long the path is", {"size": 6}),
        ("outside", "outside", "an index beyond the size", {"index": 7}),
        ("empty-tree", "outside", "an empty tree holds nothing", {"index": 0, "size": 0, "path": []}),
        (
            "node-as-record",
            "root",
            "an inner node is no record",
            {"hash": good["path"][1], "index": 2, "size": 4, "path": good["path"][2:] + ["00" * 32]},
        ),
    ):
        wrong("inclusion", name, refused, proves, **good | bad)
    for old, size in ((0, 5), (1, 8), (4, 7), (6, 8), (7, 7), (33, 100)):
        right(
            "consistency",
            f"{old}-to-{size}",
            "a tree goes on from another",
            old=old,
            old_root=ref.root(LEAVES[:old]).hex(),
            size=size,
            root=ref.root(LEAVES[:size]).hex(),
            path=hexes(ref.consistency(LEAVES[:size], old) if old else []),
        )
    good = dict(CASES["consistency-6-to-8"]["given"])
    for name, refused, proves, bad in (
        ("rewritten", "root", "the old tree is not its beginning", {"old_root": "00" * 32}),
        ("other-root", "root", "it does not lead there", {"root": "00" * 32}),
        ("swapped", "root", "the path has an order", {"path": good["path"][::-1]}),
        ("short", "length", "the path is whole", {"path": good["path"][1:]}),
        ("long", "length", "and no longer", {"path": good["path"] + ["00" * 32]}),
        ("backwards", "backwards", "a log does not shrink", {"old": 9}),
        ("same-size", "root", "one size has one root", {"old": 8, "path": []}),
        ("from-nothing", "root", "the empty tree has one root", {"old": 0, "path": []}),
    ):
        wrong("consistency", name, refused, proves, **good | bad)


def note_of(text, *signers):
    return text + "\n" + "".join(signer.sign(text) for signer in signers)


def notes():
    for name, vkey in (("ed25519", LOG.vkeys[0]), ("ml-dsa-44", LOG.vkeys[1]), ("cosigner", WITNESS.witness_vkey)):
        right("key", name, "a verifier key", vkey=vkey)
    name, identity, material = LOG.vkeys[0].split("+", 2)
    key = ref.unb64(material)[1:]
    for case, proves, bad in (
        ("id", "the key id is that of name and key", f"{name}+00000000+{material}"),
        ("id-upper-case", "hex is lower-case", f"{name}+{identity.upper()}+{material}"),
        ("name", "the name is under the id", f"x{name}+{identity}+{material}"),
        ("empty-name", "a name is not empty", ref.make_vkey("", 1, key)),
        ("space", "a name has no space", ref.make_vkey("a b", 1, key)),
        ("wide-space", "nor one of Unicode's", ref.make_vkey("a\u3000b", 1, key)),
        ("type", "only known types", ref.make_vkey(name, 5, key)),
        ("length", "a key has its length", ref.make_vkey(name, 1, key[:-1])),
        ("ml-dsa-length", "so has one of ML-DSA-44", ref.make_vkey(name, 6, key)),
        ("base64", "base64 has the padding that it needs", LOG.vkeys[0] + "="),
        ("parts", "it has three parts", f"{name}+{identity}"),
        ("small-order", "under a key of small order anyone could sign", ref.make_vkey(name, 1, b"\1" + bytes(31))),
        ("newline", "it is one line", LOG.vkeys[0] + "\n"),
        ("cosigner-length", "so has a witness's", ref.make_vkey(name, 4, key[:-1])),
        ("cosigner-small-order", "nor is a witness's of small order", ref.make_vkey(name, 4, b"\1" + bytes(31))),
    ):
        wrong("key", case, "vkey", proves, vkey=bad)

    example = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    foo = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    right("note", "c2sp-example", "the example of c2sp.org/signed-note", note=example, keys=[foo])
    right("note", "unknown-key", "lines of unknown keys are passed over", note=example, keys=[LOG.vkeys[0]])
    verse = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n"
    right(
        "note",
        "empty-line-in-text",
        "the text ends at the last empty line",
        note=note_of(verse, LOG, OTHER),
        keys=[LOG.vkeys[0]],
    )
    line = LOG.sign(verse)
    right("note", "64-signatures", "64 lines are read", note=verse + "\n" + line * 64, keys=[LOG.vkeys[0]])
    sound = verse + "\n" + line
    for name, refused, proves, bad in (
        ("text-changed", "forged", "the signature is over the text", sound.replace("solo", "sola")),
        (
            "one-of-two-forged",
            "forged",
            "a line that holds does not make up for one that doesn't",
            sound + LOG.sign(verse + "x\n"),
        ),
        ("no-signature", "form", "a note is signed", verse),
        ("no-empty-line", "form", "an empty line parts text and signatures", verse.replace("\n\n", "\n") + line),
        ("no-newline-at-end", "form", "the last line ends", sound[:-1]),
        ("line-behind", "form", "nothing follows the signatures", sound + "x\n"),
        ("hyphen", "form", "the dash is an em dash", sound.replace("—", "-")),
        ("two-spaces", "form", "one space", sound.replace("— ", "—  ")),
        ("tab", "form", "no control characters", sound.replace("solo", "so\tlo")),
        ("carriage-return", "form", "not even this one", sound.replace("\n", "\r\n")),
        ("nul", "form", "nor this", "\0" + sound),
        ("plus-in-name", "form", "a name has no plus", sound.replace(LOG.name, "a+b")),
        ("unpadded", "form", "base64 is padded", sound.replace("=\n", "\n")),
        ("only-a-key-id", "form", "a signature is more than a key id", verse + "\n— x AAAAAA==\n"),
        ("65-signatures", "form", "65 lines are too many", verse + "\n" + line * 65),
        ("too-long", "form", "a million bytes at most", "x" * 1_000_000 + "\n" + sound),
        ("signature-short", "forged", "a signature has its length", verse + "\n" + LOG.line(0, b"\0" * 63)),
    ):
        if name != "too-long":  # a file of a megabyte proves less than it weighs
            wrong("note", name, refused, proves, note=bad, keys=[LOG.vkeys[0]])


def genesis_text(**changed):
    lines = {
        "first": "sealtrail genesis v1",
        "origin": f"origin {ORIGIN}",
        "created": "created 2026-11-23T16:00:00Z",
        "partition": "partition 0",
        "ed25519": f"key {LOG.vkeys[0]}",
        "ml_dsa": f"key {LOG.vkeys[1]}",
        "recovery": "recovery none",
        "predecessor": "predecessor none",
    } | changed
    return "".join(line + "\n" for line in lines.values())


def geneses():
    sign = lambda **changed: note_of(genesis_text(**changed), LOG)
    continues = f"predecessor audit.example.com/payments-eu-0 1234 {ref.b64(HASHES[0])}"
    right("genesis", "plain", "a chain that begins", note=sign(), seed=SEEDS["ed25519"])
    right(
        "genesis",
        "successor",
        "one that continues another and has a recovery key",
        seed=SEEDS["ed25519"],
        note=sign(
            recovery=f"recovery {RECOVERY.vkeys[0]}",
            predecessor=continues,
            partition="partition 17",
            created="created 2028-02-29T23:59:59Z",
        ),
    )
    for name, refused, proves, bad in (
        ("version", "statement", "another version is another note", sign(first="sealtrail genesis v2")),
        (
            "origin-without-chain",
            "statement",
            "the origin ends with the chain",
            sign(origin="origin audit.example.com"),
        ),
        ("origin-chain-name", "statement", "which has the form of one", sign(origin="origin audit.example.com/7")),
        ("origin-plus", "statement", "an origin has no plus", sign(origin="origin a+b/c")),
        ("origin-missing", "statement", "it is there", sign(origin="origin ")),
        ("origin-too-long", "statement", "it has 255 bytes at most", sign(origin="origin " + "a" * 254 + "/c")),
        ("origin-other-note", "statement", "it looks like no other signed thing", sign(origin="origin cosignature/v1")),
        ("created-day", "statement", "a day that exists", sign(created="created 2026-02-29T16:00:00Z")),
        ("created-leap-second", "statement", "no leap seconds", sign(created="created 2026-12-31T23:59:60Z")),
        ("created-offset", "statement", "UTC, written Z", sign(created="created 2026-11-23T16:00:00+00:00")),
        ("created-fraction", "statement", "whole seconds", sign(created="created 2026-11-23T16:00:00.0Z")),
        ("created-lower-case", "statement", "in capitals", sign(created="created 2026-11-23t16:00:00z")),
        ("partition-sign", "statement", "a partition has no sign", sign(partition="partition +0")),
        ("partition-zeros", "statement", "nor a leading zero", sign(partition="partition 00")),
        ("partition-too-large", "statement", "and is below 2^31", sign(partition=f"partition {2**31}")),
        (
            "keys-swapped",
            "statement",
            "Ed25519 comes first",
            sign(ed25519=f"key {LOG.vkeys[1]}", ml_dsa=f"key {LOG.vkeys[0]}"),
        ),
        ("key-of-other-log", "statement", "keys are named like the origin", sign(ml_dsa=f"key {OTHER.vkeys[1]}")),
        ("key-broken", "vkey", "keys are whole", sign(ed25519=f"key {LOG.vkeys[0][:-4]}")),
        (
            "recovery-ml-dsa",
            "statement",
            "a recovery key is of Ed25519",
            sign(recovery=f"recovery {RECOVERY.vkeys[1]}"),
        ),
        ("recovery-missing", "vkey", "none is said, not left out", sign(recovery="recovery ")),
        (
            "predecessor-root",
            "statement",
            "a root has 32 bytes",
            sign(predecessor="predecessor audit.example.com/a 1 AAAA"),
        ),
        ("predecessor-size", "statement", "a size is a decimal", sign(predecessor=continues.replace("1234", "01234"))),
        (
            "field-order",
            "statement",
            "fields have an order",
            sign(created="partition 0", partition="created 2026-11-23T16:00:00Z"),
        ),
        ("line-added", "statement", "eight lines", sign(predecessor="predecessor none\nnote x")),
        ("line-removed", "statement", "no fewer", sign().replace("partition 0\n", "")),
        ("text-changed", "forged", "the signature is over the text", sign().replace("partition 0", "partition 1")),
        ("signed-by-another", "unsigned", "the key that it names has signed it", note_of(genesis_text(), OTHER)),
    ):
        wrong("genesis", name, refused, proves, note=bad)


def rotation_text(**changed):
    lines = {
        "first": "sealtrail key rotation v1",
        "origin": f"origin {ORIGIN}",
        "created": "created 2026-11-26T06:00:00Z",
        "cause": "cause planned",
        "size": "size 40",
        "root": f"root {ref.b64(ref.root(LEAVES[:40]))}",
        "ed25519": f"key {NEXT.vkeys[0]}",
        "ml_dsa": f"key {NEXT.vkeys[1]}",
        "recovery": f"recovery {RECOVERY.vkeys[0]}",
    } | changed
    return "".join(line + "\n" for line in lines.values())


def rotations():
    before = {"ed25519": LOG.vkeys[0], "ml_dsa_44": LOG.vkeys[1], "recovery": RECOVERY.vkeys[0]}
    by_log = {"before": bytes(range(32)).hex(), "new": "57" * 32}
    by_recovery = {"before": "55" * 32, "new": "57" * 32}
    sign = lambda *signers, **changed: note_of(rotation_text(**changed), *(signers or (LOG, NEXT)))
    of = {"origin": ORIGIN, "before": before}
    right("rotation", "planned", "the key before and the new one sign", note=sign(), seeds=by_log, **of)
    right(
        "rotation",
        "compromised",
        "behind a compromise the recovery key vouches, for the last good size",
        note=sign(RECOVERY, NEXT, cause="cause compromised", recovery="recovery none"),
        seeds=by_recovery,
        **of,
    )
    right(
        "rotation",
        "lost",
        "and behind a loss",
        note=sign(RECOVERY, NEXT, cause="cause lost", size="size 0", root=f"root {ref.b64(sha256(b''))}"),
        seeds=by_recovery,
        **of,
    )
    none = {"origin": ORIGIN, "before": before | {"recovery": None}}
    for name, refused, proves, bad, given in (
        ("version", "statement", "another version is another note", sign(first="sealtrail key rotation v2"), of),
        ("origin", "statement", "the origin ends with a chain", sign(origin="origin audit.example.com"), of),
        ("cause", "statement", "three causes are known", sign(cause="cause tired"), of),
        ("created", "statement", "whole seconds", sign(created="created 2026-11-26T06:00:00.0Z"), of),
        ("size", "statement", "a size is a decimal", sign(size="size 040"), of),
        ("root", "statement", "a root has 32 bytes", sign(root="root AAAA"), of),
        ("key-of-other-log", "statement", "keys are named like the origin", sign(ml_dsa=f"key {OTHER.vkeys[1]}"), of),
        ("recovery-ml-dsa", "statement", "a recovery key is of Ed25519", sign(recovery=f"recovery {RECOVERY.vkeys[1]}"), of),
        ("field-order", "statement", "fields have an order", sign(size=f"root {ref.b64(HASHES[0])}", root="size 40"), of),
        ("line-added", "statement", "nine lines", sign(recovery="recovery none\nnote x"), of),
        ("text-changed", "forged", "the signatures are over the text", sign().replace("size 40", "size 41"), of),
        ("not-by-the-new", "unsigned", "the new key is held by whoever names it", sign(LOG), of),
        ("not-by-the-old", "unsigned", "a planned change is the old key's", sign(NEXT), of),
        ("planned-by-recovery", "unsigned", "and not the recovery key's", sign(RECOVERY, NEXT), of),
        ("lost-by-the-old", "unsigned", "a lost key vouches for nothing", sign(cause="cause lost"), of),
        ("compromised-by-the-old", "unsigned", "nor a compromised one", sign(cause="cause compromised"), of),
        ("no-recovery-key", "statement", "who named none has none", sign(RECOVERY, NEXT, cause="cause lost"), none),
        ("same-key", "statement", "a key has its time once", sign(LOG, ed25519=f"key {LOG.vkeys[0]}"), of),
        ("other-chain", "statement", "it is of this chain", sign(), of | {"origin": OTHER.name}),
    ):
        wrong("rotation", name, refused, proves, note=bad, **given)


def checkpoints():
    size, time = 40, NOON // 10**9
    text = f"{ORIGIN}\n{size}\n{ref.b64(ref.root(LEAVES[:size]))}\n"
    plain_note, both = note_of(text, LOG), note_of(text, LOG) + LOG.cosign(text, time)
    right(
        "checkpoint",
        "ed25519",
        "a checkpoint while records flow",
        note=plain_note,
        keys=LOG.vkeys,
        seeds=SEEDS,
        time=None,
    )
    right("checkpoint", "both", "one at the end of a segment", note=both, keys=LOG.vkeys, seeds=SEEDS, time=time)
    empty = f"{ORIGIN}\n0\n{ref.b64(sha256(b''))}\n"
    right("checkpoint", "empty", "one over no record", note=note_of(empty, LOG), keys=LOG.vkeys, seeds=SEEDS, time=None)
    right("checkpoint", "unknown-keys", "signed by nobody known", note=both, keys=[])
    right(
        "checkpoint",
        "witnessed",
        "a witness's line counts apart",
        note=both + WITNESS.cosign(text, time + 3),
        keys=[*LOG.vkeys, WITNESS.vkeys[1]],
    )
    word = WITNESS.witness(text, time + 4)
    right(
        "checkpoint",
        "witnessed-ed25519",
        "so does one of Ed25519; the latest of two counts",
        note=both + word + WITNESS.cosign(text, time + 3) + WITNESS.witness(text, time + 2),
        keys=[*LOG.vkeys, WITNESS.witness_vkey, WITNESS.vkeys[1]],
    )
    right("checkpoint", "witness-unknown", "one that is not known says nothing", note=both + word, keys=LOG.vkeys)
    right(
        "checkpoint",
        "witness-no-time",
        "and one without a time",
        note=both + WITNESS.witness(text, 0),
        keys=[WITNESS.witness_vkey],
    )
    right(
        "checkpoint",
        "litewitness",
        "what filippo.io/torchwood's litewitness 0.9.0 answered",
        note=both + LITEWITNESS_LINE,
        keys=[*LOG.vkeys, LITEWITNESS],
    )
    right("checkpoint", "no-time", "a cosigner may name no time", note=plain_note + LOG.cosign(text, 0), keys=LOG.vkeys)
    behind = "https://c2sp.org/tlog-checkpoint"
    example = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    )
    right("checkpoint", "c2sp-example", f"the example of {behind}", note=example, keys=[])
    signed = lambda bad: note_of(bad, LOG)
    witnessed = ref.unb64(word.split(" ")[2].strip())
    bent = lambda at: WITNESS.line_of(WITNESS.witness_vkey, bytes(b ^ (i == at) for i, b in enumerate(witnessed))[4:])
    shorter = WITNESS.line_of(WITNESS.witness_vkey, witnessed[4:-1])
    early = WITNESS.line_of(WITNESS.witness_vkey, b"\x80" + witnessed[5:])
    plainly = WITNESS.line_of(WITNESS.witness_vkey, witnessed[4:12] + WITNESS.ed25519.sign(text.encode()))
    for name, proves, bad in (
        ("time", "a witness's time is signed", bent(11)),
        ("bit", "its cosignature holds in every bit", bent(30)),
        ("short", "and has its length", shorter),
        ("negative-time", "its time is below 2^63", early),
        ("plain", "a signature over the text alone is none", plainly),
        ("of-other-size", "it covers the size", WITNESS.witness(text.replace("\n40\n", "\n39\n"), time)),
        ("one-of-two", "one that holds makes up for none that doesn't", word + bent(30)),
    ):
        wrong("checkpoint", f"witness-{name}", "forged", proves, note=both + bad, keys=[WITNESS.witness_vkey])
    cosignature = LOG.cosign(text, time)
    data = bytearray(ref.unb64(cosignature.split(" ")[2].strip()))
    bend = lambda at: LOG.line(1, bytes(b ^ (i == at) for i, b in enumerate(data))[4:])
    negative = LOG.line(1, b"\x80" + bytes(data[5:]))
    for name, refused, proves, bad in (
        ("size-changed", "forged", "the size is signed", plain_note.replace("\n40\n", "\n41\n")),
        ("root-changed", "forged", "the root is signed", plain_note.replace(text.split("\n")[2], ref.b64(HASHES[0]))),
        ("origin-changed", "forged", "the origin is signed", plain_note.replace(ORIGIN, OTHER.name, 1)),
        (
            "cosignature-of-other-size",
            "forged",
            "the cosignature covers the size",
            plain_note + LOG.cosign(text.replace("\n40\n", "\n39\n"), time),
        ),
        ("cosignature-time", "forged", "and its time", plain_note + bend(11)),
        ("cosignature-bit", "forged", "and holds in every bit", plain_note + bend(1000)),
        ("cosignature-negative-time", "forged", "a time is below 2^63", plain_note + negative),
        ("cosignature-short", "forged", "it has its length", plain_note + LOG.line(1, bytes(data[4:-1]))),
        ("cosignature-without-time", "forged", "its time included", plain_note + LOG.line(1, bytes(data[12:]))),
        ("other-log", "statement", "a key of another name speaks for another log", note_of(text, OTHER)),
        ("extension", "statement", "no extension lines", signed(text + "more\n")),
        ("two-lines", "statement", "no fewer", signed(f"{ORIGIN}\n40\n")),
        ("leading-zero", "statement", "a size has no leading zero", signed(text.replace("\n40\n", "\n040\n"))),
        ("size-negative", "statement", "nor a sign", signed(text.replace("\n40\n", "\n-40\n"))),
        ("size-too-large", "statement", "and is below 2^63", signed(text.replace("\n40\n", f"\n{2**63}\n"))),
        ("root-short", "statement", "a root has 32 bytes", signed(f"{ORIGIN}\n40\nAAAA\n")),
        ("root-hex", "statement", "in base64", signed(f"{ORIGIN}\n40\n{HASHES[0].hex()}\n")),
        ("origin-space", "statement", "an origin has no space", signed(text.replace(ORIGIN, "a b"))),
        ("origin-empty", "statement", "and is there", signed(text.replace(ORIGIN, ""))),
    ):
        wrong("checkpoint", name, refused, proves, note=bad, keys=[*LOG.vkeys, OTHER.vkeys[0]])

    proof = lambda index, note=both, extra="": (
        "c2sp.org/tlog-proof@v1\n"
        + extra
        + f"index {index}\n"
        + "".join(ref.b64(step) + "\n" for step in ref.inclusion(LEAVES[:size], index))
        + "\n"
        + note
    )
    linked = HASHES[17].hex()
    right("proof", "plain", "a record under a signed checkpoint", text=proof(17), hash=linked, keys=LOG.vkeys)
    right(
        "proof", "extra", "with extra data", text=proof(17, extra="extra c2VhbHRyYWls\n"), hash=linked, keys=LOG.vkeys
    )
    right("proof", "signer-unknown", "signed by nobody known", text=proof(17), hash=linked, keys=[])
    sound = proof(17)
    first = sound.split("\n")[2]
    for name, refused, proves, bad in (
        ("version", "form", "another version", sound.replace("@v1", "@v2")),
        ("index", "root", "another place", sound.replace("index 17", "index 16")),
        ("index-zeros", "form", "no leading zero", sound.replace("index 17", "index 017")),
        ("no-index", "form", "the index is there", sound.replace("index 17\n", "")),
        ("outside", "outside", "an index beyond the tree", sound.replace("index 17", "index 40")),
        ("path-short", "length", "the path is whole", sound.replace(first + "\n", "")),
        ("path-changed", "root", "each of it counts", sound.replace(first, ref.b64(HASHES[1]))),
        ("path-base64", "form", "its hashes are whole", sound.replace(first, first[:-4])),
        (
            "extra-behind",
            "form",
            "extra stands before the index",
            sound.replace("index 17\n", "index 17\nextra AAAA\n"),
        ),
        ("no-checkpoint", "form", "the checkpoint is there", sound.split("\n\n")[0] + "\n"),
        ("checkpoint-forged", "forged", "and holds", sound.replace("\n40\n", "\n41\n")),
    ):
        wrong("proof", name, refused, proves, text=bad, hash=linked, keys=LOG.vkeys)
    wrong("proof", "other-record", "root", "another record", text=sound, hash=HASHES[18].hex(), keys=LOG.vkeys)


def name_cases():
    right(
        "names",
        "plain",
        "where things lie",
        chain=CHAIN,
        sequence=42,
        observed=str(NOON),
        size=40,
        seconds=NOON // 10**9,
    )
    right(
        "names",
        "first-second",
        "the day begins at midnight",
        chain="a",
        sequence=0,
        observed=str(1_798_761_600 * 10**9),
        size=0,
        seconds=0,
    )
    right(
        "names",
        "last-nanosecond",
        "and ends with its last nanosecond",
        chain="z-9",
        sequence=2**63 - 1,
        observed=str(1_798_761_600 * 10**9 - 1),
        size=2**63 - 1,
        seconds=9_999_999_999,
    )
    right(
        "names",
        "leap-day",
        "a leap day",
        chain=CHAIN,
        sequence=7,
        observed=str(1_835_395_200 * 10**9),
        size=8,
        seconds=1,
    )
    key = f"audit-logs/chain={CHAIN}/date=2026-11-23/00000000000000000042.parquet"
    right("name", "segment", "a segment's key", what="segment", text=key)
    right("name", "chain", "a chain's name", what="chain", text="a" + "-" * 62)
    checkpoint = f"audit-checkpoints/chain={CHAIN}/00000000000000000040-1795449600.checkpoint"
    right("name", "checkpoint", "a checkpoint's key", what="checkpoint", text=checkpoint)
    for what, name, proves, bad in (
        ("chain", "chain-digit-first", "a letter first", "7a"),
        ("chain", "chain-empty", "one at least", ""),
        ("chain", "chain-64", "63 at most", "a" * 64),
        ("chain", "chain-upper-case", "no capitals", "Payments"),
        ("chain", "chain-slash", "no slash", "a/b"),
        ("chain", "chain-dot", "no dot", "a.b"),
        ("chain", "chain-newline", "no newline", "a\n"),
        ("segment", "segment-19-digits", "20 digits", key.replace("/0", "/")),
        ("segment", "segment-21-digits", "no more", key.replace("/0", "/00")),
        ("segment", "segment-no-day", "a day that exists", key.replace("11-23", "02-30")),
        ("segment", "segment-compact-day", "with hyphens", key.replace("2026-11-23", "20261123")),
        ("segment", "segment-other-suffix", "only Parquet", key + ".tmp"),
        ("segment", "segment-prefix", "from the root", "x/" + key),
        ("segment", "segment-too-large", "below 2^63", key.replace("00000000000000000042", "9" * 20)),
        ("segment", "segment-sign", "digits alone", key.replace("/0", "/+")),
        ("checkpoint", "checkpoint-range", "its range is another object", checkpoint.replace(".checkpoint", ".range")),
        ("checkpoint", "checkpoint-9-digits", "ten digits of seconds", checkpoint.replace("-17", "-7")),
    ):
        wrong("name", name, "name", proves, what=what, text=bad)


def streams():
    records = sealed()
    right(
        "stream",
        "five-records",
        "a message gives back links and contents",
        value=ref.stream_value(CHAIN, records).hex(),
    )
    bend = lambda change: ref.stream_value(CHAIN, records[:1], change).hex()
    for name, at, proves, change in (
        (
            "order",
            "sealtrail.checksum",
            "the seven have an order",
            lambda seven: seven[:4] + [seven[5], seven[4], seven[6]],
        ),
        ("missing", "sealtrail.chain", "there are seven", lambda seven: [seven[0], *seven[2:]]),
        ("not-last", "sealtrail.chain", "they are the last", lambda seven: [*seven, ("x", value("y"))]),
        (
            "type",
            "sealtrail.sequence",
            "a sequence is an int",
            lambda seven: [seven[0], ("sequence", value("0")), *seven[2:]],
        ),
        (
            "negative",
            "sealtrail.observed",
            "numbers are not negative",
            lambda seven: [*seven[:2], ("observed", {"intValue": "-1"}), *seven[3:]],
        ),
        (
            "hash-upper-case",
            "sealtrail.hash",
            "hex is lower-case",
            lambda seven: [*seven[:5], ("hash", value("AB" * 32)), seven[6]],
        ),
        (
            "received",
            "sealtrail.received",
            "received is canonical",
            lambda seven: [*seven[:6], ("received", value('{"by":"sender","auth":"none"}'))],
        ),
        ("none", "sealtrail.chain", "a record without them", lambda seven: []),
    ):
        wrong("stream", name, ("attribute", at), proves, value=bend(change))
    wrong(
        "stream", "cut-short", ("malformed",), "a message is whole", value=ref.stream_value(CHAIN, records).hex()[:-2]
    )

    headers = [("sealtrail.first", "0"), ("sealtrail.last", "4"), ("sealtrail.head", records[-1]["hash"])]
    frame = ref.frame(CHAIN.encode(), headers, b"value")
    right("frame", "message", "a message of the local twin", frame=frame.hex())
    right("frame", "checkpoint", "one without headers", frame=ref.frame(CHAIN.encode(), [], b"note\n").hex())
    framed = lambda rest: struct.pack("<II", len(rest), ref.crc32c(rest)) + rest
    for name, refused, proves, bad in (
        ("cut-short", "short", "a message cut short is none", frame[:-1]),
        ("header-cut-short", "short", "so is one without its length", frame[:7]),
        ("bit", "damage", "a changed bit shows", frame[:20] + bytes([frame[20] ^ 1]) + frame[21:]),
        ("crc", "damage", "the CRC is Castagnoli's", frame[:4] + bytes(4) + frame[8:]),
        ("part-too-long", "damage", "a part ends within", framed(struct.pack("<I", 99) + b"x")),
        ("four-parts", "damage", "three parts", framed(bytes(16))),
        ("two-parts", "damage", "no fewer", framed(bytes(8))),
    ):
        wrong("frame", name, refused, proves, frame=bad.hex())


def ciphers():
    nonce, key = "ABCDEFGHIJKLMNOPQRSTUVWX", b"\x01" * 32
    right(
        "cipher",
        "xaes-msb-0",
        "the first vector of c2sp.org/XAES-256-GCM",
        key=key.hex(),
        nonce=nonce,
        plaintext="XAES-256-GCM",
        additional="",
    )
    right(
        "cipher",
        "xaes-msb-1",
        "the second one",
        key="03" * 32,
        nonce=nonce,
        plaintext="XAES-256-GCM",
        additional="c2sp.org/XAES-256-GCM",
    )
    assert (
        CASES["cipher-xaes-msb-0"]["expected"]["ciphertext"]
        == "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"
    )
    assert (
        CASES["cipher-xaes-msb-1"]["expected"]["ciphertext"]
        == "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"
    )
    text = ref.envelope(key, "k1", "email", CHAIN, nonce.encode(), "张三 <zhang.san@example.com>".encode())
    right("cipher", "envelope", "an encrypted value", key=key.hex(), envelope=text)
    data = text.rpartition(":")[2]
    for name, proves, bad in (
        ("other-chain", "it belongs to its chain", text.replace(CHAIN, "payments-us-1")),
        ("other-rule", "and to its rule", text.replace(":email:", ":phone:")),
        ("other-key-id", "and to its key", text.replace(":k1:", ":k2:")),
        ("version", "another version", text.replace("enc:1", "enc:2")),
        ("tag", "every bit counts", text[:-2] + ("A" if text[-2] != "A" else "B") + text[-1]),
        ("short", "it has nonce and tag", text.replace(data, "AAAA")),
    ):
        wrong("cipher", name, "cipher", proves, key=key.hex(), envelope=bad)
    right(
        "token",
        "email",
        "a token for joins",
        key="02" * 32,
        key_id="t1",
        value_class="pii.email",
        value="zhang.san@example.com",
    )
    right(
        "token",
        "other-class",
        "the same value of another class has another token",
        key="02" * 32,
        key_id="t1",
        value_class="custom",
        value="zhang.san@example.com",
    )
    for name, proves, value_class, value in (
        ("pan", "a card number is its digits, however it was written", "cardholder.pan", "4242424242424242"),
        ("phone", "a phone is its digits", "pii.phone", "13800138000"),
        ("id", "a person's number is in upper case", "pii.id", "11010519491231002X"),
    ):
        right("token", name, proves, key="02" * 32, key_id="t1", value_class=value_class, value=value)


# The write-ahead log: hex files, each with how it must be judged


def wal_files():
    file_id = b"\x03" * 16
    head = 5, 7, b"\x01" * 32
    header = lambda **given: ref.wal_header(
        "test", file_id, head, [b"\x09" * 32] * 2, b"\x04" * 32, before=(2, 777), **given
    )
    text = '{"logRecord":{"body":{"stringValue":"%s"}},"received":{"auth":"none","by":"sender"}}'
    contents = [text % body for body in ("one", "two", "three")]
    records = ref.seal("test", head, [(1_700_000_000_000_000_000, content) for content in contents])
    whole = header()
    start = len(whole)
    whole += ref.wal_group(file_id, len(whole), records[:2])
    third = len(whole)
    second = start + len(ref.wal_group(file_id, start, records[:1]))
    whole += ref.wal_group(file_id, len(whole), records[2:])
    whole += ref.wal_mark(file_id, len(whole))
    # A file that was another before: the last group's end, and behind it a frame of the old one; then that end is missing.
    reused = header(reused=1)
    reused += ref.wal_group(file_id, len(reused), records[:2])
    ended = reused + ref.wal_mark(file_id, len(reused), start)
    old = ref.wal_group(b"\x05" * 16, len(ended), records[2:])
    damaged = bytearray(whole)
    damaged[second + 100] ^= 1
    return {
        "whole": (whole, (("clean", len(whole)), contents)),
        "torn": (whole[: third - 1], (("torn", second), contents[:1])),
        "damaged": (bytes(damaged), ("damaged", second)),
        "reused": (ended + old, (("clean", len(ended)), contents[:2])),
        "reused-torn": (reused + old, (("torn", len(reused)), contents[:2])),
        "version-2": (header(version=2), ("version", 2)),
    }


def wal_hex(data):
    return "".join(data[at : at + 48].hex() + "\n" for at in range(0, len(data), 48))


def generate_wal(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (data, _) in files.items():
        (folder / f"{name}.hex").write_text(wal_hex(data))


def check_wal(folder, files):
    stored = {path.stem: path.read_text() for path in folder.glob("*.hex")}
    problems = [f"{name}.hex: missing" for name in files.keys() - stored.keys()]
    problems += [f"{name}.hex: not generated" for name in stored.keys() - files.keys()]
    for name, (data, expected) in files.items():
        if stored.get(name, wal_hex(data)) != wal_hex(data):
            problems.append(f"{name}.hex: differs")
        try:
            found = ref.wal_end(bytes.fromhex(stored.get(name, "")))
        except Refused as refusal:
            found = refusal.args
        if found != expected:
            problems.append(f"{name}.hex: judged otherwise")
    return sorted(problems)


# Command


def build():
    for cases in (contents, links, trees, notes, geneses, rotations, checkpoints, name_cases, streams, ciphers):
        cases()
    return {f"{name}.json": json.dumps(case, ensure_ascii=False, indent=1) + "\n" for name, case in CASES.items()}


def generate(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        path.unlink()
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())


def check(folder, files):
    stored = {path.name: path.read_bytes().decode() for path in folder.glob("*.json")}
    problems = [f"{name}: missing" for name in files.keys() - stored.keys()]
    problems += [f"{name}: not generated" for name in stored.keys() - files.keys()]
    problems += [f"{name}: differs" for name in files.keys() & stored.keys() if files[name] != stored[name]]
    for name, text in stored.items():
        case = json.loads(text)
        try:
            sound = judge(case["kind"], case["given"]) == case.get("expected")
        except Refused as refusal:
            sound = list(refusal.args) == case.get("refused")
        if not sound:
            problems.append(f"{name}: judged otherwise")
    return sorted(problems)


def main(arguments):
    if len(arguments) not in (1, 2, 3) or arguments[0] not in ("generate", "check"):
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(__file__).parent.parent
    folder = pathlib.Path(arguments[1]) if len(arguments) > 1 else root / "chain/vectors"
    wal_folder = pathlib.Path(arguments[2]) if len(arguments) > 2 else root / "src/wal/vectors"
    files, wal = build(), wal_files()
    if arguments[0] == "generate":
        generate(folder, files)
        generate_wal(wal_folder, wal)
    problems = check(folder, files) + check_wal(wal_folder, wal)
    print(
        "\n".join(problems)
        or f"{len(files)} vectors hold, {sum('refused' in c for c in CASES.values())} of them refusals; {len(wal)} of the log"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
