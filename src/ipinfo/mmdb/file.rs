//! One opened file: how it is held, which schema it has, what it answers.

use super::{
    nested::NestedRecord,
    schema::{self, Keys, Schema},
};
use crate::ipinfo::{credit::Source, facts::Facts, record::Record};
use ipnetwork::IpNetwork;
use jiff::Timestamp;
use maxminddb::{MaxMindDbError, Mmap, Reader};
use std::{fs, io, net::IpAddr, path::Path, sync::Arc, time::SystemTime};

/// Records whose keys are looked at when a file is opened, to know its schema.
const KEY_PROBES: usize = 20;

/// Records read at most, until one says something: many a file begins with networks of which it knows nothing.
const PROBES: usize = 1000;

/// An opened file. Immutable: a new file is another `Database`.
#[derive(Debug)]
pub(super) struct Database {
    content: Content,
    schema: Schema,
    pub(super) source: Source,
    pub(super) database_type: Arc<str>,
    pub(super) built_at: Option<Timestamp>,
    pub(super) stamp: Stamp,
}

#[derive(Debug)]
enum Content {
    Memory(Reader<Vec<u8>>),
    Mapped(Reader<Mmap>),
}

/// What tells one file from another that took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    pub(super) length: u64,
    inode: u64,
}

impl Stamp {
    /// The stamp of the file that stands at `path` now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self { modified: metadata.modified().ok(), length: metadata.len(), inode: inode(&metadata) })
    }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
const fn inode(_: &fs::Metadata) -> u64 {
    0
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[source] io::Error),
    /// It is no MaxMind DB file, or a damaged one.
    #[error("it is no intact MaxMind DB file: {0}")]
    Format(String),
    /// It holds nothing, or nothing we know.
    #[error("none of its records holds a fact this service knows (database_type {0:?})")]
    Nothing(String),
}

impl From<MaxMindDbError> for OpenError {
    fn from(error: MaxMindDbError) -> Self {
        match error {
            MaxMindDbError::Io(error) | MaxMindDbError::Mmap(error) => Self::Io(error),
            other => Self::Format(other.to_string()),
        }
    }
}

impl Database {
    /// Opens the file at `path`: reads it whole, or maps it if it has at least `map_min_bytes`.
    ///
    /// The stamp is taken before the file is opened, so that a file renamed into place meanwhile is noticed by the next look.
    pub(super) fn open(path: &Path, map_min_bytes: u64) -> Result<Self, OpenError> {
        let stamp = Stamp::of(path).map_err(OpenError::Io)?;
        let content = if stamp.length >= map_min_bytes { Content::map(path)? } else { Content::read(path)? };
        Self::probed(content, stamp)
    }

    fn probed(content: Content, stamp: Stamp) -> Result<Self, OpenError> {
        let metadata = content.metadata();
        let database_type: Arc<str> = metadata.database_type.as_str().into();
        let built_at = i64::try_from(metadata.build_epoch).ok().and_then(|second| Timestamp::from_second(second).ok());
        let keys = content.keys()?.ok_or_else(|| OpenError::Nothing(database_type.to_string()))?;
        let schema = Schema::detect(&database_type, &keys);
        if content.probe(schema)? {
            let source = schema::source(&database_type);
            Ok(Self { content, schema, source, database_type, built_at, stamp })
        } else {
            Err(OpenError::Nothing(database_type.to_string()))
        }
    }

    /// What the file knows of a canonical address; `None` is a miss.
    pub(super) fn look_up(&self, address: IpAddr) -> Result<Option<Facts>, MaxMindDbError> {
        match &self.content {
            Content::Memory(reader) => look_up(reader, self.schema, address),
            Content::Mapped(reader) => look_up(reader, self.schema, address),
        }
    }

    /// Whether the file is mapped into memory rather than read.
    pub(super) const fn is_mapped(&self) -> bool {
        matches!(self.content, Content::Mapped(_))
    }
}

impl Content {
    fn read(path: &Path) -> Result<Self, OpenError> {
        Ok(Self::Memory(Reader::open_readfile(path)?))
    }

