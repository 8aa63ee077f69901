use super::{fit, parse};
use crate::exit::Exit;
use serde_json::{Value, json};

fn typed(texts: &[&str]) -> Result<Value, Exit> {
    let texts: Vec<String> = texts.iter().map(|it| (*it).to_owned()).collect();
    parse(&texts).map_err(|failure| failure.exit())
}

#[test]
fn the_three_forms() {
    let rows: [(&[&str], Result<Value, Exit>); 11] = [
        (&[], Ok(json!({}))),
        (&["customer=c_81", "amount=40"], Ok(json!({"customer": "c_81", "amount": "40"}))),
        (&["amount:=40"], Ok(json!({"amount": 40}))),
        (&["tags:=[\"a\",1]", "x:=null"], Ok(json!({"tags": ["a", 1], "x": null}))),
        (&["text=a=b:=c"], Ok(json!({"text": "a=b:=c"}))),
        (&["a=1", "a=2"], Ok(json!({"a": "2"}))),
        (&["empty="], Ok(json!({"empty": ""}))),
        (&["=x"], Err(Exit::Usage)),
        (&["nothing"], Err(Exit::Usage)),
        (&["a:={"], Err(Exit::Usage)),
        (&["a:={\"x\":1,\"x\":2}"], Err(Exit::Usage)),
    ];
    for (texts, expect) in rows {
        assert_eq!(typed(texts), expect, "{texts:?}");
    }
}

#[test]
fn a_file_gives_many_and_later_ones_replace() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("refund.json");
    std::fs::write(&file, r#"{"amount": 40, "customer": "c_1"}"#).unwrap();
    let file = format!("@{}", file.display());
    assert_eq!(typed(&[&file, "customer=c_2"]), Ok(json!({"amount": 40, "customer": "c_2"})));
    assert_eq!(typed(&["@/nowhere.json"]), Err(Exit::Usage));
    std::fs::write(directory.path().join("list.json"), "[1]").unwrap();
    let list = format!("@{}", directory.path().join("list.json").display());
    assert_eq!(typed(&[&list]), Err(Exit::Usage));
}

#[test]
fn texts_become_what_the_schema_wants() {
    let schema = json!({"type": "object", "properties": {
        "amount": {"type": "number"}, "count": {"type": "integer"}, "yes": {"type": "boolean"},
        "customer": {"type": "string"}, "either": {"type": ["number", "string"]},
    }});
    let typed = json!({
        "amount": "40.5", "count": "3", "yes": "true", "customer": "81", "either": "7", "free": "1",
    });
    let expect = json!({
        "amount": 40.5, "count": 3, "yes": true, "customer": "81", "either": "7", "free": "1",
    });
    assert_eq!(fit(typed.clone(), Some(&schema)), expect);
    assert_eq!(fit(typed.clone(), None), typed);
    let wrong = json!({"amount": "lots"});
    assert_eq!(fit(wrong.clone(), Some(&schema)), wrong);
}
