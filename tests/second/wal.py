"""The write-ahead log's files, from src/wal/FORMAT.md: a header, frames, and how a file ends."""

import struct

from .base import Refused
from .link import link_hash
from .stream import crc32c

MAGIC, VERSION, FIXED, HEAD = b"sealwal\n", 1, 136, 16
RECORD, MARK = 1, 2


def wal_header(chain, file_id, head, nodes, rules, before=None, version=VERSION, reused=0):
    """`head`: (first sequence, observed, hash); `before`: (first sequence of the file before, where that ends)."""
    first, observed, previous = head
    name = chain.encode()
    body = struct.pack("<16sQQ32s32sI", file_id, first, observed, previous, rules, 1)
    body += struct.pack("<QQBBBB", *(before or (0, 0)), before is not None, len(name), len(nodes), reused)
    body += name + b"".join(nodes)
    text = MAGIC + struct.pack("<II", version, 16 + len(body) + 4) + body
    return text + struct.pack("<I", crc32c(text))


def wal_frame(file_id, offset, group, kind, payload=b""):
    """A frame at `offset`, whose group begins at `group`."""
    rest = struct.pack("<IIB3x", len(payload), offset - group, kind) + payload
    return struct.pack("<I", crc32c(file_id + struct.pack("<Q", offset) + rest)) + rest


def wal_group(file_id, offset, records):
    """The frames of records as `link.seal` gives them, written together at `offset`."""
    group = b""
    for record in records:
        payload = struct.pack("<Q", int(record["observed"])) + bytes.fromhex(record["checksum"] + record["hash"])
        payload += record["content"].encode()
        group += wal_frame(file_id, offset + len(group), offset, RECORD, payload)
    return group


def wal_mark(file_id, offset, group=None):
    """A group of its own, or the end of the group that begins at `group`."""
    return wal_frame(file_id, offset, offset if group is None else group, MARK)


def read_header(data):
    """(id, chain, head, length), or what it must be refused as."""
    if data[:8] != MAGIC or len(data) < FIXED:
        raise Refused("damaged", 0)
    version, length = struct.unpack_from("<II", data, 8)
    if version != VERSION:
        raise Refused("version", version)
    if not FIXED < length <= len(data) or crc32c(data[: length - 4]) != struct.unpack_from("<I", data, length - 4)[0]:
        raise Refused("damaged", 0)
    file_id, first, observed, previous = struct.unpack_from("<16sQQ32s", data, 16)
    named, nodes = data[133], data[134]
    if length != FIXED + named + 32 * nodes + 4 or nodes != first.bit_count():
        raise Refused("damaged", 0)
    return file_id, data[FIXED : FIXED + named].decode(), (first, observed, previous), length


def sound_frame(data, file_id, at):
    """(kind, witness, payload) of a sound frame at `at`, or None."""
    if len(data) < at + HEAD:
        return None
    crc, length, distance, kind, zero = struct.unpack_from("<IIIB3s", data, at)
    if kind not in (RECORD, MARK) or any(zero) or (kind == MARK and length) or (kind == RECORD and length < 72):
        return None
    rest = data[at + 4 : at + HEAD + length]
    if len(rest) != 12 + length or distance > at:
        return None
    if crc32c(file_id + struct.pack("<Q", at) + rest) != crc:
        return None
    return kind, at - distance, rest[12:]


def wal_end(data, witness=0):
    """How a file ends: ("clean" or "torn", where), its contents so far; a damaged one is refused with the place."""
    file_id, chain, (sequence, before, previous), at = read_header(data)
    witness, contents, ended = max(witness, at), [], True
    while at < len(data):
        found = sound_frame(data, file_id, at)
        if found and found[0] == RECORD:
            observed, checksum, linked = struct.unpack_from("<Q32s32s", found[2])
            if observed < before or link_hash(chain, sequence, observed, previous, checksum) != linked:
                found = None
            else:
                sequence, before, previous = sequence + 1, observed, linked
                contents.append(found[2][72:].decode())
        if not found:
            break
        witness, at, ended = max(witness, found[1]), at + HEAD + len(found[2]), found[0] == MARK
    later = [found[1] for offset in range(at + 1, len(data)) if (found := sound_frame(data, file_id, offset))]
    if at < max([witness, *later]):
        raise Refused("damaged", at)
    clean = at == len(data) or (data[135] == 1 and ended and not later)
    return ("clean" if clean else "torn", at), contents
