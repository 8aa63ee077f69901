use super::*;

fn shown(text: &str) -> String {
    let html = Text::line(text).to_string();
    let inner = html.strip_prefix("<bdi>").and_then(|it| it.strip_suffix("</bdi>")).unwrap();
    inner
        .replace("<span class=\"odd\" title=\"a character that is not visible\">", "[")
        .replace("</span>", "]")
}

#[test]
fn markup_is_text() {
    let table = [
        ("plain", "plain"),
        ("<b>", "&lt;b&gt;"),
        ("a & b", "a &amp; b"),
        ("\" onload='x'", "&#34; onload=&#39;x&#39;"),
        ("Zoë 漢字 ع 🙂", "Zoë 漢字 ع 🙂"),
    ];
    for (text, expected) in table {
        assert_eq!(shown(text), expected, "{text:?}");
    }
}

#[test]
fn what_is_not_visible_is_made_visible() {
    let table = [
        ("\u{202E}fdp.exe", "[⟨U+202E⟩]fdp.exe"),
        ("a\u{200B}b", "a[⟨U+200B⟩]b"),
        ("a\u{2066}b\u{2069}", "a[⟨U+2066⟩]b[⟨U+2069⟩]"),
        ("a\u{FEFF}", "a[⟨U+FEFF⟩]"),
        ("a\nb\tc", "a[⟨U+000A⟩]b[⟨U+0009⟩]c"),
        ("a\0b\u{1b}[31m", "a[⟨U+0000⟩]b[⟨U+001B⟩][31m"),
        ("a\u{A0}b\u{AD}c", "a[⟨U+00A0⟩]b[⟨U+00AD⟩]c"),
        ("\u{3164}\u{2800}", "[⟨U+3164⟩][⟨U+2800⟩]"),
        ("\u{E0041}\u{FE0F}", "[⟨U+E0041⟩][⟨U+FE0F⟩]"),
        ("\u{E000}\u{10FFFF}", "[⟨U+E000⟩][⟨U+10FFFF⟩]"),
    ];
    for (text, expected) in table {
        assert_eq!(shown(text), expected, "{text:?}");
    }
}

#[test]
fn a_block_keeps_its_lines() {
    assert_eq!(Text::block("a\n\tb\r\u{85}").plain(), "a\n\tb⟨U+000D⟩⟨U+0085⟩");
}

#[test]
fn an_attribute_gets_marks_without_markup() {
    assert_eq!(Text::line("a\u{202E}<b").plain(), "a⟨U+202E⟩<b");
}

#[test]
fn the_ranges_stand_in_order_and_apart() {
    for pair in UNSEEN.windows(2) {
        assert!(pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0, "{pair:X?}");
    }
}

#[test]
fn every_control_and_every_space_but_one_is_marked() {
    for character in (0..=0x10_FFFF).filter_map(char::from_u32) {
        let odd = character.is_control() || (character.is_whitespace() && character != ' ');
        if odd {
            assert!(mark(character, Lines::One).is_some(), "{character:?}");
        }
    }
    for character in ('!'..='~').chain('¡'..='¬').chain('®'..='ͯ').filter(|it| *it != '\u{34F}')
    {
        assert!(mark(character, Lines::One).is_none(), "{character:?}");
    }
}
