//! The tables of reports in `docs/performance.md`, each between two marks.

use std::{fmt::Write as _, fs};

use anyhow::Context;

use super::report::{number, Machine, Report};
use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/performance.md";

/// Where the tables of a report stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section {
    start: &'static str,
    end: &'static str,
}

impl Section {
    pub(super) const PEERS: Self = Self {
        start: "<!-- figures: written by `cargo xtask bench peers --update-docs` -->",
        end: "<!-- end of figures -->",
    };
    pub(super) const DURABILITY: Self = Self {
        start: "<!-- durability: written by `cargo xtask bench durability --update-docs` -->",
        end: "<!-- end of durability -->",
    };
    pub(super) const IMPORT: Self = Self {
        start: "<!-- import: written by `cargo xtask bench import --update-docs` -->",
        end: "<!-- end of import -->",
    };

    /// The document with other tables; `None` if it has no place for them.
    fn replaced(self, document: &str, tables: &str) -> Option<String> {
        let Self { start, end } = self;
        let (before, rest) = document.split_once(start)?;
        let (_, after) = rest.split_once(end)?;
        Some(format!("{before}{start}\n\n{tables}\n{end}{after}"))
    }
}

pub(super) fn update(workspace: &Workspace, report: &Report, section: Section) -> anyhow::Result<()> {
    let Section { start, end } = section;
    let file = workspace.root().join(DOCUMENT);
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let text = section
        .replaced(&text, &markdown(report))
        .with_context(|| format!("{DOCUMENT} has no lines `{start}` and `{end}`"))?;
    fs::write(&file, text).with_context(|| format!("cannot write {DOCUMENT}"))?;
    println!("written to {DOCUMENT}");
    Ok(())
}

fn markdown(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_markdown(report, &mut text);
    text
}

fn write_markdown(report: &Report, out: &mut String) -> std::fmt::Result {
    let Machine { processor, cores, rustc } = &report.machine;
    writeln!(out, "{processor}, {cores} cores, {rustc}.\n")?;
    writeln!(out, "| path | compared | measured | target | |\n| --- | --- | ---: | ---: | --- |")?;
    for path in &report.paths {
        for ratio in path.ratios.iter().filter(|ratio| ratio.target.is_some()) {
            let (value, target) = (number(ratio.value), ratio.target());
            writeln!(out, "| {} | {} | {value} | {target} | {} |", path.path, ratio.name, ratio.verdict())?;
        }
    }
    for path in &report.paths {
        writeln!(out, "\n**{}**: {}\n\n| | |\n| --- | ---: |", path.path, path.title)?;
        for figure in &path.figures {
            writeln!(out, "| {} | {} {} |", figure.name, number(figure.value), figure.unit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::report::tests::report, *};

    #[test]
    fn tables_are_replaced_between_the_marks_alone() {
        let Section { start, end } = Section::DURABILITY;
        let (other_start, other_end) = (Section::PEERS.start, Section::PEERS.end);
        let document =
            |tables| format!("{other_start}\nother\n{other_end}\n{start}\n{tables}\n{end}\nafter\n");
        let replaced = Section::DURABILITY.replaced(&document("old"), "new\n").unwrap();
        assert_eq!(replaced, document("\nnew\n"));
        assert_eq!(Section::DURABILITY.replaced("no marks", "new"), None);
    }

    #[test]
    fn targets_come_first_and_then_each_path() {
        let text = markdown(&report());
        assert!(text.starts_with("P, 2 cores, rustc 1.\n\n| path |"), "{text}");
        assert!(text.contains("| meter | ours / fetch_add | 0.0889 | ≤ 0.3 | met |\n"), "{text}");
        assert!(!text.contains("ours / peer"), "no target, no line: {text}");
        assert!(text.contains("| fetch_add | 11.2 ns |\n"), "{text}");
    }
}
