//! A contact that was to be found whose e-mail address is one contact's and whose phone another's, and the choice of one.

use super::{Operation, OperationState};
use crate::domain::{
    ids::ContactId,
    problem::{FieldError, Problem, ProblemKind},
    write::{Fields, Write},
};
use serde_json::Value;

/// The stable word of such a problem.
const CODE: &str = "two-contacts";

/// Before and after the id in what is told of each.
const BEFORE: &str = "contact ";
const AFTER: &str = " has the same";

/// Two contacts that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoContacts {
    /// The one with the e-mail address.
    pub by_email: ContactId,
    /// The one with the phone.
    pub by_phone: ContactId,
}

impl TwoContacts {
    /// The problem, which names both.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        let Self { by_email, by_phone } = self;
        let detail = format!(
            "The e-mail address is that of contact {by_email}, the phone that of contact {by_phone}: which of them is meant \
             is not for us to say. Nothing was written."
        );
        Problem::new(ProblemKind::DuplicateContact, detail)
            .with_error("/email", format!("{BEFORE}{by_email}{AFTER}"))
            .with_error("/phone", format!("{BEFORE}{by_phone}{AFTER}"))
            .with_upstream("ghl", None, CODE)
    }

    /// The two that a problem names, if it is such a one.
    #[must_use]
    pub fn of(problem: &Problem) -> Option<Self> {
        let named = |pointer: &str| {
            let FieldError { message, .. } = problem.errors.iter().find(|error| error.pointer == pointer)?;
            ContactId::parse(message.strip_prefix(BEFORE)?.strip_suffix(AFTER)?).ok()
        };
        let ours = problem.kind == ProblemKind::DuplicateContact
            && problem.upstream.as_ref().is_some_and(|upstream| upstream.code == CODE);
        if !ours {
            return None;
        }
        Some(Self { by_email: named("/email")?, by_phone: named("/phone")? })
    }
}

/// Why an operation cannot be resolved so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unresolved {
    /// It has not failed for two contacts matching.
    NoChoice,
    /// The contact is neither of the two.
    Neither(TwoContacts),
    /// What is left to write is refused.
    Fields(Vec<FieldError>),
}

impl Operation {
    /// What it is to write once somebody said which of the two contacts is meant. The e-mail address and the phone are left
    /// as they are: one is the contact's already, and GHL refuses the other, which is another contact's. With nothing else
    /// to write, its own is written.
    ///
    /// # Errors
    /// See [`Unresolved`].
    pub fn resolved(&self, meant: &ContactId) -> Result<Write, Unresolved> {
        let (Write::UpsertContact { fields }, OperationState::Failed, None) = (&self.write, self.state, self.erased_at)
        else {
            return Err(Unresolved::NoChoice);
        };
        let two = self.problem.as_ref().and_then(TwoContacts::of).ok_or(Unresolved::NoChoice)?;
        let own = match meant {
            id if *id == two.by_email => "email",
            id if *id == two.by_phone => "phone",
            _ => return Err(Unresolved::Neither(two)),
        };
        let mut kept = fields.as_map().clone();
        kept.retain(|name, _| name != "email" && name != "phone");
        let change = Fields::change_of(&Value::Object(kept)).or_else(|_| {
            let own = fields.as_map().get(own).map(|value| (own.to_owned(), value.clone()));
            Fields::change_of(&Value::Object(own.into_iter().collect()))
        });
        let fields = change.map_err(Unresolved::Fields)?;
        Ok(Write::UpdateContact { contact: meant.clone(), fields })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ids::{LocationId, OperationId},
        operation::Requester,
        write::Intent,
    };
    use jiff::Timestamp;
    use serde_json::json;

    fn id(text: &str) -> ContactId {
        ContactId::parse(text).unwrap()
    }

    fn two() -> TwoContacts {
        TwoContacts { by_email: id("a1"), by_phone: id("b2") }
    }

    fn failed(body: &Value) -> Operation {
        Operation {
            id: OperationId::parse("op1").unwrap(),
            seq: 1,
            location: LocationId::parse("loc").unwrap(),
            contact: None,
            write: Write::UpsertContact { fields: Fields::contact(body, Intent::Upsert).unwrap() },
            order_key: "loc/new/x".to_owned(),
            state: OperationState::Failed,
            requester: Requester { key: None, request_id: "r1".to_owned() },
            idempotency_key: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            due_at: Timestamp::UNIX_EPOCH,
            attempts: 1,
            uncertain_since: None,
            settles_at: None,
            written: None,
            problem: Some(two().to_problem()),
            erased_at: None,
        }
    }

    fn written(operation: &Operation, meant: &str) -> Value {
        match operation.resolved(&id(meant)) {
            Ok(Write::UpdateContact { contact, fields }) => {
                assert_eq!(contact, id(meant));
                json!(fields)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_problem_names_both_and_is_known_again_after_it_was_stored() {
        let stored: Problem = serde_json::from_value(json!(two().to_problem())).unwrap();
        assert_eq!(TwoContacts::of(&stored), Some(two()));
        let other = Problem::new(ProblemKind::DuplicateContact, "There is one.")
            .with_error("/email", "contact a1 has the same");
        assert_eq!(TwoContacts::of(&other), None);
    }

    #[test]
    fn what_an_update_takes_is_left_and_what_tells_the_two_apart_is_not() {
        let operation = failed(&json!({
            "email": "eve@example.com", "phone": "+14155550142", "firstName": "Eve", "companyName": "Example",
            "gender": "female", "source": "form", "createNewIfDuplicateAllowed": false,
        }));
        for meant in ["a1", "b2"] {
            assert_eq!(written(&operation, meant), json!({"firstName": "Eve", "source": "form"}));
        }
    }

    #[test]
    fn with_nothing_else_to_write_its_own_is() {
        let operation = failed(&json!({"email": "eve@example.com", "phone": "+14155550142", "gender": "female"}));
        assert_eq!(written(&operation, "a1"), json!({"email": "eve@example.com"}));
        assert_eq!(written(&operation, "b2"), json!({"phone": "+14155550142"}));
    }

    #[test]
    fn only_what_failed_so_and_only_one_of_the_two() {
        let operation = failed(&json!({"email": "eve@example.com", "phone": "+14155550142"}));
        assert_eq!(operation.resolved(&id("c3")), Err(Unresolved::Neither(two())));
        let changes: [fn(&mut Operation); 4] = [
            |operation| operation.state = OperationState::Pending,
            |operation| operation.erased_at = Some(Timestamp::UNIX_EPOCH),
            |operation| operation.problem = Some(Problem::new(ProblemKind::DuplicateContact, "There is one.")),
            |operation| operation.write = Write::DeleteContact { contact: id("a1") },
        ];
        for change in changes {
            let mut other = operation.clone();
            change(&mut other);
            assert_eq!(other.resolved(&id("a1")), Err(Unresolved::NoChoice));
        }
    }
}
