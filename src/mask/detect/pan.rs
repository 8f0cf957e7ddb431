//! Card numbers: the brands' prefixes and lengths, and the check digit (ISO/IEC 7812-1, Luhn).
//!
//! The check digit passes one number in ten and the prefixes four in ten, so neither decides alone. The table is that of
//! November 2026; a length a brand never issues is as good as a wrong prefix.

/// Fewest and most digits of a card number (ISO/IEC 7812-1; Maestro has 12).
pub(in crate::mask) const MIN: usize = 12;
pub(in crate::mask) const MAX: usize = 19;

/// Names that `brands` of a rule may list, in the order of the bits of `Brands`.
pub(in crate::mask) const NAMES: [&str; 13] = [
    "visa",
    "mastercard",
    "amex",
    "discover",
    "diners",
    "jcb",
    "unionpay",
    "mir",
    "rupay",
    "maestro",
    "verve",
    "troy",
    "elo",
];

/// A set of brands: bit `i` stands for `NAMES[i]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::mask) struct Brands(pub(in crate::mask) u16);

impl Brands {
    pub(in crate::mask) const ALL: Self = Self((1 << NAMES.len()) - 1);

    pub(in crate::mask) fn insert(&mut self, index: usize) {
        self.0 |= 1 << index;
    }
}

const fn lengths(list: &[u8]) -> u32 {
    let (mut bits, mut i) = (0, 0);
    while i < list.len() {
        bits |= 1 << list[i];
        i += 1;
    }
    bits
}

const L16: u32 = lengths(&[16]);
const L16_19: u32 = lengths(&[16, 17, 18, 19]);

/// First six digits from, to; lengths that are evidence by themselves; lengths that need a card key; brand.
const TABLE: [(u32, u32, u32, u32, u8); 26] = [
    (400_000, 499_999, lengths(&[16, 18, 19]), lengths(&[13]), 0),
    (510_000, 559_999, L16, 0, 1),
    (222_100, 272_099, L16, 0, 1),
    (340_000, 349_999, lengths(&[15]), 0, 2),
    (370_000, 379_999, lengths(&[15]), 0, 2),
    (601_100, 601_199, L16_19, 0, 3),
    (644_000, 659_999, L16_19, 0, 3),
    (300_000, 305_999, lengths(&[14, 16, 19]), 0, 4),
    (309_500, 309_599, lengths(&[14, 16, 19]), 0, 4),
    (360_000, 369_999, lengths(&[14, 16, 19]), 0, 4),
    (380_000, 399_999, lengths(&[14, 16, 19]), 0, 4),
    (352_800, 358_999, L16_19, 0, 5),
    (180_000, 180_099, lengths(&[15]), 0, 5),
    (213_100, 213_199, lengths(&[15]), 0, 5),
    (620_000, 629_999, L16_19, 0, 6),
    (810_000, 817_199, L16_19, 0, 6),
    // Debit cards of before the brand's own prefix, still in use; many have no check digit.
    (955_800, 955_899, 0, lengths(&[19]), 6),
    (220_000, 220_499, L16_19, 0, 7),
    (508_000, 508_999, L16, 0, 8),
    (600_000, 609_999, L16, 0, 8),
    (817_200, 829_999, L16, 0, 8),
    (500_000, 509_999, L16_19, lengths(&[12, 13, 14, 15]), 9),
    (560_000, 589_999, L16_19, lengths(&[12, 13, 14, 15]), 9),
    (600_000, 699_999, L16_19, lengths(&[12, 13, 14, 15]), 9),
    (506_099, 506_198, lengths(&[16, 18, 19]), 0, 10),
    (979_200, 979_299, L16, 0, 11),
];

/// Rows of the table by a number's first two digits, a bit for each.
const ROWS: [u32; 100] = {
    let mut rows = [0; 100];
    let mut row = 0;
    while row < TABLE.len() {
        let mut digits = TABLE[row].0 / 10_000;
        while digits <= TABLE[row].1 / 10_000 {
            rows[digits as usize] |= 1 << row;
            digits += 1;
        }
        row += 1;
    }
    rows
};

/// How well a number's prefix and length fit a brand of the set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::mask) enum Fit {
    No,
    /// A length or prefix so common among other numbers that only a card key makes it one.
    Weak,
    Strong,
}

/// How `digits` (ASCII) fit the brands.
pub(in crate::mask) fn fit(digits: &[u8], brands: Brands) -> Fit {
    let length = digits.len();
    if !(MIN..=MAX).contains(&length) {
        return Fit::No;
    }
    let prefix = digits.iter().take(6).fold(0, |number, &digit| number * 10 + u32::from(digit - b'0'));
    let mut rows = ROWS.get(prefix as usize / 10_000).copied().unwrap_or_default();
    let mut best = Fit::No;
    while let Some(&(from, to, strong, weak, brand)) = TABLE.get(rows.trailing_zeros() as usize) {
        rows &= rows - 1;
        if prefix < from || prefix > to || brands.0 & (1 << brand) == 0 {
            continue;
        }
        if strong & (1 << length) != 0 {
            return Fit::Strong;
        }
        if weak & (1 << length) != 0 {
            best = Fit::Weak;
        }
    }
    // UATP, prefix 1 with 15 digits, is any other number too.
    if best == Fit::No && length == 15 && digits.first() == Some(&b'1') && brands == Brands::ALL {
        Fit::Weak
    } else {
        best
    }
}

