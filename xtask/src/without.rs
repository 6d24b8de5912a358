//! What tests may do without, when it cannot be had.

use clap::{Args, ValueEnum};

/// A program that is no part of Rust, Python or the system, and that a test brings by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// Prometheus and promtool, from the system's packages
    Prometheus,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Without {
    /// Leave out what needs this service; may be given more than once
    #[arg(long = "without", value_name = "SERVICE", value_enum)]
    services: Vec<Service>,
}

impl Without {
    pub(crate) fn leaves_out(&self, service: Service) -> bool {
        self.services.contains(&service)
    }
}
