"""The second implementation of the chain format, written from chain/FORMAT.md alone.

Content, links, trees, names, digests and frames use the standard library; signatures and ciphers the packages of
requirements.txt. It is slow and plain on purpose: where RFC 6962 gives a recursion, this is that recursion.
"""

from .base import Refused, b64, sha256, unb64
from .checkpoint import Signer, check_checkpoint, check_proof
from .content import check_content, content, double, escaped
from .envelope import envelope, open_envelope, token, xaes_key, xaes_seal
from .genesis import check_genesis, check_rotation
from .link import follow, seal
from .names import check_name, names
from .note import check_note, make_vkey, parse_vkey
from .stream import check_frame, crc32c, frame, read_stream, stream_value
from .tree import (
    check_consistency,
    check_inclusion,
    consistency,
    inclusion,
    leaf,
    parse_range,
    parse_ranges,
    range_text,
    root,
)
from .wal import wal_end, wal_group, wal_header, wal_mark

__all__ = [
    "Refused",
    "Signer",
    "b64",
    "check_checkpoint",
    "check_consistency",
    "check_content",
    "check_frame",
    "check_genesis",
    "check_rotation",
    "check_inclusion",
    "check_name",
    "check_note",
    "check_proof",
    "consistency",
    "content",
    "crc32c",
    "double",
    "envelope",
    "escaped",
    "follow",
    "frame",
    "inclusion",
    "leaf",
    "make_vkey",
    "names",
    "open_envelope",
    "parse_range",
    "parse_ranges",
    "parse_vkey",
    "range_text",
    "read_stream",
    "root",
    "seal",
    "sha256",
    "stream_value",
    "token",
    "unb64",
    "wal_end",
    "wal_group",
    "wal_header",
    "wal_mark",
    "xaes_key",
    "xaes_seal",
]
