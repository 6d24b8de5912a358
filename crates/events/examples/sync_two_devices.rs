//! Two devices count the same event, and meet on a server.
//!
//! `cargo run -p ron-accounting-events --example sync_two_devices`

use ron_accounting_events::{Error, EventStore};

/// Sends what has changed since the last time, and takes nothing back yet.
fn upload(device: &EventStore, server: &EventStore) -> Result<(), Error> {
    server.merge_all(device.export_dirty()?)?;
    // What was sent must not be sent again: a merge adds.
    device.reset_dirty();
    Ok(())
}

fn main() -> Result<(), Error> {
    let (phone, laptop, server) = (EventStore::new(), EventStore::new(), EventStore::new());
    phone.record_count("page_read", 3);
    laptop.record_count("page_read", 4);
    laptop.record("note_written");

    upload(&phone, &server)?;
    upload(&laptop, &server)?;
    assert_eq!(server.query("page_read").last_days(1).sum(), Some(7));

    // A device that starts anew takes all that the server has. What it takes is not its own to send.
    let tablet = EventStore::new();
    tablet.import_all(server.export_all()?)?;
    tablet.reset_dirty();
    assert_eq!(tablet.query("page_read").last_days(1).sum(), Some(7));
    assert_eq!(tablet.query("note_written").last_days(1).sum(), Some(1));
    assert!(tablet.export_dirty()?.is_empty());

    // In whatever order the devices come, the sum is the same.
    let other = EventStore::new();
    other.merge_all(laptop.export_all()?)?;
    other.merge_all(phone.export_all()?)?;
    assert_eq!(other.export_all()?.len(), server.export_all()?.len());
    assert_eq!(other.query("page_read").ever().sum(), server.query("page_read").ever().sum());
    Ok(())
}