/// What may be kept of a stored card number: so many first and last digits, and how many are gone at least.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::mask) struct Kept {
    pub(in crate::mask) first: usize,
    pub(in crate::mask) last: usize,
    pub(in crate::mask) hidden: usize,
}

/// Of any number: PCI DSS 3.5.1, first six and last four.
pub(in crate::mask) const BASELINE: Kept = Kept { first: 6, last: 4, hidden: 6 };
/// Of 16 digits of the brands below (PCI SSC FAQ 1091): first eight and any other four.
pub(in crate::mask) const LONGEST: Kept = Kept { first: 8, last: 4, hidden: 4 };
/// Discover, JCB, Mastercard, UnionPay, Visa.
const EIGHT_OF_SIXTEEN: Brands = Brands(1 | 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6);
/// American Express.
const SIX_OF_FIFTEEN: Brands = Brands(1 << 2);

impl Brands {
    /// Whether a number of one of them may keep more than the baseline.
    pub(in crate::mask) fn allow_more(self) -> bool {
        self.0 & EIGHT_OF_SIXTEEN.0 != 0
    }
}

/// What length and brand allow of a number; of one that no brand of the list issues, the baseline.
pub(in crate::mask) fn most_kept(digits: &[u8]) -> Kept {
    match digits.len() {
        16 if fit(digits, EIGHT_OF_SIXTEEN) == Fit::Strong => LONGEST,
        15 if fit(digits, SIX_OF_FIFTEEN) == Fit::Strong => Kept { hidden: 5, ..BASELINE },
        _ => BASELINE,
    }
}

/// The check digit of ISO/IEC 7812-1 over ASCII digits.
pub(in crate::mask) fn luhn(digits: &[u8]) -> bool {
    let value = |digit: u8| u32::from(digit.wrapping_sub(b'0'));
    // Of twice a digit the sum of its digits counts.
    let doubled = |value: u32| if value < 5 { value * 2 } else { value * 2 - 9 };
    let (first, pairs) = digits.as_rchunks();
    let first = first.first().map_or(0, |digit| value(*digit));
    let (mut sum, mut largest, mut any) = (first, first, first);
    for &[left, right] in pairs {
        let (left, right) = (value(left), value(right));
        sum += doubled(left) + right;
        largest = largest.max(left).max(right);
        any |= left | right;
    }
    sum.is_multiple_of(10) && any != 0 && largest < 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_test_cards_of_every_brand_fit() {
        for card in [
            "4111111111111111",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "6011111111111117",
            "3056930009020004",
            "36227206271667",
            "3566002020360505",
            "6200000000000005",
            "6205500000000000004",
            "8171999927660000",
            "2201382000000013",
            "6759649826438453",
        ] {
            assert_eq!(fit(card.as_bytes(), Brands::ALL), Fit::Strong, "{card}");
            assert!(luhn(card.as_bytes()), "{card}");
        }
        assert_eq!(fit(b"4222222222222", Brands::ALL), Fit::Weak);
        assert_eq!(fit(b"1718000000000", Brands::ALL), Fit::No);
        assert_eq!(fit(b"9558800200123456789", Brands::ALL), Fit::Weak);
        assert_eq!(fit(b"9559800200123456789", Brands::ALL), Fit::No);
        assert_eq!(fit(b"4111111111111111", Brands(1 << 1)), Fit::No);
    }

    /// FAQ 1091 by length and brand; what it doesn't list keeps the baseline.
    #[test]
    fn what_is_kept_depends_on_length_and_brand() {
        for (card, first, hidden) in [
            ("4111111111111111", 8, 4),
            ("5555555555554444", 8, 4),
            ("2223003122003222", 8, 4),
            ("6011111111111117", 8, 4),
            ("3566002020360505", 8, 4),
            ("6200000000000005", 8, 4),
            ("378282246310005", 6, 5),
            ("3056930009020004", 6, 6),
            ("36227206271667", 6, 6),
            ("6205500000000000004", 6, 6),
            ("2201382000000013", 6, 6),
            ("6759649826438453", 6, 6),
            ("4222222222222", 6, 6),
            ("9999999999999999", 6, 6),
        ] {
            let kept = most_kept(card.as_bytes());
            assert_eq!((kept.first, kept.last, kept.hidden), (first, 4, hidden), "{card}");
            assert!(kept.first + kept.last + kept.hidden <= 16.max(card.len()));
        }
    }

    #[test]
    fn one_wrong_digit_fails_the_check() {
        let card = *b"4111111111111111";
        for place in 0..card.len() {
            let mut wrong = card;
            wrong[place] = b'0' + (wrong[place] - b'0' + 1) % 10;
            assert!(!luhn(&wrong), "digit {place}");
        }
    }
}
