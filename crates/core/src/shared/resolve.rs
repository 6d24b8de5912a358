//! From a raw label set to a key: normalization, admission within the limits, eviction, and the overflow row.
//!
//! All of this is off the hot path: a thread comes here once per raw label set, and again only after an eviction.

use super::{claim_live, Resolved, Shared, ThreadState, ADMISSIONS_MAX};
use crate::{
    key::{overflow_labels, AccountKey, Key, TenantId, UsageKey, Wanted},
    name::Lengths,
    normalizer::{enforce_limits, LABEL_BYTES_MAX},
    readings::Readings,
    registry::{Full, Quota},
    sync::{Arc, Ordering},
    Label, Labels, Outcome, Overflow, Verdict, OVERFLOW,
};

impl Shared {
    /// The key of a raw label set, with the caller's claim on it.
    pub(crate) fn resolve(&self, thread: &ThreadState, labels: &Labels<'_>) -> Option<Resolved> {
        let known = || {
            let local = thread.local.try_borrow().ok()?;
            let found = local.labels.find(self.hashing.labels(labels), labels, Lengths::of(labels)?)?;
            claim_live(found)
        };
        known().or_else(|| self.resolve_labels(thread, labels))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn resolve_labels(&self, thread: &ThreadState, raw: &Labels<'_>) -> Option<Resolved> {
        let mut buffers = match thread.local.try_borrow_mut() {
            Ok(mut local) => std::mem::take(&mut local.normalized),
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
            // A caller may write the labels of an overflow row, which is never evicted, and so must take no place.
            let is_overflow = labels == overflow_labels(labels.tenant);
            let quota = if is_overflow { Quota::Exempt } else { Quota::Limited };
            self.find_or_admit(thread, hash, &wanted, quota, || UsageKey::from_labels(id, &labels))
        } else {
            None
        };
        let resolved = match (resolved, admitted) {
            (Some(key), _) => {
                if let Some(mut local) = thread.remembering() {
                    local.labels.insert(self.hashing.labels(raw), Arc::clone(&key), raw, outcome);
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
        // Raw labels of any length pass through; their room must not stay.
        for buffer in &mut buffers {
            buffer.shrink_to(LABEL_BYTES_MAX);
        }
        if let Ok(mut local) = thread.local.try_borrow_mut() {
            local.normalized = buffers;
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
            if let Some(mut local) = thread.remembering() {
                local.accounts.insert(hash, Arc::clone(&key), tenant, account);
            }
            return Some(Resolved { key, outcome: Outcome::Counted });
        }
        let outcome = Outcome::Overflowed(self.count_overflow(false));
        self.overflow_row(tenant, name).map(|key| Resolved { key, outcome })
    }

    /// The key of an account, with the caller's claim on it.
    pub(crate) fn resolve_account_key(
        &self,
        thread: &ThreadState,
        tenant: (TenantId, &str),
        account: AccountKey,
    ) -> Option<Resolved> {
        let hash = self.hashing.account(tenant.0, account);
        let known = || claim_live(thread.local.try_borrow().ok()?.accounts.find(hash, tenant.0, account)?);
        known().or_else(|| self.resolve_account(thread, hash, tenant, account))
    }

    /// Normalizes `raw` into `out`; `Counted` or `Replaced`.
    fn normalize(&self, raw: &Labels<'_>, out: &mut [String; 5]) -> Outcome {
        let mut outcome = Outcome::Counted;
        for (label, out) in Label::ALL.into_iter().zip(out) {
            out.clear();
            let verdict = self.normalizer.normalize(label, raw.get(label), out);
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

    fn find_or_admit(
        &self,
        thread: &ThreadState,
        hash: u64,
        wanted: &Wanted<'_>,
        quota: Quota,
        make: impl Fn() -> UsageKey,
    ) -> Option<Arc<Key>> {
        self.watch(thread);
        if let Ok(mut local) = thread.local.try_borrow_mut() {
            local.purge_evicted(self.epoch.load(Ordering::Relaxed));
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

    /// Evicts the least recently used keys, a few at once, since finding them costs a reading of all. `true` if it
    /// is worth trying again.
    fn make_room(&self, thread: &ThreadState) -> bool {
        let mut readings = self.readings.lock();
        readings.arrive(&self.registry);
        readings.note_activity(&self.slabs);
        let mut evicted = 0;
        if self.registry.live() >= self.limits.label_sets {
            evicted = readings.evict_least_recent(&self.registry, (self.limits.label_sets / 32).max(1));
            self.counters.evicted_cardinality.fetch_add(evicted as u64, Ordering::Relaxed);
        }
        self.reclaim(&mut readings, evicted, Some(thread));
        // A key that another thread admitted in the meantime can be evicted once it has arrived.
        self.registry.live() < self.limits.label_sets || self.registry.has_arrivals()
    }

    pub(super) fn reclaim(&self, readings: &mut Readings, evicted: usize, thread: Option<&ThreadState>) {
        // Each thread goes through its whole cache in a new epoch.
        let epoch = self.epoch.fetch_add(u64::from(evicted > 0), Ordering::Relaxed) + u64::from(evicted > 0);
        if let Some(Ok(mut local)) = thread.map(|thread| thread.local.try_borrow_mut()) {
            local.purge_evicted(epoch);
        }
        readings.reclaim(&self.registry, &self.slabs);
    }

    /// The id of a tenant, unless it is a new one past the limit.
    pub(crate) fn tenant(&self, name: &str) -> Option<TenantId> {
        let mut tenants = self.tenants.lock();
        if let Some(id) = tenants.ids.get(name) {
            return Some(*id);
        }
        // The overflow tenant is always admitted, and takes no other's place.
        let others = tenants.ids.len() - usize::from(tenants.ids.contains_key(OVERFLOW));
        if name != OVERFLOW && others >= self.limits.tenants {
            return None;
        }
        let id = TenantId(u32::try_from(tenants.ids.len()).ok()?);
        tenants.ids.insert(name.into(), id);
        Some(id)
    }

    fn overflow_tenant(&self) -> TenantId {
        self.tenant(OVERFLOW).unwrap_or(TenantId(u32::MAX))
    }

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

    /// The name that a raw label set would be counted under, without registering it.
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

    /// The tenant that usage of `raw` would be counted under: the normalized one, or the overflow tenant.
    pub(crate) fn admit_tenant(&self, raw: &str) -> (TenantId, Box<str>) {
        let key = self.usage_key(&crate::labels().tenant(raw));
        (key.tenant_id(), key.tenant().into())
    }
}
