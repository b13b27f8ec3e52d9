//! A curated table of real public addresses: providers, mobile carriers, universities, hosting, VPN, Tor, relays, in many
//! countries and both hemispheres. Seeded contacts come from here; every other address is derived from it, so that the
//! sandbox always says the same. Facts are plausible rather than current: this is test data.

/// A place.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) key: &'static str,
    pub(crate) country_code: &'static str,
    pub(crate) region: &'static str,
    pub(crate) region_code: &'static str,
    pub(crate) city: &'static str,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    pub(crate) timezone: &'static str,
    pub(crate) postal: &'static str,
    pub(crate) geoname_id: &'static str,
}

/// An address and who runs its network.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) ip: &'static str,
    place: &'static str,
    pub(crate) asn: u32,
    pub(crate) as_name: &'static str,
    pub(crate) as_domain: &'static str,
    /// `isp`, `hosting`, `business`, `education`, `government`
    pub(crate) as_type: &'static str,
    /// `mobile`, `hosting`, `vpn`, `proxy`, `tor`, `relay`, `anycast`, `satellite`, `resproxy`; some with `:detail`.
    pub(crate) traits: &'static [&'static str],
}

impl Host {
    pub(crate) fn place(&self) -> &'static Place {
        PLACES.iter().find(|place| place.key == self.place).unwrap_or(&PLACES[0])
    }

    pub(crate) fn has(&self, wanted: &str) -> bool {
        self.traits.iter().any(|found| found.split(':').next() == Some(wanted))
    }

    /// The part after the colon of a trait.
    pub(crate) fn detail(&self, wanted: &str) -> Option<&'static str> {
        self.traits.iter().find_map(|found| found.strip_prefix(wanted)?.strip_prefix(':'))
    }

    /// An address that says something about a person: no hosting, VPN, proxy, relay or Tor.
    pub(crate) fn is_personal(&self) -> bool {
        self.as_type != "hosting" && !["hosting", "vpn", "proxy", "tor", "relay", "anycast"].iter().any(|t| self.has(t))
    }
}

macro_rules! places {
    ($($key:literal $cc:literal $region:literal $code:literal $city:literal $lat:literal $lon:literal $tz:literal $postal:literal $geo:literal;)*) => {
        &[$(Place {
            key: $key, country_code: $cc, region: $region, region_code: $code, city: $city, latitude: $lat,
            longitude: $lon, timezone: $tz, postal: $postal, geoname_id: $geo,
        }),*]
    };
}

macro_rules! hosts {
    ($($ip:literal $place:literal $asn:literal $name:literal $domain:literal $kind:literal [$($t:literal),*];)*) => {
        &[$(Host {
            ip: $ip, place: $place, asn: $asn, as_name: $name, as_domain: $domain, as_type: $kind, traits: &[$($t),*],
        }),*]
    };
}

