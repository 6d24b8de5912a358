//! The caches by themselves: what they find, what they keep, and how much of it.
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

use super::*;
use crate::{
    hashing::Hashing,
    key::{Quota, UsageKey},
    labels,
    tenant::{TenantEntry, TenantRef},
};

fn tenant() -> TenantRef {
    TenantRef::new(TenantEntry::new(TenantId(0), false))
}

fn key(hash: u64, route: &str) -> Arc<Key> {
    Arc::new(Key::new(
        KeyId::new(u32::try_from(hash).unwrap()),
        hash,
        Quota::Limited,
        UsageKey::from_labels(&tenant(), &labels().route(route)),
    ))
}

/// Inserts keys, each under its own name.
fn filled(cache: &mut LabelsCache, count: u64) -> Vec<Arc<Key>> {
    let keys: Vec<_> = (0..count).map(|hash| key(hash, &hash.to_string())).collect();
    for key in &keys {
        cache.insert(key.hash, Arc::clone(key), &key.usage.labels().unwrap(), Outcome::Counted);
    }
    keys
}

fn find<'a>(cache: &'a LabelsCache, hash: u64, labels: &Labels<'_>) -> Option<&'a Arc<Key>> {
    let found = cache.find(hash, labels, Lengths::of(labels)?)?;
    assert_eq!(found.id, found.key.id);
    Some(found.key)
}

fn knows(cache: &LabelsCache, key: &Key) -> bool {
    find(cache, key.hash, &key.usage.labels().unwrap()).is_some_and(|found| found.hash == key.hash)
}

#[test]
fn nothing_is_forgotten_while_there_is_room() {
    let mut cache = LabelsCache::new(1024);
    let keys = filled(&mut cache, 1024);
    assert!(keys.iter().all(|key| knows(&cache, key)));
}

#[test]
fn a_full_cache_replaces_in_turn_and_keeps_its_size() {
    let mut cache = LabelsCache::new(64);
    let keys = filled(&mut cache, 10_000);
    assert_eq!((cache.cache.entries.len(), cache.cache.table.len()), (64, 64));
    assert_eq!(cache.validate(), Ok(()));
    assert!(keys.iter().rev().take(64).all(|key| knows(&cache, key)));
    assert!(!keys.iter().rev().skip(64).any(|key| knows(&cache, key)));
}

#[test]
fn a_hash_alone_is_no_match() {
    let mut cache = LabelsCache::new(64);
    cache.insert(7, key(1, "a"), &labels().route("a"), Outcome::Counted);
    cache.insert(7, key(2, "b"), &labels().route("B"), Outcome::Counted);
    for (raw, counted) in [("a", "a"), ("B", "b")] {
        let found = find(&cache, 7, &labels().route(raw)).unwrap();
        assert_eq!(found.usage.labels(), Some(labels().route(counted)));
    }
    let others = [
        labels().route("b"),
        labels().route("a").tenant("x"),
        labels().route("a").method("x"),
        labels().route("a").service("x"),
        labels().route("a").region("x"),
        labels().service("a"),
    ];
    assert!(others.iter().all(|other| find(&cache, 7, other).is_none()));
}

#[test]
fn what_was_found_last_is_found_again_without_a_hash() {
    let mut cache = LabelsCache::new(64);
    let keys = filled(&mut cache, 3);
    let again = |cache: &LabelsCache, route: &str| {
        let set = labels().route(route);
        cache.find_again(&set, Lengths::of(&set).unwrap()).map(|cached| cached.id.index())
    };
    assert!(knows(&cache, &keys[2]));
    assert_eq!((again(&cache, "2"), again(&cache, "1")), (Some(2), None));
    assert!(knows(&cache, &keys[1]));
    assert_eq!((again(&cache, "2"), again(&cache, "1")), (None, Some(1)));
    cache.clear();
    assert_eq!(again(&cache, "1"), None);
}

