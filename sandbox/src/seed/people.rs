//! Names from many cultures, as they are written, with what stands for them in an email address.

/// First and last names that go together, and where such people are often found.
#[derive(Debug)]
pub(crate) struct Culture {
    pub(crate) firsts: &'static [(&'static str, &'static str)],
    pub(crate) lasts: &'static [(&'static str, &'static str)],
    pub(crate) countries: &'static [&'static str],
}

pub(crate) static CULTURES: &[Culture] = &[
    Culture {
        firsts: &[
            ("Emily", "emily"),
            ("James", "james"),
            ("Charlotte", "charlotte"),
            ("Liam", "liam"),
            ("Grace", "grace"),
            ("Noah", "noah"),
            ("D'Andre", "dandre"),
            ("Mary-Jane", "maryjane"),
        ],
        lasts: &[
            ("Carter", "carter"),
            ("Hughes", "hughes"),
            ("O'Connor", "oconnor"),
            ("Bennett", "bennett"),
            ("Fitzgerald", "fitzgerald"),
            ("McAllister", "mcallister"),
            ("Smith-Jones", "smithjones"),
            ("Walker", "walker"),
        ],
        countries: &["US", "AU", "GB", "CA", "NZ", "IE"],
    },
    Culture {
        firsts: &[
            ("Sofía", "sofia"),
            ("José", "jose"),
            ("Lucía", "lucia"),
            ("Íñigo", "inigo"),
            ("Valentina", "valentina"),
            ("Andrés", "andres"),
        ],
        lasts: &[
            ("García Márquez", "garcia"),
            ("Muñoz", "munoz"),
            ("Fernández", "fernandez"),
            ("Ibáñez", "ibanez"),
            ("Peña", "pena"),
            ("Quiñones", "quinones"),
        ],
        countries: &["ES", "MX", "AR", "CO", "CL", "PE"],
    },
    Culture {
        firsts: &[
            ("Jürgen", "juergen"),
            ("Anneliese", "anneliese"),
            ("Jörg", "joerg"),
            ("Käthe", "kaethe"),
            ("Lukas", "lukas"),
        ],
        lasts: &[
            ("Müller", "mueller"),
            ("Weiß", "weiss"),
            ("von Kühn", "kuehn"),
            ("Schröder", "schroeder"),
            ("Bäcker", "baecker"),
        ],
        countries: &["DE", "CH"],
    },
    Culture {
        firsts: &[
            ("Chloé", "chloe"),
            ("François", "francois"),
            ("Anaïs", "anais"),
            ("Benoît", "benoit"),
            ("Zoé", "zoe"),
        ],
        lasts: &[
            ("Lefèvre", "lefevre"),
            ("D'Aubigné", "daubigne"),
            ("Garçon", "garcon"),
            ("Noël", "noel"),
            ("Moreau", "moreau"),
        ],
        countries: &["FR", "CH", "CA"],
    },
    Culture {
        firsts: &[("João", "joao"), ("Inês", "ines"), ("Luís", "luis"), ("Conceição", "conceicao")],
        lasts: &[("Gonçalves", "goncalves"), ("Magalhães", "magalhaes"), ("Araújo", "araujo"), ("da Silva", "dasilva")],
        countries: &["BR", "PT"],
    },
    Culture {
        firsts: &[("さくら", "sakura"), ("健太", "kenta"), ("陽子", "yoko"), ("大輔", "daisuke")],
        lasts: &[("佐藤", "sato"), ("鈴木", "suzuki"), ("髙橋", "takahashi"), ("渡辺", "watanabe")],
        countries: &["JP"],
    },
    Culture {
        firsts: &[("伟", "wei"), ("芳", "fang"), ("子轩", "zixuan"), ("美玲", "meiling")],
        lasts: &[("王", "wang"), ("李", "li"), ("欧阳", "ouyang"), ("陈", "chen")],
        countries: &["CN", "SG"],
    },
    Culture {
        firsts: &[("محمد", "mohammed"), ("فاطمة", "fatima"), ("عائشة", "aisha"), ("يوسف", "yusuf")],
        lasts: &[("العلي", "alali"), ("حسن", "hassan"), ("المصري", "almasri"), ("منصور", "mansour")],
        countries: &["AE", "SA", "EG"],
    },
    Culture {
        firsts: &[
            ("Aarav", "aarav"),
            ("Priya", "priya"),
            ("दीपिका", "deepika"),
            ("Rohan", "rohan"),
            ("Lakshmi", "lakshmi"),
        ],
        lasts: &[("Sharma", "sharma"), ("Iyer", "iyer"), ("Patel", "patel"), ("शर्मा", "sharma"), ("Reddy", "reddy")],
        countries: &["IN"],
    },
    Culture {
        firsts: &[
            ("Łukasz", "lukasz"),
            ("Małgorzata", "malgorzata"),
            ("Zdzisław", "zdzislaw"),
            ("Agnieszka", "agnieszka"),
        ],
        lasts: &[("Wójcik", "wojcik"), ("Dąbrowski", "dabrowski"), ("Żak", "zak"), ("Błaszczyk", "blaszczyk")],
        countries: &["PL"],
    },
    Culture {
        firsts: &[("Åsa", "asa"), ("Björn", "bjorn"), ("Søren", "soren"), ("Sinéad", "sinead"), ("Siobhán", "siobhan")],
        lasts: &[
            ("Öberg", "oberg"),
            ("Lindström", "lindstrom"),
            ("Ó Súilleabháin", "osullivan"),
            ("Ångström", "angstrom"),
        ],
        countries: &["SE", "IE"],
    },
    Culture {
        firsts: &[("Олена", "olena"), ("Тарас", "taras"), ("Ελένη", "eleni"), ("Γιώργος", "giorgos")],
        lasts: &[
            ("Шевченко", "shevchenko"),
            ("Коваль", "koval"),
            ("Παπαδόπουλος", "papadopoulos"),
            ("Νικολάου", "nikolaou"),
        ],
        countries: &["UA", "GR"],
    },
    Culture {
        firsts: &[
            ("Nguyễn Thị", "nguyenthi"),
            ("Đức", "duc"),
            ("민준", "minjun"),
            ("서연", "seoyeon"),
            ("Maria Clara", "mariaclara"),
        ],
        lasts: &[("Trần", "tran"), ("Phạm", "pham"), ("김", "kim"), ("박", "park"), ("dela Cruz", "delacruz")],
        countries: &["VN", "KR", "PH"],
    },
    Culture {
        firsts: &[
            ("Chidinma", "chidinma"),
            ("Wanjikũ", "wanjiku"),
            ("Thabo", "thabo"),
            ("Ngozi", "ngozi"),
            ("Sipho", "sipho"),
        ],
        lasts: &[
            ("Okonkwo", "okonkwo"),
            ("Kamau", "kamau"),
            ("N'Diaye", "ndiaye"),
            ("Dlamini", "dlamini"),
            ("van der Merwe", "vandermerwe"),
        ],
        countries: &["NG", "KE", "ZA"],
    },
    Culture {
        firsts: &[
            ("Giulia", "giulia"),
            ("Niccolò", "niccolo"),
            ("Ștefan", "stefan"),
            ("Ioana", "ioana"),
            ("Çağla", "cagla"),
            ("Noa", "noa"),
        ],
        lasts: &[
            ("D'Angelo", "dangelo"),
            ("Ferrari", "ferrari"),
            ("Țurcanu", "turcanu"),
            ("Yıldız", "yildiz"),
            ("Ben-David", "bendavid"),
        ],
        countries: &["IT", "RO", "TR", "IL"],
    },
    Culture {
        firsts: &[("Daan", "daan"), ("Sanne", "sanne"), ("Putri", "putri"), ("Budi", "budi"), ("Wei Ling", "weiling")],
        lasts: &[
            ("van 't Hof", "vanthof"),
            ("de Vries", "devries"),
            ("Wijaya", "wijaya"),
            ("Santoso", "santoso"),
            ("Tan", "tan"),
        ],
        countries: &["NL", "ID", "SG"],
    },
];

