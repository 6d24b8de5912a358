//! A server for a surface: it accepts, watches, refuses and ends connections.

mod address;
mod connection;
mod error;
mod guard;
mod limits;
mod listener;
mod peers;
mod refuse;
mod running;
mod stream;
mod watch;

pub use address::{ListenAddress, UnknownAddress};
pub use error::ServeError;
pub use limits::ServerLimits;
pub use running::{Ended, Server};
