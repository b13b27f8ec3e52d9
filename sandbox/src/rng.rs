//! A small seeded generator (splitmix64): the same seed gives the same ids, people and faults on every machine.
//! It knows nothing of time or of the operating system's randomness.

const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Seeded pseudo-random numbers, good enough for test data, for nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x5DEE_CE66_D1CE_4E5B)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.next() % bound as u64) as usize }
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A number in 0.0 .. 1.0.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of `items`, or nothing of an empty slice.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Twenty alphanumerics: the form of GHL's contact, location, note and tag ids.
    pub(crate) fn id20(&mut self) -> String {
        (0..20).map(|_| char::from(ALPHANUMERIC[self.below(62)])).collect()
    }

    /// Twenty-four hex digits: the form of GHL's task ids.
    pub(crate) fn id24(&mut self) -> String {
        (0..24).map(|_| char::from(HEX[self.below(16)])).collect()
    }

    /// A version 4 UUID from this generator.
    pub(crate) fn uuid(&mut self) -> String {
        let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string()
    }
}

/// A well-mixed number from another one: the hash behind every "derived, not random" answer.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let (mut a, mut b) = (Rng::new(1), Rng::new(1));
        assert_eq!((a.id20(), a.id24(), a.uuid()), (b.id20(), b.id24(), b.uuid()));
        assert_ne!(Rng::new(1).id20(), Rng::new(2).id20());
    }

    #[test]
    fn unit_stays_below_one() {
        let mut rng = Rng::new(7);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&rng.unit())));
    }
}
