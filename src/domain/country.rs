//! Countries: name, continent, EU membership, currency and flag by ISO 3166-1 alpha-2 code.
//!
//! One table of ours, so that a backend that knows just a code yields the same words as one that spells everything out.
//! It also reads what a person typed into a CRM, to compare it with what an address says.

mod table;

use std::{collections::HashMap, sync::LazyLock};

/// A country or territory with an ISO 3166-1 code.
///
/// ```
/// use ghl_enrich::domain::country::Country;
/// let country = Country::by_code("bg").unwrap();
/// assert_eq!((country.name, country.currency, country.in_eu()), ("Bulgaria", Some("EUR"), true));
/// assert_eq!(country.flag(), "🇧🇬");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country {
    /// Alpha-2 code.
    pub code: &'static str,
    /// Alpha-3 code.
    pub alpha3: &'static str,
    /// Short English name.
    pub name: &'static str,
    /// The continent it counts to.
    pub continent: Continent,
    /// Whether it is a member of the European Union.
    pub eu: EuMembership,
    /// ISO 4217 code of its currency; Antarctica has none.
    pub currency: Option<&'static str>,
}

/// Whether a country is one of the 27 members of the European Union.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EuMembership {
    /// A member.
    Member,
    /// Not a member. Territories of members with a code of their own count here, as `IPinfo` counts them.
    Outside,
}

/// A continent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Continent {
    Africa,
    Antarctica,
    Asia,
    Europe,
    NorthAmerica,
    Oceania,
    SouthAmerica,
}

impl Continent {
    /// Every continent.
    pub const ALL: [Self; 7] = [
        Self::Africa,
        Self::Antarctica,
        Self::Asia,
        Self::Europe,
        Self::NorthAmerica,
        Self::Oceania,
        Self::SouthAmerica,
    ];

    /// AF, AN, AS, EU, NA, OC or SA.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Africa => "AF",
            Self::Antarctica => "AN",
            Self::Asia => "AS",
            Self::Europe => "EU",
            Self::NorthAmerica => "NA",
            Self::Oceania => "OC",
            Self::SouthAmerica => "SA",
        }
    }

    /// English name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Africa => "Africa",
            Self::Antarctica => "Antarctica",
            Self::Asia => "Asia",
            Self::Europe => "Europe",
            Self::NorthAmerica => "North America",
            Self::Oceania => "Oceania",
            Self::SouthAmerica => "South America",
        }
    }

    /// The continent with this code, in either case.
    #[must_use]
    pub fn by_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|continent| continent.code().eq_ignore_ascii_case(code))
    }
}

impl Country {
    /// Every country, by code.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &table::COUNTRIES
    }

    /// The country with this alpha-2 code, in either case.
    #[must_use]
    pub fn by_code(code: &str) -> Option<&'static Self> {
        let [first, second] = code.as_bytes() else { return None };
        let upper = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
        let countries = Self::all();
        let index = countries.binary_search_by(|country| country.code.as_bytes().cmp(&upper)).ok()?;
        countries.get(index)
    }

    /// Whether it is a member of the European Union.
    #[must_use]
    pub fn in_eu(&self) -> bool {
        self.eu == EuMembership::Member
    }

    /// Its flag: the two regional indicator symbols of its code.
    #[must_use]
    pub fn flag(&self) -> String {
        let mut flag = String::with_capacity(8);
        let symbol = |letter: u8| char::from_u32(REGIONAL_INDICATOR_A + u32::from(letter.wrapping_sub(b'A')));
        flag.extend(self.code.bytes().filter_map(symbol));
        flag
    }
}

/// U+1F1E6, regional indicator symbol letter A.
const REGIONAL_INDICATOR_A: u32 = 0x1F1E6;

/// The longest text [`code_from_text`] looks at, in bytes.
const MAX_TEXT_BYTES: usize = 128;

/// The alpha-2 code of what a person typed: a code of two or three letters, an English name, or what else a country is
/// commonly called. Case, accents and punctuation do not matter.
///
/// ```
/// use ghl_enrich::domain::country::code_from_text;
/// assert_eq!(code_from_text(" u.s.a. "), Some("US"));
/// assert_eq!(code_from_text("Cote d'Ivoire"), Some("CI"));
/// assert_eq!(code_from_text("Atlantis"), None);
/// ```
#[must_use]
pub fn code_from_text(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT_BYTES {
        return None;
    }
    if let Some(country) = Country::by_code(text) {
        return Some(country.code);
    }
    BY_TEXT.get(fold(text).as_str()).copied()
}

