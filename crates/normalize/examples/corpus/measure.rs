//! The share of documented routes that come out exactly as the document has them.

use ron_accounting_core::{Label, Normalizer};
use ron_accounting_normalize::{placeholder, RouteLearner, RouteNormalizer};

/// The routes: `{name=value}` is a parameter and a value that one meets.
const ROUTES: &str = include_str!("../../tests/corpus/routes.txt");
/// How many paths of each route a learner sees.
const PATHS_PER_ROUTE: usize = 200;

/// A documented route.
#[derive(Debug, Clone)]
pub struct Documented {
    /// The API.
    pub api: &'static str,
    /// As the document has it, with `{name}` for parameters.
    pub template: String,
    /// Text and values of parameters in turn, beginning with text.
    parts: Vec<String>,
}

impl Documented {
    /// Reads all routes.
    pub fn all() -> Vec<Self> {
        let mut api = "";
        let mut all = Vec::new();
        for line in ROUTES.lines() {
            if let Some(name) = line.strip_prefix("## ") {
                api = name;
            } else if line.starts_with('/') {
                all.push(Self::parse(api, line));
            }
        }
        all
    }

    fn parse(api: &'static str, line: &str) -> Self {
        let (mut template, mut parts, mut rest) = (String::new(), Vec::new(), line);
        while let Some((text, after)) = rest.split_once('{') {
            let (parameter, after) = after.split_once('}').unwrap_or((after, ""));
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            template.extend([text, "{", name, "}"]);
            parts.extend([text.to_owned(), value.to_owned()]);
            rest = after;
        }
        parts.push(rest.to_owned());
        Self { api, template: template + rest, parts }
    }

    /// The path with the values that the list has.
    pub fn path(&self) -> String {
        self.parts.concat()
    }

    /// Another path of the same route. Values that a single path shows stay as they are, for they come out alike anyway.
    pub fn variant(&self, index: usize) -> String {
        let alone = RouteNormalizer::new();
        let is_word = |value: &str| {
            let route = unnamed_route(&normalize(&alone, &format!("/x/{value}")));
            route.bytes().skip("/x/".len()).any(|b| b.is_ascii_alphanumeric())
        };
        let vary = |(position, part): (usize, &String)| {
            if position % 2 == 1 && index > 0 && is_word(part) {
                varied(part, index.wrapping_mul(31).wrapping_add(position))
            } else {
                part.clone()
            }
        };
        self.parts.iter().enumerate().map(vary).collect()
    }

    /// Whether a route of the normalizer has parameters where the document has them, whatever their names are.
    pub fn equals(&self, route: &str) -> bool {
        unnamed_template(&self.template) == unnamed_route(route)
    }
}

/// Another value of the same form: other words, other figures.
fn varied(value: &str, seed: usize) -> String {
    const SYLLABLES: [&str; 16] =
        ["ba", "de", "fi", "go", "lu", "ma", "ne", "ri", "so", "tu", "va", "we", "li", "mo", "ta", "se"];
    let mut varied = String::new();
    let mut characters = value.chars().peekable();
    let mut seed = seed;
    while let Some(c) = characters.next() {
        if c.is_ascii_alphabetic() {
            while characters.next_if(char::is_ascii_alphabetic).is_some() {}
            let word = [seed % 16, seed / 16 % 16, seed / 256 % 16].map(|part| SYLLABLES[part]).concat();
            varied += &if c.is_ascii_uppercase() { word.to_ascii_uppercase() } else { word };
        } else if c.is_ascii_digit() {
            seed = seed.wrapping_mul(7).wrapping_add(3);
            varied += &(seed % 10).to_string();
        } else {
            varied.push(c);
        }
    }
    varied
}

/// Normalizes a route.
pub fn normalize(normalizer: &RouteNormalizer, raw: &str) -> String {
    let mut out = String::new();
    normalizer.normalize(Label::Route, raw, &mut out);
    out
}

