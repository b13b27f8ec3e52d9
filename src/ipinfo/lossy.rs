//! Values as they come: one fact is a double in one file, a float or a text in the next, and a map in a third.
//!
//! MMDB decoding is type-strict and JSON answers vary by plan, so every field is read through [`Scalar`] or [`Node`], which
//! take any type and fail on none; what cannot be understood is simply not known. Texts are borrowed where they can be.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// A value that should be a text, a number or a flag.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Scalar<'a> {
    /// Absent, `null`, or of a type that means nothing here.
    #[default]
    Nothing,
    Text(Cow<'a, str>),
    Integer(i64),
    Double(f64),
    /// 32-bit: read as the shortest decimal that means it, as its further digits are noise.
    Float(f32),
    Flag(bool),
}

impl<'a> Scalar<'a> {
    /// The text, trimmed; an empty one is none. A number is written out.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(trimmed(text))).filter(|text| !text.is_empty()),
            Self::Integer(number) => Some(Cow::Owned(number.to_string())),
            Self::Nothing | Self::Double(_) | Self::Float(_) | Self::Flag(_) => None,
        }
    }

    /// [`Scalar::text`], owned.
    pub(super) fn string(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(trimmed(text)).filter(|text| !text.is_empty()).map(str::to_owned),
            Self::Integer(number) => Some(number.to_string()),
            Self::Nothing | Self::Double(_) | Self::Float(_) | Self::Flag(_) => None,
        }
    }

    /// A finite number, also from a text.
    pub(super) fn number(&self) -> Option<f64> {
        let number = match self {
            #[expect(clippy::cast_precision_loss, reason = "coordinates and radii are small")]
            Self::Integer(number) => *number as f64,
            Self::Double(number) => *number,
            Self::Float(number) => number.to_string().parse().ok()?,
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Nothing | Self::Flag(_) => return None,
        };
        number.is_finite().then_some(number)
    }

    /// A whole number that fits, also from a text or a double.
    pub(super) fn whole(&self) -> Option<u32> {
        if let Self::Integer(number) = self {
            return u32::try_from(*number).ok();
        }
        let number = self.number()?.round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
        (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
    }

    /// A flag, also from `"true"`, `"false"`, 1 and 0. An empty text is not known.
    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Integer(0) => Some(false),
            Self::Integer(1) => Some(true),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            Self::Nothing | Self::Text(_) | Self::Integer(_) | Self::Double(_) | Self::Float(_) => None,
        }
    }

    /// The number of an autonomous system, from `"AS13335"`, `"13335"` or 13335; 0 is none.
    pub(super) fn asn(&self) -> Option<u32> {
        let number = match self {
            Self::Text(text) => {
                let text = text.trim();
                let digits = text.get(..2).filter(|head| head.eq_ignore_ascii_case("as")).map_or(text, |_| &text[2..]);
                digits.parse().ok()?
            }
            Self::Integer(_) | Self::Double(_) => self.whole()?,
            Self::Nothing | Self::Float(_) | Self::Flag(_) => return None,
        };
        (number != 0).then_some(number)
    }

    /// This value, or the other where this says nothing.
    pub(super) fn or(&'a self, other: &'a Self) -> &'a Self {
        match self {
            Self::Nothing => other,
            Self::Text(text) if trimmed(text).is_empty() => other,
            Self::Text(_) | Self::Integer(_) | Self::Double(_) | Self::Float(_) | Self::Flag(_) => self,
        }
    }
}

/// As `str::trim`, at once where neither end can be a blank.
fn trimmed(text: &str) -> &str {
    let plain = |end: Option<&u8>| end.is_some_and(u8::is_ascii_graphic);
    let bytes = text.as_bytes();
    if plain(bytes.first()) && plain(bytes.last()) { text } else { text.trim() }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

/// What both visitors do with a value that is neither map nor list.
macro_rules! visit_scalars {
    ($wrap:expr) => {
        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Text(Cow::Borrowed(text))))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Text(Cow::Owned(text.to_owned()))))
        }

        fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Flag(flag)))
        }

        fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Integer(number)))
        }

        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            Ok($wrap(i64::try_from(number).map_or(Scalar::Nothing, Scalar::Integer)))
        }

        fn visit_u128<E>(self, number: u128) -> Result<Self::Value, E> {
            Ok($wrap(i64::try_from(number).map_or(Scalar::Nothing, Scalar::Integer)))
        }

        fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Double(number)))
        }

        fn visit_f32<E>(self, number: f32) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Float(number)))
        }

        fn visit_bytes<E>(self, _: &[u8]) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Nothing))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Nothing))
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok($wrap(Scalar::Nothing))
        }

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
    };
}

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    visit_scalars!(std::convert::identity);

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }
}

