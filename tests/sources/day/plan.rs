//! The events of a day, and what they come to: made by a generator that can be run again, without the service.

use crate::support::Dice;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the e-mail addresses of the day end in.
pub const DOMAIN: &str = "@day.example";
/// When the first event happens.
const BEGIN: &str = "2026-11-22T06:00:00Z";
/// Windows within which events change places.
const SHUFFLED_WITHIN_MS: u64 = 30_000;
const TAGS: [&str; 5] = ["gold", "silver", "renewal", "claims", "newsletter"];

/// What GHL holds, or should, of a contact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    pub email: String,
    names: [String; 2],
    phone: String,
    tags: BTreeSet<String>,
    /// Title, moment and state.
    tasks: Vec<(String, String, bool)>,
    notes: Vec<String>,
}

impl Holding {
    /// As the sandbox's state has it.
    pub fn read(truth: &Value) -> Self {
        let contact =
            if truth["contact"]["contact"].is_object() { &truth["contact"]["contact"] } else { &truth["contact"] };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let moment = |task: &Value| {
            text(&task["dueDate"])
                .parse::<jiff::Timestamp>()
                .map_or_else(|error| error.to_string(), |at| at.to_string())
        };
        let mut tasks: Vec<_> = list(&truth["tasks"])
            .iter()
            .map(|task| (text(&task["title"]), moment(task), task["completed"] == true))
            .collect();
        tasks.sort();
        // Of a note of answers only that it is there, and whose: its lines are another test's.
        let mut notes: Vec<String> =
            list(&truth["notes"]).iter().map(|note| first_line(&text(&note["body"]))).collect();
        notes.sort();
        Self {
            email: text(&contact["email"]),
            names: [text(&contact["firstName"]), text(&contact["lastName"])],
            phone: text(&contact["phone"]),
            tags: list(&contact["tags"]).iter().map(text).collect(),
            tasks,
            notes,
        }
    }
}

fn first_line(text: &str) -> String {
    text.trim_start_matches("<p>").split(['\n', '<']).next().unwrap_or_default().trim().to_owned()
}

/// A task while the day is made.
#[derive(Debug, Clone)]
struct Task {
    id: String,
    title: String,
    due: String,
    completed: bool,
}

#[derive(Debug, Clone, Default)]
struct Person {
    id: String,
    holding: Holding,
    tasks: Vec<Task>,
}

/// A day.
pub struct Day {
    /// When, in milliseconds since its begin, and what.
    events: Vec<(u64, Value)>,
    people: BTreeMap<usize, Person>,
}

impl Day {
    /// So many events over so many contacts. The same seed makes the same day.
    pub fn of(events: usize, contacts: usize, seed: u64) -> Self {
        let mut day = Self { events: Vec::with_capacity(events), people: BTreeMap::new() };
        let mut dice = Dice::new(seed);
        // The first events of a generator of this kind are much alike.
        for _ in 0..20 {
            dice.below(2);
        }
        let mut at = 0;
        for number in 0..events {
            at += 200 + dice.below(1_600);
            let who = usize::try_from(dice.below(contacts as u64)).expect("small");
            let (kind, data) = day.next(who, number, &mut dice);
            let begin: jiff::Timestamp = BEGIN.parse().expect("a time");
            let moment = begin + jiff::SignedDuration::from_millis(i64::try_from(at).expect("a day"));
            let event =
                json!({"id": format!("evt_{number}"), "type": kind, "occurredAt": moment.to_string(), "data": data});
            day.events.push((at, event));
        }
        day
    }

    pub fn in_order(&self) -> Vec<Value> {
        self.events.iter().map(|(_, event)| event.clone()).collect()
    }

    /// Each event up to thirty seconds late.
    pub fn shuffled(&self, dice: &mut Dice) -> Vec<Value> {
        let late = self.events.iter().map(|(at, event)| (at + dice.below(SHUFFLED_WITHIN_MS), event.clone()));
        let mut events: Vec<_> = late.collect();
        events.sort_by_key(|(at, _)| *at);
        events.into_iter().map(|(_, event)| event).collect()
    }

    /// What GHL is to hold in the end.
    pub fn expected(&self) -> BTreeMap<String, Holding> {
        let whole = |person: &Person| {
            let mut holding = person.holding.clone();
            holding.tasks =
                person.tasks.iter().map(|task| (task.title.clone(), task.due.clone(), task.completed)).collect();
            holding.tasks.sort();
            holding.notes.sort();
            (holding.email.clone(), holding)
        };
        self.people.values().map(whole).collect()
    }

    fn next(&mut self, who: usize, number: usize, dice: &mut Dice) -> (&'static str, Value) {
        if !self.people.contains_key(&who) {
            return self.meet(who, number, dice);
        }
        let person = self.people.get_mut(&who).expect("was met");
        let roll = dice.below(100);
        match roll {
            0..25 => person.change(number, dice),
            25..40 => person.add_task(number, dice),
            40..60 if !person.tasks.is_empty() => person.touch_task(number, dice),
            40..75 => person.note(number),
            75..95 => person.tag(roll.is_multiple_of(2), dice),
            _ => person.form(number, dice),
        }
    }

