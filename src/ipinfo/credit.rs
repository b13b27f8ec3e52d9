//! The credits that the data's licences ask for. Not legal advice: an operator reads the licence of what they use.

use serde::Serialize;
use utoipa::ToSchema;

/// One credit, for `/v1/attribution` and wherever results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credit {
    /// Whom.
    #[schema(value_type = String)]
    pub name: &'static str,
    /// Where a visible link must lead.
    #[schema(value_type = String)]
    pub url: &'static str,
    /// The licence of the data.
    #[schema(value_type = String)]
    pub licence: &'static str,
    /// The sentence to show.
    #[schema(value_type = String)]
    pub text: &'static str,
}

/// Whose data answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// `IPinfo` Lite and the free files before it.
    IpinfoFree,
    /// `IPinfo`'s other products.
    Ipinfo,
    GeoLite,
    MaxMind,
    DbIp,
    IpLocationDb,
    /// The registries' statistics, compiled in.
    Registries,
    Unknown,
}

impl Source {
    /// The credit this source asks for.
    pub(super) const fn credit(self) -> Credit {
        match self {
            Self::IpinfoFree => Credit { licence: "CC BY-SA 4.0", ..IPINFO },
            Self::Ipinfo => IPINFO,
            Self::GeoLite => GEOLITE,
            Self::MaxMind => MAXMIND,
            Self::DbIp => DB_IP,
            Self::IpLocationDb => IP_LOCATION_DB,
            Self::Registries => REGISTRIES,
            Self::Unknown => UNKNOWN,
        }
    }
}

const IPINFO: Credit = Credit {
    name: "IPinfo",
    url: "https://ipinfo.io",
    licence: "IPinfo terms of service",
    text: "IP address data is powered by IPinfo.",
};

const GEOLITE: Credit = Credit {
    name: "MaxMind",
    url: "https://www.maxmind.com",
    licence: "GeoLite2 End User License Agreement",
    text: "This product includes GeoLite2 Data created by MaxMind, available from https://www.maxmind.com.",
};

const MAXMIND: Credit = Credit {
    licence: "MaxMind end user licence agreement",
    text: "This product includes GeoIP data created by MaxMind, available from https://www.maxmind.com.",
    ..GEOLITE
};

const DB_IP: Credit =
    Credit { name: "DB-IP", url: "https://db-ip.com", licence: "CC BY 4.0", text: "IP Geolocation by DB-IP." };

const IP_LOCATION_DB: Credit = Credit {
    name: "ip-location-db",
    url: "https://github.com/sapics/ip-location-db",
    licence: "that of the packaged data set",
    text: "IP address data packaged by ip-location-db; credit its source as its licence asks.",
};

const REGISTRIES: Credit = Credit {
    name: "Number Resource Organization",
    url: "https://www.nro.net",
    licence: "CC BY 4.0",
    text: "Country data derived from the delegated statistics of AFRINIC, APNIC, ARIN, LACNIC and RIPE NCC.",
};

const UNKNOWN: Credit = Credit {
    name: "the configured IP database",
    url: "",
    licence: "unknown",
    text: "IP address data from a file the operator supplied; credit its source as its licence asks.",
};
