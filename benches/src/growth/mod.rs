//! How cost grows: with threads, label sets, dimensions and retained windows, each as a plot.

mod dimensions;
mod drawing;
mod label_sets;
mod threads;
mod windows;

pub use self::drawing::Plot;
use crate::race::Effort;

/// A plot and the name of its file.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// The file, without extension.
    pub name: &'static str,
    /// Measures it.
    pub measure: fn(Effort) -> Plot,
}

/// All plots.
pub const GROWTHS: &[Growth] = &[
    Growth { name: "threads", measure: threads::measure },
    Growth { name: "label-sets", measure: label_sets::measure },
    Growth { name: "dimensions", measure: dimensions::measure },
    Growth { name: "windows", measure: windows::measure },
];
