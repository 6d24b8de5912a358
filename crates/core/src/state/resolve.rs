//! From a raw label set to a key: normalization, admission within the limits, eviction, and the overflow row.
//!
//! All of this is off the hot path: a thread comes here once per raw label set, and again only after an
//! eviction.

use std::panic::AssertUnwindSafe;

use super::{EngineState, Readings, Resolved, ThreadState};
use crate::{
    cache::CachedKey,
    key::{overflow_labels, Key, UsageKey, Wanted},
    name::Lengths,
    normalizer::{enforce_limits, LABEL_BYTES_MAX},
    registry::{Full, Quota},
    sync::{Arc, Ordering},
    tenant::{AccountKey, TenantId},
    Label, Labels, Outcome, Overflow, Reason, Verdict, INVALID, OVERFLOW,
};

/// How many times admission is retried while other threads fill each slot that eviction frees. Then the usage
/// goes to the overflow row.
const ADMISSIONS_MAX: usize = 16;

impl EngineState {
    /// Returns the live key of a raw label set.
    pub(crate) fn resolve(&self, thread: &ThreadState, labels: &Labels<'_>) -> Option<Resolved> {
        let known = || {
            let caches = thread.caches.try_borrow().ok()?;
            let cached = caches.labels.find(self.hashing.labels(labels), labels, Lengths::of(labels)?)?;
            own_if_live(cached)
        };
        known().or_else(|| self.resolve_labels(thread, labels))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn resolve_labels(&self, thread: &ThreadState, raw: &Labels<'_>) -> Option<Resolved> {
        let mut buffers = match thread.caches.try_borrow_mut() {
            Ok(mut caches) => std::mem::take(&mut caches.normalized),
            Err(_) => Default::default(),
        };
        // No borrow is held here: the normalizer is the host's code and may record.
        let mut outcome = self.normalize(raw, &mut buffers);
        let [tenant, method, route, service, region] = buffers.each_ref().map(String::as_str);
        let labels = Labels { tenant, method, route, service, region };
        if matches!(outcome, Outcome::Replaced { .. }) {
            self.counters.replaced.fetch_add(1, Ordering::Relaxed);
        }

        let admitted = self.tenant(labels.tenant);
        let resolved = if let Some(id) = admitted {
            let wanted = Wanted::Labels(labels);
            let hash = self.hashing.labels(&labels);
            // A caller may write the very labels of an overflow row. It is never evicted, so it must not use
            // up the label limit.
            let is_overflow = labels == overflow_labels(labels.tenant);
            let quota = if is_overflow { Quota::Exempt } else { Quota::Limited };
            self.find_or_admit(thread, hash, &wanted, quota, || UsageKey::from_labels(id, &labels))
        } else {
            None
        };
        let resolved = match (resolved, admitted) {
            (Some(key), _) => {
                if let Some(mut caches) = thread.caches_to_fill() {
                    caches.labels.insert(self.hashing.labels(raw), Arc::clone(&key), raw, outcome);
                }
                Some(key)
            }
            (None, admitted) => {
                let (id, name) =
                    admitted.map_or_else(|| (self.overflow_tenant(), OVERFLOW), |id| (id, labels.tenant));
                outcome = Outcome::Overflowed(self.count_overflow(admitted.is_none()));
                self.overflow_row(id, name)
            }
        };
        // A raw label of any length went through the buffers, whose memory must stay bounded.
        for buffer in &mut buffers {
            buffer.shrink_to(LABEL_BYTES_MAX);
        }
        if let Ok(mut caches) = thread.caches.try_borrow_mut() {
            caches.normalized = buffers;
        }
        resolved.map(|key| Resolved { key, outcome })
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn resolve_account(
        &self,
        thread: &ThreadState,
        hash: u64,
        (tenant, name): (TenantId, &str),
        account: AccountKey,
    ) -> Option<Resolved> {
        let wanted = Wanted::Account(tenant, account);
        let make = || UsageKey::from_account(tenant, name, account);
        if let Some(key) = self.find_or_admit(thread, hash, &wanted, Quota::Limited, make) {
            if let Some(mut caches) = thread.caches_to_fill() {
                caches.accounts.insert(hash, Arc::clone(&key), tenant, account);
            }
            return Some(Resolved { key, outcome: Outcome::Counted });
        }
        let outcome = Outcome::Overflowed(self.count_overflow(false));
        self.overflow_row(tenant, name).map(|key| Resolved { key, outcome })
    }

    /// Returns the live key of an account.
    pub(crate) fn resolve_account_key(
        &self,
        thread: &ThreadState,
        tenant: (TenantId, &str),
        account: AccountKey,
    ) -> Option<Resolved> {
        let hash = self.hashing.account(tenant.0, account);
        let known = || own_if_live(thread.caches.try_borrow().ok()?.accounts.find(hash, tenant.0, account)?);
        known().or_else(|| self.resolve_account(thread, hash, tenant, account))
    }

    /// Normalizes `raw` into `out`. Returns `Counted` or `Replaced`.
    fn normalize(&self, raw: &Labels<'_>, out: &mut [String; 5]) -> Outcome {
        let mut outcome = Outcome::Counted;
        for (label, out) in Label::ALL.into_iter().zip(out) {
            out.clear();
            let verdict = self.normalize_label(label, raw.get(label), out);
            let ((Some(refused), _) | (None, Verdict::Replaced(refused))) = (enforce_limits(out), verdict)
            else {
                continue;
            };
            if outcome == Outcome::Counted {
                outcome = Outcome::Replaced { label, reason: refused };
            }
        }
        outcome
    }

    /// Calls the normalizer, which is the host's code: a panic of it must not reach whoever records.
    fn normalize_label(&self, label: Label, raw: &str, out: &mut String) -> Verdict {
        // Of what the closure touches, the engine sees `out` alone, which is overwritten after a panic.
        let normalize = AssertUnwindSafe(|| self.normalizer.normalize(label, raw, out));
        std::panic::catch_unwind(normalize).unwrap_or_else(|_| {
            self.counters.normalizer_panics.fetch_add(1, Ordering::Relaxed);
            out.clear();
            out.push_str(INVALID);
            Verdict::Replaced(Reason::NormalizerPanicked)
        })
    }

    /// Finds the key in the registry or registers it, and evicts other keys for it if need be. Returns `None`
    /// at the limit.
    fn find_or_admit(
        &self,
        thread: &ThreadState,
        hash: u64,
        wanted: &Wanted<'_>,
        quota: Quota,
        make: impl Fn() -> UsageKey,
    ) -> Option<Arc<Key>> {
        self.watch(thread);
        if let Ok(mut caches) = thread.caches.try_borrow_mut() {
            caches.purge_evicted(self.eviction_epoch.load(Ordering::Relaxed));
        }
        if let Some(key) = self.registry.find(hash, wanted) {
            return Some(key);
        }
        for _ in 0..ADMISSIONS_MAX {
            let full = match self.registry.admit(hash, wanted, quota, &make) {
                Ok(key) => return Some(key),
                Err(full) => full,
            };
            let has_room = self.make_room(thread);
            if !has_room || full == Full::Ids {
                break;
            }
        }
        self.registry.admit(hash, wanted, quota, &make).ok()
    }

    /// Evicts the least recently used keys. Returns whether another admission may succeed.
    ///
    /// Finding them costs a reading of all cells, so several are evicted at once.
    fn make_room(&self, thread: &ThreadState) -> bool {
        let mut readings = self.readings_with_new_keys();
        readings.slots.note_activity(&self.slabs);
        let mut evicted = 0;
        if self.registry.live() >= self.limits.label_sets {
            evicted = readings.slots.evict_least_recent(&self.registry, (self.limits.label_sets / 32).max(1));
            self.counters.evicted_cardinality.fetch_add(evicted as u64, Ordering::Relaxed);
        }
        self.reclaim(&mut readings, evicted, Some(thread));
        // A key that another thread admitted in the meantime can be evicted once it has a slot.
        self.registry.live() < self.limits.label_sets || self.registry.has_new_keys()
    }

    /// Frees the ids of evicted keys that have no owner any more. `thread`, if given, releases its own first.
    pub(super) fn reclaim(&self, readings: &mut Readings, evicted: usize, thread: Option<&ThreadState>) {
        // In a new epoch, each thread goes through its whole cache once.
        let step = u64::from(evicted > 0);
        let epoch = self.eviction_epoch.fetch_add(step, Ordering::Relaxed) + step;
        if let Some(Ok(mut caches)) = thread.map(|thread| thread.caches.try_borrow_mut()) {
            caches.purge_evicted(epoch);
        }
        let Readings { slots, readers } = readings;
        slots.remove_unowned(&self.registry, |key| readers.detach_key(key, &self.slabs));
    }

    /// Returns the id of a tenant, or `None` if it is a new one past the limit.
    pub(crate) fn tenant(&self, name: &str) -> Option<TenantId> {
        let mut tenants = self.tenants.lock();
        if let Some(id) = tenants.get(name) {
            return Some(*id);
        }
        // The overflow tenant is always admitted, and does not count against the limit.
        let others = tenants.len() - usize::from(tenants.contains_key(OVERFLOW));
        if name != OVERFLOW && others >= self.limits.tenants {
            return None;
        }
        let id = TenantId(u32::try_from(tenants.len()).ok()?);
        tenants.insert(name.into(), id);
        Some(id)
    }

    fn overflow_tenant(&self) -> TenantId {
        self.tenant(OVERFLOW).unwrap_or(TenantId(u32::MAX))
    }

    /// Returns the key of a tenant's overflow row.
    fn overflow_row(&self, tenant: TenantId, name: &str) -> Option<Arc<Key>> {
        let labels = overflow_labels(name);
        let wanted = Wanted::Labels(labels);
        let hash = self.hashing.wanted(&wanted);
        self.registry.find(hash, &wanted).or_else(|| {
            let make = || UsageKey::from_labels(tenant, &labels);
            self.registry.admit(hash, &wanted, Quota::Exempt, make).ok()
        })
    }

    fn count_overflow(&self, of_tenants: bool) -> Overflow {
        let (counter, overflow) = if of_tenants {
            (&self.counters.overflowed_tenants, Overflow::Tenants)
        } else {
            (&self.counters.overflowed_label_sets, Overflow::LabelSets)
        };
        counter.fetch_add(1, Ordering::Relaxed);
        overflow
    }

    /// Returns the name that a raw label set would be counted under, and registers no key.
    pub(crate) fn usage_key(&self, raw: &Labels<'_>) -> UsageKey {
        let mut buffers = <[String; 5]>::default();
        self.normalize(raw, &mut buffers);
        let [tenant, method, route, service, region] = buffers.each_ref().map(String::as_str);
        let labels = Labels { tenant, method, route, service, region };
        match self.tenant(tenant) {
            Some(id) => UsageKey::from_labels(id, &labels),
            None => UsageKey::from_labels(self.overflow_tenant(), &overflow_labels(OVERFLOW)),
        }
    }

    /// Returns the tenant that usage of `raw` is counted under: the normalized one, or the overflow tenant.
    pub(crate) fn admit_tenant(&self, raw: &str) -> (TenantId, Box<str>) {
        let key = self.usage_key(&crate::labels().tenant(raw));
        (key.tenant_id(), key.tenant().into())
    }
}

/// Makes the caller an owner of a key that its cache knows, unless the key was evicted: a meter's key must be
/// live.
fn own_if_live(cached: CachedKey<'_>) -> Option<Resolved> {
    (!cached.key.is_evicted()).then(|| Resolved { key: Arc::clone(cached.key), outcome: cached.outcome })
}
