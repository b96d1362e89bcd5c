//! Names of conversations.

/// Whether it is a UUID, as both CLIs call their conversations.
pub(crate) fn is_uuid(name: &str) -> bool {
    let groups: Vec<&str> = name.split('-').collect();
    let lengths = groups.iter().map(|group| group.len());
    lengths.eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_uuid_is_one() {
        assert!(is_uuid("01a20338-e27f-72b3-a132-6e420b9ac8c3"));
        for other in
            ["", "6e420b9ac8c3", "--last", "01a20338-e27f-72b3-a132-6e420b9ac8cx", "01a20338e27f72b3a1326e420b9ac8c3"]
        {
            assert!(!is_uuid(other), "{other}");
        }
    }
}
