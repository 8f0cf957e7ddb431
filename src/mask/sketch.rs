//! How many different tokens were made, about, in memory that doesn't grow: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier,
//! 2007) with 4,096 registers, whose standard error is 1.6 %.
//!
//! What is counted are bytes of each value's keyed code that no token shows, so nobody without the key can choose values that
//! count for less.

/// Registers: two to the power of this.
const BITS: u32 = 12;
const REGISTERS: usize = 1 << BITS;
/// Codes that are kept one by one before registers are worth their memory.
const FEW: usize = 64;

/// The different tokens of a request, or of a sender's hour.
#[derive(Clone, Default)]
pub struct Tokens {
    few: Vec<u64>,
    /// Of each register the largest rank; `None`: there are few.
    many: Option<Box<[u8; REGISTERS]>>,
}

impl Tokens {
    pub fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.is_none()
    }

    /// Counts a code.
    pub(super) fn add(&mut self, code: u64) {
        match &mut self.many {
            Some(registers) => raise(registers, code),
            None if self.few.contains(&code) => {}
            None if self.few.len() < FEW => self.few.push(code),
            None => {
                let mut registers = Box::new([0; REGISTERS]);
                self.few.drain(..).chain([code]).for_each(|code| raise(&mut registers, code));
                self.many = Some(registers);
            }
        }
    }

    /// Counts what another has counted.
    pub fn merge(&mut self, other: &Self) {
        other.few.iter().for_each(|code| self.add(*code));
        let Some(theirs) = &other.many else { return };
        let registers = self.many.get_or_insert_with(|| {
            let mut registers = Box::new([0; REGISTERS]);
            self.few.drain(..).for_each(|code| raise(&mut registers, code));
            registers
        });
        registers.iter_mut().zip(theirs.iter()).for_each(|(ours, theirs)| *ours = (*ours).max(*theirs));
    }

    /// How many different ones: exact up to 64.
    pub fn estimate(&self) -> u64 {
        let Some(registers) = &self.many else { return self.few.len() as u64 };
        let m = REGISTERS as f64;
        let sum: f64 = registers.iter().map(|rank| 0.5_f64.powi(i32::from(*rank))).sum();
        let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        let empty = registers.iter().filter(|rank| **rank == 0).count();
        // Few of many registers are hit: how many are still empty says more.
        let estimate = if raw <= 2.5 * m && empty > 0 { m * (m / empty as f64).ln() } else { raw };
        estimate.round() as u64
    }
}

fn raise(registers: &mut [u8; REGISTERS], code: u64) {
    let (register, rest) = ((code >> (64 - BITS)) as usize, code << BITS);
    let rank = (rest.leading_zeros().min(64 - BITS) + 1) as u8;
    if let Some(known) = registers.get_mut(register) {
        *known = (*known).max(rank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes as a keyed function gives them: evenly spread.
    fn codes(from: u64, count: u64) -> impl Iterator<Item = u64> {
        (from..from + count).map(|n| {
            let n = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let n = (n ^ n >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let n = (n ^ n >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            n ^ n >> 31
        })
    }

    #[test]
    fn different_tokens_are_counted_within_a_few_percent() {
        for count in [0, 1, 64, 65, 1_000, 20_000, 100_000, 1_000_000] {
            let mut tokens = Tokens::default();
            codes(0, count).for_each(|code| tokens.add(code));
            // The same ones again change nothing.
            codes(0, count.min(5_000)).for_each(|code| tokens.add(code));
            let off = tokens.estimate().abs_diff(count);
            assert!(off * 20 <= count, "{count}: off by {off}");
        }
    }

    #[test]
    fn two_halves_are_one_whole() {
        for (one, other) in [(3, 40), (3, 9_000), (9_000, 3), (9_000, 50_000)] {
            let (mut first, mut second, mut whole) = (Tokens::default(), Tokens::default(), Tokens::default());
            codes(0, one).for_each(|code| first.add(code));
            // The halves share a third of the smaller one.
            codes(one - one / 3, other).for_each(|code| second.add(code));
            codes(0, one).chain(codes(one - one / 3, other)).for_each(|code| whole.add(code));
            first.merge(&second);
            assert_eq!(first.estimate(), whole.estimate());
        }
    }
}
