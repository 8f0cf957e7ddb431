"""What all of the format shares."""

import base64
import hashlib
import re


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


CHAIN_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