/// Folded names, alpha-3 codes and aliases.
static BY_TEXT: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let named = Country::all()
        .iter()
        .flat_map(|country| [(fold(country.name), country.code), (country.alpha3.to_ascii_lowercase(), country.code)]);
    let aliased = table::ALIASES.into_iter().map(|(alias, code)| (alias.to_owned(), code));
    named.chain(aliased).collect()
});

/// Lower case, without accents, punctuation as one blank, `&` as `and`, `st` as `saint`, without `the` at either end.
fn fold(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 8);
    for character in text.chars().flat_map(char::to_lowercase) {
        match character {
            '&' => plain.push_str(" and "),
            _ if character.is_ascii_alphanumeric() => plain.push(character),
            _ => match unaccented(character) {
                Some(letter) => plain.push(letter),
                None if is_combining(character) => {}
                None => plain.push(' '),
            },
        }
    }
    let mut folded = String::with_capacity(plain.len());
    for (index, word) in plain.split_whitespace().enumerate() {
        if index == 0 && word == "the" {
            continue;
        }
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(if word == "st" { "saint" } else { word });
    }
    if folded.ends_with(" the") {
        folded.truncate(folded.len() - " the".len());
    }
    folded
}

const fn is_combining(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

/// The plain letter of an accented one, for those that occur in names of countries.
const fn unaccented(character: char) -> Option<char> {
    Some(match character {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn the_table_is_sorted_and_whole() {
        let all = Country::all();
        assert!(all.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert_eq!(all.iter().filter(|country| country.in_eu()).count(), 27);
        assert_eq!(all.iter().map(|country| country.alpha3).collect::<HashSet<_>>().len(), 250);
        assert_eq!(all.iter().map(|country| country.name).collect::<HashSet<_>>().len(), 250);
        for country in all {
            assert!(country.code.bytes().all(|b| b.is_ascii_uppercase()) && country.code.len() == 2, "{country:?}");
            assert!(country.alpha3.bytes().all(|b| b.is_ascii_uppercase()) && country.alpha3.len() == 3);
            assert_eq!(country.currency.is_none(), country.code == "AQ");
            assert!(country.currency.is_none_or(|code| code.len() == 3), "{country:?}");
            assert_eq!(country.flag().chars().count(), 2);
            assert_eq!(Country::by_code(&country.code.to_lowercase()), Some(country));
            assert_eq!(code_from_text(country.name), Some(country.code), "{}", country.name);
            assert_eq!(code_from_text(country.alpha3), Some(country.code));
        }
    }

    #[test]
    fn aliases_are_folded_lead_to_a_country_and_hide_no_name() {
        for (alias, code) in table::ALIASES {
            assert_eq!(fold(alias), alias);
            assert!(Country::by_code(code).is_some(), "{alias}");
            let named = Country::all().iter().find(|country| fold(country.name) == alias);
            assert!(named.is_none_or(|country| country.code == code), "{alias}");
        }
        let distinct: HashSet<_> = table::ALIASES.iter().map(|(alias, _)| alias).collect();
        assert_eq!(distinct.len(), table::ALIASES.len());
    }

    #[test]
    fn what_people_type_is_understood() {
        let cases = [
            ("USA", "US"),
            ("U.S.A.", "US"),
            ("the United States", "US"),
            ("United States of America", "US"),
            ("UK", "GB"),
            ("Great Britain", "GB"),
            ("gb", "GB"),
            ("St. Lucia", "LC"),
            ("Trinidad & Tobago", "TT"),
            ("Türkiye", "TR"),
            ("TURKEY", "TR"),
            ("Reunion", "RE"),
            ("Côte d’Ivoire", "CI"),
            ("Kosovo", "XK"),
            ("Korea, Republic of", "KR"),
            ("Gambia, The", "GM"),
            ("Bahamas", "BS"),
        ];
        for (text, code) in cases {
            assert_eq!(code_from_text(text), Some(code), "{text}");
        }
        for text in ["", "  ", "Atlantis", "EU", "ZZ", "AP", "x", "🇦🇺"] {
            assert_eq!(code_from_text(text), None, "{text}");
        }
    }

    #[test]
    fn continents_have_codes_and_names() {
        for continent in Continent::ALL {
            assert_eq!(Continent::by_code(continent.code()), Some(continent));
            assert!(!continent.name().is_empty());
        }
        assert_eq!(Country::by_code("AU").map(|country| country.continent), Some(Continent::Oceania));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = code_from_text(&text);
            let _ = Country::by_code(&text);
        }
    }
}
