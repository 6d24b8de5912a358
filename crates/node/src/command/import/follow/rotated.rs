//! Files next to a log that were the log once, by their names.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::block::FileState;

/// Endings of packed files, which do not change which log it was.
const PACKED: [&str; 8] = [".gz", ".zst", ".zstd", ".bz2", ".xz", ".lz4", ".Z", ".zip"];

/// A file that has been the log.
#[derive(Debug)]
pub(super) struct Rotated {
    pub(super) path: PathBuf,
    pub(super) state: FileState,
}

impl Rotated {
    /// Returns the moment after the file was written last.
    pub(super) fn written_before_ms(&self) -> u64 {
        let Self { path, state } = self;
        let is_packed = path.to_str().is_some_and(|path| PACKED.iter().any(|end| path.ends_with(end)));
        // A packer may keep the time to the second only.
        if is_packed {
            (state.modified_ms / 1000 + 1) * 1000
        } else {
            state.modified_ms + 1
        }
    }
}

/// Returns the files that the log was rotated to and that were written at this moment or later, the oldest first.
pub(super) fn rotated_since(log: &Path, since_ms: u64) -> io::Result<Vec<Rotated>> {
    let Some(name) = log.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
    let folder = log.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(|other| is_rotated(name, other)) {
            continue;
        }
        // Links are followed, as they are for the log itself. A file may be packed and removed in between.
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        let state = FileState::of(&metadata);
        let rotated = Rotated { path: entry.path(), state };
        if metadata.is_file() && state.bytes > 0 && rotated.written_before_ms() > since_ms {
            found.push(rotated);
        }
    }
    found.sort_by(|a, b| (a.state.modified_ms, &a.path).cmp(&(b.state.modified_ms, &b.path)));
    Ok(found)
}

/// Returns whether a file with the name `other` was rotated from `log`: `access.log.1`, `access.log.2.gz`, `access.log-20260131`,
/// `access.log.old`, `access-2026-01-31T00-00-00.000.log`.
fn is_rotated(log: &str, other: &str) -> bool {
    let other = PACKED.iter().find_map(|end| other.strip_suffix(end)).unwrap_or(other);
    if other.strip_prefix(log).is_some_and(is_number_or_date) {
        return true;
    }
    let Some((stem, end)) = log.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) else { return false };
    let middle = other.strip_prefix(stem).and_then(|rest| rest.strip_suffix(end)?.strip_suffix('.'));
    middle.is_some_and(is_number_or_date)
}

/// Returns whether a part of a name is what rotation adds: `.1`, `-20260131`, `.old`.
fn is_number_or_date(part: &str) -> bool {
    let Some(rest) = part.strip_prefix(['.', '-', '_']) else { return false };
    let is_date = |byte: u8| byte.is_ascii_digit() || b"-_.:+TZ".contains(&byte);
    rest == "old" || (rest.bytes().all(is_date) && rest.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::is_rotated;

    #[test]
    fn what_a_log_was_rotated_to_is_known_by_its_name() {
        for (log, other) in [
            ("access.log", "access.log.1"),
            ("access.log", "access.log.12.gz"),
            ("access.log", "access.log-20260131"),
            ("access.log", "access.log-20260131.zst"),
            ("access.log", "access.log.2026-01-31T10:00:00Z"),
            ("access.log", "access.log.old"),
            ("access.log", "access-20260131.log"),
            ("access.log", "access-2026-01-31T00-00-00.000.log.gz"),
            ("access.log", "access.1.log"),
            ("access_log", "access_log-20260131"),
            ("access_log", "access_log.1769817600"),
        ] {
            assert!(is_rotated(log, other), "{other}");
        }
        for (log, other) in [
            ("access.log", "access.log"),
            ("access.log", "access.log.gz"),
            ("access.log", "access.log.bak"),
            ("access.log", "access.log.1.swp"),
            ("access.log", "access.log."),
            ("access.log", "access.log1"),
            ("access.log", "other_access.log.1"),
            ("access.log", "access.error.log"),
            ("access.log", "access-ssl.log"),
            ("access.log", "access-ssl-20260131.log"),
            ("access.log", "error.log.1"),
            (".log", "a.1.log"),
        ] {
            assert!(!is_rotated(log, other), "{other}");
        }
    }
}
