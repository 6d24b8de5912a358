//! Documents that Rust files name exist. Links between documents are checked by lychee, in `lint`.

use std::collections::BTreeSet;

use super::{files::File, Finding};

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let existing: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut findings = Vec::new();
    for file in
        files.iter().filter(|file| file.has_extension("rs") && !file.path.starts_with("xtask/src/tidy"))
    {
        for (line, path) in mentions(file.text.as_deref().unwrap_or_default()) {
            if !existing.contains(path) {
                findings.push(Finding {
                    place: format!("{}:{line}", file.path),
                    what: format!("names `{path}`, which does not exist"),
                    why: "the code points to a page for what it does not repeat; without the page nobody knows it",
                    repair: "write the page, or correct the name; it is relative to the root",
                });
            }
        }
    }
    findings
}

/// What looks like a document's path from the root, with line numbers.
fn mentions(text: &str) -> Vec<(usize, &str)> {
    let is_path = |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    let words = text.lines().enumerate().flat_map(|(index, line)| {
        line.split(|character| !is_path(character)).map(move |word| (index + 1, word.trim_end_matches('.')))
    });
    let is_document = |word: &str| matches!(word.rsplit_once('.'), Some((_, "md" | "cddl")));
    words.filter(|(_, word)| word.starts_with("docs/") && is_document(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_that_code_names_exist() {
        let files = [
            File::new("docs/a.md", ""),
            File::new("src/x.rs", "//! See `docs/a.md`.\n//! Or docs/b.cddl.\n"),
        ];
        let found = check(&files);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].place.as_str(), found[0].what.as_str()),
            ("src/x.rs:2", "names `docs/b.cddl`, which does not exist")
        );
    }
}
