//! What Rust files contain, and how they begin.
//!
//! The rules look at lines of text and know no syntax: a rule that needs a parser belongs to clippy. They do not look into
//! this folder, which has to name what it forbids.

use super::{files::File, Finding};

/// Lines of a file up to its inline tests.
const LINES_MAX: usize = 500;
const OWN_FOLDER: &str = "xtask/src/tidy/";
/// Files that people write. Data may contain any path.
const WRITTEN: [&str; 8] = ["cddl", "md", "py", "rs", "sh", "toml", "yaml", "yml"];

/// A piece of text that must not appear.
struct Forbidden {
    text: &'static str,
    scope: Scope,
    why: &'static str,
    repair: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Each Rust file.
    Rust,
    /// Test files, and what follows `#[cfg(test)]` in others.
    Tests,
    /// Each file that people write.
    Written,
}

const WHY_SLEEP: &str = "a test that sleeps is slow on each machine and still fails on a slower one";
const WHY_PATH: &str = "a path of one machine is wrong on each other one";
const REPAIR_SLEEP: &str = "inject a clock, or wait for the event itself: a channel, a join, a condition";
const REPAIR_PATH: &str = "use a relative path, `CARGO_MANIFEST_DIR`, or a temporary directory";

const FORBIDDEN: &[Forbidden] = &[
    Forbidden {
        text: "#[ignore",
        scope: Scope::Rust,
        why: "a test that never runs proves nothing and looks as if it did",
        repair: "make the test fast enough to run always, or delete it",
    },
    Forbidden { text: "thread::sleep", scope: Scope::Tests, why: WHY_SLEEP, repair: REPAIR_SLEEP },
    Forbidden { text: "time::sleep", scope: Scope::Tests, why: WHY_SLEEP, repair: REPAIR_SLEEP },
    Forbidden { text: "/home/", scope: Scope::Written, why: WHY_PATH, repair: REPAIR_PATH },
    Forbidden { text: "/root/", scope: Scope::Written, why: WHY_PATH, repair: REPAIR_PATH },
    Forbidden { text: "/work/", scope: Scope::Written, why: WHY_PATH, repair: REPAIR_PATH },
    Forbidden { text: "/tmp/", scope: Scope::Written, why: WHY_PATH, repair: REPAIR_PATH },
];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let Some(text) = file.text.as_deref() else { continue };
        if !file.path.starts_with(OWN_FOLDER) {
            findings.extend(forbidden(file, text));
        }
        if file.has_extension("rs") {
            findings.extend(beginning(file, text));
            findings.extend(length(file, text));
            findings.extend(contents(file, text));
        }
    }
    findings
}

fn forbidden(file: &File, text: &str) -> Vec<Finding> {
    let rust = file.has_extension("rs");
    let written = file.path == ".ci/run" || WRITTEN.iter().any(|extension| file.has_extension(extension));
    let tests_from = if is_test(&file.path) { 0 } else { code_lines(text) };
    let mut findings = Vec::new();
    for rule in FORBIDDEN {
        let (applies, skip) = match rule.scope {
            Scope::Rust => (rust, 0),
            Scope::Tests => (rust, tests_from),
            Scope::Written => (written, 0),
        };
        if !applies {
            continue;
        }
        let lines = text.lines().enumerate().skip(skip).filter(|(_, line)| line.contains(rule.text));
        findings.extend(lines.map(|(index, _)| Finding {
            place: format!("{}:{}", file.path, index + 1),
            what: format!("contains `{}`", rule.text),
            why: rule.why,
            repair: rule.repair,
        }));
    }
    findings
}

/// Module documentation first; inner attributes may stand before it.
fn beginning(file: &File, text: &str) -> Option<Finding> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("#!["));
    (!first.is_some_and(|line| line.starts_with("//!"))).then(|| Finding {
        place: file.path.clone(),
        what: "does not begin with `//!` documentation".to_owned(),
        why: "the first paragraph of a file says why it exists, which nothing else can tell",
        repair: "say in a sentence or two what the file is for, and why this way",
    })
}

fn length(file: &File, text: &str) -> Option<Finding> {
    let lines = code_lines(text);
    (lines > LINES_MAX && !is_test(&file.path)).then(|| Finding {
        place: file.path.clone(),
        what: format!("has {lines} lines before its tests, more than {LINES_MAX}"),
        why: "a file tells one story; a long one tells two",
        repair: "split it where the second story begins",
    })
}

