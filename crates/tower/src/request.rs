//! The request's side: it counts the bytes that the service reads.

use ron_accounting::Dimension;

use crate::exchange::Account;

/// Counts the body of one request.
#[derive(Debug)]
pub(crate) struct RequestTally {
    account: Account,
}

impl RequestTally {
    pub(crate) fn new(account: Account) -> Self {
        if let Account::Shared(exchange) = &account {
            exchange.open_request();
        }
        Self { account }
    }

    #[inline]
    pub(crate) fn take_in(&self, bytes: u64) {
        self.account.record(&[(Dimension::BYTES_IN, bytes)]);
    }
}

impl Drop for RequestTally {
    fn drop(&mut self) {
        if let Account::Shared(exchange) = &self.account {
            exchange.close_request();
        }
    }
}
