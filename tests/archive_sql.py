#!/usr/bin/env python3
"""Recomputes every checksum, hash and checkpoint root of an archive, knowing only FORMAT.md.

    python3 tests/archive_sql.py ARCHIVE_DIR [CHAIN]     exit 0: all hold; 1: one does not; 2: could not be read

DuckDB reads every column of every object; the rest is hashlib. Signatures are not checked here.
"""
import base64, glob, hashlib, os, sys

import duckdb


def sha(data):
    return hashlib.sha256(data).digest()


def root(stack):
    """RFC 6962 root of a stack of (size, node), largest first."""
    node = stack[-1][1] if stack else sha(b"")
    for _, left in reversed(stack[:-1]):
        node = sha(b"\x01" + left + node)
    return node


def push(stack, leaf):
    stack.append((1, sha(b"\x00" + leaf)))
    while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
        (size, right), (_, left) = stack.pop(), stack.pop()
        stack.append((2 * size, sha(b"\x01" + left + right)))


def checkpoints(archive, chain):
    roots = {}
    for path in glob.glob(f"{archive}/audit-checkpoints/chain={chain}/*.checkpoint"):
        origin, size, encoded = open(path, encoding="utf-8").read().split("\n")[:3]
        if not origin.endswith("/" + chain):
            sys.exit(f"{path}: origin {origin}")
        roots.setdefault(int(size), set()).add(base64.b64decode(encoded))
    return roots


def check(archive, chain):
    notes = checkpoints(archive, chain)
    genesis = open(f"{archive}/audit-genesis/{chain}.note", encoding="utf-8").read().split("\n\n")[0] + "\n"
    previous, number, stack = sha(genesis.encode()), 0, []
    for path in sorted(glob.glob(f"{archive}/audit-logs/chain={chain}/date=*/*.parquet"), key=os.path.basename):
        table = f"read_parquet('{path}', hive_partitioning = false)"
        duckdb.sql(f"SELECT count(DISTINCT COLUMNS(*)) FROM {table}").fetchall()  # a column that can't be read fails here
        rows = duckdb.execute(f"SELECT sequence, observed_nanos, content, checksum, hash FROM {table}")
        while batch := rows.fetchmany(10_000):
            for sequence, observed, content, checksum, claimed in batch:
                text = f"sealtrail/1\n{chain}\n{sequence}\n{observed}\n{previous.hex()}\n{checksum.hex()}\n"
                if sequence != number or sha(content.encode()) != checksum or sha(text.encode()) != claimed:
                    sys.exit(f"{path}: record {sequence} does not hold, {number} is expected")
                previous, number = claimed, number + 1
                push(stack, claimed)
                if number in notes and notes.pop(number) != {root(stack)}:
                    sys.exit(f"{path}: the checkpoint of size {number} has another root")
    if number == 0 or notes:
        sys.exit(f"chain {chain}: {number} records, but checkpoints of sizes {sorted(notes)}")
    print(f"chain {chain}: {number} records hold, head {previous.hex()}")


def main():
    archive = sys.argv[1]
    found = sorted(path.rsplit("chain=", 1)[1] for path in glob.glob(f"{archive}/audit-logs/chain=*"))
    if not found:
        print(f"{archive} holds no chain", file=sys.stderr)
        sys.exit(2)
    for chain in sys.argv[2:] or found:
        check(archive, chain)


main()
