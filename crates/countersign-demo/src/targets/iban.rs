//! IBANs of banks that do not exist, with the check digits of ISO 13616.

/// The IBAN of an account, without spaces. `account` is the part after the check digits.
pub(crate) fn iban(country: &str, account: &str) -> String {
    let check = 98 - remainder(account.chars().chain(country.chars()).chain("00".chars()));
    format!("{country}{check:02}{account}")
}

/// Whether a text is an IBAN: letters and digits whose number leaves 1 when divided by 97.
#[cfg(test)]
pub(crate) fn is_iban(text: &str) -> bool {
    let compact: String = text.chars().filter(|it| *it != ' ').collect();
    let Some((head, account)) = compact.split_at_checked(4) else { return false };
    compact.chars().all(|it| it.is_ascii_alphanumeric())
        && remainder(account.chars().chain(head.chars())) == 1
}

/// The number that the characters write, letters as 10 to 35, modulo 97.
fn remainder(characters: impl Iterator<Item = char>) -> u32 {
    characters.filter_map(|it| it.to_digit(36)).fold(0, |rest, value| {
        let shift = if value > 9 { 100 } else { 10 };
        (rest * shift + value) % 97
    })
}

#[cfg(test)]
mod tests {
    use super::{iban, is_iban};

    /// The examples of the SWIFT IBAN registry.
    #[test]
    fn check_digits_are_those_of_the_standard() {
        let rows = [
            ("DE", "370400440532013000", "DE89370400440532013000"),
            ("GB", "NWBK60161331926819", "GB29NWBK60161331926819"),
            ("NL", "ABNA0417164300", "NL91ABNA0417164300"),
        ];
        for (country, account, expect) in rows {
            assert_eq!(iban(country, account), expect);
            assert!(is_iban(expect));
        }
        assert!(!is_iban("DE88370400440532013000"));
    }
}
