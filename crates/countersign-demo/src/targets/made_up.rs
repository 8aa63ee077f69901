//! Customers and invoices out of a number: the same number makes the same customer, for ever.
//!
//! Believable and harmless: addresses end in `.example`, cards are the public test numbers of the card
//! schemes, IBANs are of banks that do not exist, phone numbers and IP addresses come from the ranges
//! that are kept for fiction and documentation. Nobody here was ever born.

use super::iban::iban;
use serde::Serialize;

/// Somebody who owes somebody money.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) date_of_birth: String,
    pub(crate) address: Address,
    pub(crate) payment: Payment,
    pub(crate) plan: &'static str,
    pub(crate) status: Status,
    pub(crate) balance: f64,
    pub(crate) currency: &'static str,
    pub(crate) customer_since: String,
    pub(crate) last_sign_in: LastSignIn,
    pub(crate) notes: Vec<Note>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Active,
    PastDue,
    Closed,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Address {
    street: String,
    postal_code: String,
    city: &'static str,
    country: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Payment {
    card_number: &'static str,
    card_expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    iban: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct LastSignIn {
    at: String,
    ip: String,
    ip_before: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Note {
    written_on: String,
    written_by: &'static str,
    text: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Invoice {
    pub(crate) id: String,
    pub(crate) customer: String,
    bill_to: String,
    email: String,
    issued_on: String,
    due_on: String,
    status: &'static str,
    currency: &'static str,
    total: f64,
    lines: Vec<Line>,
    remark: String,
}

#[derive(Debug, Clone, Serialize)]
struct Line {
    text: &'static str,
    quantity: u32,
    price: f64,
}

/// The customer with this number.
pub(crate) fn customer(number: u32) -> Customer {
    let mut draw = Draw::new(u64::from(number));
    let (given, given_ascii) = draw.pick(&GIVEN);
    let (family, family_ascii) = draw.pick(&FAMILY);
    let land = land(number);
    let name = format!("{given} {family}");
    let email = format!("{given_ascii}.{family_ascii}@{}.example", draw.pick(&DOMAINS));
    let (city, postal_prefix) = draw.pick(land.cities);
    let phone = land.phone(&mut draw);
    let payment = Payment {
        card_number: draw.pick(&CARDS),
        card_expires: format!("{:02}/{}", draw.from(1, 12), draw.from(27, 31)),
        iban: land.iban(&mut draw),
    };
    let notes = notes(&mut draw, &Contact { name: &name, email: &email, phone: &phone }, &payment);
    let status = status(number);
    Customer {
        id: format!("c_{number}"),
        date_of_birth: draw.date(1948, 2004),
        address: Address {
            street: land.street(&mut draw),
            postal_code: format!("{postal_prefix}{}", draw.digits(land.postal_digits)),
            city,
            country: land.country,
        },
        plan: draw.pick(&["Starter", "Team", "Business"]),
        status,
        balance: if status == Status::PastDue { draw.money(2_000, 90_000) } else { 0.0 },
        currency: land.currency,
        customer_since: draw.date(2019, 2025),
        last_sign_in: LastSignIn {
            at: format!("2026-07-{:02}T{:02}:14:09Z", draw.from(1, 28), draw.from(6, 22)),
            ip: draw.address_v4(),
            ip_before: draw.address_v6(),
        },
        name,
        email,
        phone,
        payment,
        notes,
    }
}

/// The invoices of a customer, oldest first; at least one, at most five.
pub(crate) fn invoices(number: u32, customer: &Customer) -> Vec<Invoice> {
    let mut draw = Draw::new(u64::from(number) ^ 0x1_0000_0000);
    let count = draw.from(1, 5);
    (1..=count)
        .map(|n| {
            let issued_on = format!("2026-{:02}-{:02}", n + 1, draw.from(1, 28));
            let due_on = format!("2026-{:02}-{:02}", n + 2, draw.from(1, 28));
            let lines = lines(&mut draw);
            let total: f64 = lines.iter().map(|line| line.price * f64::from(line.quantity)).sum();
            let latest = n == count;
            Invoice {
                id: format!("inv_{number}_{n}"),
                customer: customer.id.clone(),
                bill_to: format!("{}, {}", customer.name, customer.address.street),
                email: customer.email.clone(),
                issued_on,
                due_on,
                status: match customer.status {
                    Status::PastDue if latest => "overdue",
                    Status::Active if latest => "open",
                    Status::PastDue | Status::Active | Status::Closed => "paid",
                },
                currency: customer.currency,
                total: (total * 100.0).round() / 100.0,
                lines,
                remark: format!(
                    "Sent to {} and by text message to {}.",
                    customer.email, customer.phone
                ),
            }
        })
        .collect()
}

/// Every seventeenth customer is gone, every fifth is late.
const fn status(number: u32) -> Status {
    if number % 17 == 9 {
        Status::Closed
    } else if number % 5 == 3 {
        Status::PastDue
    } else {
        Status::Active
    }
}

fn lines(draw: &mut Draw) -> Vec<Line> {
    (0..draw.from(1, 3))
        .map(|_| Line {
            text: draw.pick(&["Seats", "Storage, 100 GB", "Support hours", "Message credits"]),
            quantity: draw.from(1, 12),
            price: draw.money(450, 7_900),
        })
        .collect()
}

struct Contact<'a> {
    name: &'a str,
    email: &'a str,
    phone: &'a str,
}

/// What colleagues type into free text, which no field list will ever name.
fn notes(draw: &mut Draw, contact: &Contact<'_>, payment: &Payment) -> Vec<Note> {
    let Contact { name, email, phone } = contact;
    let (partner, partner_ascii) = draw.pick(&GIVEN);
    let account = payment.iban.clone().unwrap_or_else(|| payment.card_number.to_owned());
    let texts = [
        format!("{name} called from {phone} and wants invoices at {email} from now on."),
        format!(
            "Payment failed twice. Customer read the full card out on the phone: {}, we must not \
             keep this.",
            payment.card_number
        ),
        format!("Mandate signed for {account}, confirmed by mail to {email}."),
        format!("Sign-in from {} looked odd; {name} says that was a hotel.", draw.address_v4()),
        format!(
            "{partner} may also decide about this account: {partner_ascii}@home.example, or \
             {phone} after six."
        ),
        "Friendly. Asked for a quote for ten more seats.".to_owned(),
    ];
    let count = draw.from(1, 3);
    let skip = usize::try_from(draw.from(0, 5)).unwrap_or(0);
    let chosen = texts.into_iter().cycle().skip(skip).step_by(2);
    (0..count)
        .zip(chosen)
        .map(|(_, text)| Note {
            written_on: draw.date(2025, 2026),
            written_by: draw.pick(&["olivia@acme.example", "riley@acme.example"]),
            text,
        })
        .collect()
}

/// A country's habits.
struct Land {
    country: &'static str,
    currency: &'static str,
    cities: &'static [(&'static str, &'static str)],
    streets: &'static [&'static str],
    postal_digits: usize,
}

/// Six countries in turn, so that a customer's number tells the currency.
const fn land(number: u32) -> &'static Land {
    match number % 6 {
        0 => &LANDS.0,
        1 => &LANDS.1,
        2 => &LANDS.2,
        3 => &LANDS.3,
        4 => &LANDS.4,
        _ => &LANDS.5,
    }
}

impl Land {
    fn street(&self, draw: &mut Draw) -> String {
        let (street, house) = (draw.pick(self.streets), draw.from(2, 148));
        match self.country {
            "DE" | "SE" => format!("{street} {house}"),
            _ => format!("{house} {street}"),
        }
    }

    /// A number that the country's regulator keeps for films and books.
    fn phone(&self, draw: &mut Draw) -> String {
        match self.country {
            "DE" => format!("+49 30 23125{}", draw.digits(3)),
            "GB" if draw.from(0, 1) == 0 => format!("+44 7700 900{}", draw.digits(3)),
            "GB" => format!("+44 20 7946 0{}", draw.digits(3)),
            "FR" if draw.from(0, 1) == 0 => {
                format!("+33 6 39 98 {} {}", draw.digits(2), draw.digits(2))
            }
            "FR" => format!("+33 1 99 00 {} {}", draw.digits(2), draw.digits(2)),
            "SE" => format!("+46 8 465 004 {}", draw.digits(2)),
            "AU" => format!("+61 491 570 {}", draw.pick(&["006", "156", "157", "158", "159"])),
            _ => {
                let area = draw.pick(&["202", "312", "415", "617", "646"]);
                format!("+1 {area}-555-01{}", draw.digits(2))
            }
        }
    }

    fn iban(&self, draw: &mut Draw) -> Option<String> {
        let account = match self.country {
            "DE" => format!("99999999{}", draw.digits(10)),
            "GB" => format!("ZZZZ999999{}", draw.digits(8)),
            "FR" => format!("9999999999{}", draw.digits(13)),
            "SE" => format!("999{}", draw.digits(17)),
            _ => return None,
        };
        let compact = iban(self.country, &account);
        // Half of them as people write them, in groups of four.
        let spaced = draw.from(0, 1) == 0;
        Some(if spaced { in_fours(&compact) } else { compact })
    }
}

fn in_fours(text: &str) -> String {
    let spaces = |(index, letter): (usize, char)| {
        let space = (index > 0 && index.is_multiple_of(4)).then_some(' ');
        space.into_iter().chain([letter])
    };
    text.chars().enumerate().flat_map(spaces).collect()
}

/// A stream of numbers from a seed (splitmix64). Not for secrets.
struct Draw(u64);

impl Draw {
    const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    fn from(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high.saturating_sub(low)) + 1;
        low + u32::try_from(self.next() % span).unwrap_or(0)
    }

    fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        let last = u32::try_from(from.len().saturating_sub(1)).unwrap_or(0);
        let index = usize::try_from(self.from(0, last)).unwrap_or(0);
        from.get(index).copied().unwrap_or_default()
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).filter_map(|_| char::from_digit(self.from(0, 9), 10)).collect()
    }

    fn money(&mut self, cents_min: u32, cents_max: u32) -> f64 {
        f64::from(self.from(cents_min, cents_max)) / 100.0
    }

    fn date(&mut self, year_min: u32, year_max: u32) -> String {
        let year = self.from(year_min, year_max);
        format!("{year}-{:02}-{:02}", self.from(1, 7), self.from(1, 28))
    }

    /// From the documentation ranges of RFC 5737.
    fn address_v4(&mut self) -> String {
        let range = self.pick(&["192.0.2", "198.51.100", "203.0.113"]);
        format!("{range}.{}", self.from(1, 254))
    }

    /// From the documentation range of RFC 3849.
    fn address_v6(&mut self) -> String {
        format!("2001:db8:{:x}::{:x}", self.from(1, 0xffff), self.from(1, 0xffff))
    }
}

