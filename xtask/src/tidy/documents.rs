//! Relative links in documents, and documents that Rust files name, exist.

use std::collections::BTreeSet;

use super::{files::File, Finding};

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let existing = with_folders(files);
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.has_extension("md")) {
        for (line, target) in links(file.text.as_deref().unwrap_or_default()) {
            let path = target.split(['#', '?']).next().unwrap_or_default();
            if path.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !resolve(&file.path, path).is_some_and(|path| existing.contains(&path)) {
                findings.push(Finding {
                    place: format!("{}:{line}", file.path),
                    what: format!("links to `{target}`, which does not exist"),
                    why: "a reader who meets one dead link stops trusting the others",
                    repair: "correct the link; it is relative to the document's own folder",
                });
            }
        }
    }
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

/// All files and the folders that contain them; the root is the empty path.
fn with_folders(files: &[File]) -> BTreeSet<String> {
    let mut existing = BTreeSet::from([String::new()]);
    for file in files {
        existing.insert(file.path.clone());
        existing.extend(file.path.match_indices('/').map(|(end, _)| file.path[..end].to_owned()));
    }
    existing
}

/// The targets of inline links and of link definitions, with their line numbers, outside code.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut in_fence = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        }
        if in_fence {
            continue;
        }
        // Between backticks every second piece is code.
        for piece in line.split('`').step_by(2) {
            // A link whose text is code has its brackets in the pieces around it.
            let targets = piece.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            links.extend(targets.map(|target| (index + 1, target.trim())));
        }
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            links.push((index + 1, target.trim()));
        }
    }
    links
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

/// The path from the root that a link means; `None` when it leaves the checkout.
fn resolve(document: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let files = [
            File::new("docs/page.md", text),
            File::new("docs/other.md", ""),
            File::new("crates/core/src/lib.rs", ""),
            File::new("README.md", ""),
        ];
        check(&files).into_iter().map(|finding| format!("{} {}", finding.place, finding.what)).collect()
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let text = "[a](other.md) [b](other.md#part) [c](../README.md) [`d`](../crates/core) [e](#here) [f](..)\n\
                    [g](https://example.org/x.md) [h](mailto:a@example.org)\n[i]: ../crates/core/src/lib.rs\n";
        assert_eq!(found(text), [""; 0]);
    }

    #[test]
    fn dead_links_are_found_with_their_line() {
        let found =
            found("[a](other.md)\n[b](gone.md) and [`c`](../gone)\n[d]: gone.md\n[e](../../README.md)\n");
        assert_eq!(
            found,
            [
                "docs/page.md:2 links to `gone.md`, which does not exist",
                "docs/page.md:2 links to `../gone`, which does not exist",
                "docs/page.md:3 links to `gone.md`, which does not exist",
                "docs/page.md:4 links to `../../README.md`, which does not exist",
            ]
        );
    }

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

    #[test]
    fn code_is_no_link() {
        assert_eq!(found("```rust\nlet x = y[0](gone);\n```\nand `a[b](gone)`\n"), [""; 0]);
    }
}
