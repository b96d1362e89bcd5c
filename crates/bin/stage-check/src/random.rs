//! Random plans, the same for the same seed.

use crate::{input, odd};

/// Steele, Lea and Flood's splitmix64: small, and good enough to make up plans.
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or_default()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn value(&mut self, depth: usize) -> String {
        let space = self.pick(&["", "", "", " ", "  "]);
        match self.below(if depth == 0 { 4 } else { 6 }) {
            0 => self.pick(&["null", "true", "false"]).to_owned(),
            1 => self.pick(&odd::NUMBERS).to_owned(),
            2 => (self.next() >> self.below(63)).to_string(),
            3 => format!("\"{}{}\"", self.pick(&odd::STRINGS), self.pick(&odd::STRINGS)),
            4 => {
                let values: Vec<_> = (0..self.below(4)).map(|_| self.value(depth - 1)).collect();
                format!("[{}]", values.join(&format!(",{space}")))
            }
            _ => {
                let count = self.below(4);
                let mut keys = ["z", "a", "type", "id", "10", "9", r"\u00e4", "ä ö", ""];
                // Every key once: two equal ones are a rule of their own.
                for at in 0..count {
                    let other = at + self.below(6 - at);
                    keys.swap(at, other);
                }
                let fields: Vec<_> =
                    keys[..count].iter().map(|key| format!("\"{key}\"{space}:{}", self.value(depth - 1))).collect();
                format!("{{{}}}", fields.join(","))
            }
        }
    }

    fn line(&mut self, number: usize) -> String {
        let more = format!(r#","x-{}":{}"#, self.pick(&["b", "a", "c"]), self.value(4));
        let id = format!("{}{number}", self.pick(&["", "T", "2.", "ä/", r"\u00e4-"]));
        match self.below(6) {
            0 => format!(r#"{{"type":"x-random","mark":"{number}","value":{}}}"#, self.value(4)),
            1 => input::ticked(&id, &more),
            2 | 3 => input::done(&id, &more),
            _ => input::open(&id, &more),
        }
    }

    /// A plan of so many lines.
    pub fn plan(&mut self, lines: usize) -> Vec<String> {
        std::iter::once(input::plan()).chain((1..lines).map(|number| self.line(number))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;
    use crate::tree::Tree;

    #[test]
    fn plans_are_json_and_the_same_for_the_same_seed() {
        let plan = Random::new(7).plan(300);
        assert!(plan.iter().all(|line| Tree::read(line).is_ok()));
        assert_eq!(plan, Random::new(7).plan(300));
        assert_ne!(plan, Random::new(8).plan(300));
    }
}
