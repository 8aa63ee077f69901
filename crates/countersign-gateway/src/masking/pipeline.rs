//! The bytes of one answer on their way: decoded, masked, counted.

use super::{
    Unfitting,
    decode::{Coding, Decoder},
};
use bytes::Bytes;
use countersign_mask::{Format, HashKey, Limits, Masker, Plan};
use std::sync::Arc;

/// What happens to the bytes of one answer.
#[derive(Debug)]
pub(crate) struct Pipeline {
    coding: Coding,
    decoder: Option<Decoder>,
    masker: Option<Box<Masker>>,
    bytes_max: Option<u64>,
    /// Bytes so far, as they came.
    came: u64,
    /// Decoded bytes so far.
    seen: u64,
    /// Values that were masked before the first byte.
    noted: u64,
}

/// Compressed bytes that are decoded at once: what they expand to is bounded by the decoder, and
/// masked before the next are taken.
const COMPRESSED_PIECE_BYTES: usize = 256;

impl Pipeline {
    /// Bytes pass as they are.
    pub(crate) fn passing() -> Self {
        Self {
            coding: Coding::Identity,
            decoder: None,
            masker: None,
            bytes_max: None,
            came: 0,
            seen: 0,
            noted: 0,
        }
    }

    /// Bytes are decoded and masked.
    pub(crate) fn masking(
        plan: Arc<Plan>,
        key: &Arc<HashKey>,
        format: Format,
        coding: Coding,
    ) -> Self {
        let masker = Masker::new(plan, Arc::clone(key), format, Limits::default());
        Self { coding, masker: Some(Box::new(masker)), ..Self::passing() }
    }

    /// At most so many decoded bytes.
    pub(crate) fn limited(self, bytes_max: Option<u64>) -> Self {
        Self { bytes_max, ..self }
    }

    /// Counts values that were masked elsewhere in the same answer.
    pub(crate) fn noting(self, masked: u64) -> Self {
        Self { noted: self.noted + masked, ..self }
    }

    pub(crate) fn note(&mut self, masked: u64) {
        self.noted += masked;
    }

    pub(crate) fn decodes(&self) -> bool {
        self.coding != Coding::Identity
    }

    /// All bytes at once: what may be delivered, and how many values were masked.
    pub(crate) fn whole(mut self, bytes: Bytes) -> Result<(Bytes, u64), Unfitting> {
        if self.masker.is_none() && !self.decodes() {
            return Ok((bytes, self.noted));
        }
        let mut out = Vec::with_capacity(bytes.len() + 64);
        self.push_into(bytes, &mut out)?;
        self.finish_into(&mut out)?;
        let masked = self.masked();
        Ok((out.into(), masked))
    }

    /// Takes as many of the bytes as are to be pushed at once.
    pub(crate) fn piece(&self, bytes: &mut Bytes) -> Bytes {
        let length = if self.decodes() { COMPRESSED_PIECE_BYTES } else { bytes.len() };
        bytes.split_to(length.min(bytes.len()))
    }

    /// What these bytes become; may be empty while something is held back.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Result<Bytes, Unfitting> {
        if self.masker.is_none() && !self.decodes() {
            self.came += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.count(&bytes)?;
            return Ok(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len() + 64);
        self.push_into(bytes, &mut out)?;
        Ok(out.into())
    }

    fn push_into(&mut self, bytes: Bytes, out: &mut Vec<u8>) -> Result<(), Unfitting> {
        self.came += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.decodes() && self.decoder.is_none() {
            self.decoder = Decoder::new(self.coding).map_err(|_| Unfitting::Coding)?;
        }
        let decoded = match &mut self.decoder {
            Some(decoder) => Bytes::from(decoder.push(&bytes).map_err(|_| Unfitting::Coding)?),
            None => bytes,
        };
        self.mask(&decoded, out)
    }

    /// The last bytes.
    pub(crate) fn finish(&mut self) -> Result<Bytes, Unfitting> {
        let mut rest = Vec::new();
        self.finish_into(&mut rest)?;
        Ok(rest.into())
    }

    fn finish_into(&mut self, out: &mut Vec<u8>) -> Result<(), Unfitting> {
        if self.came == 0 {
            // No bytes are nothing to mask, whatever a document must begin with.
            return Ok(());
        }
        if let Some(decoder) = &mut self.decoder {
            let decoded = Bytes::from(decoder.finish().map_err(|_| Unfitting::Coding)?);
            self.mask(&decoded, out)?;
        }
        if let Some(masker) = &mut self.masker {
            masker.finish(out)?;
        }
        Ok(())
    }

    fn mask(&mut self, decoded: &[u8], out: &mut Vec<u8>) -> Result<(), Unfitting> {
        self.count(decoded)?;
        match &mut self.masker {
            Some(masker) => masker.push(decoded, out)?,
            None => out.extend_from_slice(decoded),
        }
        Ok(())
    }

    fn count(&mut self, decoded: &[u8]) -> Result<(), Unfitting> {
        self.seen += u64::try_from(decoded.len()).unwrap_or(u64::MAX);
        match self.bytes_max.filter(|max| self.seen > *max) {
            Some(max) => Err(Unfitting::TooLarge(max)),
            None => Ok(()),
        }
    }

    /// How many values were masked so far.
    pub(crate) fn masked(&self) -> u64 {
        self.noted + self.masker.as_ref().map_or(0, |it| it.report().masked())
    }

    /// Bytes so far, as they came.
    pub(crate) fn came(&self) -> u64 {
        self.came
    }
}
