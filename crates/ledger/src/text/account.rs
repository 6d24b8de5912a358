//! Numeric accounts as people write them.

/// The error for a text that is no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write namespace:id, both decimal")]
pub struct UnknownAccount;

/// Parses an account, as `namespace:id`.
///
/// ```
/// assert_eq!(ron_accounting_ledger::text::parse_account("7:12"), Ok((7, 12)));
/// ```
pub fn parse_account(text: &str) -> Result<(u32, u128), UnknownAccount> {
    text.split_once(':')
        .and_then(|(namespace, id)| Some((namespace.parse().ok()?, id.parse().ok()?)))
        .ok_or(UnknownAccount)
}
