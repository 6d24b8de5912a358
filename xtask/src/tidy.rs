//! `tidy`: plain checks of manifests, sources and documents that no compiler makes.
//!
//! * [`layers`]: who may depend on whom, as the table in `docs/architecture.md` says.
//! * [`msrv`]: the oldest Rust that the dependencies of the library crates allow.
//! * [`manifests`]: lints, minimum Rust version, default members, and what a library says of itself.
//! * [`sources`]: what Rust files contain, and how they begin.
//! * [`documents`]: documents that the code names.
//!
//! Each rule is a function from text or metadata to findings, so that its tests can break it. All findings are shown at
//! once, each with its reason and the repair. A rule that nobody can defend gets deleted.

mod documents;
mod files;
mod layers;
mod manifests;
mod msrv;
mod sources;

use std::fmt;

use anyhow::bail;

use crate::{steps::Steps, workspace::Workspace};

/// One violation of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    place: String,
    what: String,
    why: &'static str,
    repair: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}: {}", self.place, self.what)?;
        writeln!(f, "       why:    {}", self.why)?;
        write!(f, "       repair: {}", self.repair)
    }
}

pub(crate) fn run(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    steps.step("tidy", || {
        let files = files::read(workspace)?;
        let mut findings = layers::check(workspace.root(), &workspace.members(), &files);
        findings.extend(msrv::check(workspace.metadata()));
        findings.extend(manifests::check(workspace, &files));
        findings.extend(sources::check(&files));
        findings.extend(documents::check(&files));
        for finding in &findings {
            println!("{finding}");
        }
        match findings.len() {
            0 => println!("{} files and {} packages are tidy", files.len(), workspace.members().len()),
            count => bail!("{count} findings, listed above"),
        }
        Ok(())
    })
}