/// Calling code of a country; 1 where it is not listed.
pub(crate) fn calling_code(country: &str) -> &'static str {
    let found = CALLING_CODES.iter().find(|(known, _)| *known == country);
    found.map_or("1", |(_, code)| code)
}

static CALLING_CODES: &[(&str, &str)] = &[
    ("AE", "971"),
    ("AR", "54"),
    ("AU", "61"),
    ("BR", "55"),
    ("CH", "41"),
    ("CL", "56"),
    ("CN", "86"),
    ("CO", "57"),
    ("DE", "49"),
    ("EG", "20"),
    ("ES", "34"),
    ("FR", "33"),
    ("GB", "44"),
    ("GR", "30"),
    ("ID", "62"),
    ("IE", "353"),
    ("IL", "972"),
    ("IN", "91"),
    ("IT", "39"),
    ("JP", "81"),
    ("KE", "254"),
    ("KR", "82"),
    ("MX", "52"),
    ("NG", "234"),
    ("NL", "31"),
    ("NZ", "64"),
    ("PE", "51"),
    ("PH", "63"),
    ("PL", "48"),
    ("PT", "351"),
    ("RO", "40"),
    ("SA", "966"),
    ("SE", "46"),
    ("SG", "65"),
    ("TR", "90"),
    ("UA", "380"),
    ("VN", "84"),
    ("ZA", "27"),
];
