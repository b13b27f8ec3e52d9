//! A small writer of the MaxMind DB format, for tests: schemas of which no file may be shipped, and odd ones.

use ipnetwork::IpNetwork;
use std::net::IpAddr;

/// A value of a record.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    Text(&'static str),
    Double(f64),
    Float(f32),
    U16(u16),
    U32(u32),
    U64(u64),
    Bool(bool),
    List(Vec<Data>),
    Map(Vec<(&'static str, Data)>),
}

/// A file to be.
#[derive(Debug, Clone)]
pub(crate) struct MmdbFile {
    pub(crate) database_type: &'static str,
    pub(crate) ip_version: u16,
    pub(crate) build_epoch: u64,
    pub(crate) records: Vec<(&'static str, Data)>,
}

impl MmdbFile {
    /// A file with one record for each network, able to hold both families.
    pub(crate) fn new(database_type: &'static str, records: Vec<(&'static str, Data)>) -> Self {
        Self { database_type, ip_version: 6, build_epoch: 1_790_000_000, records }
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut data = Vec::new();
        let mut tree = vec![[Child::Nothing; 2]];
        for (network, record) in &self.records {
            let offset = data.len();
            encode(record, &mut data);
            insert(&mut tree, &self.path(network.parse().unwrap()), offset);
        }
        let mut bytes = Vec::new();
        for child in tree.iter().flatten() {
            let value = match child {
                Child::Nothing => tree.len(),
                Child::Node(index) => *index,
                Child::Record(offset) => tree.len() + 16 + offset,
            };
            bytes.extend(u32::try_from(value).unwrap().to_be_bytes());
        }
        bytes.extend([0; 16]);
        bytes.extend(data);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        encode(&self.metadata(tree.len()), &mut bytes);
        bytes
    }

    fn metadata(&self, nodes: usize) -> Data {
        Data::Map(vec![
            ("binary_format_major_version", Data::U16(2)),
            ("binary_format_minor_version", Data::U16(0)),
            ("build_epoch", Data::U64(self.build_epoch)),
            ("database_type", Data::Text(self.database_type)),
            ("description", Data::Map(Vec::new())),
            ("ip_version", Data::U16(self.ip_version)),
            ("languages", Data::List(Vec::new())),
            ("node_count", Data::U32(u32::try_from(nodes).unwrap())),
            ("record_size", Data::U16(32)),
        ])
    }

    /// The bits that lead to a network; IPv4 lies under `::/96` where both families are held.
    fn path(&self, network: IpNetwork) -> Vec<bool> {
        let (bits, length) = match network.network() {
            IpAddr::V4(v4) if self.ip_version == 4 => (u128::from(u32::from(v4)) << 96, network.prefix()),
            IpAddr::V4(v4) => (u128::from(u32::from(v4)), network.prefix() + 96),
            IpAddr::V6(v6) => (u128::from(v6), network.prefix()),
        };
        (0..length).map(|index| bits >> (127 - index) & 1 == 1).collect()
    }
}

#[derive(Debug, Clone, Copy)]
enum Child {
    Nothing,
    Node(usize),
    Record(usize),
}

fn insert(tree: &mut Vec<[Child; 2]>, path: &[bool], offset: usize) {
    let (last, way) = path.split_last().unwrap();
    let mut node = 0;
    for &bit in way {
        node = match tree[node][usize::from(bit)] {
            Child::Node(next) => next,
            Child::Nothing => {
                tree.push([Child::Nothing; 2]);
                let next = tree.len() - 1;
                tree[node][usize::from(bit)] = Child::Node(next);
                next
            }
            Child::Record(_) => panic!("networks overlap"),
        };
    }
    tree[node][usize::from(*last)] = Child::Record(offset);
}

fn encode(data: &Data, out: &mut Vec<u8>) {
    match data {
        Data::Text(text) => {
            control(2, text.len(), out);
            out.extend(text.bytes());
        }
        Data::Double(number) => {
            control(3, 8, out);
            out.extend(number.to_be_bytes());
        }
        Data::U16(number) => {
            control(5, 2, out);
            out.extend(number.to_be_bytes());
        }
        Data::U32(number) => {
            control(6, 4, out);
            out.extend(number.to_be_bytes());
        }
        Data::U64(number) => {
            control(9, 8, out);
            out.extend(number.to_be_bytes());
        }
        Data::Bool(flag) => control(14, usize::from(*flag), out),
        Data::Float(number) => {
            control(15, 4, out);
            out.extend(number.to_be_bytes());
        }
        Data::List(values) => {
            control(11, values.len(), out);
            values.iter().for_each(|value| encode(value, out));
        }
        Data::Map(pairs) => {
            control(7, pairs.len(), out);
            for (key, value) in pairs {
                encode(&Data::Text(key), out);
                encode(value, out);
            }
        }
    }
}

/// The control byte, the extended type and the size; sizes up to 284 suffice here.
fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    let (small, more) = if size < 29 { (size, None) } else { (29, Some(u8::try_from(size - 29).unwrap())) };
    let small = u8::try_from(small).unwrap();
    if kind < 8 {
        out.push(kind << 5 | small);
    } else {
        out.extend([small, kind - 7]);
    }
    out.extend(more);
}