/// A value that is a map in one schema and a plain value in another. Of a list the first element counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node<'a, T> {
    /// The plain value, where it is one.
    pub(super) scalar: Scalar<'a>,
    /// The map, where it is one.
    pub(super) map: Option<Box<T>>,
}

impl<T> Default for Node<'_, T> {
    fn default() -> Self {
        Self { scalar: Scalar::Nothing, map: None }
    }
}

impl<'a, T> Node<'a, T> {
    const fn plain(scalar: Scalar<'a>) -> Self {
        Self { scalar, map: None }
    }

    /// What the map yields; nothing where there is no map.
    pub(super) fn inner<'s, R: Default>(&'s self, read: impl FnOnce(&'s T) -> R) -> R {
        self.map.as_deref().map(read).unwrap_or_default()
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Node<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor(PhantomData))
    }
}

struct NodeVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for NodeVisitor<T> {
    type Value = Node<'de, T>;

    visit_scalars!(Node::plain);

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let map = T::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Node { scalar: Scalar::Nothing, map: Some(Box::new(map)) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let first = seq.next_element::<Node<'de, T>>()?.unwrap_or_default();
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn scalar(value: &Value) -> Scalar<'_> {
        Scalar::deserialize(value).unwrap()
    }

    #[test]
    fn a_number_is_read_however_it_is_written() {
        for value in [json!(-33.5), json!("-33.5"), json!(" -33.5 ")] {
            assert_eq!(scalar(&value).number(), Some(-33.5));
        }
        assert_eq!(Scalar::Float(-33.867_85).number(), Some(-33.867_85));
        assert_eq!(scalar(&json!(0)).number(), Some(0.0));
        assert_eq!(Scalar::Double(f64::NAN).number(), None);
        for value in [json!(""), json!("north"), json!("inf"), json!(null), json!([1]), json!({"a": 1}), json!(true)] {
            assert_eq!(scalar(&value).number(), None, "{value}");
        }
        assert_eq!((scalar(&json!("5000")).whole(), scalar(&json!(-1)).whole()), (Some(5000), None));
    }

    #[test]
    fn a_flag_is_read_however_it_is_written() {
        for (value, flag) in [
            (json!(true), Some(true)),
            (json!("true"), Some(true)),
            (json!("False"), Some(false)),
            (json!(0), Some(false)),
            (json!(""), None),
            (json!("yes"), None),
            (json!(null), None),
        ] {
            assert_eq!(scalar(&value).flag(), flag, "{value}");
        }
    }

    #[test]
    fn an_autonomous_system_is_read_however_it_is_written() {
        for (value, number) in [
            (json!("AS13335"), Some(13335)),
            (json!("as13335"), Some(13335)),
            (json!("13335"), Some(13335)),
            (json!(13335), Some(13335)),
            (json!("AS4294967295"), Some(u32::MAX)),
            (json!("AS4294967296"), None),
            (json!("AS0"), None),
            (json!(""), None),
            (json!("ÄS1"), None),
            (json!("AS"), None),
        ] {
            assert_eq!(scalar(&value).asn(), number, "{value}");
        }
    }

    #[test]
    fn a_node_is_a_map_a_plain_value_or_a_lists_first() {
        type Names<'a> = Node<'a, std::collections::BTreeMap<String, String>>;
        let (map, list) = (json!({"en": "x"}), json!([{"en": "x"}, {"en": "y"}]));
        for value in [&map, &list] {
            let node = Names::deserialize(value).unwrap();
            assert_eq!(node.inner(|names| names.get("en").cloned()), Some("x".to_owned()));
        }
        assert_eq!(Names::deserialize(&json!("x")).unwrap().scalar.string().as_deref(), Some("x"));
        assert_eq!(Names::deserialize(&json!([])).unwrap(), Names::default());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let scalar = Scalar::Text(Cow::Borrowed(&text));
            let _ = (scalar.text(), scalar.number(), scalar.whole(), scalar.flag(), scalar.asn());
        }
    }
}
