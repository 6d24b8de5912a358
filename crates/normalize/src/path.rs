//! A whole path: slashes, dot segments, and the segments settled one by one.

use crate::percent::{self, Settled};
use crate::placeholder;

/// How much of a path is looked at, in bytes: what common servers accept for a request line. The rest is one
/// [`placeholder::MORE`], so that no request can make the caller's buffer grow beyond three times this.
pub(crate) const PATH_BYTES_MAX: usize = 8 * 1024;

/// Writes the clean form of `raw` to `out`, which must be empty: one slash before each segment and none at the end, no
/// empty and no dot segments, each segment's percent-encoding settled. The case of a path has meaning and is kept.
pub(crate) fn clean(raw: &str, out: &mut String) {
    let mut end = 0;
    for segment in raw.split('/') {
        end += segment.len() + 1;
        if end > PATH_BYTES_MAX {
            out.push('/');
            out.push_str(placeholder::MORE);
            return;
        }
        let level = out.len();
        out.push('/');
        match percent::settle(segment, out) {
            Settled::Text => {}
            Settled::Placeholder(name) => out.push_str(name),
            Settled::Empty | Settled::Current => out.truncate(level),
            Settled::Parent => {
                out.truncate(level);
                // At the root there is no level above, and the path stays there.
                out.truncate(out.rfind('/').unwrap_or(0));
            }
        }
    }
    if out.is_empty() {
        out.push('/');
    }
}

/// The segments of a clean path. The root has none.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}