/// A `lib.rs` is a table of contents.
fn contents(file: &File, text: &str) -> Vec<Finding> {
    if !file.path.ends_with("src/lib.rs") {
        return Vec::new();
    }
    let code = text.lines().enumerate().take(code_lines(text));
    code.filter(|(_, line)| is_logic(line))
        .map(|(index, line)| Finding {
            place: format!("{}:{}", file.path, index + 1),
            what: format!("contains code: `{}`", line.trim_end()),
            why: "`lib.rs` is the table of contents of its crate: documentation, modules and re-exports",
            repair: "move the item to a module and re-export it",
        })
        .collect()
}

/// A function or an implementation at the top level.
fn is_logic(line: &str) -> bool {
    let visible = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
    let plain = visible.strip_prefix("const ").or_else(|| visible.strip_prefix("async ")).unwrap_or(visible);
    plain.starts_with("fn ") || plain.starts_with("impl ") || plain.starts_with("impl<")
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// The number of lines before the inline tests, which stand at the end of a file.
fn code_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let inline =
        |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    lines.windows(2).position(inline).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let findings = check(&[File::new(path, text)]);
        findings.into_iter().map(|finding| format!("{}: {}", finding.place, finding.what)).collect()
    }

    #[test]
    fn a_plain_file_is_tidy() {
        assert_eq!(found("crates/x/src/a.rs", "#![allow(missing_docs)]\n//! Why.\nfn a() {}\n"), [""; 0]);
    }

    #[test]
    fn each_forbidden_text_is_found_in_its_scope() {
        for rule in FORBIDDEN {
            let text = format!("//! Why.\n\n    {}\n", rule.text);
            let expected = format!("crates/x/tests/a.rs:3: contains `{}`", rule.text);
            assert_eq!(found("crates/x/tests/a.rs", &text), [expected]);
            assert_eq!(found("xtask/src/tidy/a.rs", &text), [""; 0], "the rules may name what they forbid");
            assert_eq!(found("testing/data/access.log", &text), [""; 0], "data may contain anything");
            let elsewhere = found("crates/x/src/a.rs", &text).len();
            assert_eq!(elsewhere, usize::from(rule.scope != Scope::Tests), "{}", rule.text);
            assert_eq!(
                found("README.md", &text).len(),
                usize::from(rule.scope == Scope::Written),
                "{}",
                rule.text
            );
        }
    }

    #[test]
    fn inline_tests_are_tests() {
        let text =
            "//! Why.\nfn a() { thread::sleep(b) }\n#[cfg(test)]\nmod tests {\n    thread::sleep(b)\n}\n";
        assert_eq!(found("crates/x/src/a.rs", text), ["crates/x/src/a.rs:5: contains `thread::sleep`"]);
    }

    #[test]
    fn a_file_begins_with_its_reason() {
        assert_eq!(found("a.rs", "fn a() {}\n").len(), 1);
        assert_eq!(found("a.rs", "// Why.\n").len(), 1);
        assert_eq!(found("a.rs", "").len(), 1);
    }

    #[test]
    fn a_file_is_short_up_to_its_tests() {
        let long = |lines: usize| format!("//! Why.\n{}", "a\n".repeat(lines - 1));
        assert_eq!(found("src/a.rs", &long(LINES_MAX)), [""; 0]);
        assert_eq!(found("src/a.rs", &long(LINES_MAX + 1)).len(), 1);
        assert_eq!(found("crates/x/tests/a.rs", &long(LINES_MAX + 1)), [""; 0]);
        let tested = format!("{}#[cfg(test)]\nmod tests {{\n}}\n", long(LINES_MAX));
        assert_eq!(found("src/a.rs", &tested), [""; 0]);
    }

    #[test]
    fn a_library_root_has_no_code() {
        let root = |item: &str| found("crates/x/src/lib.rs", &format!("//! Why.\nmod a;\n{item}\n")).len();
        assert_eq!(root("pub use a::B;"), 0);
        assert_eq!(root("#[cfg(test)]\nmod tests {\nfn a() {}\n}"), 0);
        for item in [
            "fn a() {",
            "pub fn a() {",
            "pub(crate) const fn a() {",
            "async fn a() {",
            "impl A {",
            "impl<T> A {",
        ] {
            assert_eq!(root(item), 1, "{item}");
        }
    }
}
