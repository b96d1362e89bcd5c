//! Which conditions a task fulfils.

/// A set of conditions by number, and for those that words fulfil, which phrase did it first.
pub(super) struct Found {
    bits: Bits,
    phrases: Box<[u16]>,
}

/// A set of small numbers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Bits(Vec<u64>);

impl Found {
    /// Room for `count` conditions, none of them fulfilled.
    pub fn new(count: usize) -> Self {
        Self { bits: Bits(vec![0; count.div_ceil(64)]), phrases: vec![0; count].into() }
    }

    pub fn insert(&mut self, condition: usize) {
        self.bits.insert(condition);
    }

    /// Notes that the phrase with this number fulfils the condition.
    pub fn phrase(&mut self, condition: usize, number: usize) {
        if !self.bits.has(condition) {
            self.bits.insert(condition);
            // There are never as many phrases as that: `compile` counts them.
            self.phrases[condition] = u16::try_from(number).unwrap_or(u16::MAX);
        }
    }

    #[cfg(test)]
    pub fn has(&self, condition: usize) -> bool {
        self.bits.has(condition)
    }

    /// The phrase that fulfilled the condition.
    pub fn by(&self, condition: usize) -> usize {
        self.phrases[condition].into()
    }

    /// Whether all of `need` hold and none of `forbid`.
    pub fn fits(&self, need: &Bits, forbid: &Bits) -> bool {
        let holds = |wanted: &Bits, expected: fn(u64, u64) -> bool| {
            wanted.0.iter().zip(&self.bits.0).all(|(wanted, have)| expected(*wanted, *have))
        };
        holds(need, |wanted, have| wanted & !have == 0) && holds(forbid, |wanted, have| wanted & have == 0)
    }
}

impl Bits {
    pub fn insert(&mut self, number: usize) {
        if self.0.len() <= number / 64 {
            self.0.resize(number / 64 + 1, 0);
        }
        self.0[number / 64] |= 1 << (number % 64);
    }

    pub fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// The numbers in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.0.len() * 64).filter(|number| self.has(*number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn need_and_forbid() {
        let mut found = Found::new(130);
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
