//! Everything that looks like personal data passes the check that a masking rule makes, and belongs to
//! nobody.

use super::{customer, invoices};
use crate::targets::iban::is_iban;
use std::{collections::BTreeSet, net::IpAddr};

const CUSTOMERS: std::ops::RangeInclusive<u32> = 1..=240;

fn passes_luhn(card: &str) -> bool {
    let digits: Vec<u32> = card.chars().filter_map(|it| it.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match digit * if index % 2 == 1 { 2 } else { 1 } {
            doubled @ 10.. => doubled - 9,
            single => single,
        })
        .sum();
    (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

#[test]
fn luhn_itself_can_fail() {
    assert!(passes_luhn("4111 1111 1111 1111"));
    assert!(!passes_luhn("4111 1111 1111 1112"));
}

#[test]
fn cards_pass_luhn_and_ibans_pass_mod_97() {
    let mut ibans = 0;
    for number in CUSTOMERS {
        let it = customer(number).payment;
        assert!(passes_luhn(it.card_number), "{}", it.card_number);
        if let Some(iban) = it.iban {
            ibans += 1;
            assert!(is_iban(&iban), "{iban}");
        }
    }
    assert_eq!(ibans, 160, "four of six countries");
}

#[test]
fn addresses_lead_to_nobody() {
    for number in CUSTOMERS {
        let it = customer(number);
        assert!(it.email.is_ascii() && it.email.ends_with(".example"), "{}", it.email);
        for ip in [&it.last_sign_in.ip, &it.last_sign_in.ip_before] {
            let kept = ["192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"];
            assert!(ip.parse::<IpAddr>().is_ok(), "{ip}");
            assert!(kept.iter().any(|range| ip.starts_with(range)), "{ip}");
        }
        let kept = [
            "+49 30 23125",
            "+44 7700 900",
            "+44 20 7946 0",
            "+33 6 39 98 ",
            "+33 1 99 00 ",
            "+46 8 465 004 ",
            "+61 491 570 ",
        ];
        let phone = &it.phone;
        let fictional = kept.iter().any(|range| phone.starts_with(range));
        assert!(fictional || phone.contains("-555-01"), "{phone}");
    }
}

#[test]
fn the_same_number_makes_the_same_customer_and_others_differ() {
    let text = |number| serde_json::to_string(&customer(number)).unwrap();
    assert_eq!(text(81), text(81));
    let different: BTreeSet<String> = CUSTOMERS.map(text).collect();
    assert_eq!(different.len(), 240);
    assert_eq!(customer(81).currency, "EUR", "the manual's examples refund c_81 in euros");
}

#[test]
fn free_text_holds_what_field_lists_miss() {
    let notes: String =
        CUSTOMERS.flat_map(|number| customer(number).notes).map(|note| note.text).collect();
    for wanted in ["@", "4111 1111 1111 1111", "+44 ", "198.51.100.", "DE"] {
        assert!(notes.contains(wanted), "no {wanted}");
    }
}

#[test]
fn invoices_belong_to_their_customer_and_add_up() {
    for number in CUSTOMERS {
        let customer = customer(number);
        let invoices = invoices(number, &customer);
        assert!((1..=5).contains(&invoices.len()));
        for invoice in invoices {
            assert_eq!(invoice.customer, customer.id);
            let sum: f64 = invoice.lines.iter().map(|it| it.price * f64::from(it.quantity)).sum();
            assert!((sum - invoice.total).abs() < 0.01, "{invoice:?}");
        }
    }
}
