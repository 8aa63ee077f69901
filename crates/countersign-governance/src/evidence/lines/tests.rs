use super::{Csv, cell, html, joined, split};

#[test]
fn no_cell_is_a_formula() {
    let check = |text: &str, expect: &str| assert_eq!(cell(text), expect, "{text:?}");
    check("plain", "plain");
    check("=1+1", "\"'=1+1\"");
    check("+49", "\"'+49\"");
    check("-1", "\"'-1\"");
    check("@SUM(A1)", "\"'@SUM(A1)\"");
    check("\t=1", "\"' =1\"");
    check("\r=1", "\"' =1\"");
    check("  =1", "\"'  =1\"");
    check("\u{ff1d}1", "\"'\u{ff1d}1\"");
    check("a=1", "a=1");
    check("a\nb", "a b");
    check("say \"hi\", you", "\"say \"\"hi\"\", you\"");
    check("", "");
    check("'quoted", "\"'quoted\"");
}

#[test]
fn a_row_is_a_line() {
    let mut table = Csv::new(&["one", "two"]);
    table.row(&["a\r\nb", "=c"]);
    assert_eq!(table.text(), "one,two\r\na  b,\"'=c\"\r\n");
}

#[test]
fn markup_is_shown_and_what_is_unseen_is_seen() {
    assert_eq!(
        html("<script>alert('x')</script>"),
        "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
    );
    assert_eq!(html("a\u{202e}b\u{200b}\u{0}"), "a[U+202E]b[U+200B][U+0000]");
    assert_eq!(html("\"&\""), "&quot;&amp;&quot;");
}

#[test]
fn a_list_is_read_as_it_was_written() {
    for things in [vec![], vec![1], vec![1, 2, 3]] {
        let text = joined(&things);
        let found: Vec<i32> = split(&text).unwrap().iter().map(|it| it.parse().unwrap()).collect();
        assert_eq!(found, things);
    }
    for text in ["", "[]", "[\n1\n2\n]\n", "[\n1,\n2\n]", "1\n"] {
        assert_eq!(split(text), None, "{text:?}");
    }
}
