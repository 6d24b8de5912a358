//! The atomics and locks that the engine runs on: real ones, or loom's in a build for the models.
//!
//! Other files mention loom only to leave out what the models cannot run: the handles, and the end of
//! threads.
//!
//! Locks here don't poison. The engine's critical sections leave their data valid at every step, and a thread
//! that panicked must not stop the counting of the others.

#[cfg(loom)]
pub(crate) use loom::sync::{
    atomic::{AtomicBool, AtomicU32, AtomicU64},
    Arc,
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    atomic::{AtomicBool, AtomicU32, AtomicU64},
    Arc,
};

pub(crate) use std::sync::atomic::Ordering;

#[cfg(all(feature = "parking_lot", not(loom)))]
pub(crate) use parking_lot::{Mutex, MutexGuard, RwLock};

#[cfg(any(not(feature = "parking_lot"), loom))]
pub(crate) use unpoisoned::{Mutex, MutexGuard, RwLock};

/// The standard library's (or loom's) locks behind the interface of `parking_lot`.
#[cfg(any(not(feature = "parking_lot"), loom))]
mod unpoisoned {
    #[cfg(loom)]
    use loom::sync as base;
    #[cfg(not(loom))]
    use std::sync as base;

    pub(crate) use base::MutexGuard;
    use base::{RwLockReadGuard, RwLockWriteGuard};
    use std::sync::PoisonError;

    #[derive(Debug)]
    pub(crate) struct Mutex<T>(base::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(base::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    #[derive(Debug)]
    pub(crate) struct RwLock<T>(base::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(base::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

/// A value that one thread makes on first use, and many read.
///
/// Loom has no `OnceLock`, and would explore the standard library's code here. So its version is filled at
/// construction.
#[cfg(not(loom))]
#[derive(Debug)]
pub(crate) struct FirstUse<T>(std::sync::OnceLock<T>);

#[cfg(not(loom))]
impl<T> FirstUse<T> {
    pub(crate) fn new(_make: impl FnOnce() -> T) -> Self {
        Self(std::sync::OnceLock::new())
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.get()
    }

    #[inline]
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(make)
    }
}

#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct FirstUse<T>(T);

#[cfg(loom)]
impl<T> FirstUse<T> {
    pub(crate) fn new(make: impl FnOnce() -> T) -> Self {
        Self(make())
    }

    pub(crate) fn get(&self) -> Option<&T> {
        Some(&self.0)
    }

    pub(crate) fn get_or_make(&self, _make: impl FnOnce() -> T) -> &T {
        &self.0
    }
}
