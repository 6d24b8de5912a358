//! Recognizes obvious personal data: e-mail addresses, IP addresses, card, account and telephone numbers.
//!
//! This is a guard against accidents, such as an address as the tenant. All refused tenants are counted under one common
//! placeholder, and usage that is there is on nobody's bill. So false alarms have to be rare, and each kind asks for evidence beyond
//! a check digit: `tests/personal.rs` measures how often identifiers are taken for it, and real forms are not.

mod address;
mod bank_account;
mod card;
mod mail;
mod phone;

use std::fmt;

pub(crate) use address::{is_address, is_address_in_name, leading_ipv4};
pub(crate) use mail::holds_email;

/// A kind of personal data that must not be in a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PersonalData {
    /// An e-mail address that can be a person's. Accounts of programs (`svc-backup@example.com`,
    /// `meter@acme.iam.gserviceaccount.com`) are none.
    Email,
    /// An IPv4 or IPv6 address.
    Address,
    /// A card number: first figures and length as a network issues them, and a right check digit.
    CardNumber,
    /// An IBAN: the length of its country and a right check number.
    BankAccount,
    /// A telephone number with `+` or with its area code in parentheses.
    PhoneNumber,
}

impl PersonalData {
    /// Finds personal data in a tenant, service or region. Returns the first kind in the order of the variants.
    ///
    /// ```
    /// use ron_accounting_normalize::PersonalData;
    /// assert_eq!(PersonalData::find("ada@shop.example.com"), Some(PersonalData::Email));
    /// assert_eq!(PersonalData::find("4731904418247"), None);
    /// ```
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        if mail::holds_personal_email(text) {
            Some(Self::Email)
        } else if address::holds_ipv4(text) || address::holds_ipv6(text) {
            Some(Self::Address)
        } else if card::holds_card_number(text) {
            Some(Self::CardNumber)
        } else if bank_account::holds_iban(text) {
            Some(Self::BankAccount)
        } else if phone::holds_phone_number(text) {
            Some(Self::PhoneNumber)
        } else {
            None
        }
    }
}

impl fmt::Display for PersonalData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "an e-mail address",
            Self::Address => "an IP address",
            Self::CardNumber => "a card number",
            Self::BankAccount => "a bank account number",
            Self::PhoneNumber => "a telephone number",
        })
    }
}

/// Returns whether a name contains personal data.
pub(crate) fn is_found_in(text: &str) -> bool {
    PersonalData::find(text).is_some()
}
