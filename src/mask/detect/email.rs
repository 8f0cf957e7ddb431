//! E-mail addresses (RFC 5321 dot-atom; RFC 6531 for other scripts), found from their `@`.

/// Longest local part and domain that are looked at; RFC 5321 allows 64 and 255.
const MAX_LOCAL: usize = 128;
const MAX_DOMAIN: usize = 255;

/// The address around the `@` at `at`: where it begins and ends. `None`: no address, or one that is masked already.
pub(in crate::mask) fn around(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let before = bytes.get(..at)?;
    if before.ends_with(b"\"") {
        let local = quoted(before)?;
        return Some((at - local, at + 1 + domain(bytes.get(at + 1..)?)?));
    }
    let length = before.iter().rev().take(MAX_LOCAL).take_while(|b| is_local(**b)).count();
    // What is left of a sign that is no part of it.
    let length = length - before.get(at - length..)?.iter().take_while(|b| (0x80..0xC0).contains(*b)).count();
    let length = length - joined(before.get(at - length..)?);
    let length = length - escaped(before, length);
    let skipped = before
        .get(at - length..)?
        .iter()
        .take_while(|b| matches!(b, b'.' | b'-' | b'+' | b'\'' | b'%' | b'#' | b'?' | b'!'))
        .count();
    let local = before.get(at - length + skipped..)?;
    let domain = domain(bytes.get(at + 1..)?)?;
    if local.is_empty()
        || is_masked(local)
        || is_host(bytes, at - local.len(), at)
        || is_algorithm(bytes.get(at + 1..at + 1 + domain)?)
        || is_account(local, bytes.get(at + 1..at + 1 + domain)?)
        || is_message_id(bytes.get(..at - local.len())?, local)
    {
        return None;
    }
    Some((at - local.len(), at + 1 + domain))
}

/// Whether what stands before the `@` at `at`, from `start` on, is the domain of an address: `https://user@mail.example@host/`.
fn is_host(bytes: &[u8], start: usize, at: usize) -> bool {
    let Some([.., name, b'@']) = bytes.get(..start) else { return false };
    is_local(*name) && bytes.get(start..).and_then(domain) == Some(at - start)
}

/// Length of the quoted local part (RFC 5321) that `before` ends with. What stands between two other quoted things is none.
fn quoted(before: &[u8]) -> Option<usize> {
    let inner = before.get(before.len().saturating_sub(MAX_LOCAL)..before.len() - 1)?;
    let open = memchr::memrchr(b'"', inner)?;
    let content = inner.get(open + 1..)?;
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80 || *b == b'\\');
    let glued = open.checked_sub(1).and_then(|before| inner.get(before)).is_some_and(u8::is_ascii_alphanumeric);
    let sound = edge(content.first())
        && edge(content.last())
        && !glued
        && !content.iter().any(|b| matches!(b, b'\n' | b'{' | b'}'));
    (sound && !is_masked(content)).then_some(inner.len() - open + 1)
}

/// Length of what a text in a script without spaces ends with, when the local part behind it is ASCII: `邮箱zhang@`.
fn joined(local: &[u8]) -> usize {
    if local.is_ascii() {
        return 0;
    }
    // First byte of three and of four in UTF-8, from U+3000 on.
    let Some(last) = local.iter().rposition(|&b| b >= 0xE3) else { return 0 };
    let end = last + if local.get(last).is_some_and(|&b| b >= 0xF0) { 4 } else { 3 };
    // A name of two to four signs with a short number is one local part: no mailbox is called by the number alone.
    const NAME: std::ops::RangeInclusive<usize> = 6..=12;
    let number = local.get(end..).unwrap_or_default();
    if NAME.contains(&end) && (1..=4).contains(&number.len()) && number.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    if local.get(end..).is_some_and(|rest| !rest.is_empty() && rest.is_ascii()) { end } else { 0 }
}