fn placeholders() -> impl Iterator<Item = &'static str> {
    [
        placeholder::NUMBER,
        placeholder::UUID,
        placeholder::ULID,
        placeholder::HEX,
        placeholder::TOKEN,
        placeholder::DATE,
        placeholder::EMAIL,
        placeholder::ADDRESS,
        placeholder::HARDWARE_ADDRESS,
        placeholder::VERSION,
        placeholder::POD,
        placeholder::NAME,
        placeholder::PATH,
        placeholder::TEXT,
    ]
    .into_iter()
}

/// Replaces `{name}` by `{}`.
fn unnamed_template(template: &str) -> String {
    let mut parts = template.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "{}" + part.split_once('}').map_or("", |(_, after)| after))
}

/// The label of a template: `:name` for `{name}`.
fn label(template: &str) -> String {
    let mut label = String::new();
    let mut inside = false;
    for c in template.chars() {
        match c {
            '{' => label.push(':'),
            '.' | '-' if inside => label.push('_'),
            '}' => {}
            c => label.push(c),
        }
        inside = c == '{' || (inside && c != '}');
    }
    label
}

/// Replaces placeholders by `{}`.
fn unnamed_route(route: &str) -> String {
    // The longer ones first: `:num` must not take the beginning of a longer name.
    let mut all: Vec<&str> = placeholders().collect();
    all.sort_by_key(|placeholder| std::cmp::Reverse(placeholder.len()));
    all.iter().fold(route.to_owned(), |route, placeholder| route.replace(placeholder, "{}"))
}

/// What came out of a route.
#[derive(Debug)]
pub struct Outcome {
    /// The route.
    pub documented: Documented,
    /// What the normalizer made of its path.
    pub route: String,
}

impl Outcome {
    /// Whether that is what the document has.
    pub fn is_exact(&self) -> bool {
        self.documented.equals(&self.route)
    }

    /// Whether that is the label of the document's template, or of one that differs from it in the names of its parameters.
    pub fn is_a_template(&self) -> bool {
        let unnamed = unnamed_template(&self.documented.template);
        Documented::all()
            .iter()
            .filter(|other| unnamed_template(&other.template) == unnamed)
            .any(|other| label(&other.template) == self.route)
    }
}

/// Each path alone.
pub fn alone() -> Vec<Outcome> {
    let normalizer = RouteNormalizer::new();
    let outcome =
        |documented: Documented| Outcome { route: normalize(&normalizer, &documented.path()), documented };
    Documented::all().into_iter().map(outcome).collect()
}

/// Each API with a learner of its own, which has seen 200 paths of each route.
pub fn learned() -> Vec<Outcome> {
    let all = Documented::all();
    let mut outcomes = Vec::new();
    for of_one_api in all.chunk_by(|first, second| first.api == second.api) {
        let normalizer =
            RouteNormalizer::builder().learner(RouteLearner::new()).build().expect("no templates");
        for index in 0..PATHS_PER_ROUTE {
            for documented in of_one_api {
                normalize(&normalizer, &documented.variant(index));
            }
        }
        for documented in of_one_api {
            outcomes.push(Outcome {
                route: normalize(&normalizer, &documented.path()),
                documented: documented.clone(),
            });
        }
    }
    outcomes
}

/// Each API with its documented routes as templates.
pub fn by_templates() -> Vec<Outcome> {
    let all = Documented::all();
    let mut outcomes = Vec::new();
    for of_one_api in all.chunk_by(|first, second| first.api == second.api) {
        let mut templates: Vec<&str> =
            of_one_api.iter().map(|documented| documented.template.as_str()).collect();
        templates.sort_unstable();
        templates.dedup_by_key(|template| unnamed_template(template));
        let normalizer =
            RouteNormalizer::builder().templates(templates).build().expect("documented templates");
        for documented in of_one_api {
            outcomes.push(Outcome {
                route: normalize(&normalizer, &documented.path()),
                documented: documented.clone(),
            });
        }
    }
    outcomes
}
