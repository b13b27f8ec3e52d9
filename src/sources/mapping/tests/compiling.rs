//! What is wrong with a mapping is told at the start, with the key and the place.

use super::{mapping, system};
use crate::sources::mapping::{self as room, Mapping};

fn errors(table: &str) -> Vec<String> {
    let errors = Mapping::compile(2, &system(table)).unwrap_err();
    errors.iter().map(|error| error.to_string().replacen("sources.systems[2].", "", 1)).collect()
}

#[test]
fn the_presets_compile() {
    for preset in ["insurgo", "form", "generic"] {
        mapping(&format!("preset = '{preset}'"));
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let table = "preset = 'insurgo'
[sources.systems.mapping]
id = 'paylaod.id'
tiem = 'payload.time'
data = 'data.x'
each = 'payload.a|list'
open_words = ['done']
[sources.systems.mapping.types]
a = 'contact-update'
b = 5
[sources.systems.mapping.contact]
id = \"data.a |\\n  trimm\"
all_tags = 'yes'
[sources.systems.mapping.contact.fields]
emial = 'data.email'
firstname = 'data.firstName'
tags = 'data.tags'
id = 'data.id'
lastName = 'data.lastName +'
city = { value = 'city', owner = 'sorce' }
state = { owner = 'ghl' }
phone = 7
'customFields.a b' = 'data.x'
[sources.systems.mapping.task.fields]
due_date = 'data.due'
";
    let told = errors(table);
    for expected in [
        "mapping.tiem: there is no key \"tiem\"; did you mean \"time\"?",
        "mapping.open_words: \"done\" is also one of the completed_words",
        "mapping.each: must be a path to a list, such as payload.events",
        "mapping.data: line 1, column 1: an expression here reads payload, and there is no data",
        "mapping.id: line 1, column 1: an expression here reads payload, data, type, and there is no paylaod; did you mean payload?",
        "mapping.types.\"a\": there is no event \"contact-update\"; did you mean \"contact-updated\"?",
        "mapping.types.\"b\": must be a text, such as \"contact-updated\" or \"ignore\"",
        "mapping.contact.id: line 2, column 3: there is no filter \"trimm\"",
        "mapping.contact.all_tags: must be true or false",
        "mapping.contact.fields.emial: is not known here; did you mean email?",
        "mapping.contact.fields.firstname: is not known here; did you mean firstName?",
        "mapping.contact.fields.tags: stands in the table contact, not among its fields",
        "mapping.contact.fields.id: is read-only",
        "mapping.contact.fields.city.owner: there is no owner \"sorce\"; did you mean \"source\"?",
        "mapping.contact.fields.state.value: is missing: an expression such as data.email",
        "mapping.contact.fields.phone: must be an expression in quotes, or { value = \"…\", owner = \"…\" }",
        "mapping.contact.fields.customFields.a b: must be customFields. and the field's id, as GHL shows it",
        "mapping.task.fields.due_date: is not known here; did you mean dueDate?",
    ] {
        assert!(told.iter().any(|error| error == expected), "{expected}\n{told:#?}");
    }
    assert!(
        told.iter().any(|error| error.starts_with("mapping.contact.fields.lastName: line 1, column ")),
        "{told:#?}"
    );
    assert_eq!(told.len(), 19, "{told:#?}");
}

#[test]
fn a_type_needs_the_part_that_it_tells_of() {
    let told = errors("[sources.systems.mapping.types]\na = 'task-created'\nb = 'tags-added'\nc = 'note-added'");
    for expected in [
        "mapping.type: is missing: an expression such as data.id",
        "mapping.task: is missing, and types has task-created",
        "mapping.contact.tags: is missing, and types has tags-added",
        "mapping.note: is missing, and types has note-added",
    ] {
        assert!(told.iter().any(|error| error == expected), "{expected}\n{told:#?}");
    }
    assert!(errors("")[0].starts_with("mapping.type: is missing"));
    assert_eq!(errors("preset = 'insurg'"), ["preset: there is no preset \"insurg\"; did you mean \"insurgo\"?"]);
    let wrong = system("preset = 'generi'");
    let all = room::compile(&[system("preset = 'form'"), wrong]).unwrap_err().to_string();
    assert!(all.starts_with("the mappings have 1 error:\n  sources.systems[1].preset: "), "{all}");
}
