//! The command line as its users see it: `tests/cli/*.trycmd`, one case a file.

#[test]
fn cases() {
    trycmd::TestCases::new().case("tests/cli/*.trycmd").case("tests/cli/*.toml");
}
