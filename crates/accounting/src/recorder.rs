//! The numeric façade: accounts instead of label sets, and slices on demand.

use std::sync::{Mutex, PoisonError};

use ron_accounting_core::{AccountKey, Dimension, Engine, Tenant};
use ron_accounting_seal::Sealer;
use ron_accounting_window::{Cadence, Clock, FixedCadence, Span, SystemClock};
use ron_ledger_wire::{Origin, SealedSlice};

use crate::origin::random_bytes;
#[cfg(feature = "export")]
use crate::Accounting;

/// The tenant of [`Recorder::default`].
const TENANT: &str = "default";

/// Counts one dimension of one tenant's accounts.
///
/// A recorder of an [`Accounting`] ([`Accounting::recorder`]) shares its engine, its log and its ledger. A recorder that
/// `default()` makes has an engine and chains of its own. Its slices go to the caller of [`Recorder::seal_now`] alone.
///
/// ```
/// use ron_accounting::accounting::{AccountKey, Recorder};
/// let recorder = Recorder::default();
/// recorder.record(AccountKey { ns: 1, id: 0xAA }, 3);
/// let slices = recorder.seal_now();
/// assert_eq!(slices[0].total(), 3);
/// assert!(recorder.seal_now().is_empty());
/// ```
#[derive(Debug)]
pub struct Recorder {
    engine: Engine,
    tenant: Tenant,
    dimension: Dimension,
    sealing: Sealing,
}

#[derive(Debug)]
enum Sealing {
    Own {
        sealer: Box<Mutex<Sealer>>,
        cadence: FixedCadence,
    },
    #[cfg(feature = "export")]
    Shared(Accounting),
}

impl Default for Recorder {
    fn default() -> Self {
        let engine = Engine::default();
        let origin = random_bytes().map_or_else(|_| fallback_origin(), Origin::from_bytes);
        let sealer = Box::new(Mutex::new(Sealer::new(&engine, origin)));
        Self {
            tenant: engine.tenant(TENANT),
            dimension: Dimension::REQUESTS,
            engine,
            sealing: Sealing::Own { sealer, cadence: FixedCadence::default() },
        }
    }
}

impl Recorder {
    #[cfg(feature = "export")]
    pub(crate) fn shared(
        accounting: &Accounting,
        engine: &Engine,
        tenant: &str,
        dimension: Dimension,
    ) -> Self {
        Self {
            engine: engine.clone(),
            tenant: engine.tenant(tenant),
            dimension,
            sealing: Sealing::Shared(accounting.clone()),
        }
    }

    /// Adds `n` to an account.
    #[inline]
    pub fn record(&self, account: AccountKey, n: u64) {
        self.engine.record_account(&self.tenant, account, self.dimension, n);
    }

    /// Seals the usage of the open window so far, and returns the slices. Slices of an [`Accounting`] are on their way to its
    /// ledger as well, and include its other tenants and dimensions.
    pub fn seal_now(&self) -> Vec<SealedSlice> {
        match &self.sealing {
            Sealing::Own { sealer, cadence } => {
                let number = cadence.bucket(SystemClock.now_ms());
                let window = Span {
                    start_ms: cadence.start_ms(number),
                    end_ms: cadence.start_ms(number.saturating_add(1)),
                };
                let mut sealer = sealer.lock().unwrap_or_else(PoisonError::into_inner);
                sealer.seal(window, usize::MAX, |_| false).slices
            }
            #[cfg(feature = "export")]
            Sealing::Shared(accounting) => accounting.seal_now(),
        }
    }
}

/// Makes an origin of clock and process id, for a system that has no random source.
fn fallback_origin() -> Origin {
    Origin::from_bytes(
        (u128::from(SystemClock.now_ms()) << 64 | u128::from(std::process::id())).to_be_bytes(),
    )
}
