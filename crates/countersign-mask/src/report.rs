//! How much was masked, and by what. It never holds a value.

use crate::detect::{Detector, Found};
use crate::plan::Hit;

/// What a masker did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// For each rule, in the order they were compiled in, how many values or finds it masked. Where
    /// several rules met, the one that decided counts.
    pub rules: Vec<u64>,
    /// For each detector, in the order of [`Detector::ALL`], how many finds were masked.
    pub detectors: [u64; Detector::ALL.len()],
    /// Bytes taken.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
}

impl Report {
    pub(crate) fn for_rules(rules: usize) -> Self {
        Self { rules: vec![0; rules], ..Self::default() }
    }

    /// How many values and finds were masked in all.
    #[must_use]
    pub fn masked(&self) -> u64 {
        self.rules.iter().sum()
    }

    /// How many finds of a detector were masked.
    #[must_use]
    pub fn found(&self, detector: Detector) -> u64 {
        self.detectors.get(detector.index()).copied().unwrap_or(0)
    }

    pub(crate) fn count(&mut self, hit: Hit) {
        if let Some(rule) = self.rules.get_mut(hit.rule) {
            *rule += 1;
        }
    }

    pub(crate) fn count_found(&mut self, found: &Found) {
        self.count(found.hit);
        if let Some(detector) = self.detectors.get_mut(found.detector.index()) {
            *detector += 1;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, more) in self.rules.iter_mut().zip(&other.rules) {
            *sum += more;
        }
        for (sum, more) in self.detectors.iter_mut().zip(&other.detectors) {
            *sum += more;
        }
    }
}
