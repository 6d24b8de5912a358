//! This workspace, through its façade.

use ron_accounting::{Accounting, Dimension, Labels, Meter};

use super::{Bound, Contestant};
use crate::{label_sets::LABEL_SETS, race::Kind};

/// The façade with its default settings; windows are rolled by hand, so that no thread disturbs.
#[derive(Debug)]
pub struct Ours {
    /// The façade.
    pub accounting: Accounting,
}

impl Contestant for Ours {
    const NAME: &'static str = "ours";
    const KIND: Kind = Kind::Ours;

    fn new(sets: &[Labels<'_>]) -> Self {
        let builder = Accounting::builder().manual().label_limit(sets.len().max(LABEL_SETS));
        Self { accounting: builder.build().expect("the settings are in range") }
    }

    #[inline]
    fn record(&self, labels: &Labels<'_>) {
        self.accounting.incr_request(labels);
    }

    #[inline]
    fn record_each(&self, labels: &Labels<'_>, [requests, bytes_in, bytes_out]: [u64; 3]) {
        let amounts = [
            (Dimension::REQUESTS, requests),
            (Dimension::BYTES_IN, bytes_in),
            (Dimension::BYTES_OUT, bytes_out),
        ];
        self.accounting.record_each(labels, &amounts);
    }
}

impl Bound for Ours {
    type Handle = Meter;

    fn bind(&self, labels: &Labels<'_>) -> Meter {
        self.accounting.meter(labels)
    }

    #[inline]
    fn increment(&self, handle: &Meter) {
        handle.incr_request();
    }
}
