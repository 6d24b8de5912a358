//! The unit of order: each stream numbers its slices from 0 and chains them.

use std::fmt::{self, Write};
use std::sync::Arc;

use crate::origin::Origin;

/// Origin, tenant and dimension: the stream that a slice belongs to. Cloning is a reference count.
///
/// The length of the texts is not checked. The encoder refuses those longer than
/// [`TEXT_BYTES_MAX`](crate::TEXT_BYTES_MAX).
///
/// ```
/// use ron_ledger_wire::{Origin, StreamId};
/// let stream = StreamId::new(Origin::from_bytes([0; 16]), "acme", "requests");
/// assert_eq!(stream.to_string(), "00000000000000000000000000000000/acme/requests");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(Arc<Parts>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    origin: Origin,
    tenant: Box<str>,
    dimension: Box<str>,
}

impl StreamId {
    /// Returns the stream of `dimension` that `origin` counts for `tenant`. Allocates.
    pub fn new(origin: Origin, tenant: &str, dimension: &str) -> Self {
        Self(Arc::new(Parts { origin, tenant: tenant.into(), dimension: dimension.into() }))
    }

    /// Returns the process that counts.
    pub fn origin(&self) -> Origin {
        self.0.origin
    }

    /// Returns the tenant whose usage is counted.
    pub fn tenant(&self) -> &str {
        &self.0.tenant
    }

    /// Returns what is counted.
    pub fn dimension(&self) -> &str {
        &self.0.dimension
    }
}

/// Writes `origin/tenant/dimension`, for people. Control characters are escaped, because the texts may come from a stranger's
/// slice and be shown on a terminal.
impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.0.origin)?;
        write_escaped(&self.0.tenant, f)?;
        f.write_char('/')?;
        write_escaped(&self.0.dimension, f)
    }
}

fn write_escaped(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    text.chars().try_for_each(|character| {
        if character.is_control() {
            write!(f, "{}", character.escape_default())
        } else {
            f.write_char(character)
        }
    })
}
