"""Values of the corpus: cards, persons, addresses and what looks like them. All are made up, by a seeded generator.

Cards have the prefixes that the brands publish, a random rest and a check digit; nobody holds them but by chance.
"""

import base64
import random
import string
import uuid

BRANDS = {
    "visa": (["4"], [16, 16, 16, 16, 19]),
    "mastercard": (["51", "52", "53", "54", "55", "2221", "2300", "2520", "2720"], [16]),
    "amex": (["34", "37"], [15]),
    "discover": (["6011", "644", "649", "65"], [16, 16, 16, 19]),
    "diners": (["300", "305", "36", "38", "39", "3095"], [14]),
    "jcb": (["3528", "3530", "3566", "3589"], [16]),
    "unionpay": (["6200", "6210", "6217", "6222", "6225", "6226", "6228", "6229", "6230", "6259", "6282", "8110"], [16, 16, 19, 19, 17, 18]),
    "mir": (["2200", "2202", "2204"], [16]),
    "rupay": (["508", "6069", "6521", "8172", "82"], [16]),
    "maestro": (["5018", "5020", "5038", "6304", "6759", "6761", "6763"], [16, 19]),
    "verve": (["506099", "506110"], [16, 19]),
    "troy": (["9792"], [16]),
    "elo": (["509040", "636297", "650405"], [16]),
}

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂"
FIRST = ["john", "mary", "wei", "carlos", "anna", "yuki", "omar", "lena", "ivan", "fatima", "li", "noah"]
LAST = ["smith", "garcia", "zhang", "mueller", "tanaka", "haddad", "novak", "okafor", "silva", "lee", "wang"]
DOMAINS = ["example.com", "example.org", "example.net", "mail.example.com", "gmail.com", "qq.com", "163.com", "foxmail.com",
           "outlook.com", "bank.example.co.uk", "firma.example.de", "corp.example.com.cn", "uni.example.edu"]
PROVINCES = ["110105", "310115", "440524", "320102", "330106", "510107", "420111", "370202", "610113", "350203", "230103", "650102"]


