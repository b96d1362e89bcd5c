//! Which conditions a task fulfils.

/// A set of conditions by number, and for those that words fulfil, which phrase did it first.
pub(super) struct Found {
    bits: Bits,
    phrases: [u16; CONDITIONS],
}

/// The most conditions, and the most rules, that a policy may have. A fixed number keeps a set of them in registers.
pub(super) const CONDITIONS: usize = 256;

/// A set of conditions, or of rules, by number.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Bits([u64; CONDITIONS / 64]);

impl Found {
    /// No condition is fulfilled.
    pub fn new() -> Self {
        Self { bits: Bits::default(), phrases: [0; CONDITIONS] }
    }

    pub fn insert(&mut self, condition: usize) {
        self.bits.insert(condition);
    }

    /// Notes that the phrase with this number fulfils the condition.
    pub fn phrase(&mut self, condition: usize, number: usize) {
        if !self.bits.has(condition) {
            self.bits.insert(condition);
            // A table of so many phrases would only tell a wrong one in `why`.
            self.phrases[condition] = u16::try_from(number).unwrap_or(u16::MAX);
        }
    }

    #[cfg(test)]
    pub fn has(&self, condition: usize) -> bool {
        self.bits.has(condition)
    }

    /// The conditions that are fulfilled.
    pub fn all(&self) -> &Bits {
        &self.bits
    }

    /// The phrase that fulfilled the condition.
    pub fn by(&self, condition: usize) -> usize {
        self.phrases[condition].into()
    }

    /// Whether all of `need` hold and none of `forbid`.
    pub fn fits(&self, need: &Bits, forbid: &Bits) -> bool {
        let mut missing = 0;
        for ((need, forbid), have) in need.0.iter().zip(&forbid.0).zip(&self.bits.0) {
            missing |= need & !have | forbid & have;
        }
        missing == 0
    }
}

impl Bits {
    pub fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    pub fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: &Self) {
        for (word, other) in self.0.iter_mut().zip(&others.0) {
            *word |= other;
        }
    }

    /// The numbers in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(number, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let lowest = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(number * 64 + lowest)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn need_and_forbid() {
        let mut found = Found::new();
        found.insert(3);
        found.phrase(129, 7);
        found.phrase(129, 8);
        assert!(found.has(3) && found.has(129) && !found.has(64));
        assert_eq!(found.by(129), 7, "the first one counts");
        let set = |numbers: &[usize]| {
            let mut bits = Bits::default();
            for number in numbers {
                bits.insert(*number);
            }
            bits
        };
        assert!(found.fits(&set(&[3, 129]), &set(&[64])));
        assert!(found.fits(&set(&[]), &set(&[])));
        assert!(!found.fits(&set(&[3, 4]), &set(&[])));
        assert!(!found.fits(&set(&[3]), &set(&[129])));
        assert_eq!(set(&[3, 64, 129]).iter().collect::<Vec<_>>(), [3, 64, 129]);
    }
}
