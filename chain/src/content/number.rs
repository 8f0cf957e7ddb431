//! Numbers as RFC 8785 writes them.
