"""Ways of writing a value: separators, scripts, escapes. Each is (name, level, function of the plain value)."""

import base64
import html
from urllib.parse import quote

FULLWIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
DEVANAGARI = str.maketrans("0123456789", "०१२३४५६७८९")
CIRCLED = str.maketrans("0123456789", "⓪①②③④⑤⑥⑦⑧⑨")
MATHS = {ord(str(i)): chr(0x1D7CE + i) for i in range(10)}
CHINESE = str.maketrans("0123456789", "零一二三四五六七八九")


def groups(pan):
    sizes = {15: [4, 6, 5], 14: [4, 6, 4]}.get(len(pan), [4, 4, 4, 4, 4])
    found, at = [], 0
    for size in sizes:
        if at < len(pan):
            found.append(pan[at:at + size])
            at += size
    return found


def joined(separator):
    return lambda pan: separator.join(groups(pan))


def tail(separator):
    return lambda pan: pan[:6] + separator + pan[6:] if len(pan) == 19 else separator.join(groups(pan))


def each(write):
    return lambda pan: "".join(write(digit) for digit in pan)


PAN = [
    ("plain", "basic", 24, lambda pan: pan),
    ("space", "basic", 9, joined(" ")),
    ("dash", "basic", 9, joined("-")),
    ("6-13", "basic", 3, tail(" ")),
    ("nbsp", "hard", 2, joined("\u00a0")),
    ("narrow-nbsp", "hard", 2, joined("\u202f")),
    ("thin", "hard", 2, joined("\u2009")),
    ("ideographic", "hard", 2, joined("\u3000")),
    ("tab", "hard", 2, joined("\t")),
    ("dot", "hard", 2, joined(".")),
    ("slash", "hard", 2, joined("/")),
    ("underscore", "hard", 2, joined("_")),
    ("plus", "hard", 2, joined("+")),
    ("%20", "hard", 2, joined("%20")),
    ("en-dash", "hard", 2, joined("–")),
    ("nb-hyphen", "hard", 2, joined("\u2011")),
    ("minus", "hard", 2, joined("\u2212")),
    ("zero-width", "hard", 2, joined("\u200b")),
    ("joiner", "hard", 2, joined("\u2060")),
    ("bom", "hard", 2, joined("\ufeff")),
    ("fullwidth", "hard", 3, lambda pan: pan.translate(FULLWIDTH)),
    ("fullwidth-dash", "hard", 2, lambda pan: "－".join(groups(pan)).translate(FULLWIDTH)),
    ("arabic", "hard", 2, lambda pan: pan.translate(ARABIC)),
    ("devanagari", "hard", 2, lambda pan: pan.translate(DEVANAGARI)),
    ("decimal", "hard", 2, lambda pan: pan + ".0"),
    ("scientific", "hard", 2, lambda pan: f"{pan[0]}.{pan[1:].rstrip('0') or '0'}{'E' if int(pan[1]) % 2 else 'e'}{'+' if int(pan[2]) % 2 else ''}{len(pan) - 1}" if len(pan) <= 16 else pan),
    ("unicode-first", "hard", 2, lambda pan: f"\\u003{pan[0]}" + pan[1:]),
    ("unicode-each", "evasion", 1, each(lambda d: f"\\u003{d}")),
    ("percent-each", "evasion", 1, each(lambda d: f"%3{d}")),
    ("entity-each", "evasion", 1, each(lambda d: f"&#{ord(d)};")),
    ("hex-each", "evasion", 1, each(lambda d: f"\\x3{d}")),
    ("space-each", "evasion", 1, lambda pan: " ".join(pan)),
    ("dash-each", "evasion", 1, lambda pan: "-".join(pan)),
    ("pairs", "evasion", 1, lambda pan: " ".join(pan[i:i + 2] for i in range(0, len(pan), 2))),
    ("lines", "evasion", 1, joined("\n")),
    ("base64", "evasion", 1, lambda pan: base64.b64encode(pan.encode()).decode()),
    ("ascii-hex", "evasion", 1, lambda pan: pan.encode().hex()),
    ("reversed", "evasion", 1, lambda pan: pan[::-1]),
    ("circled", "evasion", 1, lambda pan: pan.translate(CIRCLED)),
    ("maths", "evasion", 1, lambda pan: pan.translate(MATHS)),
    ("chinese", "evasion", 1, lambda pan: pan.translate(CHINESE)),
    ("letters", "evasion", 1, lambda pan: pan.replace("0", "O").replace("1", "l")),
    ("hexadecimal", "evasion", 1, lambda pan: hex(int(pan))),
]

