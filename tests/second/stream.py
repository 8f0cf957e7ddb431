"""Stream: protobuf, written and read field by field, and the frames of the local twin."""

import json
import re
import struct

from .base import Refused, unb64
from .content import RECEIVED, jcs


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
            ("chain", {"stringValue": chain}),
            ("sequence", {"intValue": str(record["sequence"])}),
            ("observed", {"intValue": record["observed"]}),
            ("prev_hash", {"stringValue": record["previous"]}),
            ("checksum", {"stringValue": record["checksum"]}),
            ("hash", {"stringValue": record["hash"]}),
            ("received", {"stringValue": jcs(said["received"])}),
        ]
        if attributes:
            seven = attributes(seven)
        log = pb_log(said["logRecord"], [{"key": "sealtrail." + name, "value": value} for name, value in seven])
        scope = said.get("scope", {})
        pb_scope = (
            pb_some(scope, (1, "name", str), (2, "version", str))
            + pb_pairs(3, scope)
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
        parts, rest = parts + [rest[4 : 4 + size]], rest[4 + size :]
    if rest or len(parts) != 3:
        raise Refused("damage")
    return parts


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
