#!/usr/bin/env python3
"""Says what masking found: rows of the corpus, masked, from standard input; a table by class and level.

    sealtrail rules test --jsonl < corpus.jsonl | tests/corpus/score.py --corpus corpus.jsonl [--show N]

A value is found when no seven of its digits or letters in a row remain, in any encoding that the corpus writes (a shorter one:
when it does not remain at all). A clean row is wrong when anything of it changed. Exit 1 where a bar is missed.
"""

import argparse
import collections
import html
import json
import re
import sys
import unicodedata
from urllib.parse import unquote

# Of all rows of a level, and of those of each class.
BARS = {"basic": 0.995, "hard": 0.98, "clean": 0.995}
CLASS_BARS = {"basic": 0.99, "hard": 0.9}


def readings(text):
    """The text as it is, and after each step of decoding; digits of all scripts as ASCII, separators removed."""
    found = []
    for _ in range(4):
        found.append(text)
        decoded = html.unescape(unquote(re.sub(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})", lambda m: chr(int(m[1] or m[2], 16)), text)))
        decoded = decoded.replace('\\"', '"').replace("\\\\", "\\")
        if decoded == text:
            break
        text = decoded
    return [plain(text) for text in found]


def plain(text):
    signs = []
    for sign in text:
        digit = unicodedata.digit(sign, None) if not sign.isascii() else None
        signs.append(str(digit) if digit is not None else sign)
    text = unicodedata.normalize("NFKC", "".join(signs)).lower()
    text = "".join(sign for sign in text if unicodedata.category(sign) not in ("Cf", "Mn"))
    return text, re.sub(r"(?<=[0-9])[^0-9a-z*@]{1,3}(?=[0-9])", "", text)


def remains(value, text):
    value = value.lower()
    if "@" in value:
        local = unicodedata.normalize("NFKC", value.rpartition("@")[0]).lower()
        parts = [local[at:at + 5] for at in range(max(1, len(local) - 4))] if len(local) > 4 else [local + "@"]
        return any(part in reading for reading, _ in readings(text) for part in parts)
    if len(value) < 7:
        return any(re.search(rf"(?<![0-9]){value}(?![0-9])", reading) for reading, _ in readings(text))
    windows = [value[at:at + 7] for at in range(len(value) - 6)]
    return any(window in reading for pair in readings(text) for reading in pair for window in windows)


def is_wrong(row, masked):
    if row["level"] != "clean":
        # Whoever can read a writing that no reading here undoes finds the value in a text that did not change.
        return masked == row["text"] or any(remains(value, masked) for value in row["secrets"])
    return masked != row["text"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", required=True, help="the rows as they were before masking")
    parser.add_argument("--show", type=int, default=0, help="wrong rows to print of each class and level")
    parser.add_argument("--of", default="", help="of these classes only")
    options = parser.parse_args()
    counts, wrong = collections.Counter(), collections.defaultdict(list)
    with open(options.corpus, encoding="utf-8") as corpus:
        for line, masked in zip(corpus, sys.stdin, strict=True):
            row, masked = json.loads(line), json.loads(masked)["text"]
            place = row["class"], row["level"]
            counts[place] += 1
            if is_wrong(row, masked):
                wrong[place].append((row, masked))
    if options.show:
        for place, rows in sorted(wrong.items()):
            for row, masked in rows[:options.show] if options.of in place[0] else []:
                print(*place, row["template"], "|", row.get("key"), row.get("value_type"), "|", row["text"].replace("\n", "⏎"), "=>", masked.replace("\n", "⏎"), row["secrets"])
    levels, missed = collections.Counter(), False
    print(f"{'class':10} {'level':8} {'rows':>6} {'wrong':>6} {'right':>8}")
    for place, count in sorted(counts.items(), key=lambda item: (item[0][1], item[0][0])):
        levels[place[1], "rows"] += count
        levels[place[1], "wrong"] += len(wrong[place])
        right = 1 - len(wrong[place]) / count
        missed |= right < CLASS_BARS.get(place[1], 0)
        print(f"{place[0]:10} {place[1]:8} {count:6} {len(wrong[place]):6} {right:8.2%}")
    for level in ["basic", "hard", "evasion", "clean"]:
        if count := levels[level, "rows"]:
            right = 1 - levels[level, "wrong"] / count
            missed |= right < BARS.get(level, 0)
            print(f"{'all':10} {level:8} {count:6} {levels[level, 'wrong']:6} {right:8.2%}")
    sys.exit(missed)


if __name__ == "__main__":
    main()