pub(crate) static PLACES: &[Place] = places! {
    "syd" "AU" "New South Wales" "NSW" "Sydney" -33.86785 151.20732 "Australia/Sydney" "2000" "2147714";
    "mel" "AU" "Victoria" "VIC" "Melbourne" -37.814 144.96332 "Australia/Melbourne" "3000" "2158177";
    "per" "AU" "Western Australia" "WA" "Perth" -31.95224 115.8614 "Australia/Perth" "6000" "2063523";
    "bne" "AU" "Queensland" "QLD" "Brisbane" -27.46794 153.02809 "Australia/Brisbane" "4000" "2174003";
    "akl" "NZ" "Auckland" "AUK" "Auckland" -36.84853 174.76349 "Pacific/Auckland" "1010" "2193733";
    "sfo" "US" "California" "CA" "San Francisco" 37.77493 -122.41942 "America/Los_Angeles" "94103" "5391959";
    "mtv" "US" "California" "CA" "Mountain View" 37.38605 -122.08385 "America/Los_Angeles" "94043" "5375480";
    "bkl" "US" "California" "CA" "Berkeley" 37.87159 -122.27275 "America/Los_Angeles" "94720" "5327684";
    "lax" "US" "California" "CA" "Los Angeles" 34.05223 -118.24368 "America/Los_Angeles" "90012" "5368361";
    "nyc" "US" "New York" "NY" "New York City" 40.71427 -74.00597 "America/New_York" "10001" "5128581";
    "cam" "US" "Massachusetts" "MA" "Cambridge" 42.3751 -71.10561 "America/New_York" "02139" "4931972";
    "dal" "US" "Texas" "TX" "Dallas" 32.78306 -96.80667 "America/Chicago" "75201" "4684888";
    "den" "US" "Colorado" "CO" "Denver" 39.73915 -104.9847 "America/Denver" "80202" "5419384";
    "ash" "US" "Virginia" "VA" "Ashburn" 39.04372 -77.48749 "America/New_York" "20147" "4744870";
    "yyz" "CA" "Ontario" "ON" "Toronto" 43.70011 -79.4163 "America/Toronto" "M5H" "6167865";
    "yvr" "CA" "British Columbia" "BC" "Vancouver" 49.24966 -123.11934 "America/Vancouver" "V6B" "6173331";
    "mex" "MX" "Mexico City" "CMX" "Mexico City" 19.42847 -99.12766 "America/Mexico_City" "06000" "3530597";
    "sao" "BR" "São Paulo" "SP" "São Paulo" -23.5475 -46.63611 "America/Sao_Paulo" "01000-000" "3448439";
    "bue" "AR" "Buenos Aires F.D." "C" "Buenos Aires" -34.61315 -58.37723 "America/Argentina/Buenos_Aires" "1001" "3435910";
    "scl" "CL" "Santiago Metropolitan" "RM" "Santiago" -33.45694 -70.64827 "America/Santiago" "8320000" "3871336";
    "bog" "CO" "Bogota D.C." "DC" "Bogotá" 4.60971 -74.08175 "America/Bogota" "110111" "3688689";
    "lim" "PE" "Lima Province" "LMA" "Lima" -12.04318 -77.02824 "America/Lima" "15001" "3936456";
    "lon" "GB" "England" "ENG" "London" 51.50853 -0.12574 "Europe/London" "EC1A" "2643743";
    "man" "GB" "England" "ENG" "Manchester" 53.48095 -2.23743 "Europe/London" "M1" "2643123";
    "oxf" "GB" "England" "ENG" "Oxford" 51.75222 -1.25596 "Europe/London" "OX1" "2640729";
    "dub" "IE" "Leinster" "L" "Dublin" 53.33306 -6.24889 "Europe/Dublin" "D02" "2964574";
    "par" "FR" "Île-de-France" "IDF" "Paris" 48.85341 2.3488 "Europe/Paris" "75001" "2988507";
    "muc" "DE" "Bavaria" "BY" "Munich" 48.13743 11.57549 "Europe/Berlin" "80331" "2867714";
    "ber" "DE" "State of Berlin" "BE" "Berlin" 52.52437 13.41053 "Europe/Berlin" "10117" "2950159";
    "fks" "DE" "Saxony" "SN" "Falkenstein" 50.47788 12.37129 "Europe/Berlin" "08223" "2927930";
    "ams" "NL" "North Holland" "NH" "Amsterdam" 52.37403 4.88969 "Europe/Amsterdam" "1012" "2759794";
    "utr" "NL" "Utrecht" "UT" "Utrecht" 52.09083 5.12222 "Europe/Amsterdam" "3511" "2745912";
    "vgo" "ES" "Galicia" "GA" "Vigo" 42.23282 -8.72264 "Europe/Madrid" "36393" "3105976";
    "rom" "IT" "Lazio" "62" "Rome" 41.89193 12.51133 "Europe/Rome" "00184" "3169070";
    "lis" "PT" "Lisbon" "11" "Lisbon" 38.71667 -9.13333 "Europe/Lisbon" "1000-001" "2267057";
    "zrh" "CH" "Zurich" "ZH" "Zürich" 47.36667 8.55 "Europe/Zurich" "8001" "2657896";
    "sto" "SE" "Stockholm" "AB" "Stockholm" 59.32938 18.06871 "Europe/Stockholm" "111 20" "2673730";
    "mma" "SE" "Skåne" "M" "Malmö" 55.60587 13.00073 "Europe/Stockholm" "211 11" "2692969";
    "waw" "PL" "Mazovia" "14" "Warsaw" 52.22977 21.01178 "Europe/Warsaw" "00-001" "756135";
    "buh" "RO" "București" "B" "Bucharest" 44.43225 26.10626 "Europe/Bucharest" "030031" "683506";
    "ath" "GR" "Attica" "I" "Athens" 37.98376 23.72784 "Europe/Athens" "105 57" "264371";
    "kbp" "UA" "Kyiv City" "30" "Kyiv" 50.45466 30.5238 "Europe/Kyiv" "01001" "703448";
    "ist" "TR" "Istanbul" "34" "Istanbul" 41.01384 28.94966 "Europe/Istanbul" "34122" "745044";
    "blr" "IN" "Karnataka" "KA" "Bengaluru" 12.97194 77.59369 "Asia/Kolkata" "560001" "1277333";
    "bom" "IN" "Maharashtra" "MH" "Mumbai" 19.07283 72.88261 "Asia/Kolkata" "400001" "1275339";
    "tyo" "JP" "Tokyo" "13" "Tokyo" 35.6895 139.69171 "Asia/Tokyo" "100-0001" "1850147";
    "sel" "KR" "Seoul" "11" "Seoul" 37.566 126.9784 "Asia/Seoul" "04524" "1835848";
    "cgo" "CN" "Henan" "HA" "Zhengzhou" 34.75778 113.64861 "Asia/Shanghai" "450000" "1784658";
    "sin" "SG" "Singapore" "01" "Singapore" 1.28967 103.85007 "Asia/Singapore" "018989" "1880252";
    "han" "VN" "Hanoi" "HN" "Hanoi" 21.0245 105.84117 "Asia/Ho_Chi_Minh" "100000" "1581130";
    "jkt" "ID" "Jakarta" "JK" "Jakarta" -6.21462 106.84513 "Asia/Jakarta" "10110" "1642911";
    "mnl" "PH" "Metro Manila" "00" "Manila" 14.6042 120.9822 "Asia/Manila" "1000" "1701668";
    "tlv" "IL" "Tel Aviv" "TA" "Tel Aviv" 32.08088 34.78057 "Asia/Jerusalem" "6100000" "293397";
    "dxb" "AE" "Dubai" "DU" "Dubai" 25.07725 55.30927 "Asia/Dubai" "" "292223";
    "ruh" "SA" "Riyadh Region" "01" "Riyadh" 24.68773 46.72185 "Asia/Riyadh" "11564" "108410";
    "cai" "EG" "Cairo" "C" "Cairo" 30.06263 31.24967 "Africa/Cairo" "11511" "360630";
    "jnb" "ZA" "Gauteng" "GP" "Johannesburg" -26.20227 28.04363 "Africa/Johannesburg" "2001" "993800";
    "cpt" "ZA" "Western Cape" "WC" "Cape Town" -33.92584 18.42322 "Africa/Johannesburg" "8001" "3369157";
    "los" "NG" "Lagos" "LA" "Lagos" 6.45407 3.39467 "Africa/Lagos" "100001" "2332459";
    "nbo" "KE" "Nairobi" "30" "Nairobi" -1.28333 36.81667 "Africa/Nairobi" "00100" "184745";
};

