//! Whatever the order and however often each comes: what is known is the same.

use super::*;
use crate::domain::source::RecordKind;
use proptest::{prelude::*, sample::Index};
use serde_json::json;

fn tag(name: &str) -> Tag {
    Tag::parse(name).unwrap()
}

fn tags(names: &[&str]) -> BTreeSet<Tag> {
    names.iter().map(|name| tag(name)).collect()
}

fn version(order: i64) -> Version {
    Version { order, tie: 0, at_ms: order }
}

fn change(order: i64) -> Change {
    Change {
        kind: RecordKind::Contact,
        id: ExternalId::parse("c1").unwrap(),
        version: version(order),
        parent: None,
        fields: BTreeMap::new(),
        tags: TagChange::default(),
        deleted: false,
    }
}

fn with(order: i64, name: &str, value: Value) -> Change {
    Change { fields: BTreeMap::from([(name.to_owned(), value)]), ..change(order) }
}

fn tagged(order: i64, tags: TagChange) -> Change {
    Change { tags, ..change(order) }
}

/// Laid one after the other over nothing.
fn all<'a>(changes: impl IntoIterator<Item = &'a Change>) -> RecordState {
    let mut state = RecordState::default();
    for change in changes {
        state.merge(change);
    }
    state
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
        Just(json!({ "a": 1, "b": [2] })),
        Just(json!({ "b": [2], "a": 1 })),
    ]
}

fn some_tags() -> impl Strategy<Value = BTreeSet<Tag>> {
    proptest::collection::btree_set(prop_oneof![Just(tag("a")), Just(tag("b")), Just(tag("c"))], 0..3)
}

/// Few names and few versions, so that they meet. `tie` tells apart those of the same order, as an event's id does.
fn some_change(tie: u64) -> impl Strategy<Value = Change> {
    let fields = proptest::collection::btree_map("(firstName|email|dueDate)", values(), 0..3);
    let tags = (proptest::option::of(some_tags()), some_tags(), some_tags());
    (0..4_i64, fields, tags, proptest::option::of("[xy]"), any::<bool>()).prop_map(
        move |(order, fields, (all, added, removed), parent, deleted)| Change {
            version: Version { order, tie, at_ms: order },
            parent: parent.map(|id| ExternalId::parse(&id).unwrap()),
            fields,
            tags: TagChange { all, added, removed },
            deleted,
            ..change(0)
        },
    )
}

fn some_changes() -> impl Strategy<Value = Vec<Change>> {
    (1..8_u64).prop_flat_map(|number| (0..number).map(some_change).collect::<Vec<_>>())
}

/// All of them, some more than once, in any order.
fn jumbled() -> impl Strategy<Value = (Vec<Change>, Vec<Change>)> {
    (some_changes(), proptest::collection::vec(any::<Index>(), 0..8)).prop_flat_map(|(changes, again)| {
        let mut more = changes.clone();
        more.extend(again.iter().map(|index| index.get(&changes).clone()));
        (Just(changes), Just(more).prop_shuffle())
    })
}

/// The newest of the changes that say something.
fn newest<'a, T>(changes: &'a [Change], says: impl Fn(&'a Change) -> Option<T>) -> Option<T> {
    let told = changes.iter().filter_map(|change| Some((change.version, says(change)?)));
    told.max_by_key(|(version, _)| *version).map(|(_, value)| value)
}

proptest! {
    #[test]
    fn order_and_repetition_do_not_matter((changes, jumbled) in jumbled()) {
        prop_assert_eq!(all(&changes), all(&jumbled));
    }

    /// Even where two changes bear the same version and differ, which no two events do.
    #[test]
    fn nor_do_equal_versions(
        (changes, jumbled) in jumbled().prop_map(|(mut changes, mut jumbled)| {
            changes.iter_mut().chain(&mut jumbled).for_each(|change| change.version.tie = 0);
            (changes, jumbled)
        })
    ) {
        prop_assert_eq!(all(&changes), all(&jumbled));
    }

    #[test]
    fn each_value_is_that_of_the_newest_change_that_names_it((changes, jumbled) in jumbled()) {
        let state = all(&jumbled);
        for name in ["firstName", "email", "dueDate"] {
            prop_assert_eq!(state.field(name), newest(&changes, |change| change.fields.get(name)));
        }
        prop_assert_eq!(state.parent(), newest(&changes, |change| change.parent.as_ref()));
        prop_assert_eq!(state.is_deleted(), newest(&changes, |change| Some(change.deleted)).unwrap());
        for tag in ["a", "b", "c"].map(tag) {
            // A list of all tags tells of each.
            let has = newest(&changes, |change| {
                let TagChange { all, added, removed } = &change.tags;
                let there = added.contains(&tag) || all.as_ref().is_some_and(|all| all.contains(&tag));
                (there || removed.contains(&tag) || all.is_some()).then_some(there && !removed.contains(&tag))
            });
            prop_assert_eq!(state.wanted_tags().contains(&tag), has == Some(true));
        }
    }

    #[test]
    fn it_says_whether_anything_is_different((changes, more) in jumbled()) {
        let mut state = all(&changes);
        for change in &more {
            prop_assert!(!state.merge(change), "all of it is known");
        }
        let mut state = RecordState::default();
        for change in &more {
            let before = state.clone();
            prop_assert_eq!(state.merge(change), state != before);
        }
    }

    #[test]
    fn it_is_stored_and_read_back((changes, _) in jumbled()) {
        let state = all(&changes);
        let text = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<RecordState>(&text).unwrap(), state);
    }
}

#[test]
fn a_late_older_change_fills_in_what_nobody_told_and_nothing_else() {
    let mut state = all(&[with(5, "firstName", json!("Eve"))]);
    assert!(!state.merge(&with(4, "firstName", json!("Eva"))));
    assert!(state.merge(&with(4, "email", json!("eve@example.com"))));
    assert_eq!(state.field("firstName"), Some(&json!("Eve")));
    assert_eq!(state.field("email"), Some(&json!("eve@example.com")));
    assert_eq!(state.field("phone"), None);
}

#[test]
fn a_list_of_all_tags_ends_those_told_before_and_not_those_told_after() {
    let list = tagged(5, TagChange { all: Some(tags(&["a"])), ..TagChange::default() });
    let before = tagged(4, TagChange { added: tags(&["b"]), ..TagChange::default() });
    let after = tagged(6, TagChange { added: tags(&["c"]), removed: tags(&["a"]), ..TagChange::default() });
    for order in [[&list, &before, &after], [&after, &list, &before], [&before, &after, &list]] {
        let state = all(order);
        assert_eq!(state.wanted_tags(), tags(&["c"]));
        assert_eq!(state.unwanted_tags(), tags(&["a", "b"]));
    }
    let none = tagged(7, TagChange { all: Some(BTreeSet::new()), ..TagChange::default() });
    assert_eq!(all([&list, &after, &none]).wanted_tags(), BTreeSet::new());
}

#[test]
fn what_is_deleted_is_there_again_once_something_newer_tells_of_it() {
    let deleted = Change { deleted: true, ..change(5) };
    assert!(all([&deleted, &change(4)]).is_deleted());
    assert!(!all([&deleted, &change(6)]).is_deleted());
    assert!(!RecordState::default().is_deleted());
}
