"""Looks for planted values with scanners of others: scanners.py ARCHIVE SENT PLANTED

ARCHIVE: a directory of the archive; SENT: the same records as they were sent, a JSON text a line; PLANTED: the values in them, a
line each. Prints what panhunt and Presidio's recognizers find in each of both, as JSON. The recognizers are run without a
language model: they are patterns, check digits and Google's library of phone numbers.
"""

import collections
import json
import logging
import pathlib
import subprocess
import sys
import tempfile

import pyarrow.parquet
from presidio_analyzer.predefined_recognizers import CreditCardRecognizer, EmailRecognizer, PhoneRecognizer

# Recognizers ask for a list of domains on the network first, and have one of their own.
logging.disable(logging.CRITICAL)
RECOGNIZERS = (CreditCardRecognizer(), EmailRecognizer(), PhoneRecognizer(supported_regions=("CN",)))


def normal(text):
    """Digits of a number, or an address in lower case: how a found value is compared with a planted one."""
    return text.lower() if "@" in text else "".join(sign for sign in text if sign.isdigit())


def presidio(lines, planted):
    """Findings by kind, and how many different planted values are among them.

    Of what is no planted value, a number in one of the collector's own fields may be a finding by chance; masked addresses
    are some, as `*` may stand in an address.
    """
    found, values = collections.Counter(), set()
    for line in lines:
        for recognizer in RECOGNIZERS:
            for finding in recognizer.analyze(line, recognizer.supported_entities, None):
                found[finding.entity_type] += 1
                values.add(normal(line[finding.start : finding.end]).removeprefix("86"))
    return {"found": found, "planted": len(values & planted)}


def panhunt(lines):
    """How many card numbers there are."""
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        (root / "text").mkdir()
        # It looks into plain text alone, and a file that begins as JSON does is none to it.
        for part in range(0, len(lines), 1000):
            text = ["Records, a line each.", *lines[part : part + 1000]]
            (root / "text" / f"{part}.txt").write_text("\n".join(text))
        command = [pathlib.Path(sys.executable).with_name("panhunt"), "-q", "-j", root, "-o", root, root / "text"]
        subprocess.run(command, check=True, cwd=root, stdout=subprocess.DEVNULL)
        (report,) = root.glob("panhunt_*.json")
        return json.loads(report.read_text())["pans_found"]


def main(archive, sent, planted):
    objects = sorted(pathlib.Path(archive).glob("audit-logs/**/*.parquet"))
    stored = [text for path in objects for text in pyarrow.parquet.read_table(path)["content"].to_pylist()]
    sent = pathlib.Path(sent).read_text().splitlines()
    planted = {normal(value) for value in pathlib.Path(planted).read_text().splitlines()}
    report = {
        name: {"lines": len(lines), "panhunt": panhunt(lines), "presidio": presidio(lines, planted)}
        for name, lines in (("stored", stored), ("sent", sent))
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
