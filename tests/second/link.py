"""Link: sealing and following a chain."""

from .base import sha256


def link_hash(chain, sequence, observed, previous, checksum):
    text = f"sealtrail/1\n{chain}\n{sequence}\n{observed}\n{previous.hex()}\n{checksum.hex()}\n"
    return sha256(text.encode())


def seal(chain, head, contents):
    """Links for contents, each with its observed time; `head` is (next sequence, observed, hash)."""
    (sequence, _, previous), records = head, []
    for observed, text in contents:
        checksum = sha256(text.encode())
        linked = link_hash(chain, sequence, observed, previous, checksum)
        records.append(
            {
                "sequence": sequence,
                "observed": str(observed),
                "previous": previous.hex(),
                "checksum": checksum.hex(),
                "hash": linked.hex(),
                "content": text,
            }
        )
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
