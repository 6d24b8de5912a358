//! `GoAccess`: the analyser of access logs that most distributions have.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The panels of its report that are left out where it is to count no more than an import does.
const OTHER_PANELS: [&str; 13] = [
    "REQUESTS_STATIC",
    "NOT_FOUND",
    "HOSTS",
    "OS",
    "BROWSERS",
    "REFERRERS",
    "REFERRING_SITES",
    "KEYPHRASES",
    "STATUS_CODES",
    "REMOTE_USER",
    "CACHE_STATUS",
    "GEO_LOCATION",
    "VIRTUAL_HOSTS",
];

/// Where the program is.
#[derive(Debug, Clone)]
pub struct GoAccess {
    /// The program.
    pub program: PathBuf,
    /// Where its libraries are, if not where the system looks for them.
    pub libraries: Option<String>,
    /// The configuration that its package has.
    pub configuration: Option<PathBuf>,
}

impl GoAccess {
    /// Returns the command that writes a report of a log as JSON: with the panels of the package's configuration, or only with
    /// requests, days and hours.
    pub(super) fn report(&self, log: &Path, report: &Path, all_panels: bool) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(log).args(["--log-format=COMBINED", "--no-progress"]).arg("--output").arg(report);
        match &self.configuration {
            Some(configuration) => command.arg("--config-file").arg(configuration),
            None => command.arg("--no-global-config"),
        };
        if !all_panels {
            command.args(OTHER_PANELS.map(|panel| format!("--ignore-panel={panel}")));
        }
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }
}