pub(crate) static HOSTS: &[Host] = hosts! {
    "58.111.106.198" "syd" 4804 "Singtel Optus Pty Ltd" "optus.com.au" "isp" [];
    "1.128.96.12" "mel" 1221 "Telstra Limited" "telstra.com" "isp" ["mobile:Telstra/505/01"];
    "203.59.12.34" "per" 4802 "iiNet Limited" "iinet.net.au" "isp" [];
    "1.1.1.1" "bne" 13335 "Cloudflare, Inc." "cloudflare.com" "hosting" ["hosting", "anycast"];
    "122.58.12.9" "akl" 4771 "Spark New Zealand Trading Ltd." "spark.co.nz" "isp" [];
    "73.162.45.10" "sfo" 7922 "Comcast Cable Communications, LLC" "comcast.com" "isp" [];
    "72.229.28.185" "nyc" 12271 "Charter Communications Inc" "charter.com" "isp" [];
    "172.58.27.14" "lax" 21928 "T-Mobile USA, Inc." "t-mobile.com" "isp" ["mobile:T-Mobile/310/260"];
    "166.137.90.21" "dal" 20057 "AT&T Mobility LLC" "att.com" "isp" ["mobile:AT&T/310/410"];
    "128.32.10.4" "bkl" 25 "University of California at Berkeley" "berkeley.edu" "education" [];
    "18.9.22.69" "cam" 3 "Massachusetts Institute of Technology" "mit.edu" "education" [];
    "8.8.8.8" "mtv" 15169 "Google LLC" "google.com" "hosting" ["hosting", "anycast"];
    "3.88.120.5" "ash" 14618 "Amazon.com, Inc." "amazon.com" "hosting" ["hosting"];
    "104.131.0.69" "nyc" 14061 "DigitalOcean, LLC" "digitalocean.com" "hosting" ["hosting"];
    "172.225.20.33" "den" 36183 "Akamai Technologies, Inc." "akamai.com" "hosting" ["relay:iCloud Private Relay", "hosting"];
    "98.97.24.11" "den" 14593 "Space Exploration Technologies Corporation" "starlink.com" "isp" ["satellite"];
    "99.231.80.14" "yyz" 812 "Rogers Communications Canada Inc." "rogers.com" "isp" [];
    "70.67.12.200" "yvr" 6327 "Shaw Communications Inc." "shaw.ca" "isp" ["resproxy:resnet"];
    "187.189.90.3" "mex" 17072 "Total Play Telecomunicaciones SA de CV" "totalplay.com.mx" "isp" [];
    "177.32.18.40" "sao" 28573 "Claro NXT Telecomunicacoes Ltda" "claro.com.br" "isp" [];
    "190.17.44.8" "bue" 7303 "Telecom Argentina S.A." "telecom.com.ar" "isp" [];
    "190.160.20.5" "scl" 22047 "VTR Banda Ancha S.A." "vtr.com" "isp" [];
    "181.49.10.30" "bog" 10620 "Telmex Colombia S.A." "claro.com.co" "isp" [];
    "190.236.12.7" "lim" 6147 "Telefonica del Peru S.A.A." "telefonica.com.pe" "isp" [];
    "81.2.69.142" "lon" 20712 "Andrews & Arnold Ltd" "aa.net.uk" "isp" [];
    "86.145.10.5" "man" 2856 "British Telecommunications PLC" "bt.com" "isp" [];
    "92.40.180.1" "lon" 206067 "Hutchison 3G UK Limited" "three.co.uk" "isp" ["mobile:3 UK/234/20"];
    "129.67.242.154" "oxf" 786 "Jisc Services Limited" "ox.ac.uk" "education" [];
    "146.70.120.4" "lon" 9009 "M247 Europe SRL" "m247.com" "hosting" ["vpn:NordVPN", "hosting"];
    "86.40.120.9" "dub" 5466 "Eircom Limited" "eir.ie" "isp" [];
    "90.63.200.12" "par" 3215 "Orange S.A." "orange.fr" "isp" [];
    "37.164.20.7" "par" 51207 "Free Mobile SAS" "free.fr" "isp" ["mobile:Free Mobile/208/15"];
    "91.10.44.3" "muc" 3320 "Deutsche Telekom AG" "telekom.de" "isp" [];
    "5.9.110.3" "fks" 24940 "Hetzner Online GmbH" "hetzner.com" "hosting" ["hosting"];
    "185.220.101.34" "ber" 60729 "Stiftung Erneuerbare Freiheit" "torservers.net" "business" ["tor", "hosting"];
    "77.248.30.5" "ams" 33915 "Vodafone Libertel B.V." "vodafoneziggo.nl" "isp" [];
    "145.107.5.9" "utr" 1103 "SURF B.V." "surf.nl" "education" [];
    "77.224.89.172" "vgo" 12430 "Vodafone Espana S.A.U." "vodafone.es" "isp" [];
    "79.18.120.4" "rom" 3269 "Telecom Italia S.p.A." "tim.it" "isp" [];
    "85.240.10.4" "lis" 3243 "MEO - Servicos de Comunicacoes e Multimedia S.A." "meo.pt" "isp" [];
    "85.0.120.7" "zrh" 3303 "Swisscom (Schweiz) AG" "swisscom.ch" "isp" [];
    "81.224.20.5" "sto" 3301 "Telia Company AB" "telia.se" "isp" [];
    "193.138.218.74" "mma" 39351 "31173 Services AB" "31173.se" "hosting" ["vpn:Mullvad VPN", "hosting"];
    "83.0.120.3" "waw" 5617 "Orange Polska S.A." "orange.pl" "isp" [];
    "86.120.33.2" "buh" 8708 "Digi Romania S.A." "digi.ro" "isp" [];
    "94.64.20.8" "ath" 6799 "OTEnet S.A." "cosmote.gr" "isp" [];
    "176.36.12.5" "kbp" 39608 "Lanet Network Ltd" "lanet.ua" "isp" [];
    "78.180.30.4" "ist" 9121 "Turk Telekomunikasyon A.S." "turktelekom.com.tr" "isp" [];
    "106.51.72.9" "blr" 24309 "Atria Convergence Technologies Pvt. Ltd." "actcorp.in" "isp" [];
    "49.36.120.4" "bom" 55836 "Reliance Jio Infocomm Limited" "jio.com" "isp" ["mobile:Jio/405/857"];
    "126.112.40.9" "tyo" 17676 "SoftBank Corp." "softbank.jp" "isp" [];
    "121.135.20.7" "sel" 4766 "Korea Telecom" "kt.com" "isp" [];
    "202.196.224.1" "cgo" 4538 "China Education and Research Network Center" "edu.cn" "education" [];
    "116.86.12.4" "sin" 55430 "StarHub Ltd" "starhub.com" "isp" [];
    "113.160.20.4" "han" 45899 "VNPT Corp" "vnpt.vn" "isp" [];
    "36.68.40.9" "jkt" 7713 "PT Telekomunikasi Indonesia" "telkom.co.id" "isp" [];
    "112.198.20.3" "mnl" 4775 "Globe Telecom, Inc." "globe.com.ph" "isp" ["mobile:Globe/515/02"];
    "79.177.20.8" "tlv" 8551 "Bezeq International Ltd." "bezeqint.net" "isp" [];
    "94.200.40.6" "dxb" 15802 "Emirates Integrated Telecommunications Company PJSC" "du.ae" "isp" [];
    "188.48.30.5" "ruh" 25019 "Saudi Telecom Company JSC" "stc.com.sa" "isp" [];
    "41.36.20.9" "cai" 8452 "TE Data" "te.eg" "isp" [];
    "105.224.30.4" "jnb" 37457 "Telkom SA Ltd." "telkom.co.za" "isp" [];
    "41.13.20.8" "cpt" 29975 "Vodacom Pty Ltd" "vodacom.co.za" "isp" ["mobile:Vodacom/655/01"];
    "105.112.20.7" "los" 36873 "Airtel Networks Limited" "airtel.com.ng" "isp" ["mobile:Airtel/621/20"];
    "105.160.12.5" "nbo" 33771 "Safaricom Limited" "safaricom.co.ke" "isp" ["mobile:Safaricom/639/02"];
    "45.89.173.200" "ash" 212238 "Datacamp Limited" "datacamp.co.uk" "hosting" ["proxy", "hosting"];
    "2001:4860:4860::8888" "mtv" 15169 "Google LLC" "google.com" "hosting" ["hosting", "anycast"];
    "2601:647:4d81:1b50::1c2a" "sfo" 7922 "Comcast Cable Communications, LLC" "comcast.com" "isp" [];
    "2a02:8108:8ac0:1e00::5f3" "ber" 3209 "Vodafone GmbH" "vodafone.de" "isp" [];
    "2a01:cb08:8d8c:100::7" "par" 3215 "Orange S.A." "orange.fr" "isp" [];
    "2406:3003:2006:33a::8" "sin" 55430 "StarHub Ltd" "starhub.com" "isp" [];
    "2804:14c:65a1:4203::a1" "sao" 28573 "Claro NXT Telecomunicacoes Ltda" "claro.com.br" "isp" [];
    "2400:4050:9a20:3100::d4" "tyo" 4713 "NTT DOCOMO BUSINESS, Inc." "ocn.ne.jp" "isp" [];
    "2405:201:4008:9d1a::12" "bom" 55836 "Reliance Jio Infocomm Limited" "jio.com" "isp" ["mobile:Jio/405/857"];
};

