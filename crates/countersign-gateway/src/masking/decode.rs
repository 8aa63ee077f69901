//! Content codings (RFC 9110 §8.4): a compressed answer is decoded before it is masked.

use http::{HeaderMap, header};
use std::{
    fmt,
    io::{self, Write},
};
use zstd::{
    stream::{raw, zio},
    zstd_safe::DParameter,
};

/// How an answer's bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// The one coding that an answer names; more than one, or an unknown one, is refused.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, String> {
        let mut named = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(value) = named.next() else { return Ok(Self::Identity) };
        let text = value.to_str().unwrap_or("").trim().to_ascii_lowercase();
        match (text.as_str(), named.next()) {
            ("identity" | "", None) => Ok(Self::Identity),
            ("gzip" | "x-gzip", None) => Ok(Self::Gzip),
            ("deflate", None) => Ok(Self::Deflate),
            ("br", None) => Ok(Self::Brotli),
            ("zstd", None) => Ok(Self::Zstd),
            (_, Some(_)) => Err("it is compressed more than once".to_owned()),
            (_, None) => Err("its content coding is not one that is decoded".to_owned()),
        }
    }
}

/// Decodes as bytes come.
pub(crate) enum Decoder {
    Gzip(flate2::write::MultiGzDecoder<Sink>),
    Deflate(flate2::write::ZlibDecoder<Sink>),
    Brotli(Box<brotli_decompressor::DecompressorWriter<Sink>>),
    Zstd(Box<zio::Writer<Sink, raw::Decoder<'static>>>),
}

/// Compressed bytes that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BrokenCoding;

/// The window of a zstd answer at most, as a power of two: 8 MiB (RFC 8878 §3.1.1.1.2 asks decoders
/// to take that much).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
const BROTLI_BUFFER_BYTES: usize = 4096;
/// What one push may decode to: a few bytes can stand for any number of zeros, and an answer that
/// does this is no answer.
const DECODED_AT_ONCE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Takes decoded bytes, up to a limit.
#[derive(Debug, Default)]
pub(crate) struct Sink(Vec<u8>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > DECODED_AT_ONCE_BYTES_MAX {
            return Err(io::Error::other("expands beyond measure"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decoder {
    /// `None` for identity, which needs none.
    pub(crate) fn new(coding: Coding) -> Result<Option<Self>, BrokenCoding> {
        let sink = Sink::default();
        Ok(match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(Self::Gzip(flate2::write::MultiGzDecoder::new(sink))),
            Coding::Deflate => Some(Self::Deflate(flate2::write::ZlibDecoder::new(sink))),
            Coding::Brotli => {
                let decoder =
                    brotli_decompressor::DecompressorWriter::new(sink, BROTLI_BUFFER_BYTES);
                Some(Self::Brotli(Box::new(decoder)))
            }
            Coding::Zstd => {
                let mut decoder = raw::Decoder::new().map_err(|_| BrokenCoding)?;
                let window = DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX);
                decoder.set_parameter(window).map_err(|_| BrokenCoding)?;
                Some(Self::Zstd(Box::new(zio::Writer::new(sink, decoder))))
            }
        })
    }

    /// What these bytes decode to.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, BrokenCoding> {
        let written = match self {
            Self::Gzip(it) => it.write_all(bytes).and_then(|()| it.flush()),
            Self::Deflate(it) => it.write_all(bytes).and_then(|()| it.flush()),
            Self::Brotli(it) => it.write_all(bytes),
            Self::Zstd(it) => it.write_all(bytes).and_then(|()| it.flush()),
        };
        written.map_err(|_| BrokenCoding)?;
        Ok(std::mem::take(self.out()))
    }

    /// The last bytes. Compressed bytes that end too early are broken.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>, BrokenCoding> {
        let ended = match self {
            Self::Gzip(it) => it.try_finish(),
            Self::Deflate(it) => it.try_finish(),
            Self::Brotli(it) => it.close(),
            Self::Zstd(it) => it.finish(),
        };
        ended.map_err(|_| BrokenCoding)?;
        Ok(std::mem::take(self.out()))
    }

    fn out(&mut self) -> &mut Vec<u8> {
        let sink = match self {
            Self::Gzip(it) => it.get_mut(),
            Self::Deflate(it) => it.get_mut(),
            Self::Brotli(it) => it.get_mut(),
            Self::Zstd(it) => it.writer_mut(),
        };
        &mut sink.0
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip(_) => "Decoder(gzip)",
            Self::Deflate(_) => "Decoder(deflate)",
            Self::Brotli(_) => "Decoder(br)",
            Self::Zstd(_) => "Decoder(zstd)",
        })
    }
}

#[cfg(test)]
mod tests;
