//! Progress bars, on standard error and only where that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// Makes a bar that counts slices.
pub(crate) fn slices() -> ProgressBar {
    bar("{bar:40} {human_pos} of {human_len} slices, {eta} left")
}

/// Makes a bar that counts bytes read.
pub(crate) fn bytes() -> ProgressBar {
    bar("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")
}

/// Makes a spinner with a message of any number of lines.
pub(crate) fn message() -> ProgressBar {
    bar("{spinner} {msg}")
}

/// Makes a bar, which is hidden if standard error is no terminal.
fn bar(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}