#[test]
fn remembered_raw_labels_are_bounded() {
    let mut cache = LabelsCache::new(4096);
    let shared = key(0, "a");
    let mut most = 0;
    for n in 0..4096 {
        let raw = format!("{n:01024}");
        cache.insert(n, Arc::clone(&shared), &labels().route(&raw), Outcome::Counted);
        let held: usize = cache.cache.entries.iter().map(LabelsEntry::raw_bytes).sum();
        assert_eq!(held, cache.raw_bytes);
        assert_eq!(cache.validate(), Ok(()));
        most = most.max(held);
    }
    assert_eq!(most, RAW_BYTES_TOTAL_MAX);
    let held = cache.raw_bytes;
    let long = "x".repeat(RAW_BYTES_MAX + 1);
    cache.insert(0, shared, &labels().route(&long), Outcome::Counted);
    assert_eq!(cache.raw_bytes, held, "too long to be remembered");
}

#[test]
fn evicted_keys_are_let_go_once_per_epoch() {
    let mut cache = LabelsCache::new(64);
    let keys = filled(&mut cache, 2);
    keys[0].set_evicted(true);
    cache.purge_evicted(1);
    assert_eq!(keys.iter().map(|key| knows(&cache, key)).collect::<Vec<_>>(), [false, true]);
    keys[1].set_evicted(true);
    cache.purge_evicted(1);
    assert!(knows(&cache, &keys[1]));
    cache.purge_evicted(2);
    assert!(!knows(&cache, &keys[1]));
    assert_eq!(cache.validate(), Ok(()));
    assert!(keys.iter().all(|key| Arc::strong_count(key) == 1));
}

fn found(cache: &LabelsCache, hash: u64, scope: &Arc<FixedLabels>) -> Option<KeyId> {
    cache.find_scoped(hash, "acme", scope).map(|found| found.id)
}

#[test]
fn a_scope_finds_its_tenants_and_no_others() {
    let hashing = Hashing::new(Some(1));
    let scope = |route| Arc::new(FixedLabels::new(&hashing, &labels().route(route)));
    let (feed, same, other) = (scope("/feed"), scope("/feed"), scope("/other"));
    let set = labels().tenant("acme").route("/feed");
    assert_eq!(feed.with("acme"), set);
    let hash = hashing.labels(&set);
    assert_eq!(hash, hashing.scoped("acme", feed.hash));

    let mut cache = LabelsCache::new(64);
    let counted =
        Arc::new(Key::new(KeyId::new(5), hash, Quota::Limited, UsageKey::from_labels(&tenant(), &set)));
    cache.insert(hash, counted, &set, Outcome::Counted);
    assert_eq!(found(&cache, hash, &feed), None, "not known to be of this scope");
    cache.note_scope(hash, &set, &feed);
    assert_eq!(
        (found(&cache, hash, &feed), found(&cache, hash, &same), found(&cache, hash, &other)),
        (Some(KeyId::new(5)), None, None)
    );
    assert!(
        cache.find_scoped(hash, "acm", &feed).is_none() && cache.find_scoped(hash, "acmee", &feed).is_none()
    );

    cache.note_scope(hash, &set, &same);
    assert_eq!(found(&cache, hash, &same), None, "a scope that lives is remembered");
    drop(feed);
    cache.note_scope(hash, &set, &same);
    assert_eq!(found(&cache, hash, &same), Some(KeyId::new(5)));
}

#[test]
fn accounts_are_told_apart_by_tenant_namespace_and_id() {
    let mut cache = AccountsCache::new(64);
    let account = AccountKey { ns: 1, id: 7 };
    cache.insert(3, key(0, "a"), TenantId(1), account);
    assert!(cache.find(3, TenantId(1), account).is_some());
    assert!(cache.find(3, TenantId(2), account).is_none());
    assert!(cache.find(3, TenantId(1), AccountKey { ns: 2, id: 7 }).is_none());
    assert!(cache.find(3, TenantId(1), AccountKey { ns: 1, id: 8 }).is_none());
    assert!(cache.find(4, TenantId(1), account).is_none());
}
