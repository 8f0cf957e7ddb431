//! Names of regions, and URLs of endpoints in their place.

/// Whether this may be a region's name.
pub fn is_region(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The host of a URL that has neither a path nor a user (who could bring a password with him).
pub fn host(endpoint: &str) -> Option<&str> {
    let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"))?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let sound = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'[' | b']' | b':');
    let named = !host.is_empty() && host.bytes().all(sound) && (host.starts_with('[') || !host.contains(':'));
    (named && port.is_none_or(|port| port.parse::<u16>().is_ok())).then_some(host)
}

/// Whether requests to it would leave this machine unencrypted.
pub fn is_in_clear(endpoint: &str) -> bool {
    if !endpoint.starts_with("http://") {
        return false;
    }
    let host = host(endpoint).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host != "localhost" && !address.is_ok_and(|address| address.is_loopback())
}
