//! The first bytes of a masked answer, for its recording.

/// What of an answer is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept<'a> {
    /// `None` if nothing was to be kept, or it is no text.
    pub(super) text: Option<&'a str>,
    /// Whether the answer has more.
    pub(super) cut: bool,
}

impl<'a> Kept<'a> {
    /// At most so many bytes of a whole answer; `None` keeps nothing.
    pub(super) fn of(bytes: &'a [u8], bytes_max: Option<usize>) -> Self {
        let Some(max) = bytes_max else { return Self::default() };
        let kept = bytes.get(..max);
        Self::text(kept.unwrap_or(bytes), kept.is_some() && bytes.len() > max)
    }

    fn text(bytes: &'a [u8], cut: bool) -> Self {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => Some(text),
            // Cut in the middle of a character: what stands before it is text.
            Err(error) if cut && error.error_len().is_none() => {
                let whole = bytes.get(..error.valid_up_to());
                whole.and_then(|it| std::str::from_utf8(it).ok())
            }
            Err(_) => None,
        };
        Self { text, cut }
    }
}

/// Keeps bytes of an answer that flows, up to a limit.
#[derive(Debug)]
pub(super) struct Capture {
    bytes: Vec<u8>,
    bytes_max: Option<usize>,
    cut: bool,
}

impl Capture {
    /// Keeps at most so many bytes; `None` keeps nothing.
    pub(super) fn new(bytes_max: Option<usize>) -> Self {
        Self { bytes: Vec::new(), bytes_max, cut: false }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Some(max) = self.bytes_max else { return };
        let room = max.saturating_sub(self.bytes.len());
        self.cut |= bytes.len() > room;
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }

    pub(super) fn kept(&self) -> Kept<'_> {
        match self.bytes_max {
            Some(_) => Kept::text(&self.bytes, self.cut),
            None => Kept::default(),
        }
    }
}

#[cfg(test)]
mod tests;