static LANDS: (Land, Land, Land, Land, Land, Land) = (
    Land {
        country: "DE",
        currency: "EUR",
        cities: &[("Berlin", "10"), ("Leipzig", "04"), ("Bremen", "28")],
        streets: &["Lindenweg", "Am Alten Markt", "Gartenstraße"],
        postal_digits: 3,
    },
    Land {
        country: "GB",
        currency: "GBP",
        cities: &[("Leeds", "LS1 "), ("Bristol", "BS2 "), ("Glasgow", "G41 ")],
        streets: &["Orchard Lane", "Station Road", "Mill Hill"],
        postal_digits: 1,
    },
    Land {
        country: "US",
        currency: "USD",
        cities: &[("Portland, OR", "972"), ("Madison, WI", "537"), ("Savannah, GA", "314")],
        streets: &["Maple Avenue", "Second Street", "Juniper Court"],
        postal_digits: 2,
    },
    Land {
        country: "FR",
        currency: "EUR",
        cities: &[("Nantes", "44"), ("Lyon", "690"), ("Lille", "59")],
        streets: &["rue des Tilleuls", "quai du Port", "avenue de la Gare"],
        postal_digits: 3,
    },
    Land {
        country: "SE",
        currency: "SEK",
        cities: &[("Uppsala", "75"), ("Malmö", "21"), ("Umeå", "90")],
        streets: &["Björkvägen", "Storgatan", "Skolgatan"],
        postal_digits: 3,
    },
    Land {
        country: "AU",
        currency: "AUD",
        cities: &[("Hobart", "70"), ("Newcastle", "23"), ("Geelong", "32")],
        streets: &["Banksia Street", "Harbour Road", "Wattle Grove"],
        postal_digits: 2,
    },
);