    fn meet(&mut self, who: usize, number: usize, dice: &mut Dice) -> (&'static str, Value) {
        let tag = TAGS[dice.below(5) as usize];
        let holding = Holding {
            email: format!("person{who}{DOMAIN}"),
            names: [format!("First{number}"), format!("Last{who}")],
            phone: format!("+1415{}", 2_000_000 + who),
            tags: BTreeSet::from([tag.to_owned()]),
            ..Holding::default()
        };
        let person = Person { id: format!("ins-{who}"), holding, tasks: Vec::new() };
        let Holding { email, names, phone, .. } = &person.holding;
        let data = json!({
            "contactId": person.id, "email": email, "firstName": names[0], "lastName": names[1], "phone": phone,
            "tagNames": [tag],
        });
        self.people.insert(who, person);
        ("contact.created", data)
    }
}

fn due(dice: &mut Dice) -> String {
    format!("2027-03-{:02}T09:00:00Z", 1 + dice.below(28))
}

impl Person {
    /// Each event names one of the two names, so that the newest of each field is another event's.
    fn change(&mut self, number: usize, dice: &mut Dice) -> (&'static str, Value) {
        let mut data = json!({"contactId": self.id, "email": self.holding.email});
        let (which, name) = [(0, "firstName"), (1, "lastName")][dice.below(2) as usize];
        self.holding.names[which] = format!("Name{number}");
        data[name] = json!(self.holding.names[which]);
        ("contact.updated", data)
    }

    fn add_task(&mut self, number: usize, dice: &mut Dice) -> (&'static str, Value) {
        let task =
            Task { id: format!("t-{number}"), title: format!("Task {number}"), due: due(dice), completed: false };
        let data = json!({
            "taskId": task.id, "contactId": self.id, "title": task.title, "dueDate": task.due, "status": "open",
        });
        self.tasks.push(task);
        ("task.created", data)
    }

    fn touch_task(&mut self, number: usize, dice: &mut Dice) -> (&'static str, Value) {
        let at = usize::try_from(dice.below(self.tasks.len() as u64)).expect("small");
        let what = dice.below(4);
        let task = &mut self.tasks[at];
        let mut data = json!({"taskId": task.id, "contactId": self.id});
        match what {
            0 => {
                task.title = format!("Renamed {number}");
                data["title"] = json!(task.title);
                ("task.updated", data)
            }
            1 => {
                task.due = due(dice);
                data["dueDate"] = json!(task.due);
                ("task.updated", data)
            }
            2 => {
                task.completed = true;
                ("task.completed", data)
            }
            _ => {
                self.tasks.remove(at);
                ("task.deleted", data)
            }
        }
    }

    fn note(&mut self, number: usize) -> (&'static str, Value) {
        let text = format!("Note {number}");
        self.holding.notes.push(text.clone());
        ("note.added", json!({"noteId": format!("n-{number}"), "contactId": self.id, "notes": text}))
    }

    fn tag(&mut self, adds: bool, dice: &mut Dice) -> (&'static str, Value) {
        let tag = TAGS[dice.below(5) as usize].to_owned();
        let data = json!({"contactId": self.id, "tagNames": [tag]});
        if adds {
            self.holding.tags.insert(tag);
            ("tags.added", data)
        } else {
            self.holding.tags.remove(&tag);
            ("tags.removed", data)
        }
    }

    fn form(&mut self, number: usize, dice: &mut Dice) -> (&'static str, Value) {
        let (name, tag) = (format!("Form {number}"), TAGS[dice.below(5) as usize].to_owned());
        self.holding.notes.push(name.clone());
        self.holding.tags.insert(tag.clone());
        let data = json!({
            "contactId": self.id, "email": self.holding.email, "formName": name, "answers": {"Cover": "home"},
            "tagNames": [tag],
        });
        ("form.submitted", data)
    }
}

#[test]
fn a_day_is_made_again_and_only_shuffled_within_its_window() {
    let (one, other) = (Day::of(300, 20, 7), Day::of(300, 20, 7));
    assert_eq!(one.in_order(), other.in_order());
    assert!(one.expected().values().any(|holding| holding.tasks.len() > 1 && !holding.notes.is_empty()));
    let kinds: BTreeSet<&str> = one.events.iter().map(|(_, event)| event["type"].as_str().expect("a type")).collect();
    assert_eq!(kinds.len(), 10, "{kinds:?}");
    let (order, shuffled) = (one.in_order(), one.shuffled(&mut Dice::new(1)));
    assert!(order != shuffled && order.len() == shuffled.len());
}
