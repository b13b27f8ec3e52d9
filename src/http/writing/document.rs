//! What the OpenAPI document says of every write: the headers it takes and gives, and where a 202 leads.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::openapi::{
    Header, RefOr, Required, Schema,
    link::Link,
    path::{Parameter, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
};

/// `Idempotency-Key`.
pub(in crate::http) fn idempotency_parameter() -> Parameter {
    let says = "A key of your choice, 1 to 255 visible ASCII characters, bare or in double quotes. A request that comes \
        again under its key is given the answer of the first one; with another body it is refused.";
    let schema = ObjectBuilder::new().schema_type(Type::String);
    let schema = schema.pattern(Some(r#"^([!#-~]{1,255}|"([!#-\[\]-~]|\\["\\]){1,255}")$"#));
    parameter("Idempotency-Key", says, schema.build().into())
}

/// `Prefer`.
pub(in crate::http) fn prefer_parameter() -> Parameter {
    let says = "`respond-async`: answer 202 at once; `wait=N`: wait up to N seconds for GHL's answer (RFC 7240).";
    parameter("Prefer", says, ObjectBuilder::new().schema_type(Type::String).build().into())
}

fn parameter(name: &str, says: &str, schema: Schema) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(says))
        .schema(Some(schema))
        .build()
}

/// The headers of an answer with this status.
pub(in crate::http) fn returned_headers(status: &str) -> BTreeMap<String, RefOr<Header>> {
    let mut headers = BTreeMap::new();
    if matches!(status, "400" | "401" | "403" | "406" | "413" | "415" | "429") {
        // Refused at the door: there is no operation.
        return headers;
    }
    let mut add = |name: &str, says: &str, example: Value| {
        let mut header = Header::default();
        header.description = Some(says.to_owned());
        header.example = Some(example);
        headers.insert(name.to_owned(), RefOr::T(header));
    };
    let operation = "Id of the operation that the write became; not where it was refused before it was one";
    add("Operation-Id", operation, json!("op0199b2a0c4e57d1f8a2b6c3d4e5f6071"));
    add("Idempotency-Replayed", "`true` where an earlier request with the same key made the operation", json!("true"));
    add("Preference-Applied", "The preferences that were followed (RFC 7240)", json!("wait=5"));
    match status {
        "201" => add("Location", "Path of the record", json!("/v1/contacts/seD4PfOuKoVMLkEZqohJ")),
        "202" => {
            add("Location", "Path of the operation", json!("/v1/operations/op0199b2a0c4e57d1f8a2b6c3d4e5f6071"));
            add("Retry-After", "When to look there, seconds", json!("1"));
        }
        _ => {}
    }
    headers
}

/// From a 202 to what became of it.
pub(in crate::http) fn link_to_operation() -> Link {
    Link::builder().operation_id("get_operation").parameter("operationId", "$response.body#/id").build()
}
