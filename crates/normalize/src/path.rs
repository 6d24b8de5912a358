//! A whole path: its slashes and dot segments, and the encoding of each segment.

use crate::percent::{self, SegmentKind};
use crate::placeholder;

/// How much of a path is normalized, in bytes: what common servers accept for a request line. The rest becomes one
/// [`placeholder::MORE`]. So no request can make the caller's buffer grow beyond three times this length.
pub(crate) const PATH_BYTES_MAX: usize = 8 * 1024;

/// Writes the clean form of `raw` to `out`, which must be empty. It has one slash before each segment and none at the end, no
/// empty segments, no dot segments, and normalized percent-encoding. The case of a path has a meaning and is kept.
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
        match percent::normalize(segment, out) {
            SegmentKind::Text => {}
            SegmentKind::Placeholder(name) => out.push_str(name),
            SegmentKind::Empty | SegmentKind::Current => out.truncate(level),
            SegmentKind::Parent => {
                out.truncate(level);
                // There is no level above the root.
                out.truncate(out.rfind('/').unwrap_or(0));
            }
        }
    }
    if out.is_empty() {
        out.push('/');
    }
}

/// Returns the segments of a clean path. The root has none.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}
