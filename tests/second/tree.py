"""Tree: RFC 6962, 2.1, over a list of leaf hashes, as the recursions that it gives; ranges and proofs."""

import re

from .base import Refused, sha256


def leaf(data):
    return sha256(b"\0" + data)


def node(left, right):
    return sha256(b"\1" + left + right)


def split(count):
    return 1 << (count - 1).bit_length() - 1


def root(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def places(begin, end):
    if not 0 <= begin <= end < 2**63:
        raise Refused("bounds")
    while begin < end:
        level = max(l for l in range(64) if begin % (1 << l) == 0 and begin + (1 << l) <= end)
        yield level, begin >> level
        begin += 1 << level


def range_text(leaves, begin, end):
    """`leaves` are all from 0."""
    lines = (f"{l} {i} {root(leaves[i << l : i + 1 << l]).hex()}\n" for l, i in places(begin, end))
    return "".join(lines)


def parse_range(begin, end, text):
    where = list(places(begin, end))
    lines = text.split("\n")
    if lines.pop() != "" or len(lines) != len(where):
        raise Refused("line")
    for line, (level, index) in zip(lines, where):
        if not re.fullmatch(f"{level} {index} [0-9a-f]{{64}}", line):
            raise Refused("line")


def parse_ranges(size, text):
    """Where the second range begins."""
    whole, empty, since = ("", "\n", text[1:]) if text.startswith("\n") else text.partition("\n\n")
    if not empty:
        raise Refused("line")
    parse_range(0, size, whole + "\n" if whole else "")
    if not since:
        return size
    first = re.match("([0-9]{1,2}) ([0-9]+) ", since)
    if not first:
        raise Refused("line")
    begin = int(first[2]) << int(first[1])
    if begin > size:
        raise Refused("line")
    parse_range(begin, size, since)
    return begin


def inclusion(leaves, index):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return inclusion(leaves[:k], index) + [root(leaves[k:])]
    return inclusion(leaves[k:], index - k) + [root(leaves[:k])]


def check_inclusion(entry, index, size, path, expected):
    def climb(index, size, path):
        if size == 1:
            if path:
                raise Refused("length")
            return entry
        if not path:
            raise Refused("length")
        k, sibling = split(size), path[-1]
        if index < k:
            return node(climb(index, k, path[:-1]), sibling)
        return node(sibling, climb(index - k, size - k, path[:-1]))

    if not index < size:
        raise Refused("outside")
    if climb(index, size, path) != expected:
        raise Refused("root")


def consistency(leaves, old, known=True):
    if old == len(leaves):
        return [] if known else [root(leaves)]
    k = split(len(leaves))
    if old <= k:
        return consistency(leaves[:k], old, known) + [root(leaves[k:])]
    return consistency(leaves[k:], old - k, False) + [root(leaves[:k])]


def check_consistency(old, old_root, size, new_root, path):
    def climb(old, size, path, known):
        """Roots of the old and the new part of a subtree."""
        if old == size:
            if len(path) != (0 if known else 1):
                raise Refused("length")
            return (old_root, old_root) if known else (path[0], path[0])
        if not path:
            raise Refused("length")
        k, other = split(size), path[-1]
        if old <= k:
            before, after = climb(old, k, path[:-1], known)
            return before, node(after, other)
        before, after = climb(old - k, size - k, path[:-1], False)
        return node(other, before), node(other, after)

    if old > size:
        raise Refused("backwards")
    if old == 0:
        if path:
            raise Refused("length")
        if old_root != sha256(b"") or size == 0 and new_root != old_root:
            raise Refused("root")
        return
    if climb(old, size, path, True) != (old_root, new_root):
        raise Refused("root")