/// Names, and how they stand in an e-mail address.
const GIVEN: [(&str, &str); 28] = [
    ("Amara", "amara"),
    ("Björn", "bjorn"),
    ("Camille", "camille"),
    ("Dmitri", "dmitri"),
    ("Elif", "elif"),
    ("Farid", "farid"),
    ("Greta", "greta"),
    ("Hana", "hana"),
    ("Ines", "ines"),
    ("Jonas", "jonas"),
    ("Kofi", "kofi"),
    ("Leila", "leila"),
    ("Mateo", "mateo"),
    ("Noor", "noor"),
    ("Oskar", "oskar"),
    ("Priya", "priya"),
    ("Quentin", "quentin"),
    ("Rosa", "rosa"),
    ("Søren", "soren"),
    ("Tamsin", "tamsin"),
    ("Uma", "uma"),
    ("Viktor", "viktor"),
    ("Wanjiru", "wanjiru"),
    ("Ximena", "ximena"),
    ("Yusuf", "yusuf"),
    ("Zoë", "zoe"),
    ("Niamh", "niamh"),
    ("Thandi", "thandi"),
];

const FAMILY: [(&str, &str); 26] = [
    ("Abara", "abara"),
    ("Brandt", "brandt"),
    ("Castellanos", "castellanos"),
    ("Delacroix", "delacroix"),
    ("Eriksen", "eriksen"),
    ("Fitzgerald", "fitzgerald"),
    ("García", "garcia"),
    ("Holm", "holm"),
    ("Iyer", "iyer"),
    ("Jansson", "jansson"),
    ("Kowalska", "kowalska"),
    ("Lindgren", "lindgren"),
    ("Moreau", "moreau"),
    ("Nakamura", "nakamura"),
    ("O'Brien", "obrien"),
    ("Petrov", "petrov"),
    ("Quispe", "quispe"),
    ("Rasmussen", "rasmussen"),
    ("Schäfer", "schaefer"),
    ("Tanaka", "tanaka"),
    ("Ueda", "ueda"),
    ("Vasquez", "vasquez"),
    ("Whitlock", "whitlock"),
    ("Yilmaz", "yilmaz"),
    ("Zielinski", "zielinski"),
    ("Mbeki", "mbeki"),
];

const DOMAINS: [&str; 7] =
    ["northwind", "harbourlight", "fernandsons", "mail", "bluekiln", "post", "ostrava-tools"];

/// Public test numbers of the card schemes, as people write them: bare, in groups, with dashes.
const CARDS: [&str; 14] = [
    "3056 930902 5904",
    "4242424242424242",
    "4012-8888-8888-1881",
    "4000 0566 5566 5556",
    "5555 5555 5555 4444",
    "5105105105105100",
    "5200-8282-8282-8210",
    "2223 0031 2200 3222",
    "3782 822463 10005",
    "371449635398431",
    "6011 1111 1111 1117",
    "6011000990139424",
    "3566 0020 2036 0505",
    "4111 1111 1111 1111",
];

#[cfg(test)]
mod tests;