/// Length of the escapes that a local part of `length` would begin within, at the end of `before`: `\u7bb1zhang@`,
/// `%E7%AE%B1zhang@`. Whether what they stand for belongs to the address is seen where they are read.
fn escaped(before: &[u8], length: usize) -> usize {
    let (head, local) = before.split_at(before.len() - length);
    let is_hex = |digits: Option<&[u8]>| digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if head.ends_with(b"\\") {
        return match local {
            [b'u' | b'U', rest @ ..] if is_hex(rest.get(..4)) => 5,
            [b'x', rest @ ..] if is_hex(rest.get(..2)) => 3,
            [b'n' | b'r' | b't', ..] => 1,
            _ => 0,
        };
    }
    let triplets =
        local.chunks_exact(3).take_while(|triplet| triplet.first() == Some(&b'%') && is_hex(triplet.get(1..)));
    triplets.count() * 3
}

/// What a byte may stand in.
const LOCAL: u8 = 1;
const LABEL: u8 = 2;
const SIGNS: [u8; 256] = {
    let mut signs = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let sign = byte as u8;
        // 0xE2 begins dashes, quotes and arrows: no letter of a name.
        let word = sign.is_ascii_alphanumeric() || !(sign.is_ascii() || sign == 0xE2);
        // RFC 5321 allows `=`, `/` and more; an address after `key=` or in a path begins behind it.
        let local = matches!(
            sign,
            b'.' | b'_' | b'%' | b'+' | b'-' | b'~' | b'!' | b'#' | b'$' | b'\'' | b'*' | b'?' | b'^' | b'`'
        );
        signs[byte] = if word || local { LOCAL } else { 0 } | if word || sign == b'-' { LABEL } else { 0 };
        byte += 1;
    }
    signs
};

fn is_local(byte: u8) -> bool {
    SIGNS[usize::from(byte)] & LOCAL != 0
}

fn is_label(byte: u8) -> bool {
    SIGNS[usize::from(byte)] & LABEL != 0
}

/// Whether a domain is one that names algorithms of SSH (RFC 4251, 6): `curve25519-sha256@libssh.org`.
fn is_algorithm(domain: &[u8]) -> bool {
    const NAMES: [&[u8]; 3] = [b"openssh.com", b"libssh.org", b"lysator.liu.se"];
    NAMES.iter().any(|name| domain.eq_ignore_ascii_case(name))
}

/// Whether it is no person's: `git@host:path/name.git`, an account that a system has by itself on a host that no mail from outside
/// reaches.
fn is_account(local: &[u8], domain: &[u8]) -> bool {
    const REPOSITORIES: [&[u8]; 3] = [b"git", b"hg", b"svn"];
    const SYSTEMS: [&[u8]; 15] = [
        b"root",
        b"default",
        b"admin",
        b"rabbit",
        b"celery",
        b"postgres",
        b"ubuntu",
        b"debian",
        b"ec2-user",
        b"centos",
        b"nobody",
        b"deploy",
        b"jenkins",
        b"app",
        b"svc",
    ];
    const INSIDE: [&[u8]; 7] = [b"internal", b"local", b"localdomain", b"lan", b"localhost", b"corp", b"arpa"];
    let top = domain.rsplit(|sign| *sign == b'.').next().unwrap_or_default();
    REPOSITORIES.contains(&local) || (SYSTEMS.contains(&local) && INSIDE.contains(&top))
}

