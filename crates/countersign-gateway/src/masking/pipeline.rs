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
    /// Decoded bytes so far.
    seen: u64,
}

impl Pipeline {
    /// Bytes pass as they are.
    pub(crate) fn passing() -> Self {
        Self { coding: Coding::Identity, decoder: None, masker: None, bytes_max: None, seen: 0 }
    }

    /// Bytes are decoded, and no more.
    pub(crate) fn decoding(coding: Coding) -> Self {
        Self { coding, ..Self::passing() }
    }

    /// Bytes are decoded and masked.
    pub(crate) fn masking(
        plan: Arc<Plan>,
        key: &Arc<HashKey>,
        format: Format,
        coding: Coding,
    ) -> Self {
        let masker = Masker::new(plan, Arc::clone(key), format, Limits::default());
        Self { masker: Some(Box::new(masker)), ..Self::decoding(coding) }
    }

    /// At most so many decoded bytes.
    pub(crate) fn limited(self, bytes_max: Option<u64>) -> Self {
        Self { bytes_max, ..self }
    }

    pub(crate) fn decodes(&self) -> bool {
        self.coding != Coding::Identity
    }

    /// All bytes at once: what may be delivered, and how many values were masked.
    pub(crate) fn whole(mut self, bytes: Bytes) -> Result<(Bytes, u64), Unfitting> {
        if self.masker.is_none() && !self.decodes() {
            return Ok((bytes, 0));
        }
        let mut out = Vec::with_capacity(bytes.len() + 64);
        out.extend_from_slice(&self.push(bytes)?);
        out.extend_from_slice(&self.finish()?);
        let masked = self.masked();
        Ok((out.into(), masked))
    }

    /// What these bytes become; may be empty while something is held back.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Result<Bytes, Unfitting> {
        if self.decodes() && self.decoder.is_none() {
            self.decoder = Decoder::new(self.coding).map_err(|_| Unfitting::Coding)?;
        }
        let decoded = match &mut self.decoder {
            Some(decoder) => Bytes::from(decoder.push(&bytes).map_err(|_| Unfitting::Coding)?),
            None => bytes,
        };
        self.mask(decoded)
    }

    /// The last bytes.
    pub(crate) fn finish(&mut self) -> Result<Bytes, Unfitting> {
        let mut rest = Vec::new();
        if let Some(decoder) = &mut self.decoder {
            let decoded = Bytes::from(decoder.finish().map_err(|_| Unfitting::Coding)?);
            rest.extend_from_slice(&self.mask(decoded)?);
        }
        if let Some(masker) = &mut self.masker {
            masker.finish(&mut rest)?;
        }
        Ok(rest.into())
    }

    fn mask(&mut self, decoded: Bytes) -> Result<Bytes, Unfitting> {
        self.seen += u64::try_from(decoded.len()).unwrap_or(u64::MAX);
        if let Some(max) = self.bytes_max.filter(|max| self.seen > *max) {
            return Err(Unfitting::TooLarge(max));
        }
        let Some(masker) = &mut self.masker else { return Ok(decoded) };
        let mut out = Vec::with_capacity(decoded.len() + 64);
        masker.push(&decoded, &mut out)?;
        Ok(out.into())
    }

    /// How many values were masked so far.
    pub(crate) fn masked(&self) -> u64 {
        self.masker.as_ref().map_or(0, |it| it.report().masked())
    }
}
