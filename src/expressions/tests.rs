//! What the engine takes, yields and refuses, beside what the rooms that use it test.

use super::*;
use serde_json::json;

fn value(text: &str) -> Result<Option<serde_json::Value>, Fault> {
    let mut environment = environment();
    environment
        .add_filter("pick", |_: &Value| -> Result<Value, Error> { Err(Refusal("is not to be had".into()).into()) });
    let terms = Terms { called: "an expression", judge: &|path| path.starts_with('x').then(|| format!("no {path}")) };
    let source =
        Source::compile(&environment, Kind::Expression, text, terms).unwrap_or_else(|flaws| panic!("{flaws:?}"));
    source.value(&environment, &Value::from_serialize(json!({"a": {"b": 1}, "t": " T "})))
}

#[test]
fn an_expression_yields_json_or_nothing() {
    assert_eq!(value("a"), Ok(Some(json!({"b": 1}))));
    assert_eq!(value("[t|trim|lower, a.b + 0.5, none]"), Ok(Some(json!(["t", 1.5, null]))));
    assert_eq!(value("a.c"), Ok(None));
    assert_eq!(value("a.c ~ t"), Err(Fault::Unknown));
    assert_eq!(value("t|pick"), Err(Fault::Refused("is not to be had".to_owned())));
    assert!(matches!(value("t + 1"), Err(Fault::Misfit(_))));
}

#[test]
fn paths_are_judged_by_who_asks() {
    let terms = Terms { called: "an expression", judge: &|path| path.starts_with('x').then(|| format!("no {path}")) };
    let flaws = Source::compile(&environment(), Kind::Expression, "a ~\n x.y|loer", terms).unwrap_err();
    let told: Vec<_> = flaws.iter().map(|flaw| (flaw.position.unwrap().to_string(), flaw.what.as_str())).collect();
    let expected = [("line 2, column 2", "no x.y"), ("line 2, column 6", "there is no filter \"loer\"")];
    assert_eq!(told, expected.map(|(at, what)| (at.to_owned(), what)));
    let long = Source::compile(&environment(), Kind::Expression, &"a".repeat(5000), terms).unwrap_err();
    assert_eq!(long[0].what, "has 5000 bytes; an expression has at most 4096");
}

#[test]
fn a_template_may_be_given_more_room() {
    let terms = Terms { called: "a template", judge: &|_| None };
    let environment = environment();
    let source = Source::compile(&environment, Kind::Template, " {{ a * 50 }} ", terms).unwrap();
    let context = Value::from_serialize(json!({"a": "x".repeat(100)}));
    assert_eq!(source.render_within(&environment, &context, 5002).unwrap().len(), 5000);
    assert_eq!(source.render(&environment, &context), Err(Fault::Broken("it yields more than 4096 bytes".to_owned())));
}
