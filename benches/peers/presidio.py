"""Masks rows as `sealtrail rules test --jsonl` takes them with Presidio's recognizers: standard input to standard output.

Without a language model: patterns, check digits, words of context, and Google's library of phone numbers. What is found becomes
asterisks; a row's key stands before its text, as a log line would have it.
"""

import json
import logging
import sys

from presidio_analyzer.predefined_recognizers import CreditCardRecognizer, EmailRecognizer, IbanRecognizer, PhoneRecognizer

logging.disable(logging.CRITICAL)
RECOGNIZERS = (CreditCardRecognizer(), EmailRecognizer(), IbanRecognizer(), PhoneRecognizer(supported_regions=("CN", "US", "GB")))

for line in sys.stdin:
    row = json.loads(line)
    head = f"{row['key']}: " if row.get("key") else ""
    text = head + row["text"]
    signs = list(text)
    for recognizer in RECOGNIZERS:
        for finding in recognizer.analyze(text, recognizer.supported_entities, None):
            signs[finding.start : finding.end] = "*" * (finding.end - finding.start)
    row["text"] = "".join(signs)[len(head) :]
    print(json.dumps(row, ensure_ascii=False))