    fn map(path: &Path) -> Result<Self, OpenError> {
        #[expect(
            unsafe_code,
            reason = "a mapped file must not be rewritten in place; the setting's comment says to rename"
        )]
        // SAFETY: the file is only read, and the documented way to replace it is a rename, which leaves this inode alone.
        let reader = unsafe { Reader::open_mmap(path)? };
        Ok(Self::Mapped(reader))
    }

    fn metadata(&self) -> &maxminddb::Metadata {
        match self {
            Self::Memory(reader) => reader.metadata(),
            Self::Mapped(reader) => reader.metadata(),
        }
    }

    /// The keys of the first records; `None` where there is no record.
    fn keys(&self) -> Result<Option<Keys>, OpenError> {
        match self {
            Self::Memory(reader) => keys(reader),
            Self::Mapped(reader) => keys(reader),
        }
    }

    /// Whether one of the first records says something; an error where one before it cannot be decoded.
    fn probe(&self, schema: Schema) -> Result<bool, OpenError> {
        match self {
            Self::Memory(reader) => probe(reader, schema),
            Self::Mapped(reader) => probe(reader, schema),
        }
    }
}

fn keys<S: AsRef<[u8]>>(reader: &Reader<S>) -> Result<Option<Keys>, OpenError> {
    let mut keys: Option<Keys> = None;
    for found in reader.networks(maxminddb::WithinOptions::default())?.take(KEY_PROBES) {
        if let Some(more) = found?.decode::<Keys>()? {
            keys.get_or_insert_default().add(more);
        }
    }
    Ok(keys)
}

fn probe<S: AsRef<[u8]>>(reader: &Reader<S>, schema: Schema) -> Result<bool, OpenError> {
    for found in reader.networks(maxminddb::WithinOptions::default())?.take(PROBES) {
        if decode(&found?, schema)?.is_some_and(|facts| !facts.says_nothing()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn look_up<S: AsRef<[u8]>>(
    reader: &Reader<S>,
    schema: Schema,
    address: IpAddr,
) -> Result<Option<Facts>, MaxMindDbError> {
    // The reader calls an IPv6 address in an IPv4-only file an error; here it is a miss.
    if address.is_ipv6() && reader.metadata().ip_version == 4 {
        return Ok(None);
    }
    let found = reader.lookup(address)?;
    let mut facts = decode(&found, schema)?;
    match &mut facts {
        Some(facts) if facts.says_nothing() => return Ok(None),
        Some(facts) => facts.network = found.network().ok().and_then(|network| normalised(network, address)),
        None => {}
    }
    Ok(facts)
}

fn decode<S: AsRef<[u8]>>(
    found: &maxminddb::LookupResult<'_, S>,
    schema: Schema,
) -> Result<Option<Facts>, MaxMindDbError> {
    Ok(match schema {
        Schema::Flat(kind) => found.decode::<Record<'_>>()?.map(|record| record.facts(kind)),
        Schema::Nested => found.decode::<NestedRecord<'_>>()?.map(|record| record.facts()),
    })
}

/// The network without host bits, in the family of the address. A network above the IPv4 space says nothing of it.
fn normalised(network: IpNetwork, address: IpAddr) -> Option<IpNetwork> {
    let (head, prefix) = match (network, address) {
        (IpNetwork::V6(v6), IpAddr::V4(_)) => {
            let mapped = v6.network().to_ipv4().filter(|_| v6.prefix() >= 96)?;
            (IpAddr::V4(mapped), v6.prefix() - 96)
        }
        _ => (network.network(), network.prefix()),
    };
    IpNetwork::new(head, prefix).ok().filter(|network| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_normalised() {
        for (network, address, expected) in [
            ("10.1.2.3/8", "10.9.9.9", Some("10.0.0.0/8")),
            ("::ffff:1.2.3.4/120", "1.2.3.9", Some("1.2.3.0/24")),
            ("::1.2.3.4/120", "1.2.3.9", Some("1.2.3.0/24")),
            ("::/64", "1.2.3.4", None),
            ("2001:db8::1/32", "2001:db8::2", Some("2001:db8::/32")),
        ] {
            let found = normalised(network.parse().unwrap(), address.parse().unwrap());
            assert_eq!(found.map(|network| network.to_string()).as_deref(), expected, "{network}");
        }
    }
}