/// Whether `before` ends with the header of a mail that names mails (RFC 5322, 3.6.4), and no address.
fn is_message_id(before: &[u8], local: &[u8]) -> bool {
    const NAMES: [&[u8]; 3] = [b"message-id", b"in-reply-to", b"references"];
    const REACH: usize = 512;
    let Some(before) = before.strip_suffix(b"<") else { return false };
    let mut before = before.get(before.len().saturating_sub(REACH)..).unwrap_or_default().trim_ascii_end();
    // `References: <a@b> <c@d>`
    while let [inner @ .., b'>'] = before {
        let Some(open) = memchr::memrchr(b'<', inner) else { return false };
        before = inner.get(..open).unwrap_or_default().trim_ascii_end();
    }
    let joined = before.strip_suffix(b":").or_else(|| before.strip_suffix(b"="));
    let head = joined.unwrap_or(before);
    let ends = |name: &&&[u8]| {
        let from = head
            .len()
            .checked_sub(name.len())
            .filter(|from| !from.checked_sub(1).and_then(|last| head.get(last)).is_some_and(u8::is_ascii_alphabetic));
        from.and_then(|from| head.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(name))
    };
    // The others are words of a sentence too, and people give references.
    match NAMES.iter().position(|name| ends(&name)) {
        Some(0) => true,
        Some(_) => joined.is_some() && local.iter().any(u8::is_ascii_digit),
        None => false,
    }
}

/// What masking leaves: up to two signs, then asterisks only.
fn is_masked(local: &[u8]) -> bool {
    let shown = local.iter().position(|&b| b == b'*').unwrap_or(local.len());
    let hidden = local.get(shown..).unwrap_or_default();
    if hidden.is_empty() {
        return false;
    }
    let signs = String::from_utf8_lossy(local.get(..shown).unwrap_or_default()).chars().count();
    signs <= 2 && hidden.iter().all(|&b| b == b'*')
}

/// Length of the domain that `bytes` begin with: labels, at least two, the last one no number and in no list of file types.
fn domain(bytes: &[u8]) -> Option<usize> {
    // An address in brackets: `a@[192.0.2.1]`.
    if let [b'[', literal @ ..] = bytes {
        let length = literal.iter().take(45).take_while(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':')).count();
        let address = std::str::from_utf8(literal.get(..length)?).ok()?;
        return (literal.get(length) == Some(&b']') && address.parse::<std::net::IpAddr>().is_ok())
            .then_some(length + 2);
    }
    // A dot or dash at the end belongs to the sentence; two dots end the name.
    let mut before = b' ';
    let goes_on = |byte: &&u8| {
        let goes_on = is_label(**byte) || (**byte == b'.' && before != b'.');
        before = **byte;
        goes_on
    };
    let mut end = bytes.iter().take(MAX_DOMAIN).take_while(goes_on).count();
    while end > 0 && matches!(bytes.get(end - 1), Some(b'.' | b'-')) {
        end -= 1;
    }
    let name = bytes.get(..end)?;
    let dot = name.iter().rposition(|&b| b == b'.')?;
    let top = name.get(dot + 1..)?;
    // Text of another script may follow without a space: `a@b.com联系`.
    let ascii = top.iter().take_while(|b| b.is_ascii()).count();
    let (top, end) = if ascii >= 2 && ascii < top.len() { (top.get(..ascii)?, dot + 1 + ascii) } else { (top, end) };
    // So may a number: `a@b.com13800138000`. Fewer digits are a version or a host.
    let letters = top.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let glued = (2..=24).contains(&letters) && top.iter().filter(|b| b.is_ascii_digit()).count() >= 4;
    let (top, end) =
        if glued && !has_prefix(top, b"xn--") { (top.get(..letters)?, dot + 1 + letters) } else { (top, end) };
    let sound = name.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80) && top.len() >= 2 && dot > 0;
    let number = top.iter().all(|b| b.is_ascii_digit() || *b == b'-')
        || (top.iter().any(u8::is_ascii_digit) && !has_prefix(top, b"xn--"));
    if !sound || number {
        return None;
    }
    if ends_other(top) {
        // A file that is named after an address: `a@example.com.png`.
        const COMMON: [&[u8]; 8] = [b".com", b".net", b".org", b".cn", b".edu", b".de", b".uk", b".io"];
        let stem = name.get(..dot)?;
        return COMMON.iter().any(|top| stem.len() > top.len() && stem.ends_with(top)).then_some(dot);
    }
    Some(end)
}

