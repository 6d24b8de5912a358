//! The catalogue: one file per fault, with edits against today's code.

use std::{fs, path::Path};

use anyhow::{bail, Context};
use serde::Deserialize;

/// The folder of the catalogue, from the root of the workspace.
pub(super) const FOLDER: &str = "testing/historic-faults";

/// A bug that was once in this code or in somebody else's, as a change of today's code.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    /// The name of its file.
    #[serde(skip)]
    pub(super) name: String,
    /// Where the bug is known from.
    pub(super) source: String,
    /// What the code does with it, in one sentence.
    pub(super) what: String,
    pub(super) edits: Vec<Edit>,
}

/// A piece of a file, and what takes its place. A line feed after the opening quotes is no part of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    pub(super) file: String,
    pub(super) find: String,
    pub(super) replace: String,
}

impl Edit {
    /// Makes the change in the text of the file. The piece must be there exactly once.
    pub(super) fn apply(&self, fault: &str, text: &str) -> anyhow::Result<String> {
        match text.matches(&*self.find).count() {
            1 => Ok(text.replacen(&*self.find, &self.replace, 1)),
            count => bail!(
                "the catalogue is behind the code: {FOLDER}/{fault}.toml looks for this in {}, which has it {count} times:\n{}",
                self.file,
                self.find
            ),
        }
    }
}

/// Reads the catalogue, in the order of the names.
pub(super) fn load(root: &Path) -> anyhow::Result<Vec<Fault>> {
    let folder = root.join(FOLDER);
    let mut faults = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let (Some(name), true) = (path.file_stem(), path.extension().is_some_and(|ending| ending == "toml"))
        else {
            continue;
        };
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let fault: Fault = toml::from_str(&text).with_context(|| format!("{} is wrong", path.display()))?;
        faults.push(Fault { name: name.to_string_lossy().into_owned(), ..fault });
    }
    faults.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_fault_of_the_catalogue_can_be_put_into_the_code() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let faults = load(&root).unwrap();
        assert!(faults.len() >= 27, "{} faults", faults.len());
        for fault in faults {
            let mut texts = BTreeMap::new();
            for edit in &fault.edits {
                let text = texts
                    .remove(&edit.file)
                    .unwrap_or_else(|| fs::read_to_string(root.join(&edit.file)).unwrap());
                texts.insert(edit.file.clone(), edit.apply(&fault.name, &text).unwrap());
            }
        }
    }

    #[test]
    fn a_piece_that_is_not_there_exactly_once_is_refused() {
        let edit = Edit { file: "lib.rs".into(), find: "a".into(), replace: "b".into() };
        assert_eq!(edit.apply("fault", "cat").unwrap(), "cbt");
        for text in ["dog", "banana"] {
            let error = edit.apply("fault", text).unwrap_err().to_string();
            assert!(error.contains("the catalogue is behind the code"), "{error}");
        }
    }
}
