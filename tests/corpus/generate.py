#!/usr/bin/env python3
"""Makes the corpus that masking is measured on: labelled rows, one JSON object a line, the same for the same seed.

    tests/corpus/generate.py --seed 1 --rows 20000 > corpus.jsonl
    sealtrail rules test --jsonl < corpus.jsonl | tests/corpus/score.py

A row has `text`, perhaps `key` and `value_type` (it is an attribute then), and what the examiner knows: `class`, `level` (basic;
hard; evasion, which is counted apart; clean), `secrets` (what must not remain) and `template`. It was written from the formats
that logs come in, before looking at what the engine passes.
"""

import argparse
import json
import sys

import fifth
import fourth
import second
import sixth

import third
from containers import CONTAINERS
from hidden import *
from innocent import LINES, PAIRS
from values import Values, luhn
from writings import CN_ID, EMAIL, MOBILE, PAN, PLAIN, SHORT, groups

LEVELS = ["basic", "hard", "evasion"]
# Where the key does not stand right before its value. What only its key gives away can't be asked for there.
APART = {"csv", "csv-quoted", "tsv", "table", "mybatis", "insert", "zod", "assertion", "mysql-duplicate"}
SHARES = {"pan": 5200, "pan-unsound": 500, "pan-two": 500, "cvv": 1800, "pin": 700, "pin-block": 700, "track": 900, "emv": 500, "iso8583": 200, "cn-id": 1300, "cn-id-old": 300,
          "mobile": 1700, "phone": 900, "email": 1500, "besides": 100, "clean": 6500}
CLASSES = {"pan-unsound": "pan", "pan-two": "pan", "iso8583": "pan", "cn-id-old": "cn-id", "mobile": "phone", "pin-block": "pin"}


def worst(*levels):
    return max(levels, key=LEVELS.index)


