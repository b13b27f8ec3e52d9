//! A content coding over a body that is made piece by piece, so that neither the body nor its coded form is ever whole.

use super::encoding;
use crate::profiles::Encoding;
use bytes::Bytes;
use std::io::{self, Write as _};

/// Codes a body as it comes.
pub(super) enum Coder {
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
}

impl Coder {
    pub(super) fn new(encoding: Encoding) -> io::Result<Self> {
        Ok(match encoding {
            Encoding::Brotli => Self::Brotli(Box::new(encoding::brotli_writer(Vec::new()))),
            Encoding::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(Vec::new(), encoding::ZSTD_LEVEL)?),
            Encoding::Gzip => Self::Gzip(encoding::gzip_writer(Vec::new())),
        })
    }

    /// Takes one more piece and gives what of the coded form is ready; that may be nothing.
    pub(super) fn push(&mut self, piece: &[u8]) -> io::Result<Bytes> {
        let ready = match self {
            Self::Brotli(writer) => {
                writer.write_all(piece)?;
                writer.get_mut()
            }
            Self::Zstd(writer) => {
                writer.write_all(piece)?;
                writer.get_mut()
            }
            Self::Gzip(writer) => {
                writer.write_all(piece)?;
                writer.get_mut()
            }
        };
        Ok(Bytes::from(std::mem::take(ready)))
    }

    /// The end of the coded form.
    pub(super) fn finish(self) -> io::Result<Bytes> {
        Ok(Bytes::from(match self {
            Self::Brotli(writer) => writer.into_inner(),
            Self::Zstd(writer) => writer.finish()?,
            Self::Gzip(writer) => writer.finish()?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn coded(encoding: Encoding, pieces: &[String]) -> Vec<u8> {
        let mut coder = Coder::new(encoding).unwrap();
        let mut parts: Vec<Bytes> = pieces.iter().map(|piece| coder.push(piece.as_bytes()).unwrap()).collect();
        parts.push(coder.finish().unwrap());
        parts.concat()
    }

    #[test]
    fn pieces_come_back_as_one_body() {
        let pieces: Vec<String> =
            (0..2000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(8)).collect();
        let body = pieces.concat().into_bytes();
        for encoding in [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip] {
            let coded = coded(encoding, &pieces);
            let mut back = Vec::new();
            match encoding {
                Encoding::Brotli => drop(brotli::Decompressor::new(&coded[..], 4096).read_to_end(&mut back).unwrap()),
                Encoding::Zstd => back = zstd::stream::decode_all(&coded[..]).unwrap(),
                Encoding::Gzip => drop(flate2::read::GzDecoder::new(&coded[..]).read_to_end(&mut back).unwrap()),
            }
            assert_eq!(back, body, "{encoding:?}");
        }
    }

    #[test]
    fn nothing_to_code_is_an_empty_body() {
        assert_eq!(zstd::stream::decode_all(&coded(Encoding::Zstd, &[])[..]).unwrap(), b"");
    }
}
