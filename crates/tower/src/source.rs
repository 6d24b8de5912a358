//! What the host's code finds in the head of a request: the tenant, and without a router the route.
//!
//! A source is a function. It may borrow what it finds from the request, which saves a copy.

use std::borrow::Cow;

use http::{request::Parts, HeaderName};
use ron_accounting::normalize::INVALID;

/// A source, as the layer keeps it.
pub(crate) type Source = dyn for<'a> Fn(&'a Parts) -> Option<Cow<'a, str>> + Send + Sync;

/// Finds the first header of this name. A value that is not UTF-8 is found as `~invalid`.
///
/// Only a proxy or gateway in front of the service should be able to set the header that names the tenant: a client that can
/// set it chooses who pays.
///
/// ```
/// use http::HeaderName;
/// use ron_accounting::Accounting;
/// use ron_accounting_tower::{header, MeterLayer};
///
/// const TENANT: HeaderName = HeaderName::from_static("x-tenant");
///
/// let acc = Accounting::builder().manual().build()?;
/// let layer = MeterLayer::new(&acc).tenant(header(TENANT));
/// # Ok::<(), ron_accounting::AccError>(())
/// ```
pub fn header(
    name: HeaderName,
) -> impl for<'a> Fn(&'a Parts) -> Option<Cow<'a, str>> + Clone + Send + Sync + 'static {
    move |head: &Parts| {
        let value = head.headers.get(&name)?;
        // Nearly all values are ASCII, which is quicker to check.
        let text = value.to_str().ok().or_else(|| std::str::from_utf8(value.as_bytes()).ok());
        Some(Cow::Borrowed(text.unwrap_or(INVALID)))
    }
}

/// Finds the request's extension of type `T`, which a middleware outside of the layer has put there.
///
/// ```
/// use ron_accounting::Accounting;
/// use ron_accounting_tower::{extension, MeterLayer};
///
/// #[derive(Clone)]
/// struct Tenant(String);
///
/// impl AsRef<str> for Tenant {
///     fn as_ref(&self) -> &str {
///         &self.0
///     }
/// }
///
/// let acc = Accounting::builder().manual().build()?;
/// let layer = MeterLayer::new(&acc).tenant(extension::<Tenant>());
/// # Ok::<(), ron_accounting::AccError>(())
/// ```
pub fn extension<T: AsRef<str> + Send + Sync + 'static>(
) -> impl for<'a> Fn(&'a Parts) -> Option<Cow<'a, str>> + Clone + Send + Sync + 'static {
    |head: &Parts| head.extensions.get::<T>().map(|found| Cow::Borrowed(found.as_ref()))
}
