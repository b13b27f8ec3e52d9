//! Content codings: which one a client wants (RFC 9110 §12.5.3), and making it.
//!
//! A cached document is compressed once per coding, on first use ([`encoded`]); other answers once per response, and what
//! is made piece by piece as it is made ([`super::coder`]).

use crate::profiles::{Encoding, Rendered};
use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap};
use bytes::Bytes;
use std::io::Write as _;

/// Bodies smaller than this are not worth compressing.
pub(super) const MIN_BYTES: usize = 1024;

pub(super) const ZSTD_LEVEL: i32 = 3;

/// Our codings in the order of preference where a client likes them equally.
const OFFERED: [Encoding; 3] = [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip];

/// What a body may be sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// As it is.
    Identity,
    /// In a coding.
    Coded(Encoding),
    /// Nothing we have is acceptable.
    None,
}

/// The name of a coding in headers.
#[must_use]
pub const fn name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Brotli => "br",
        Encoding::Zstd => "zstd",
        Encoding::Gzip => "gzip",
    }
}

/// Weights (thousandths) a client gave: by coding, for `identity`, and for `*`.
#[derive(Default)]
struct Weights {
    coded: [Option<u16>; 3],
    identity: Option<u16>,
    any: Option<u16>,
}

/// Chooses for a body of `length` bytes. Small bodies go as they are unless that is refused.
#[must_use]
pub fn choose(headers: &HeaderMap, length: usize) -> Choice {
    if !headers.contains_key(ACCEPT_ENCODING) {
        return Choice::Identity;
    }
    let mut weights = Weights::default();
    for value in headers.get_all(ACCEPT_ENCODING) {
        read_weights(value.to_str().unwrap_or_default(), &mut weights);
    }
    let weight_of = |encoding: Encoding| weights.coded[encoding as usize].or(weights.any).unwrap_or(0);
    let best = OFFERED.into_iter().filter(|encoding| weight_of(*encoding) > 0).max_by(|left, right| {
        // max_by keeps the last of equals; ours is sorted by preference, so equal means "the former is greater".
        weight_of(*left).cmp(&weight_of(*right)).then(std::cmp::Ordering::Greater)
    });
    let identity = weights.identity.or(weights.any.filter(|weight| *weight == 0));
    match best {
        Some(_) if length < MIN_BYTES && identity != Some(0) => Choice::Identity,
        Some(encoding) if identity.is_none_or(|identity| weight_of(encoding) >= identity) => Choice::Coded(encoding),
        _ if identity != Some(0) => Choice::Identity,
        _ => Choice::None,
    }
}

fn read_weights(list: &str, weights: &mut Weights) {
    for item in list.split(',') {
        let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = Some(quality(parameters));
        match coding.trim() {
            "*" => weights.any = weight,
            coding if coding.eq_ignore_ascii_case("identity") => weights.identity = weight,
            coding if coding.eq_ignore_ascii_case("x-gzip") => weights.coded[Encoding::Gzip as usize] = weight,
            coding => {
                if let Some(known) = OFFERED.into_iter().find(|known| coding.eq_ignore_ascii_case(name(*known))) {
                    weights.coded[known as usize] = weight;
                }
            }
        }
    }
}

/// The `q` of an item's parameters in thousandths; 1000 without one, 0 for nonsense.
pub(super) fn quality(parameters: &str) -> u16 {
    let q = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(q) = q else { return 1000 };
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" => 1000,
        "0" if digits => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

/// A cached document in a coding, made on first use. A failure to compress (none is known) gives the body as it is.
pub(super) fn encoded(document: &Rendered, encoding: Encoding) -> Bytes {
    document.encoded[encoding as usize].get_or_init(|| compress(&document.body, encoding)).clone()
}

/// Compresses a body.
#[must_use]
pub fn compress(body: &[u8], encoding: Encoding) -> Bytes {
    let made = match encoding {
        Encoding::Brotli => brotli(body),
        Encoding::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL),
        Encoding::Gzip => gzip(body),
    };
    // Writing to memory does not fail.
    Bytes::from(made.unwrap_or_default())
}

pub(super) fn brotli_writer(out: Vec<u8>) -> brotli::CompressorWriter<Vec<u8>> {
    brotli::CompressorWriter::new(out, 4096, 5, 22)
}

pub(super) fn gzip_writer(out: Vec<u8>) -> flate2::write::GzEncoder<Vec<u8>> {
    flate2::write::GzEncoder::new(out, flate2::Compression::default())
}

fn brotli(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer = brotli_writer(Vec::with_capacity(body.len() / 4));
    writer.write_all(body)?;
    writer.flush()?;
    Ok(writer.into_inner())
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer = gzip_writer(Vec::with_capacity(body.len() / 4));
    writer.write_all(body)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;
    use std::io::Read as _;

    fn chosen(accept: &'static str, length: usize) -> Choice {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accept));
        choose(&headers, length)
    }

    #[test]
    fn the_best_liked_coding_wins_and_ours_break_ties() {
        for (accept, expected) in [
            ("gzip, deflate, br, zstd", Choice::Coded(Encoding::Brotli)),
            ("zstd, gzip", Choice::Coded(Encoding::Zstd)),
            ("GZIP", Choice::Coded(Encoding::Gzip)),
            ("x-gzip", Choice::Coded(Encoding::Gzip)),
            ("br;q=0.5, gzip;q=0.9", Choice::Coded(Encoding::Gzip)),
            ("br;q=0, *", Choice::Coded(Encoding::Zstd)),
            ("*", Choice::Coded(Encoding::Brotli)),
            ("deflate", Choice::Identity),
            ("", Choice::Identity),
            ("identity", Choice::Identity),
            ("gzip;q=0.5, identity", Choice::Identity),
            ("gzip;q=0", Choice::Identity),
            ("*;q=0, identity", Choice::Identity),
            ("gzip;q=nonsense", Choice::Identity),
            ("*;q=0", Choice::None),
            ("identity;q=0", Choice::None),
            ("deflate, identity;q=0.000", Choice::None),
            ("identity;q=0, gzip;q=0.001", Choice::Coded(Encoding::Gzip)),
        ] {
            assert_eq!(chosen(accept, 5000), expected, "{accept}");
        }
    }

    #[test]
    fn small_bodies_go_as_they_are_unless_refused() {
        assert_eq!(chosen("br", MIN_BYTES - 1), Choice::Identity);
        assert_eq!(chosen("br", MIN_BYTES), Choice::Coded(Encoding::Brotli));
        assert_eq!(chosen("br, identity;q=0", 10), Choice::Coded(Encoding::Brotli));
        assert_eq!(choose(&HeaderMap::new(), 5000), Choice::Identity);
    }

    #[test]
    fn each_coding_gives_back_what_it_took() {
        let body = "{\"a\":\"ein langer Text\"}".repeat(200).into_bytes();
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&compress(&body, Encoding::Gzip)[..]).read_to_end(&mut out).unwrap();
        assert_eq!(out, body);
        assert_eq!(zstd::bulk::decompress(&compress(&body, Encoding::Zstd), body.len()).unwrap(), body);
        out.clear();
        brotli::Decompressor::new(&compress(&body, Encoding::Brotli)[..], 4096).read_to_end(&mut out).unwrap();
        assert_eq!(out, body);
    }
}
