//! Whose address a request comes from, where proxies in front pass on what others ask. Only proxies
//! that the configuration names are believed about it, and only about the address that they saw
//! themselves: what stands further left in the header was written by whoever asked.

use countersign_identity::Peer;
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::IpAddr;

/// The networks of the proxies in front.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Proxies(Vec<Network>);

/// An address, or a network in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Proxies {
    /// Whose requests come from this address: the address itself, or, if it is a proxy's, the last one
    /// in `X-Forwarded-For` that is no proxy's. Where that can't be read, all of them are the proxy's.
    pub(crate) fn peer(&self, address: IpAddr, headers: &HeaderMap) -> Peer {
        if !self.have(address) {
            return Peer::of(address);
        }
        let mut last = address;
        for value in headers.get_all(FORWARDED_FOR).iter().rev() {
            for one in value.as_bytes().rsplit(|byte| *byte == b',') {
                let Some(told) = read(one) else { return Peer::of(last) };
                last = told;
                if !self.have(told) {
                    return Peer::of(told);
                }
            }
        }
        Peer::of(last)
    }

    /// Whether requests from there are passed on for others.
    fn have(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|it| it.has(address))
    }
}

impl Network {
    fn has(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = u32::BITS.saturating_sub(self.bits);
                let of = |it: u32| it.checked_shr(shift).unwrap_or(0);
                of(network.to_bits()) == of(address.to_bits())
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = u128::BITS.saturating_sub(self.bits);
                let of = |it: u128| it.checked_shr(shift).unwrap_or(0);
                of(network.to_bits()) == of(address.to_bits())
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { u32::BITS } else { u128::BITS };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|it| it.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
            None => all,
        };
        let rest = match address {
            IpAddr::V4(it) => it.to_bits().checked_shl(bits).unwrap_or(0) != 0,
            IpAddr::V6(it) => it.to_bits().checked_shl(bits).unwrap_or(0) != 0,
        };
        // Whoever writes 10.1.2.3/8 may have meant either: they say which.
        (bits <= all && !rest).then_some(Self { address, bits })
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::read(&text).ok_or_else(|| {
            format!(
                "`{text}` is neither an IP address nor a network such as 10.0.0.0/8 or \
                 2001:db8::/32, with zeros behind its prefix"
            )
        })
    }
}

/// An address, as proxies write it: some with a port, and IPv6 in brackets then.
fn read(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<std::net::SocketAddr>().map(|it| it.ip()));
    address.ok().map(|it: IpAddr| it.to_canonical())
}

/// The header of most proxies; RFC 7239 has another, which few write.
const FORWARDED_FOR: &str = "x-forwarded-for";

#[cfg(test)]
mod tests;