CN_ID = [
    ("plain", "basic", 10, lambda v: v),
    ("lower-x", "basic", 2, lambda v: v.lower()),
    ("6-8-4", "hard", 1, lambda v: f"{v[:6]} {v[6:14]} {v[14:]}"),
    ("6-8-4-dash", "hard", 1, lambda v: f"{v[:6]}-{v[6:14]}-{v[14:]}"),
    ("fullwidth", "hard", 1, lambda v: v.translate(FULLWIDTH)),
    ("fullwidth-x", "hard", 1, lambda v: v.translate(FULLWIDTH).replace("X", "Ｘ")),
    ("zero-width", "hard", 1, lambda v: f"{v[:6]}\u200b{v[6:]}"),
    ("base64", "evasion", 1, lambda v: base64.b64encode(v.encode()).decode()),
    ("percent-each", "evasion", 1, each(lambda d: f"%{ord(d):02X}")),
]

MOBILE = [
    ("plain", "basic", 10, lambda v: v),
    ("+86", "basic", 3, lambda v: "+86" + v),
    ("+86 ", "basic", 2, lambda v: "+86 " + v),
    ("+86-", "basic", 1, lambda v: "+86-" + v),
    ("3-4-4", "basic", 2, lambda v: f"{v[:3]}-{v[3:7]}-{v[7:]}"),
    ("3 4 4", "basic", 2, lambda v: f"{v[:3]} {v[3:7]} {v[7:]}"),
    ("+86 3 4 4", "basic", 1, lambda v: f"+86 {v[:3]} {v[3:7]} {v[7:]}"),
    ("+86-3-4-4", "hard", 1, lambda v: f"+86-{v[:3]}-{v[3:7]}-{v[7:]}"),
    ("(+86)", "hard", 1, lambda v: f"(+86){v}"),
    ("(+86) ", "hard", 1, lambda v: f"(+86) {v[:3]} {v[3:7]} {v[7:]}"),
    ("86", "hard", 1, lambda v: "86" + v),
    ("86-", "hard", 1, lambda v: "86-" + v),
    ("0086", "hard", 1, lambda v: "0086" + v),
    ("0086-", "hard", 1, lambda v: "0086-" + v),
    ("%2B86", "hard", 1, lambda v: "%2B86" + v),
    ("fullwidth", "hard", 1, lambda v: v.translate(FULLWIDTH)),
    ("fullwidth-86", "hard", 1, lambda v: "＋８６" + v.translate(FULLWIDTH)),
    ("nb-hyphen", "hard", 1, lambda v: f"{v[:3]}\u2011{v[3:7]}\u2011{v[7:]}"),
    ("zero-width", "hard", 1, lambda v: f"{v[:3]}\u200b{v[3:]}"),
    ("nbsp", "hard", 1, lambda v: f"{v[:3]}\u00a0{v[3:7]}\u00a0{v[7:]}"),
    ("decimal", "hard", 1, lambda v: v + ".0"),
    ("space-each", "evasion", 1, lambda v: " ".join(v)),
    ("chinese", "evasion", 1, lambda v: v.translate(CHINESE)),
    ("base64", "evasion", 1, lambda v: base64.b64encode(v.encode()).decode()),
]

EMAIL = [
    ("plain", "basic", 12, lambda v: v),
    ("upper", "basic", 1, lambda v: v.upper()),
    ("angle", "basic", 1, lambda v: f"<{v}>"),
    ("mailto", "basic", 1, lambda v: f"mailto:{v}"),
    ("%40", "hard", 2, lambda v: v.replace("@", "%40")),
    ("percent", "hard", 1, lambda v: quote(v, safe="")),
    ("&#64;", "hard", 1, lambda v: v.replace("@", "&#64;")),
    ("&commat;", "hard", 1, lambda v: v.replace("@", "&commat;")),
    ("\\u0040", "hard", 1, lambda v: v.replace("@", "\\u0040")),
    ("fullwidth", "hard", 1, lambda v: v.replace("@", "＠")),
    ("zero-width", "hard", 1, lambda v: v.replace("@", "\u200b@")),
    ("(at)", "evasion", 1, lambda v: v.replace("@", "(at)")),
    (" at ", "evasion", 1, lambda v: v.replace("@", " at ").replace(".", " dot ")),
    ("base64", "evasion", 1, lambda v: base64.b64encode(v.encode()).decode()),
]

SHORT = [
    ("plain", "basic", 12, lambda v: v),
    ("fullwidth", "hard", 1, lambda v: v.translate(FULLWIDTH)),
    ("arabic", "hard", 1, lambda v: v.translate(ARABIC)),
]

PLAIN = [("plain", "basic", 1, lambda v: v)]


def entities(text):
    return html.escape(text)
