//! Proxies that lead nowhere.

const NOWHERE: &str = "http://127.0.0.1:9";
const HERE: &str = "127.0.0.1,localhost";

/// The proxy variables point to a closed port, so that whatever is not addressed to this machine fails at once instead
/// of leaving it.
pub(crate) const PROXIES: [(&str, &str); 8] = [
    ("HTTP_PROXY", NOWHERE),
    ("HTTPS_PROXY", NOWHERE),
    ("ALL_PROXY", NOWHERE),
    ("NO_PROXY", HERE),
    ("http_proxy", NOWHERE),
    ("https_proxy", NOWHERE),
    ("all_proxy", NOWHERE),
    ("no_proxy", HERE),
];