/// Whether a last label is no top-level domain but ends other things with an `@` in them: files, systemd units, methods.
fn ends_other(top: &[u8]) -> bool {
    // Most addresses end so.
    if matches!(top, b"com" | b"cn" | b"net" | b"org") {
        return false;
    }
    let names: &[&str] = match top.len() {
        2 => &["js", "ts", "py", "rs", "go", "so"],
        3 => &["png", "jpg", "gif", "svg", "ico", "css", "mjs", "xml", "yml", "htm", "txt", "log", "jar", "dll", "exe"],
        4 => &["jpeg", "webp", "json", "yaml", "html", "java"],
        5 => &["class", "timer", "mount", "slice", "scope"],
        6 => &["target", "socket", "device"],
        7 => &["service", "journal"],
        9 => &["localhost"],
        _ => &[],
    };
    let first = top.first().map_or(0, u8::to_ascii_lowercase);
    names.iter().any(|name| name.as_bytes().first() == Some(&first) && top.eq_ignore_ascii_case(name.as_bytes()))
}

fn has_prefix(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Option<&str> {
        let at = text.find('@')?;
        let (from, to) = around(text.as_bytes(), at)?;
        Some(&text[from..to])
    }

    #[test]
    fn addresses_and_what_only_looks_like_one() {
        for (text, expected) in [
            ("mail zhang.san@example.com now", Some("zhang.san@example.com")),
            ("email=a@b.co.", Some("a@b.co")),
            ("张三@例子.中国", Some("张三@例子.中国")),
            ("写信a.b@example.com联系", Some("a.b@example.com")),
            ("邮箱zhang.san@example.com", Some("zhang.san@example.com")),
            ("张三@qq.com", Some("张三@qq.com")),
            ("王小明88@qq.com", Some("王小明88@qq.com")),
            ("发邮件到王小明88@qq.com", Some("88@qq.com")),
            ("邮箱88123@qq.com", Some("88123@qq.com")),
            ("josé.garcia@example.com", Some("josé.garcia@example.com")),
            ("key/zhang.san@163.com", Some("zhang.san@163.com")),
            ("zhang.san@example.com13800138000", Some("zhang.san@example.com")),
            ("a.person@163.netQ1101051949", Some("a.person@163.netQ")),
            ("Class@1a2b.x9", None),
            ("lib@1.0.beta2", None),
            ("x@xn--fsq.xn--fiqs8s", Some("x@xn--fsq.xn--fiqs8s")),
            ("zh*******@example.com", None),
            ("icon@2x.png", None),
            ("icon@2x.dark.png", None),
            ("avatar/zhang.san@example.com.png", Some("zhang.san@example.com")),
            ("x@y.service", None),
            ("pkg@1.2.3", None),
            ("image@sha256:abc", None),
            ("Class@1a2b", None),
            ("user@localhost", None),
            ("kex curve25519-sha256@libssh.org", None),
            (r#"{"to":"\u90ae\u7bb1zhao.min18@163.com"}"#, Some("zhao.min18@163.com")),
            (r"to\\nzhao.min18@163.com", Some("zhao.min18@163.com")),
            (r"\xB1zhao.min18@163.com", Some("zhao.min18@163.com")),
            (r"\u5f20\u4e09@163.com", None),
            ("%E7%AE%B1zhao.min18@163.com", Some("zhao.min18@163.com")),
            ("%zhao.min18@163.com", Some("zhao.min18@163.com")),
            (r"C:\user.name@163.com", Some("user.name@163.com")),
            ("@example.com", None),
            ("to \"john smith\"@example.com", Some("\"john smith\"@example.com")),
            ("{\"handle\":\"@example.com\"}", None),
            ("[\"a\",\"@example.com\"]", None),
            ("a.b@[192.0.2.14] ok", Some("a.b@[192.0.2.14]")),
            ("a.b@[other]", None),
        ] {
            assert_eq!(find(text), expected, "{text}");
        }
    }
}
