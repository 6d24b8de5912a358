//! Who pays for a request: what the host extracts the tenant from.

use std::{borrow::Cow, marker::PhantomData};

use http::{request::Parts, HeaderName};
use ron_accounting::normalize::INVALID;

/// Finds the tenant of a request in its head.
///
/// Closures are sources. They may borrow the tenant from the request, which saves a copy:
///
/// ```
/// use std::borrow::Cow;
/// use http::request::Parts;
/// use ron_accounting::Accounting;
/// use ron_accounting_tower::MeterLayer;
///
/// #[derive(Clone)]
/// struct Claims { organization: String }
///
/// let acc = Accounting::builder().manual().build()?;
/// let layer = MeterLayer::new(&acc).tenant(|head: &Parts| {
///     let claims = head.extensions.get::<Claims>()?;
///     Some(Cow::Borrowed(&*claims.organization))
/// });
/// # Ok::<(), ron_accounting::AccError>(())
/// ```
///
/// The closure's parameter needs its type, so that the compiler knows that the result may borrow from it.
pub trait TenantSource: Send + Sync + 'static {
    /// Returns the tenant, or `None` if the request names none. It is called once per request, before the wrapped service.
    fn tenant<'a>(&self, request: &'a Parts) -> Option<Cow<'a, str>>;
}

impl<F> TenantSource for F
where
    F: for<'a> Fn(&'a Parts) -> Option<Cow<'a, str>> + Send + Sync + 'static,
{
    #[inline]
    fn tenant<'a>(&self, request: &'a Parts) -> Option<Cow<'a, str>> {
        self(request)
    }
}

/// Takes the tenant from a header: see [`header`].
#[derive(Debug, Clone)]
pub struct Header(HeaderName);

/// Takes the tenant from the first header of this name. A value that is not UTF-8 counts as `~invalid`.
///
/// Only a proxy or gateway in front of the service should be able to set this header: a client that can set it chooses who
/// pays.
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
#[must_use]
pub fn header(name: HeaderName) -> Header {
    Header(name)
}

impl TenantSource for Header {
    #[inline]
    fn tenant<'a>(&self, request: &'a Parts) -> Option<Cow<'a, str>> {
        let value = request.headers.get(&self.0)?;
        Some(Cow::Borrowed(std::str::from_utf8(value.as_bytes()).unwrap_or(INVALID)))
    }
}

/// Takes the tenant from a request extension: see [`extension`].
#[derive(Debug)]
pub struct Extension<T>(PhantomData<fn() -> T>);

/// Takes the tenant from the request's extension of type `T`, which a middleware outside of the layer has put there.
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
#[must_use]
pub fn extension<T: AsRef<str> + Send + Sync + 'static>() -> Extension<T> {
    Extension(PhantomData)
}

impl<T: AsRef<str> + Send + Sync + 'static> TenantSource for Extension<T> {
    #[inline]
    fn tenant<'a>(&self, request: &'a Parts) -> Option<Cow<'a, str>> {
        request.extensions.get::<T>().map(|tenant| Cow::Borrowed(tenant.as_ref()))
    }
}
