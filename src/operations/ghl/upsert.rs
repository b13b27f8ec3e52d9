//! An upsert with care. GHL's own makes a matched further e-mail address the only one, replaces all tags, and of an
//! e-mail address and a phone that belong to two contacts changes one in silence (reference: "Write semantics"). This one
//! looks both up, refuses such a pair with both ids, and writes nothing but what differs.

use super::{
    Reach,
    attempt::Failure,
    merge::{ALWAYS_NEW, Changes, changes},
    written, written_merged,
};
use crate::{
    domain::{
        contact::Contact,
        operation::{TwoContacts, Written},
        write::Fields,
    },
    ghl::GhlError,
};

impl Reach<'_> {
    pub(super) async fn upsert(&self, fields: &Fields) -> Result<Written, Failure> {
        let always_new = fields.as_map().get(ALWAYS_NEW).and_then(serde_json::Value::as_bool) == Some(true);
        let found = if always_new { Vec::new() } else { self.matches(fields).await? };
        match found.as_slice() {
            [] => self.make_or_merge(fields).await,
            [held] => self.merge(fields, held).await,
            [by_email, by_phone, ..] => {
                let two = TwoContacts { by_email: by_email.id.clone(), by_phone: by_phone.id.clone() };
                Err(Failure::Refusal(two.to_problem()))
            }
        }
    }

    /// Between the look-up and this somebody else may have made the contact: then it is there to be changed.
    async fn make_or_merge(&self, fields: &Fields) -> Result<Written, Failure> {
        let mut asked = fields.clone();
        asked.0.shift_remove(ALWAYS_NEW);
        match self.client.create_contact(self.loc, &asked, &self.ctx).await {
            Ok(made) => Ok(written_merged(written(201, &made.value, &made.value.id), true, &[])),
            // An uncertain attempt may have run into what it made itself: that is looked at first.
            Err(GhlError::Duplicate { existing: Some(existing), .. }) if self.operation.uncertain_since.is_none() => {
                let held = self.whole.contact(self.loc, &existing, &self.ctx).await?;
                self.merge(fields, &held.value).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn merge(&self, fields: &Fields, held: &Contact) -> Result<Written, Failure> {
        let Changes { put, tags, kept } = changes(fields, held);
        let (client, loc, id, ctx) = (self.client, self.loc, &held.id, &self.ctx);
        let mut merged = if put.as_map().is_empty() {
            client.contact(loc, id, ctx).await?.value
        } else {
            client.update_contact(loc, id, &put, ctx).await?.value
        };
        if !tags.is_empty() {
            merged.tags = client.add_tags(loc, id, &tags, ctx).await?;
        }
        Ok(written_merged(written(200, &merged, id), false, &kept))
    }
}
