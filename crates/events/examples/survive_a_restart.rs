//! Counts in files outlive the program, and damage to one of them does not touch the others.
//!
//! `cargo run -p ron-accounting-events --example survive_a_restart`

use std::{env, error::Error, fs, process};

use ron_accounting_events::{storage::FilePerEvent, EventStore};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("survive-a-restart-{}", process::id()));
    let open = || EventStore::builder().with_storage(FilePerEvent::new(&folder, ".bin")?).build();

    let store = open()?;
    store.record_count("launch", 2);
    store.record("crash");
    store.persist()?;
    assert!(!store.is_dirty());
    store.record("launch");
    store.close()?; // stores the rest, and says whether it went well

    let store = open()?;
    assert_eq!(store.query("launch").last_days(1).sum(), Some(3));
    drop(store);

    // Another program damages a file.
    fs::write(folder.join("crash.bin"), "oops")?;
    let store = open()?;
    let unreadable = store.unreadable_events()?;
    assert_eq!(unreadable.iter().map(|(event, _)| event.as_str()).collect::<Vec<_>>(), ["crash"]);
    assert_eq!(store.query("launch").last_days(1).sum(), Some(3));

    // The damaged file is kept for inspection until the event is imported again.
    store.record("crash");
    assert!(store.persist().is_err());
    let counted_since = store.export_dirty()?.remove("crash").ok_or("crash is dirty")?;
    store.import_event("crash", counted_since)?;
    store.close()?;
    assert_eq!(open()?.query("crash").last_days(1).sum(), Some(1));
    fs::remove_dir_all(&folder)?;
    Ok(())
}
