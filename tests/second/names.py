"""Names of chains and objects."""

import datetime
import re

from .base import CHAIN_NAME, Refused


def names(chain, sequence, observed, size, seconds):
    date = (datetime.date(1970, 1, 1) + datetime.timedelta(observed // 86_400_000_000_000)).isoformat()
    stem = f"audit-checkpoints/chain={chain}/{size:020}-{seconds:010}"
    return {
        "segment": f"audit-logs/chain={chain}/date={date}/{sequence:020}.parquet",
        "genesis": f"audit-genesis/{chain}.note",
        "checkpoint": stem + ".checkpoint",
        "range": stem + ".range",
        "cosigned": stem + ".b5a43ffb.cosigned",
        "stamp": stem + ".tsr",
        "revocation": stem + ".crl",
    }


def check_name(what, text):
    if what == "chain":
        if not CHAIN_NAME.fullmatch(text):
            raise Refused("name")
        return
    pattern = {
        "segment": r"audit-logs/chain=([^/]*)/date=([^/]*)/([0-9]{20})\.parquet",
        "checkpoint": r"audit-checkpoints/chain=([^/]*)/([0-9]{20})-([0-9]{10})\.checkpoint",
    }[what]
    match = re.fullmatch(pattern, text, re.ASCII)
    if not match or not CHAIN_NAME.fullmatch(match[1]) or int(match[3]) >= 2**63:
        raise Refused("name")
    try:
        if what == "segment":
            sound = datetime.date.fromisoformat(match[2]).isoformat() == match[2] and match[2] >= "1970"
        else:
            sound = int(match[2]) < 2**63
    except ValueError:
        sound = False
    if not sound:
        raise Refused("name")
