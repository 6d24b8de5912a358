//! The files of the checkout: what git knows, and what it would add.

use std::fs;

use crate::{steps::capture, workspace::Workspace};

/// A file of the checkout, its path relative to the root with `/` between its parts.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: String,
    /// `None` when the file is not UTF-8: it exists, and no rule reads it.
    pub(super) text: Option<String>,
}

impl File {
    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: Some(text.to_owned()) }
    }

    pub(super) fn has_extension(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, found)| found == extension)
    }
}

pub(super) fn read(workspace: &Workspace) -> anyhow::Result<Vec<File>> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let listing = capture(workspace.command("git").args(arguments))?;
    // A file that was deleted and not yet committed is still listed.
    let existing =
        listing.split('\0').filter(|path| !path.is_empty() && workspace.root().join(path).is_file());
    Ok(existing
        .map(|path| File {
            path: path.to_owned(),
            text: fs::read_to_string(workspace.root().join(path)).ok(),
        })
        .collect())
}
