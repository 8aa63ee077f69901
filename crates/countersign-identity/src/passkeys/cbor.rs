//! CBOR (RFC 8949) as authenticators write it: the canonical form of CTAP2 (CTAP 2.2 §8), and nothing
//! else. Each value has one way to be written, so no two readers can see two things in it. Lengths are
//! definite, numbers as short as can be, the keys of a map in order and each there once; there are no
//! tags, no floats, no undefined. Depth and count are bounded, and nothing is allocated that is not
//! there.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Unsigned(u64),
    /// Stands for -1 minus this.
    Negative(u64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Self>),
    /// In the order of the keys, which are numbers or texts.
    Map(Vec<(Self, Self)>),
    Bool(bool),
    Null,
}

/// What is wrong with the bytes; never a piece of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadCbor {
    #[error("it ends too early")]
    Short,
    #[error("it goes on after its end")]
    Long,
    #[error("a number or length that is not as short as can be, or has no end")]
    NotShortest,
    #[error("a tag, a float, or another type that does not belong there")]
    Type,
    #[error("a text that is no UTF-8")]
    Text,
    #[error("a map whose keys are out of order, twice there, or neither numbers nor texts")]
    Keys,
    #[error("nested too deep")]
    Deep,
    #[error("too many values")]
    Many,
}

impl Value {
    /// Reads one value and nothing after it.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BadCbor> {
        match Self::read_first(bytes)? {
            (value, []) => Ok(value),
            (_, _) => Err(BadCbor::Long),
        }
    }

    /// Reads one value, and gives what stands after it.
    pub(crate) fn read_first(bytes: &[u8]) -> Result<(Self, &[u8]), BadCbor> {
        let mut reader = Reader { rest: bytes, values: 0 };
        let value = reader.value(0)?;
        Ok((value, reader.rest))
    }

    /// The member of a map with this number as its key.
    pub(crate) fn at(&self, key: i64) -> Option<&Self> {
        let key = match u64::try_from(key) {
            Ok(key) => Self::Unsigned(key),
            Err(_) => Self::Negative(key.unsigned_abs() - 1),
        };
        self.members()?.iter().find(|(it, _)| *it == key).map(|(_, value)| value)
    }

    /// The members of a map.
    pub(crate) fn members(&self) -> Option<&[(Self, Self)]> {
        match self {
            Self::Map(members) => Some(members),
            Self::Unsigned(_) | Self::Negative(_) | Self::Bytes(_) | Self::Text(_) => None,
            Self::List(_) | Self::Bool(_) | Self::Null => None,
        }
    }

    /// A byte string's bytes.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Unsigned(_) | Self::Negative(_) | Self::Text(_) | Self::List(_) => None,
            Self::Map(_) | Self::Bool(_) | Self::Null => None,
        }
    }

    /// A number that fits.
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Self::Unsigned(value) => i64::try_from(*value).ok(),
            Self::Negative(value) => i64::try_from(*value).ok().map(|it| -1 - it),
            Self::Bytes(_) | Self::Text(_) | Self::List(_) => None,
            Self::Map(_) | Self::Bool(_) | Self::Null => None,
        }
    }
}

struct Reader<'b> {
    rest: &'b [u8],
    values: usize,
}

impl<'b> Reader<'b> {
    fn value(&mut self, depth: usize) -> Result<Value, BadCbor> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(BadCbor::Many);
        }
        let first = self.take(1)?.first().copied().unwrap_or_default();
        let (major, info) = (first >> 5, first & 0x1F);
        if major == SIMPLE {
            return match info {
                20 => Ok(Value::Bool(false)),
                21 => Ok(Value::Bool(true)),
                22 => Ok(Value::Null),
                _ => Err(BadCbor::Type),
            };
        }
        if major == TAG {
            return Err(BadCbor::Type);
        }
        let argument = self.argument(info)?;
        match major {
            0 => Ok(Value::Unsigned(argument)),
            1 => Ok(Value::Negative(argument)),
            2 => Ok(Value::Bytes(self.long(argument)?.to_vec())),
            3 => {
                let text = std::str::from_utf8(self.long(argument)?).map_err(|_| BadCbor::Text)?;
                Ok(Value::Text(text.to_owned()))
            }
            4 => self.list(argument, depth + 1),
            _ => self.map(argument, depth + 1),
        }
    }

    fn list(&mut self, count: u64, depth: usize) -> Result<Value, BadCbor> {
        if depth > DEPTH_MAX {
            return Err(BadCbor::Deep);
        }
        // Each item takes a byte at least.
        let mut items = Vec::with_capacity(self.fits(count)?);
        for _ in 0..count {
            items.push(self.value(depth)?);
        }
        Ok(Value::List(items))
    }

    fn map(&mut self, count: u64, depth: usize) -> Result<Value, BadCbor> {
        if depth > DEPTH_MAX {
            return Err(BadCbor::Deep);
        }
        let mut members = Vec::with_capacity(self.fits(count.saturating_mul(2))? / 2);
        let mut before: Option<&'b [u8]> = None;
        for _ in 0..count {
            let at = self.rest;
            let key = self.value(depth)?;
            let written = at.get(..at.len() - self.rest.len()).unwrap_or_default();
            match key {
                Value::Unsigned(_) | Value::Negative(_) | Value::Text(_) => {}
                Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Bool(_) | Value::Null => {
                    return Err(BadCbor::Keys);
                }
            }
            if before.is_some_and(|before| order(before) >= order(written)) {
                return Err(BadCbor::Keys);
            }
            before = Some(written);
            members.push((key, self.value(depth)?));
        }
        Ok(Value::Map(members))
    }

    /// A number or length, as short as it can be written.
    fn argument(&mut self, info: u8) -> Result<u64, BadCbor> {
        let (bytes, smallest) = match info {
            0..=23 => return Ok(u64::from(info)),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return Err(BadCbor::NotShortest),
        };
        let taken = self.take(bytes)?;
        let value = taken.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        if value < smallest { Err(BadCbor::NotShortest) } else { Ok(value) }
    }

    fn long(&mut self, bytes: u64) -> Result<&'b [u8], BadCbor> {
        self.take(usize::try_from(bytes).map_err(|_| BadCbor::Short)?)
    }

    fn take(&mut self, bytes: usize) -> Result<&'b [u8], BadCbor> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(BadCbor::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn fits(&self, count: u64) -> Result<usize, BadCbor> {
        let count = usize::try_from(count).map_err(|_| BadCbor::Short)?;
        if count > self.rest.len() { Err(BadCbor::Short) } else { Ok(count) }
    }
}

/// What keys are sorted by: their major type, then their length, then their bytes.
fn order(written: &[u8]) -> (u8, usize, &[u8]) {
    (written.first().map_or(0, |it| it >> 5), written.len(), written)
}

const TAG: u8 = 6;
const SIMPLE: u8 = 7;
/// Maps and lists within each other (CTAP 2.2 §8).
const DEPTH_MAX: usize = 4;
const VALUES_MAX: usize = 256;
