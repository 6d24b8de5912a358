//! `measured`: typed label groups. What a service knows when it starts is a fixed set, the tenant a dynamic one.

use std::sync::Arc;

use measured::{
    lasso::{Rodeo, RodeoReader, ThreadedRodeo},
    metric::{name::MetricName, LabelId, MetricFamilyEncoding},
    text::BufferedTextEncoder,
    CounterVec, LabelGroup,
};
use ron_accounting::{counters::Label, Labels};

use super::{Bound, Contestant, Scraped, COUNTERS};
use crate::race::Kind;

/// Three vectors that share their label values.
pub struct Measured {
    counters: [CounterVec<Arc<TypedLabelsSet>>; 3],
}

impl std::fmt::Debug for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Measured").finish_non_exhaustive()
    }
}

/// What the library derives its set of values from.
#[derive(Debug, LabelGroup)]
#[label(set = TypedLabelsSet)]
pub struct TypedLabels<'a> {
    #[label(dynamic_with = ThreadedRodeo, default)]
    tenant: &'a str,
    #[label(fixed_with = RodeoReader)]
    method: &'a str,
    #[label(fixed_with = RodeoReader)]
    route: &'a str,
    #[label(fixed_with = RodeoReader)]
    service: &'a str,
    #[label(fixed_with = RodeoReader)]
    region: &'a str,
}

impl<'a> From<&Labels<'a>> for TypedLabels<'a> {
    #[inline]
    fn from(labels: &Labels<'a>) -> Self {
        let [tenant, method, route, service, region] = labels.values();
        Self { tenant, method, route, service, region }
    }
}

impl Contestant for Measured {
    const NAME: &'static str = "measured";
    const KIND: Kind = Kind::Library;

    fn new(sets: &[Labels<'_>]) -> Self {
        let values = |label| sets.iter().map(|set| set.get(label)).collect::<Rodeo>().into_reader();
        let [method, route, service, region] =
            [Label::Method, Label::Route, Label::Service, Label::Region].map(values);
        let set = Arc::new(TypedLabelsSet::new(method, route, service, region));
        Self { counters: [(); 3].map(|()| CounterVec::with_label_set(Arc::clone(&set))) }
    }

    #[inline]
    fn record(&self, labels: &Labels<'_>) {
        self.counters[0].inc(labels.into());
    }

    #[inline]
    fn record_each(&self, labels: &Labels<'_>, amounts: [u64; 3]) {
        for (counter, amount) in self.counters.iter().zip(amounts) {
            counter.inc_by(labels.into(), amount);
        }
    }
}

impl Bound for Measured {
    type Handle = LabelId<Arc<TypedLabelsSet>>;

    fn bind(&self, labels: &Labels<'_>) -> Self::Handle {
        self.counters[0].with_labels(labels.into())
    }

    #[inline]
    fn increment(&self, handle: &Self::Handle) {
        self.counters[0].get_metric(*handle).inc();
    }
}

impl Scraped for Measured {
    fn scrape(&self) -> usize {
        let mut encoder = BufferedTextEncoder::new();
        for (name, counter) in COUNTERS.into_iter().zip(&self.counters) {
            let Ok(()) = counter.collect_family_into(MetricName::from_str(name), &mut encoder);
        }
        encoder.finish().len()
    }
}
