use super::*;

#[test]
fn a_form_says_each_thing_once() {
    let fields = |text: &str| form_fields(text.as_bytes());
    let read = fields("csrf=a&comment=two+words%0D%0Aand+%3Cb%3E&empty=").unwrap();
    assert_eq!(read["comment"], "two words\r\nand <b>");
    assert_eq!(read["empty"], "");
    assert!(fields("csrf=a&csrf=b").is_none());
    assert!(fields(&format!("csrf={}", "a".repeat(FORM_BYTES_MAX))).is_none());
    assert!(fields("").unwrap().is_empty());
}