class Maker:
    def __init__(self, seed):
        self.c = Values(seed)

    def writing(self, writings):
        return self.c.random.choices(writings, [w[2] for w in writings])[0]

    def contain(self, key, written, keyed=False):
        """A text that holds `key` and `written`; its level and name."""
        while True:
            kind, level, allows, make = self.c.pick(CONTAINERS)
            plain = written.isascii() and all(ch.isalnum() or ch in "-._@+" for ch in written)
            if allows == "plain" and not plain or allows == "digits" and not (written.isdigit() and not written.startswith("0")):
                continue
            if any(ord(ch) < 32 or ch == "\\" for ch in written) and kind not in {"log4j", "brackets", "exception", "ini"}:
                continue
            return make(self.c, key, written), "evasion" if keyed and kind in APART else level, kind

    def place(self, keys, sentences, value, writings, keyed=False, share=0.55):
        """A row of a value: in a container under one of `keys`, as an attribute, or in one of `sentences`."""
        name, level, _, write = self.writing(writings)
        written = write(value)
        chance = self.c.random.random()
        row = {}
        if chance < 0.12 and keys:
            row["key"] = self.c.pick(keys)
            row["text"] = written
            if name == "plain" and written.isdigit() and not written.startswith("0") and len(written) < 19:
                row["value_type"] = self.c.pick(["int", "int", "double" if len(written) < 16 else "int", "bytes"])
            elif self.c.random.random() < 0.1:
                row["value_type"] = "bytes"
            template = f"attribute/{row.get('value_type', 'text')}"
        elif chance < share and keys:
            key = self.c.pick(keys)
            row["text"], at_least, kind = self.contain(key, written, keyed)
            level = worst(level, at_least)
            template = f"{kind}/{key}"
        else:
            sentence = self.c.pick(sentences)
            row["text"] = sentence.replace("{{", "{").replace("}}", "}").replace("{}", written)
            template = sentence
        return {**row, "level": level, "secrets": [value], "template": f"{template} <- {name}"}

    # -- one function a share

    def pan(self):
        return self.place(PAN_KEYS + NEUTRAL_KEYS, PAN_SENTENCES, self.c.pan(), PAN)

    def pan_unsound(self):
        row = self.place(CARD_KEYS, ["card number {}", "卡号{}", "卡号：{}", "pan: {}", "card_no={}", "银行卡号为{}"], self.c.unsound_pan(), PAN[:3], keyed=True)
        return {**row, "level": worst("hard", row["level"])}

    def besides(self):
        """What no rule promises to find: other words between the key and its value, or the value first."""
        kind, sentence = self.c.pick([("cvv", "user typed {} as cvv"), ("cvv", "请输入安全码，用户输入{}"), ("cvv", "校验cvv失败：{}"), ("email", "{0}+tag=x@example.com"), ("email", "{0}/dept@example.com"), ("pan", "4-4-4-8")])
        if kind == "cvv":
            value = self.c.cvv()
            text = sentence.replace("{}", value)
        elif kind == "email":
            text = value = sentence.replace("{0}", self.c.local())
        else:
            value = self.c.pan("mastercard")
            text = "-".join([*groups(self.c.pan("visa")), ""])[:-1] + "-".join(groups(value))
        return {"class": kind, "text": text, "level": "evasion", "secrets": [value], "template": sentence}

    def pan_two(self):
        values, (name, level, _, write) = [self.c.pan("visa"), self.c.pan("mastercard")], self.writing(PAN[:3])
        sentence = self.c.pick(PAN_TWO if name == "plain" else [two for two in PAN_TWO if two != "{}{}"])
        return {"text": sentence.format(*map(write, values)), "level": worst("hard", level), "secrets": values, "template": f"{sentence} <- {name}"}

    def cvv(self):
        return self.place(CVV_KEYS, CVV_SENTENCES, self.c.cvv(), SHORT, keyed=True)

    def pin(self):
        return self.place(PIN_KEYS, PIN_SENTENCES, self.c.pin(), SHORT, keyed=True)

    def pin_block(self):
        return self.place(PIN_BLOCK_KEYS, PIN_BLOCK_SENTENCES, self.c.pin_block(), PLAIN, keyed=True)

    def track(self):
        if self.c.random.random() < 0.35:
            track = self.c.track2("")
            pan, rest = track[:-13], track[-13:]
            pan = self.c.pan(self.c.pick(["visa", "mastercard", "amex", "unionpay"]))
            month, year = self.c.expiry()
            rest = year + month + "201" + self.c.digits(self.c.between(6, 14))
            text = f"B{pan}^{self.c.track1_name()}^{rest}"
            row = self.place([], TRACK1_SENTENCES, text, PLAIN)
            return {**row, "secrets": [pan, rest]}
        sign = self.c.pick(["=", "=", "D"])
        written = self.c.track2(sign) + (self.c.pick(["F", "", ""]) if sign == "D" else "")
        row = self.place(TRACK_KEYS, TRACK2_SENTENCES, written, PLAIN)
        return {**row, "secrets": [part.strip("F") for part in written.split(sign)]}

    def emv(self):
        pan = self.c.pan(self.c.pick(["visa", "mastercard", "amex", "unionpay"]))
        month, year = self.c.expiry()
        rest = year + month + "201" + self.c.digits(9)
        track = f"{pan}D{rest}"
        track += "F" * (len(track) % 2)
        padded = pan + "F" * (len(pan) % 2)
        tag5a, tag57 = f"5A{len(padded) // 2:02X}{padded}", f"57{len(track) // 2:02X}{track}"
        before = self.c.pick(["", "9F2701805F2A020156", f"9F02060000000{self.c.digits(5)}9F03060000000000008407A0000000031010", "820218009505808000", f"9F26 08{self.c.hex(16, True)}".replace(" ", "")])
        after = self.c.pick(["", "5F340101", f"5F2403{year}{month}31", f"9F3602{self.c.hex(4, True)}9F1A0201569C0100", f"9F3704{self.c.hex(8, True)}"])
        values, body = self.c.pick([([pan], tag5a), ([pan, rest], tag57), ([pan, rest], tag57 + tag5a), ([pan, rest], tag5a + tag57)])
        text = before + body + after
        text = text.lower() if self.c.random.random() < 0.3 else text
        level = "basic"
        form = self.c.pick(["whole", "whole", "whole", "spaced", "tags"])
        if form == "spaced":
            text, level = " ".join(text[i:i + 2] for i in range(0, len(text), 2)), "hard"
        elif form == "tags":
            text, level = self.c.pick([f"5A={padded} 57={track}", f"tag 5A: {padded}, tag 57: {track}", f"[5A]{padded} [57]{track}", f'{{"5A":"{padded}","57":"{track}"}}', f"5A {len(padded) // 2:02X} {padded}\n57 {len(track) // 2:02X} {track}", f"57({track})"]), "hard"
            values = [pan, rest]
        sentence = self.c.pick(["tlv {}", "DE55={}", "field 55: {}", '{{"emv":"{}"}}', "icc data {}", "F55 [{}]", "{}", "emvData={}&x=1", "<IccRelatedData>{}</IccRelatedData>", "EMV tags: {}", "arpc request iccData={} ok", "芯片数据：{}"])
        return {"text": sentence.replace("{{", "{").replace("}}", "}").replace("{}", text), "level": level, "secrets": [v for v in values if v in text.replace(" ", "")], "template": f"{form}/{sentence}"}

    def iso8583(self):
        pan = self.c.pan(self.c.pick(["visa", "mastercard", "unionpay"]))
        field = f"{len(pan):02}{pan}"
        text, level = self.c.pick([
            (f"0200{self.c.hex(16, True)}{field}000000{self.c.digits(12, '0')}{self.c.compact(14)[4:]}{self.c.digits(6)}", "evasion"),
            (f"DE2={field}", "hard"), (f"F2 [{field}]", "hard"), (f"002={pan}|003=000000|004=000000012000", "hard"), (f"[2] {pan} [3] 000000 [4] 000000012000", "hard"), (f"<isomsg><field id=\"2\" value=\"{pan}\"/><field id=\"3\" value=\"000000\"/></isomsg>", "basic"),
            (f"2:{pan},3:000000,4:000000001000", "hard"), (f"fld 2: {field}", "hard"), (f"DE002 LLVAR n..19 0{len(pan)} {pan}", "hard"), (f"<CardData><PlainCardData><PAN>{pan}</PAN><XpryDt>2912</XpryDt></PlainCardData></CardData>", "basic"),
            (f"<DbtrAcct><Id><Othr><Id>{pan}</Id><SchmeNm><Cd>CARD</Cd></SchmeNm></Othr></Id></DbtrAcct>", "hard")])
        return {"text": text, "level": level, "secrets": [pan], "template": "iso/" + text.replace(pan, "{}")[:40]}

    def cn_id(self):
        return self.place(CN_ID_KEYS, CN_ID_SENTENCES, self.c.cn_id(), CN_ID)

    def cn_id_old(self):
        row = self.place(CN_ID_OLD_KEYS, CN_ID_OLD_SENTENCES, self.c.cn_id_old(), PLAIN, keyed=True)
        return {**row, "level": worst("hard", row["level"])}

    def mobile(self):
        return self.place(MOBILE_KEYS, MOBILE_SENTENCES, self.c.mobile(), MOBILE)

    def phone(self):
        form = self.c.pick(NATIONAL + E164)
        written = "".join(self.c.pick("0123456789") if sign == "#" else sign for sign in form)
        national = form in NATIONAL
        digits = "".join(sign for sign in written if sign.isdigit())
        if national:
            row = self.place(PHONE_KEYS, ["phone {}", "phone: {}", "tel. {}", "Tel: {}", "telephone {}", "电话{}", "电话：{}", "联系电话：{}", "fax: {}", "call phone {} now", "mobile {}", "phone number {}", "contact number: {}", "座机{}"], written, PLAIN, keyed=True)
        else:
            row = self.place(PHONE_KEYS + ["msg", "to", "note", "from"], MOBILE_SENTENCES[:36], written, PLAIN)
        return {**row, "level": worst("hard" if national else "basic", row["level"]), "secrets": [digits[-8:]], "template": f"{row['template']} {form}"}

    def email(self):
        if self.c.random.random() < 0.2:
            value = self.c.pick(EMAILS).replace("{0}", self.c.local().replace("+", ""))
            row = self.place(EMAIL_KEYS, EMAIL_SENTENCES, value, PLAIN)
            return {**row, "level": worst("hard", row["level"])}
        return self.place(EMAIL_KEYS, EMAIL_SENTENCES, self.c.email(), EMAIL)

    def clean(self):
        if self.c.random.random() < 0.45:
            line = self.c.pick(LINES)
            return {"text": line(self.c), "level": "clean", "secrets": [], "template": f"line {LINES.index(line)}"}
        keys, make = self.c.pick(PAIRS)
        key, value = self.c.pick(keys), make(self.c)
        if self.c.random.random() < 0.25:
            row = {"key": key, "text": value}
            if value.isdigit() and not value.startswith("0") and len(value) < 19 and self.c.random.random() < 0.6:
                row["value_type"] = "int"
            return {**row, "level": "clean", "secrets": [], "template": f"attribute {key}"}
        text, _, kind = self.contain(key, value)
        # Without its key right before it, such a number may be a card for all that anybody can tell.
        while kind in APART and value.isdigit() and 12 <= len(value) <= 19 and luhn(value[:-1]) == value[-1]:
            text, _, kind = self.contain(key, value)
        return {"text": text, "level": "clean", "secrets": [], "template": f"{kind}/{key}"}

    def row(self, share):
        while True:
            row = getattr(self, share.replace("-", "_"))()
            short = [value for value in row["secrets"] if len(value) < 7]
            if all(row["text"].count(value) <= 1 for value in short):
                return {"class": CLASSES.get(share, share), **row}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--batch", choices=["first", "second", "third", "fourth", "fifth", "sixth"], default="first", help="the templates: the second ones were written after the engine was mended on the first")
    options = parser.parse_args()
    maker = {"first": Maker, "second": second.Maker, "third": third.Maker, "fourth": fourth.Maker, "fifth": fifth.Maker, "sixth": sixth.Maker}[options.batch](options.seed)
    shares = SHARES if options.batch == "first" else second.SHARES
    total = sum(shares.values())
    for share, part in shares.items():
        for _ in range(max(1, part * options.rows // total)):
            json.dump(maker.row(share), sys.stdout, ensure_ascii=False)
            sys.stdout.write("\n")


if __name__ == "__main__":
    main()
