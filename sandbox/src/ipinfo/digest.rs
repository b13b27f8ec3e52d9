//! MD5, SHA-1 and SHA-256 of a served file, because IPinfo publishes all three. For checksums of test data only.

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Pads to 64-byte blocks with the bit length at the end.
fn padded(data: &[u8], big_endian: bool) -> Vec<u8> {
    let bits = (data.len() as u64).wrapping_mul(8);
    let mut out = data.to_vec();
    out.push(0x80);
    out.resize(out.len().next_multiple_of(64), 0);
    if out.len() - data.len() < 9 {
        out.resize(out.len() + 64, 0);
    }
    let at = out.len() - 8;
    out[at..].copy_from_slice(&if big_endian { bits.to_be_bytes() } else { bits.to_le_bytes() });
    out
}

fn words<const N: usize>(block: &[u8], big_endian: bool) -> [u32; N] {
    let mut out = [0; N];
    for (word, bytes) in out.iter_mut().zip(block.chunks_exact(4)) {
        let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
        *word = if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    }
    out
}

/// The first 32 bits of the fractional part of the `root`-th root of each of the first primes.
fn prime_roots<const N: usize>(root: f64) -> [u32; N] {
    let mut out = [0; N];
    let primes = (2_u32..).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d)));
    for (slot, prime) in out.iter_mut().zip(primes) {
        *slot = fraction(prime, root);
    }
    out
}

/// By integer bisection, since a double has too few digits to be trusted with the last bit of a cube root.
fn fraction(prime: u32, root: f64) -> u32 {
    let power = if root > 2.5 { 3 } else { 2 };
    let target = u128::from(prime) << (32 * power);
    let (mut low, mut high) = (0_u128, 1_u128 << 37);
    while high - low > 1 {
        let middle = u128::midpoint(low, high);
        if middle.pow(power) <= target { low = middle } else { high = middle }
    }
    (low & 0xFFFF_FFFF) as u32
}

pub(super) fn sha256(data: &[u8]) -> [u8; 32] {
    let constants: [u32; 64] = prime_roots(3.0);
    let mut state: [u32; 8] = prime_roots(2.0);
    for block in padded(data, true).chunks_exact(64) {
        let mut w: [u32; 64] = words(block, true);
        for t in 16..64 {
            let s0 = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ (w[t - 15] >> 3);
            let s1 = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ (w[t - 2] >> 10);
            w[t] = w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1);
        }
        let mut v = state;
        for t in 0..64 {
            let s1 = v[4].rotate_right(6) ^ v[4].rotate_right(11) ^ v[4].rotate_right(25);
            let choice = (v[4] & v[5]) ^ (!v[4] & v[6]);
            let first = v[7].wrapping_add(s1).wrapping_add(choice).wrapping_add(constants[t]).wrapping_add(w[t]);
            let s0 = v[0].rotate_right(2) ^ v[0].rotate_right(13) ^ v[0].rotate_right(22);
            let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
            v = [
                first.wrapping_add(s0).wrapping_add(majority),
                v[0],
                v[1],
                v[2],
                v[3].wrapping_add(first),
                v[4],
                v[5],
                v[6],
            ];
        }
        add(&mut state, &v);
    }
    bytes(&state, u32::to_be_bytes)
}

pub(super) fn sha1(data: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    for block in padded(data, true).chunks_exact(64) {
        let mut w: [u32; 80] = words(block, true);
        for t in 16..80 {
            w[t] = (w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1);
        }
        let mut v = state;
        for (t, word) in w.iter().enumerate() {
            let (f, k) = match t {
                0..20 => ((v[1] & v[2]) | (!v[1] & v[3]), 0x5A82_7999),
                20..40 => (v[1] ^ v[2] ^ v[3], 0x6ED9_EBA1),
                40..60 => ((v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]), 0x8F1B_BCDC),
                _ => (v[1] ^ v[2] ^ v[3], 0xCA62_C1D6_u32),
            };
            let next = v[0].rotate_left(5).wrapping_add(f).wrapping_add(v[4]).wrapping_add(k).wrapping_add(*word);
            v = [next, v[0], v[1].rotate_left(30), v[2], v[3]];
        }
        add(&mut state, &v);
    }
    bytes(&state, u32::to_be_bytes)
}

pub(super) fn md5(data: &[u8]) -> [u8; 16] {
    const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut state: [u32; 4] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476];
    for block in padded(data, false).chunks_exact(64) {
        let m: [u32; 16] = words(block, false);
        let mut v = state;
        for t in 0..64 {
            let (f, g) = match t / 16 {
                0 => ((v[1] & v[2]) | (!v[1] & v[3]), t),
                1 => ((v[3] & v[1]) | (!v[3] & v[2]), 5 * t + 1),
                2 => (v[1] ^ v[2] ^ v[3], 3 * t + 5),
                _ => (v[2] ^ (v[1] | !v[3]), 7 * t),
            };
            let k = (((t + 1) as f64).sin().abs() * 4_294_967_296.0) as u32;
            let sum = v[0].wrapping_add(f).wrapping_add(k).wrapping_add(m[g % 16]);
            v = [v[3], v[1].wrapping_add(sum.rotate_left(SHIFTS[t / 16][t % 4])), v[1], v[2]];
        }
        add(&mut state, &v);
    }
    bytes(&state, u32::to_le_bytes)
}

fn add<const N: usize>(state: &mut [u32; N], round: &[u32; N]) {
    for (sum, value) in state.iter_mut().zip(round) {
        *sum = sum.wrapping_add(*value);
    }
}

fn bytes<const N: usize, const M: usize>(state: &[u32; N], encode: fn(u32) -> [u8; 4]) -> [u8; M] {
    let mut out = [0; M];
    for (slot, byte) in out.iter_mut().zip(state.iter().flat_map(|word| encode(*word))) {
        *slot = byte;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex(&md5(b"abc")), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(hex(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(&sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let long = [b'a'; 119];
        assert_eq!(hex(&sha256(&long)), "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb");
        assert_eq!(hex(&sha256(&[])), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
