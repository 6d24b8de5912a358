//! From a raw label set to a key: normalization, admission within the limits, eviction, and the overflow row.
//!
//! All of this is off the hot path: a thread comes here once per raw label set, and again only after an
//! eviction.

use std::panic::AssertUnwindSafe;

use super::{EngineState, Readings, Resolved, ThreadState};
use crate::{
    cache::CachedKey,
    key::{overflow_labels, Key, Quota, UsageKey, Wanted},
    limit::Limit,
    name::Lengths,
    normalizer::{enforce_limits, LABEL_BYTES_MAX},
    registry::Full,
    sync::{Arc, Ordering},
    tenant::{AccountKey, Tenant, TenantEntry, TenantRef},
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
        // Before it is asked: what it learns meanwhile is for the next look-up.
        let generation = self.generation();
        // No borrow is held here: the normalizer is the host's code and may record.
        let outcome = self.normalize(raw, &mut buffers);
        let [tenant, method, route, service, region] = buffers.each_ref().map(String::as_str);
        let labels = Labels { tenant, method, route, service, region };
        if matches!(outcome, Outcome::Replaced { .. }) {
            self.counters.replaced.fetch_add(1, Ordering::Relaxed);
        }

        let owner = self.tenants.intern(labels.tenant);
        let wanted = Wanted::Labels(labels);
        let hash = self.hashing.labels(&labels);
        // A caller may write the very labels of an overflow row. It makes room for nothing when it is evicted, so it must
        // not use up the label limit.
        let is_overflow = labels == overflow_labels(labels.tenant);
        let quota = if is_overflow { Quota::Exempt } else { Quota::Limited };
        self.purge_caches(thread, generation);
        let found = self.find_or_admit(thread, hash, &wanted, quota, (&owner, labels.tenant), || {
            UsageKey::from_labels(&owner, &labels)
        });
        let resolved = match found {
            Ok(key) => {
                if let Some(mut caches) = thread.caches_to_fill() {
                    caches.labels.insert(self.hashing.labels(raw), Arc::clone(&key), raw, outcome);
                }
                Some(Resolved { key, outcome })
            }
            Err(full) => self.resolve_overflow(&owner, labels.tenant, full),
        };
        // A raw label of any length went through the buffers, whose memory must stay bounded.
        for buffer in &mut buffers {
            buffer.shrink_to(LABEL_BYTES_MAX);
        }
        if let Ok(mut caches) = thread.caches.try_borrow_mut() {
            caches.normalized = buffers;
        }
        resolved
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn resolve_account(
        &self,
        thread: &ThreadState,
        hash: u64,
        tenant: &Tenant,
        account: AccountKey,
    ) -> Option<Resolved> {
        let wanted = Wanted::Account(tenant.id, account);
        let Tenant { entry, name, .. } = tenant;
        self.purge_caches(thread, self.generation());
        match self
            .find_or_admit(thread, hash, &wanted, Quota::Limited, (entry, name), || tenant.usage_key(account))
        {
            Ok(key) => {
                if let Some(mut caches) = thread.caches_to_fill() {
                    caches.accounts.insert(hash, Arc::clone(&key), tenant.id, account);
                }
                Some(Resolved { key, outcome: Outcome::Counted })
            }
            Err(full) => self.resolve_overflow(entry, name, full),
        }
    }

    /// Returns the live key of an account.
    pub(crate) fn resolve_account_key(
        &self,
        thread: &ThreadState,
        tenant: &Tenant,
        account: AccountKey,
    ) -> Option<Resolved> {
        let hash = self.hashing.account(tenant.id, account);
        let known = || own_if_live(thread.caches.try_borrow().ok()?.accounts.find(hash, tenant.id, account)?);
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

    /// Releases what the thread's caches must not own any more: evicted keys, and names that the normalizer has learned to
    /// write in another way.
    fn purge_caches(&self, thread: &ThreadState, generation: u64) {
        self.watch(thread);
        if let Ok(mut caches) = thread.caches.try_borrow_mut() {
            caches.purge_evicted(self.eviction_epoch.load(Ordering::Relaxed));
            caches.purge_renamed(generation);
        }
    }

    /// Returns the normalizer's generation. A panic of it counts as the first.
    fn generation(&self) -> u64 {
        std::panic::catch_unwind(AssertUnwindSafe(|| self.normalizer.generation())).unwrap_or(0)
    }

    /// Finds the key in the registry or registers it, and evicts other keys for it if need be. Returns which limit left no
    /// room.
    fn find_or_admit(
        &self,
        thread: &ThreadState,
        hash: u64,
        wanted: &Wanted<'_>,
        quota: Quota,
        (tenant, name): (&TenantEntry, &str),
        make: impl Fn() -> UsageKey,
    ) -> Result<Arc<Key>, Full> {
        if let Some(key) = self.registry.find(hash, wanted) {
            return Ok(key);
        }
        for _ in 0..ADMISSIONS_MAX {
            let full = match self.registry.admit(hash, wanted, quota, tenant, &make) {
                Ok(key) => return Ok(key),
                Err(full) => full,
            };
            let has_room = match full {
                Full::Tenants => self.make_place(thread),
                Full::LabelSets | Full::Ids => {
                    self.limits_reached.note(Limit::LabelSets, name, None);
                    self.make_room(thread)
                }
            };
            if !has_room || full == Full::Ids {
                break;
            }
        }
        self.registry.admit(hash, wanted, quota, tenant, &make)
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

    /// Makes place for a tenant: evicts all keys of tenants that are idle, the least recently used first. Returns whether
    /// another admission may succeed.
    ///
    /// Finding them costs a reading of all cells, so several leave at once, and none is looked for again before that can
    /// help.
    fn make_place(&self, thread: &ThreadState) -> bool {
        let mut readings = self.readings_with_new_keys();
        if self.registry.has_free_place() {
            return true;
        }
        if readings.slots.has_no_idle_tenant() {
            return false;
        }
        self.release_places(&readings);
        if !self.registry.has_free_place() {
            let Readings { slots, readers } = &mut *readings;
            slots.note_activity(&self.slabs);
            let held = readers.held_tenants(slots, &self.slabs);
            let wanted = (self.limits.tenants / 32).max(1);
            let (idle, evicted) = slots.evict_idle_tenants(&self.registry, wanted, &held);
            self.registry.release_places(idle.iter());
            self.counters.evicted_tenants.fetch_add(idle.len() as u64, Ordering::Relaxed);
            self.counters.evicted_cardinality.fetch_add(evicted as u64, Ordering::Relaxed);
            self.reclaim(&mut readings, evicted, Some(thread));
        }
        self.registry.has_free_place()
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
        slots.remove_unowned(&self.registry, |key| {
            let (sums, detached) = readers.detach_key(key, &self.slabs);
            self.note_detached(key.usage.tenant_entry(), detached);
            sums
        });
    }

    /// Returns the key for usage of a tenant that found no room: the tenant's overflow row, or if the tenant has no place,
    /// the last resort.
    fn resolve_overflow(&self, tenant: &TenantRef, name: &str, full: Full) -> Option<Resolved> {
        let of_tenant = (full != Full::Tenants).then(|| self.overflow_row(tenant, name)).flatten();
        let (key, overflow, counter) = if let Some(key) = of_tenant {
            (key, Overflow::LabelSets, &self.counters.overflowed_label_sets)
        } else {
            self.limits_reached.note(Limit::Tenants, name, None);
            let key = self.overflow_row(self.tenants.overflow(), OVERFLOW)?;
            (key, Overflow::Tenants, &self.counters.overflowed_tenants)
        };
        counter.fetch_add(1, Ordering::Relaxed);
        Some(Resolved { key, outcome: Outcome::Overflowed(overflow) })
    }

    /// Returns the key of a tenant's overflow row, or `None` if the tenant has no place.
    fn overflow_row(&self, tenant: &TenantRef, name: &str) -> Option<Arc<Key>> {
        let labels = overflow_labels(name);
        let wanted = Wanted::Labels(labels);
        let hash = self.hashing.wanted(&wanted);
        self.registry.find(hash, &wanted).or_else(|| {
            let make = || UsageKey::from_labels(tenant, &labels);
            self.registry.admit(hash, &wanted, Quota::Exempt, tenant, make).ok()
        })
    }

    /// Returns the name that a raw label set is counted under within the limits, and registers no key.
    pub(crate) fn usage_key(&self, raw: &Labels<'_>) -> UsageKey {
        let mut buffers = <[String; 5]>::default();
        self.normalize(raw, &mut buffers);
        let [tenant, method, route, service, region] = buffers.each_ref().map(String::as_str);
        let labels = Labels { tenant, method, route, service, region };
        UsageKey::from_labels(&self.tenants.intern(tenant), &labels)
    }

    /// Returns the tenant of a raw name.
    pub(crate) fn tenant(&self, raw: &str) -> Tenant {
        let mut name = String::new();
        self.normalize_label(Label::Tenant, raw, &mut name);
        enforce_limits(&mut name);
        Tenant::new(self.tenants.intern(&name), &name)
    }
}

/// Makes the caller an owner of a key that its cache knows, unless the key was evicted: a meter's key must be
/// live.
fn own_if_live(cached: CachedKey<'_>) -> Option<Resolved> {
    (!cached.key.is_evicted()).then(|| Resolved { key: Arc::clone(cached.key), outcome: cached.outcome })
}