def luhn(digits):
    """The check digit that `digits` need behind them."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return str(-total % 10)


class Values:
    def __init__(self, seed):
        self.random = random.Random(seed)

    # -- building blocks

    def pick(self, choices):
        return self.random.choice(choices)

    def digits(self, count, first="0123456789"):
        return self.pick(first) + "".join(self.pick(string.digits) for _ in range(count - 1))

    def hex(self, count, upper=False):
        text = "".join(self.pick("0123456789abcdef") for _ in range(count))
        return text.upper() if upper else text

    def between(self, low, high):
        return self.random.randint(low, high)

    # -- what must be hidden

    def pan(self, brand=None):
        brand = brand or self.pick(["visa", "visa", "mastercard", "mastercard", "unionpay", "unionpay", *BRANDS])
        prefixes, lengths = BRANDS[brand]
        prefix, length = self.pick(prefixes), self.pick(lengths)
        body = prefix + self.digits(length - 1 - len(prefix))
        return body + luhn(body)

    def unsound_pan(self):
        """A card number with a typing error."""
        pan = self.pan(self.pick(["visa", "mastercard", "unionpay", "amex"]))
        place = self.between(6, len(pan) - 1)
        return pan[:place] + str((int(pan[place]) + self.between(1, 9)) % 10) + pan[place + 1:]

    def expiry(self):
        return f"{self.between(1, 12):02}", f"{self.between(27, 33):02}"

    def cvv(self):
        return self.digits(self.pick([3, 3, 3, 4]))

    def pin(self):
        return self.digits(self.pick([4, 4, 6]))

    def pin_block(self):
        block = self.hex(16, upper=self.pick([True, True, False]))
        return block if any(c.isalpha() for c in block) and any(c.isdigit() for c in block) else self.pin_block()

    def track2(self, sign="="):
        month, year = self.expiry()
        return self.pan(self.pick(["visa", "mastercard", "unionpay", "amex"])) + sign + year + month + self.pick(["101", "201", "220", "120"]) + self.digits(self.between(6, 12))

    def track1_name(self):
        return f"{self.pick(LAST).upper()}/{self.pick(FIRST).upper()}"

    def cn_id(self):
        body = self.pick(PROVINCES) + f"{self.between(1950, 2008)}{self.between(1, 12):02}{self.between(1, 28):02}" + self.digits(3)
        weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
        return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights)) % 11]

    def cn_id_old(self):
        return self.pick(PROVINCES) + f"{self.between(50, 95)}{self.between(1, 12):02}{self.between(1, 28):02}" + self.digits(3)

    def mobile(self):
        return self.pick(["130", "135", "136", "138", "139", "147", "150", "155", "159", "166", "173", "176", "180", "186", "188", "191", "198", "199"]) + self.digits(8)

    def local(self):
        first, last = self.pick(FIRST), self.pick(LAST)
        return self.pick([f"{first}.{last}", f"{first}_{last}{self.digits(2)}", f"{first}{last}", f"{first}-{last}", f"{first}.{last}+{self.pick(['shop', 'pay', 'news'])}",
                          f"{last}{self.digits(4)}", self.digits(9, first="123456789"), f"{first[0]}{last}"])

    def email(self):
        return f"{self.local()}@{self.pick(DOMAINS)}"

    def name_zh(self):
        return self.pick(SURNAMES) + "".join(self.pick(GIVEN) for _ in range(self.pick([1, 2, 2])))

    # -- what must stay

    def number(self, count):
        return self.digits(count, first="123456789")

    def times(self):
        return f"20{self.between(24, 27)}", f"{self.between(1, 12):02}", f"{self.between(1, 28):02}", f"{self.between(0, 23):02}", f"{self.between(0, 59):02}", f"{self.between(0, 59):02}"

    def iso(self):
        y, m, d, h, n, s = self.times()
        return f"{y}-{m}-{d}T{h}:{n}:{s}" + self.pick(["Z", ".123Z", ".482913Z", "+08:00", ".77+00:00", ".123456789Z"])

    def stamp(self):
        y, m, d, h, n, s = self.times()
        return self.pick([f"{y}-{m}-{d} {h}:{n}:{s},{self.digits(3)}", f"{y}-{m}-{d} {h}:{n}:{s}.{self.digits(3)}", f"{y}/{m}/{d} {h}:{n}:{s}", f"{y}-{m}-{d}T{h}:{n}:{s}.{self.digits(6)}Z"])

    def compact(self, size=14):
        return ("".join(self.times()) + self.digits(9))[:size]

    def ms(self):
        return f"17{self.between(30, 95)}{self.digits(9)}"

    def us(self):
        return self.ms() + self.digits(3)

    def ns(self):
        return self.us() + self.digits(3)

    def uuid(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def snowflake(self):
        return str(self.between(10**17, 19 * 10**17))

    def amount(self):
        return f"{self.between(0, 9_999_999)}.{self.digits(2)}"

    def base64(self, size):
        return base64.b64encode(self.random.randbytes(size)).decode()

    def ip(self):
        return ".".join(str(self.between(1, 254)) for _ in range(4))

    def mac(self):
        return ":".join(self.hex(2) for _ in range(6))

    def iban(self):
        country, size = self.pick([("DE", 18), ("GB", 0), ("FR", 23), ("NL", 0), ("ES", 20), ("CH", 17), ("AT", 16)])
        bank = {"GB": "NWBK" + self.digits(14), "NL": "ABNA" + self.digits(10)}.get(country) or self.digits(size)
        number = "".join(str(int(c, 36)) for c in bank + country + "00")
        return f"{country}{98 - int(number) % 97:02}{bank}"

    def ean13(self, prefix=""):
        body = prefix + self.digits(12 - len(prefix), first="123456789")
        return body + str(-sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body)) % 10)

    def imei(self):
        body = self.pick(["35", "86", "01"]) + self.digits(12)
        return body + luhn(body)

    def iccid(self):
        body = "8986" + self.digits(14)
        return self.pick([body + luhn(body), body + self.digits(2)])

    def uscc(self):
        signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
        body = "91" + self.pick(PROVINCES) + "".join(self.pick(signs) for _ in range(9))
        weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]
        return body + signs[-sum(signs.index(c) * w for c, w in zip(body, weights)) % 31]

    def masked(self):
        pan = self.pan("visa")
        return self.pick([f"{pan[:6]}******{pan[-4:]}", f"{pan[:4]}********{pan[-4:]}", f"************{pan[-4:]}", f"XXXX-XXXX-XXXX-{pan[-4:]}", f"**** **** **** {pan[-4:]}", f"{pan[:4]} **** **** {pan[-4:]}", f"xxxxxxxxxxxx{pan[-4:]}",
                          f"{pan[:6]}xxxxxx{pan[-4:]}", f"{pan[:6]}...{pan[-4:]}", f"•••• {pan[-4:]}", f"{pan[:4]}-XXXX-XXXX-{pan[-4:]}"])
