//! Can the public types be used where hosts use them: across threads, in logs, in `Result<_, Box<dyn Error>>`?

use std::{error::Error, fmt::Debug};

use ron_accounting::{counters, labels, normalize, window, AccError, Accounting, Readiness, Snapshot, Stats};

fn shared<T: Send + Sync + Debug>() {}

fn value<T: Send + Sync + Debug + Clone>() {}

#[test]
fn types_of_every_build() {
    value::<Accounting>();
    shared::<ron_accounting::AccountingBuilder>();
    shared::<AccError>();
    value::<Snapshot>();
    value::<Stats>();
    value::<Readiness>();

    value::<counters::AccountKey>();
    value::<counters::Dimension>();
    value::<counters::DimensionError>();
    value::<counters::Dimensions>();
    value::<counters::EngineStats>();
    value::<counters::EvictionReason>();
    value::<counters::Label>();
    value::<counters::Labels<'_>>();
    value::<counters::Meter>();
    value::<counters::Outcome>();
    value::<counters::Overflow>();
    value::<counters::Tenant>();

    value::<window::Boundaries>();
    value::<window::Entry<'_>>();
    value::<window::FixedCadence>();
    shared::<window::ManualClock>();
    value::<window::Ring<u64>>();
    value::<window::Span>();
    value::<window::SystemClock>();
    value::<window::WindowLengthError>();

    value::<normalize::CharacterNormalizer>();
    value::<normalize::Reason>();
    value::<normalize::Verdict>();
}

#[test]
#[cfg(feature = "normalize")]
fn types_of_normalization() {
    shared::<normalize::RouteNormalizer>();
    shared::<normalize::RouteNormalizerBuilder>();
    shared::<normalize::BuildError>();
    shared::<normalize::Unmatched>();
}

#[test]
#[cfg(feature = "serde")]
fn types_of_snapshots_in_transit() {
    value::<ron_accounting::export::SnapshotRecord>();
    value::<ron_accounting::export::EntryRecord>();
}

#[test]
#[cfg(feature = "ledger-wire")]
fn types_of_slices() {
    use ron_accounting::{accounting, export};

    shared::<accounting::Recorder>();
    value::<accounting::Row>();
    value::<accounting::RowKey>();
    value::<export::Digest>();
    value::<export::Head>();
    value::<export::Origin>();
    value::<export::SealedSlice>();
    value::<export::Seq>();
    value::<export::Slice>();
    value::<export::StreamId>();
}

#[test]
#[cfg(feature = "export")]
fn types_of_export() {
    use ron_accounting::export;

    value::<ron_accounting::OnFull>();
    value::<ron_accounting::UsageTotals>();
    value::<export::Ack>();
    value::<export::LanesStatus>();
    value::<export::LogStats>();
    value::<export::MemoryLedger>();
    value::<export::ParkedLane>();
    value::<export::PipelineStats>();
    value::<export::PutError>();
    value::<export::SyncPolicy>();
}

#[test]
#[cfg(feature = "wal")]
fn types_of_the_log() {
    use ron_accounting::wal;

    value::<wal::LogInspection>();
    shared::<wal::PipelineError>();
    value::<wal::Damage>();
    value::<wal::DamageKind>();
    value::<wal::SegmentInspection>();
    value::<wal::SegmentState>();
}

#[test]
fn errors_travel_and_keep_their_cause() {
    let refused = std::io::Error::other("no more threads");
    let error: Box<dyn Error + Send + Sync> =
        AccError::System { operation: "start a thread", source: refused }.into();
    assert_eq!(error.to_string(), "failed to start a thread");
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no more threads"));
}

#[test]
fn a_name_for_debugging_shows_no_labels() -> Result<(), AccError> {
    let acc = Accounting::builder().manual().build()?;
    acc.incr_request(&labels().tenant("acme"));
    let text = format!("{acc:?} {:?}", Accounting::builder());
    assert!(text.contains("Accounting") && !text.contains("acme"), "{text}");
    Ok(())
}
