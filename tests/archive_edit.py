#!/usr/bin/env python3
"""Copies an archive and tampers with the copy, as someone would who can write Parquet: columns, statistics and checksums of
the files stay sound, only the records are no longer the sealed ones.

    python3 tests/archive_edit.py TAMPERING ARCHIVE COPY        prints the first record that is wrong, where one is
    python3 tests/archive_edit.py --list
"""
import base64, glob, hashlib, os, re, shutil, sys

import pyarrow as pa
import pyarrow.parquet as pq


def sha(data):
    return hashlib.sha256(data).digest()


class Archive:
    def __init__(self, root):
        self.root = root
        self.objects = sorted(glob.glob(f"{root}/audit-logs/chain=*/date=*/*.parquet"), key=os.path.basename)
        self.chain = re.search("chain=([^/]+)", self.objects[0])[1]
        # In the middle of an object that holds more than the start or the stop.
        self.path = max(self.objects, key=lambda path: pq.read_metadata(path).num_rows)
        self.table = pq.read_table(self.path, partitioning=None)
        self.row = self.table.num_rows // 2
        self.rows = self.table.to_pylist()

    def write(self, path=None, table=None, rows=None, metadata=None):
        path, table = path or self.path, table or self.table
        rows = pa.Table.from_pylist(self.rows if rows is None else rows, schema=table.schema)
        # Of these the format keeps no statistics.
        bare = ("trace_id", "span_id", "content", "checksum", "hash")
        counted = [name for name in table.schema.names if name not in bare]
        form = {"compression": "zstd", "store_schema": False, "coerce_timestamps": "us", "write_statistics": counted}
        with pq.ParquetWriter(path, table.schema.remove_metadata(), **form) as writer:
            writer.add_key_value_metadata(metadata or table.schema.metadata)
            writer.write_table(rows.replace_schema_metadata(None))

    def checkpoints(self):
        return sorted(glob.glob(f"{self.root}/audit-checkpoints/chain={self.chain}/*.checkpoint"))

    def link(self, row, previous):
        text = f"sealtrail/1\n{self.chain}\n{row['sequence']}\n{row['observed_nanos']}\n{previous.hex()}\n{row['checksum'].hex()}\n"
        return sha(text.encode())


def edited(content):
    other = content.replace('"by":"sender"', '"by":"access"')
    if other == content:
        sys.exit("the record to edit is none of a sender's")
    return other


def nothing(_):
    """No tampering."""


def rewritten(archive):
    """The same records in another file: they hold, and are not what was archived."""
    archive.write()


def content_edited(archive):
    row = archive.rows[archive.row]
    row["content"] = edited(row["content"])
    archive.write()
    return row["sequence"]


def content_rechecksummed(archive):
    row = archive.rows[archive.row]
    row["content"] = edited(row["content"])
    row["checksum"] = sha(row["content"].encode())
    archive.write()
    return row["sequence"]


def resealed(archive):
    """All links from one record on are made anew, in footers too: only the signatures can't be."""
    first, previous = archive.rows[archive.row]["sequence"], None
    for path in archive.objects[archive.objects.index(archive.path):]:
        table = pq.read_table(path, partitioning=None)
        rows, metadata = table.to_pylist(), dict(table.schema.metadata)
        previous = previous or bytes.fromhex(metadata[b"sealtrail.prev_hash"].decode())
        metadata[b"sealtrail.prev_hash"] = previous.hex().encode()
        for row in rows:
            if row["sequence"] == first:
                row["content"] = edited(row["content"])
            row["checksum"] = sha(row["content"].encode())
            row["hash"] = previous = archive.link(row, previous)
        metadata[b"sealtrail.hash"] = previous.hex().encode()
        archive.write(path, table, rows, metadata)
    return None


def row_removed(archive):
    archive.write(rows=archive.rows[:archive.row] + archive.rows[archive.row + 1:])
    return archive.rows[archive.row]["sequence"]


def row_doubled(archive):
    archive.write(rows=archive.rows[:archive.row + 1] + archive.rows[archive.row:])
    return archive.rows[archive.row]["sequence"]


def rows_swapped(archive):
    rows, at = archive.rows, archive.row
    archive.write(rows=rows[:at] + [rows[at + 1], rows[at]] + rows[at + 2:])
    return rows[at]["sequence"]


def time_set_back(archive):
    row = archive.rows[archive.row]
    row["observed_nanos"] -= 3_600_000_000_000
    archive.write()
    return row["sequence"]


def column_edited(archive):
    row = archive.rows[archive.row]
    row["service_name"] = "another"
    archive.write()
    return row["sequence"]


def object_removed(archive):
    os.remove(archive.path)
    return archive.rows[0]["sequence"]


def last_object_removed(archive):
    first = pq.read_table(archive.objects[-1], partitioning=None).column("sequence")[0].as_py()
    os.remove(archive.objects[-1])
    return first


def genesis_edited(archive):
    path = f"{archive.root}/audit-genesis/{archive.chain}.note"
    text = open(path, encoding="utf-8").read()
    open(path, "w", encoding="utf-8").write(text.replace("partition 0\n", "partition 1\n"))
    return 0


def checkpoint_edited(archive):
    path = archive.checkpoints()[-1]
    lines = open(path, encoding="utf-8").read().split("\n")
    lines[2] = base64.b64encode(sha(b"another root")).decode()
    open(path, "w", encoding="utf-8").write("\n".join(lines))
    return None


TAMPERINGS = {
    "nothing": nothing,
    "rewritten": rewritten,
    "content-edited": content_edited,
    "content-rechecksummed": content_rechecksummed,
    "resealed": resealed,
    "row-removed": row_removed,
    "row-doubled": row_doubled,
    "rows-swapped": rows_swapped,
    "time-set-back": time_set_back,
    "column-edited": column_edited,
    "object-removed": object_removed,
    "last-object-removed": last_object_removed,
    "genesis-edited": genesis_edited,
    "checkpoint-edited": checkpoint_edited,
}


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(TAMPERINGS))
        return
    name, archive, copy = sys.argv[1:]
    shutil.copytree(archive, copy)
    first = TAMPERINGS[name](Archive(copy))
    print("-" if first is None else first)


main()
