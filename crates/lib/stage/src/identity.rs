//! Which task lines have been seen.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// Remembers every (id, attempt) of a stream in at most 32 bytes each.
///
/// Only a keyed 64-bit hash is kept: with 1,000,000 tasks the chance that two different ones look the same is
/// 3 in 100,000,000, and the key is drawn anew in each process, so that no input can be made to collide.
#[derive(Default)]
pub struct Identities {
    key: Key,
    /// A set that grows is there twice for a moment; of sixteen only one is.
    seen: [HashSet<u64, BuildHasherDefault<AlreadyHashed>>; 16],
}

/// What the hashes of one process are made with.
#[derive(Clone, Default)]
pub(crate) struct Key(RandomState);

impl Key {
    pub fn hash(&self, id: &str, attempt: u64) -> u64 {
        self.0.hash_one((id, attempt))
    }
}

impl Identities {
    /// Notes a task; false when it was there before.
    pub fn insert(&mut self, id: &str, attempt: u64) -> bool {
        self.insert_hash(self.key.hash(id, attempt))
    }

    pub(crate) fn insert_hash(&mut self, hash: u64) -> bool {
        // Four bits from the middle: the sets themselves go by the lowest and the highest ones.
        let [_, _, _, byte, ..] = hash.to_le_bytes();
        self.seen[usize::from(byte & 15)].insert(hash)
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }
}

/// The elements are hashes; hashing them again gains nothing.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 are hashed here");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::Identities;

    #[test]
    fn an_identity_is_id_and_attempt() {
        let mut seen = Identities::default();
        assert!(seen.insert("1", 0));
        assert!(seen.insert("1", 1));
        assert!(seen.insert("11", 0));
        assert!(!seen.insert("1", 1));
    }
}
