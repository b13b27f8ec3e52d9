//! A contact, in our spelling: GHL's misspellings end at the `ghl` module.

use super::ids::{BusinessId, ContactId, LocationId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A contact of a location. `None` means not known: GHL omitted it, sent `null`, or sent an empty text.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// GHL's id.
    pub id: ContactId,
    /// The sub-account it belongs to, where GHL says so.
    pub location_id: Option<LocationId>,
    /// GHL's `type`, `lead` for most.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Full name as GHL composes it; of first and last name, where it gives none.
    pub name: Option<String>,
    /// First name, in the person's own spelling.
    pub first_name: Option<String>,
    /// Last name, in the person's own spelling.
    pub last_name: Option<String>,
    /// Primary e-mail address.
    pub email: Option<String>,
    /// Primary phone number, E.164.
    pub phone: Option<String>,
    /// Further e-mail addresses (readable, not writable, at GHL).
    pub additional_emails: Vec<String>,
    /// Further phone numbers.
    pub additional_phones: Vec<String>,
    /// Company the contact names.
    pub company_name: Option<String>,
    /// Business record the contact belongs to.
    pub business_id: Option<BusinessId>,
    /// Street.
    pub address1: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State or region.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2 code, or what a person typed.
    pub country: Option<String>,
    /// IANA time zone as kept in the CRM.
    pub timezone: Option<String>,
    /// Web site.
    pub website: Option<String>,
    /// Date of birth as GHL gives it.
    pub date_of_birth: Option<String>,
    /// Where the contact came from.
    pub source: Option<String>,
    /// User id of the owner.
    pub assigned_to: Option<String>,
    /// User ids that follow the contact.
    pub followers: Vec<String>,
    /// Do not disturb, all channels.
    pub dnd: Option<bool>,
    /// Tags, in GHL's spelling.
    pub tags: Vec<String>,
    /// Custom field values.
    pub custom_fields: Vec<CustomField>,
    /// First and last touch.
    pub attribution: Attribution,
    /// When GHL created the contact.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub date_added: Option<Timestamp>,
    /// When GHL last changed it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub date_updated: Option<Timestamp>,
    /// Last activity GHL saw.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_activity: Option<Timestamp>,
    /// Fields GHL sends that have no name of ours yet, passed through untouched. Known fields whose value has no
    /// possible reading (a list for a name) stand raw under `unparsed`.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A custom field's value; its shape depends on the field's type (text, number, list, file map).
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CustomField {
    /// Id of the field's definition.
    pub id: String,
    /// The value as GHL keeps it.
    pub value: Value,
}

/// How the contact first and last arrived.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Attribution {
    /// First touch (GHL: `attributionSource`).
    pub first: Option<Touch>,
    /// Last touch (GHL: `lastAttributionSource`).
    pub last: Option<Touch>,
    /// Further touches, where a contact came from GHL's list shape.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub further: Vec<Touch>,
}

/// One touch: the visit that brought the contact.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Touch {
    /// The visitor's address as captured; a raw text, may be a list or nonsense.
    pub ip: Option<String>,
    /// The visitor's browser.
    pub user_agent: Option<String>,
    /// `CRM UI`, `Direct traffic`, `Paid Search` …
    pub session_source: Option<String>,
    /// `form`, `chat_widget`, `manual` …
    pub medium: Option<String>,
    /// Page of the capture.
    pub url: Option<String>,
    /// Page that led there.
    pub referrer: Option<String>,
    /// Campaign, click ids and whatever else GHL recorded.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
