//! The packs that come with the collector, by name.

/// Name and text. `payment` alone is on by default.
const PACKS: [(&str, &str); 5] = [
    ("payment", include_str!("../../../rules/payment.yaml")),
    ("china", include_str!("../../../rules/china.yaml")),
    ("eu", include_str!("../../../rules/eu.yaml")),
    ("us", include_str!("../../../rules/us.yaml")),
    ("secrets", include_str!("../../../rules/secrets.yaml")),
];

/// The names of all packs.
pub(super) const NAMES: [&str; 5] = ["payment", "china", "eu", "us", "secrets"];

/// The text of a pack.
pub(in crate::mask) fn text(name: &str) -> Option<&'static str> {
    PACKS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
