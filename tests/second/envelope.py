"""Envelopes in masked values: XAES-256-GCM and tokens."""

import base64
import hmac
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .base import Refused, b64, unb64


def xaes_key(key, nonce):
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    mask = int.from_bytes(block.update(bytes(16)), "big")
    mask = mask << 1 & 2**128 - 1 ^ (0x87 if mask >> 127 else 0)
    message = lambda i: int.from_bytes(bytes([0, i, 0x58, 0]) + nonce[:12], "big") ^ mask
    return b"".join(block.update(message(i).to_bytes(16, "big")) for i in (1, 2))


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
    except (InvalidTag, ValueError):
        raise Refused("cipher") from None


def token(key, key_id, kind, value):
    digest = hmac.digest(key, f"sealtrail/token/1\n{kind}\n{value}".encode(), "sha256")[:16]
    return f"tok:1:{key_id}:{kind}:{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
