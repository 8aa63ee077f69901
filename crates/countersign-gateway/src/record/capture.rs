//! The first bytes of a masked answer, for its recording.

/// Keeps bytes up to a limit.
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
        self.bytes.extend(bytes.iter().take(room));
    }

    /// The text that was kept; `None` if nothing was to be kept, or it is no text.
    pub(super) fn text(&self) -> Option<String> {
        self.bytes_max?;
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Some(text.to_owned()),
            // Cut in the middle of a character: what stands before it is text.
            Err(error) if self.cut && error.error_len().is_none() => {
                let whole = self.bytes.get(..error.valid_up_to())?;
                std::str::from_utf8(whole).ok().map(str::to_owned)
            }
            Err(_) => None,
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }
}
