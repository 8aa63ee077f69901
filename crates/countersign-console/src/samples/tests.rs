use super::*;

fn check(pages: &[(String, String)], rule: impl Fn(&str) -> Result<(), String>) {
    assert!(pages.len() >= 14);
    for (name, html) in pages {
        if let Err(fault) = rule(html) {
            panic!("{name}: {fault}\n{html}");
        }
    }
}

fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).map(|it| it.split('>').next().unwrap())
}

#[test]
fn every_page_is_whole() {
    check(&sample_pages(), |html| {
        let has = |part: &str| if html.contains(part) { Ok(()) } else { Err(format!("no {part}")) };
        has("<!doctype html>")?;
        has("<html lang=\"en\">")?;
        has("<main id=\"main\"")?;
        has("<h1>")?;
        has("name=\"viewport\"")?;
        let title = html.split("<title>").nth(1).and_then(|it| it.split("</title>").next());
        if title.is_none_or(|it| it.len() < 15) {
            return Err("no title".to_owned());
        }
        if html.matches("<h1>").count() != 1 {
            return Err("not one h1".to_owned());
        }
        for odd in ["{{", "{%", "not rendered"] {
            if html.contains(odd) {
                return Err(format!("has {odd}"));
            }
        }
        Ok(())
    });
}

#[test]
fn no_page_needs_more_than_the_policy_allows() {
    check(&sample_pages(), |html| {
        for tag in tags(html) {
            let script = tag.starts_with("script") && !tag.contains("src=\"/assets/");
            let inline = tag
                .split_whitespace()
                .skip(1)
                .any(|it| it.starts_with("on") || it.starts_with("style="));
            if script || inline || tag == "style" || tag.contains("javascript:") {
                return Err(format!("<{tag}>"));
            }
        }
        Ok(())
    });
}

#[test]
fn every_form_that_changes_something_carries_the_token() {
    let mut seen = 0;
    for (name, html) in sample_pages() {
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            if form.contains("action=\"https://") {
                // What leads to another site must not.
                assert!(form.contains(" data-onward>") && !form.contains("csrf"), "{name}: {form}");
                continue;
            }
            if !form.starts_with(" class=\"filter\" method=\"get\"") {
                assert!(form.contains("method=\"post\""), "{name}: {form}");
                assert!(
                    form.contains(
                        "<input type=\"hidden\" name=\"csrf\" value=\"0123456789abcdef\">"
                    ),
                    "{name}: {form}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen} forms");
}

#[test]
fn every_field_has_a_label_and_every_id_is_there_once() {
    for (name, html) in sample_pages() {
        let mut ids = std::collections::BTreeSet::new();
        for tag in tags(&html) {
            let attribute = |key: &str| {
                tag.split(&format!(" {key}=\"")).nth(1).and_then(|it| it.split('"').next())
            };
            if let Some(id) = attribute("id") {
                assert!(ids.insert(id.to_owned()), "{name}: {id} twice");
            }
            let field = ["input", "textarea", "select"].iter().any(|it| tag.starts_with(it));
            let labelled = attribute("type").is_some_and(|it| it == "hidden" || it == "radio")
                || attribute("id").is_some_and(|id| html.contains(&format!("<label for=\"{id}\"")));
            assert!(!field || labelled, "{name}: <{tag}>");
        }
        for tag in tags(&html) {
            for key in ["aria-labelledby", "for"] {
                if let Some(id) = tag.split(&format!(" {key}=\"")).nth(1) {
                    let id = id.split('"').next().unwrap();
                    assert!(ids.contains(id), "{name}: {key}={id}");
                }
            }
        }
    }
}

#[test]
fn a_strangers_text_is_never_markup_and_never_invisible() {
    let hostile: Say = |it| {
        Text::line(format!(
            "{it}<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202E}\u{200B}{{{{7*7}}}}</pre></textarea>\u{1b}&amp;"
        ))
    };
    let pages = all(hostile);
    let mut seen = 0;
    for (name, html) in &pages {
        for odd in ["<script>", "<img src=x", "\u{202E}", "\u{200B}", "\u{1b}", "\"'>"] {
            assert!(!html.contains(odd), "{name} has {odd:?}\n{html}");
        }
        seen += html.matches("&lt;img src=x onerror=alert(1)&gt;").count();
        seen += html.matches("&#60;img src=x onerror=alert(1)&#62;").count();
        assert!(
            name.starts_with("error") || html.contains("⟨U+202E⟩"),
            "{name} shows no such text"
        );
    }
    assert!(seen > 100, "{seen} hostile texts");
}
