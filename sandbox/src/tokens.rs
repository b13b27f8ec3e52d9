//! The fixed credentials and names of every sandbox. They open nothing but a sandbox.

/// The first location; all examples live here.
pub const LOCATION_1: &str = "sandboxLocation00001";
/// The second location, to show that tenants are apart.
pub const LOCATION_2: &str = "sandboxLocation00002";
/// The agency both belong to, and all further ones.
pub const COMPANY: &str = "sandboxCompany000001";

/// The id of the `number`-th location, counted from 1: `sandboxLocation00003` is the first beside the two above.
pub fn location(number: usize) -> String {
    format!("sandboxLocation{number:05}")
}

/// Private integration token of location 1, all scopes.
pub const PIT_LOCATION_1: &str = "pit-00000000-0000-4000-8000-000000000001";
/// Private integration token of location 2, all scopes.
pub const PIT_LOCATION_2: &str = "pit-00000000-0000-4000-8000-000000000002";
/// Location 1, `contacts.readonly` only.
pub const PIT_READ_ONLY: &str = "pit-00000000-0000-4000-8000-000000000003";
/// The agency's private integration token: every contacts route answers 401.
pub const PIT_AGENCY: &str = "pit-00000000-0000-4000-8000-000000000004";
/// Location 1, `locations.readonly` only: no contacts at all.
pub const PIT_NO_CONTACTS: &str = "pit-00000000-0000-4000-8000-000000000005";
/// An OAuth access token of location 1 that does not expire.
pub const OAUTH_LOCATION_1: &str = "sandbox.oauth-location-1.access";
/// An OAuth access token of the agency: wrong class for contacts.
pub const OAUTH_COMPANY: &str = "sandbox.oauth-company.access";
/// An OAuth access token of location 1 that expired long ago: `Invalid JWT`.
pub const OAUTH_EXPIRED: &str = "sandbox.oauth-expired.access";

/// The OAuth client's id.
pub const OAUTH_CLIENT_ID: &str = "000000000000000000000001-sandbox1";
/// The OAuth client's secret.
pub const OAUTH_CLIENT_SECRET: &str = "00000000-0000-4000-8000-0000000000ff";

/// The app's id: what `appId` is asked for, and the first part of the client's id.
pub const APP_ID: &str = "000000000000000000000001";
/// The app's version, as tokens and installations name it.
pub const APP_VERSION_ID: &str = "000000000000000000000002";

/// The Ed25519 key that webhooks are verified with: SPKI DER in base64, in the form in which GHL publishes its own.
pub const WEBHOOK_PUBLIC_KEY: &str = "MCowBQYDK2VwAyEAbgA0KxNE5n8a7o7pnk1STRMtBpyBcZPQkJYqCQ04HOU=";

/// IPinfo token with every product.
pub const IPINFO_TOKEN: &str = "sandboxipinfo1";
/// IPinfo token of a free account: Lite and legacy only.
pub const IPINFO_LITE_TOKEN: &str = "sandboxiplite1";

/// The example contact of the documentation, in location 1.
pub const EXAMPLE_CONTACT: &str = "seD4PfOuKoVMLkEZqohJ";
/// The business that the example contact shares with a few others.
pub const EXAMPLE_BUSINESS: &str = "63771dcac1116f0e21de8e12";
