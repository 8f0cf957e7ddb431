"""Content (FORMAT.md): the canonical text of a record given in the OTLP/JSON mapping."""

import json
import re

from .base import Refused, b64, decimal, unb64

MAX_DEPTH = 24


def double(value):
    """ECMAScript's writing of a finite double, from the shortest digits, which repr finds."""
    if value == 0:
        return "0"
    sign, digits, exponent = (
        "-" if value < 0 else "",
        *re.fullmatch(r"([0-9.]+)(?:e([+-][0-9]+))?", repr(abs(value))).groups("0"),
    )
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
    if type(value) is not str or not re.fullmatch("0|-?[1-9][0-9]*", value) or not -(2**63) <= int(value) < 2**63:
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
        value = pick(
            value,
            {
                "arrayValue": lambda v: pick(v, {"values": items(lambda x: any_value(depth + 1)(x) or {})}),
                "boolValue": is_a(bool),
                "bytesValue": lambda v: b64(unb64(v)),
                "doubleValue": any_double,
                "intValue": int64,
                "kvlistValue": lambda v: pick(v, {"values": items(key_value(depth + 1))}),
                "stringValue": is_a(str),
            },
        )
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
    "attributes": ATTRIBUTES,
    "body": any_value(1),
    "droppedAttributesCount": COUNT,
    "eventName": plain(str),
    "flags": COUNT,
    "observedTimeUnixNano": time,
    "severityNumber": number(-(2**31), 2**31),
    "severityText": plain(str),
    "spanId": identifier,
    "timeUnixNano": time,
    "traceId": identifier,
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


RECEIVED = required(
    {
        "auth": one_of("mtls", "token", "none"),
        "by": one_of("sender", "access", "self"),
        "peer": is_a(str),
        "subject": is_a(str),
    },
    ("auth", "by"),
)
RECORD = required(
    {
        "logRecord": lambda v: pick(v, LOG_RECORD),
        "received": RECEIVED,
        "resource": lambda v: pick(v, RESOURCE) or None,
        "resourceSchemaUrl": plain(str),
        "scope": lambda v: pick(v, SCOPE) or None,
        "scopeSchemaUrl": plain(str),
    },
    ("logRecord", "received"),
)


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
