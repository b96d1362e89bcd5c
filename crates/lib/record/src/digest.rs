//! Digests that bind a decision to what it was made for.

/// BLAKE3 of the parts as lower-case hex. Each part is preceded by its length, so that
/// moving a byte from one part to the next changes the digest.
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn borders_between_parts_count() {
        assert_ne!(digest([b"ab".as_slice(), b"c"]), digest([b"a".as_slice(), b"bc"]));
        assert_eq!(digest([b"ab".as_slice()]).len(), 64);
    }
}