/// (code, name, continent code)
static COUNTRIES: &[(&str, &str, &str)] = &[
    ("AE", "United Arab Emirates", "AS"),
    ("AR", "Argentina", "SA"),
    ("AU", "Australia", "OC"),
    ("BR", "Brazil", "SA"),
    ("CA", "Canada", "NA"),
    ("CH", "Switzerland", "EU"),
    ("CL", "Chile", "SA"),
    ("CN", "China", "AS"),
    ("CO", "Colombia", "SA"),
    ("DE", "Germany", "EU"),
    ("EG", "Egypt", "AF"),
    ("ES", "Spain", "EU"),
    ("FR", "France", "EU"),
    ("GB", "United Kingdom", "EU"),
    ("GR", "Greece", "EU"),
    ("ID", "Indonesia", "AS"),
    ("IE", "Ireland", "EU"),
    ("IL", "Israel", "AS"),
    ("IN", "India", "AS"),
    ("IT", "Italy", "EU"),
    ("JP", "Japan", "AS"),
    ("KE", "Kenya", "AF"),
    ("KR", "South Korea", "AS"),
    ("MX", "Mexico", "NA"),
    ("NG", "Nigeria", "AF"),
    ("NL", "Netherlands", "EU"),
    ("NZ", "New Zealand", "OC"),
    ("PE", "Peru", "SA"),
    ("PH", "Philippines", "AS"),
    ("PL", "Poland", "EU"),
    ("PT", "Portugal", "EU"),
    ("RO", "Romania", "EU"),
    ("SA", "Saudi Arabia", "AS"),
    ("SE", "Sweden", "EU"),
    ("SG", "Singapore", "AS"),
    ("TR", "Turkey", "AS"),
    ("UA", "Ukraine", "EU"),
    ("US", "United States", "NA"),
    ("VN", "Vietnam", "AS"),
    ("ZA", "South Africa", "AF"),
];

/// (country name, continent code, continent name)
pub(crate) fn country(code: &str) -> (&'static str, &'static str, &'static str) {
    let (_, name, continent) = COUNTRIES.iter().find(|(known, _, _)| *known == code).copied().unwrap_or(("", "", ""));
    let continent_name = match continent {
        "AF" => "Africa",
        "AS" => "Asia",
        "EU" => "Europe",
        "NA" => "North America",
        "SA" => "South America",
        "OC" => "Oceania",
        _ => "",
    };
    (name, continent, continent_name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn every_row_is_whole() {
        let mut seen = BTreeSet::new();
        for host in HOSTS {
            assert!(host.ip.parse::<IpAddr>().is_ok_and(|ip| seen.insert(ip)), "{}", host.ip);
            assert_eq!(host.place().key, host.place, "{}", host.ip);
            assert!(!country(host.place().country_code).0.is_empty(), "{}", host.ip);
            assert!(["isp", "hosting", "business", "education", "government"].contains(&host.as_type));
        }
        assert!(HOSTS.len() >= 60);
    }
}
