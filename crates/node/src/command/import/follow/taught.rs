//! What the paths of a followed log have taught about its routes.
//!
//! A learner has room for so many words, and a log may be followed for months. So a new one takes over at each rotation. It has
//! already learned from the log that is rotated away, so that what a position had become it stays.

use ron_accounting::normalize::RouteNormalizer;
use ron_accounting_access_log::Request;

use crate::command::import::routes::{Learning, Routes};

/// The normalizer of a log, and the one that will take over.
#[derive(Debug)]
pub(super) struct Taught {
    pub(super) normalizer: RouteNormalizer,
    learning: Option<Learning>,
    next: RouteNormalizer,
    next_learning: Option<Learning>,
}

impl Taught {
    pub(super) fn new(routes: &Routes) -> anyhow::Result<Self> {
        let (normalizer, next) = (routes.normalizer()?, routes.normalizer()?);
        let (learning, next_learning) = (Learning::with(&normalizer), Learning::with(&next));
        Ok(Self { normalizer, learning, next, next_learning })
    }

    /// Returns whether there is anything to learn.
    pub(super) fn learns(&self) -> bool {
        self.learning.is_some()
    }

    pub(super) fn observe(&mut self, request: &Request<'_>) {
        for learning in self.learning.iter_mut().chain(&mut self.next_learning) {
            learning.observe(request);
        }
    }

    /// Lets the next one take over, since another log begins.
    pub(super) fn take_over(&mut self, routes: &Routes) -> anyhow::Result<()> {
        let next = routes.normalizer()?;
        self.learning = std::mem::replace(&mut self.next_learning, Learning::with(&next));
        self.normalizer = std::mem::replace(&mut self.next, next);
        Ok(())
    }
}
