//! Canonical DAG-CBOR, the writing half: heads in their shortest form, keys, links.

use crate::digest::Digest;
use crate::layout::{ACCOUNT_ITEMS, CID_HEADER, LABELS_ITEMS, LINK_BYTES, LINK_PREFIX, LINK_TAG};
use crate::slice::RowKey;

/// The three high bits of an initial byte.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Major {
    Unsigned = 0 << 5,
    Bytes = 2 << 5,
    Text = 3 << 5,
    Array = 4 << 5,
    Map = 5 << 5,
    Tag = 6 << 5,
}

pub(crate) const NULL: u8 = 0xf6;

/// Appends an initial byte and its argument in the shortest form. Arguments up to 65535, which nearly all are, cost no call.
#[inline]
pub(crate) fn head(major: Major, argument: u64, out: &mut Vec<u8>) {
    let major = major as u8;
    // The casts cannot truncate, because each pattern bounds the value.
    #[allow(clippy::cast_possible_truncation)]
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 0x18, argument as u8]),
        0x100..=0xffff => {
            let [high, low] = (argument as u16).to_be_bytes();
            out.extend_from_slice(&[major | 0x19, high, low]);
        }
        0x1_0000.. => long_head(major, argument, out),
    }
}

#[inline(never)]
fn long_head(major: u8, argument: u64, out: &mut Vec<u8>) {
    if let Ok(argument) = u32::try_from(argument) {
        out.push(major | 0x1a);
        out.extend_from_slice(&argument.to_be_bytes());
    } else {
        out.push(major | 0x1b);
        out.extend_from_slice(&argument.to_be_bytes());
    }
}

/// Returns how many bytes [`head`] appends for `argument`.
pub(crate) const fn head_bytes(argument: u64) -> usize {
    match argument {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        0x1_0000_0000.. => 9,
    }
}

#[inline]
pub(crate) fn unsigned(value: u64, out: &mut Vec<u8>) {
    head(Major::Unsigned, value, out);
}

/// Length of the longest unsigned integer in bytes.
pub(crate) const UNSIGNED_BYTES_MAX: usize = 9;

pub(crate) fn byte_string(bytes: &[u8], out: &mut Vec<u8>) {
    head(Major::Bytes, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

pub(crate) fn text(text: &str, out: &mut Vec<u8>) {
    head(Major::Text, text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn link(digest: Option<&Digest>, out: &mut Vec<u8>) {
    let Some(digest) = digest else {
        out.push(NULL);
        return;
    };
    head(Major::Tag, LINK_TAG, out);
    head(Major::Bytes, LINK_BYTES as u64, out);
    out.push(LINK_PREFIX);
    out.extend_from_slice(&CID_HEADER);
    out.extend_from_slice(digest.as_bytes());
}

/// Appends the wire form of a key to `out`. Rows are sorted by these bytes.
///
/// The length of texts is not checked. [`SliceBuilder::push_encoded`](crate::SliceBuilder::push_encoded) refuses a key
/// with a label longer than [`TEXT_BYTES_MAX`](crate::TEXT_BYTES_MAX).
pub fn encode_row_key(key: &RowKey, out: &mut Vec<u8>) {
    match key {
        RowKey::Labels { method, route, service, region } => {
            encode_labels_key(method, route, service, region, out);
        }
        RowKey::Account { namespace, id } => encode_account_key(*namespace, *id, out),
    }
}

/// Appends the wire form of a label set's key to `out`, from borrowed texts.
pub fn encode_labels_key(method: &str, route: &str, service: &str, region: &str, out: &mut Vec<u8>) {
    head(Major::Array, LABELS_ITEMS, out);
    for label in [method, route, service, region] {
        text(label, out);
    }
}

/// Appends the wire form of an account's key to `out`. The id is big-endian, so that keys sort like numbers.
pub fn encode_account_key(namespace: u32, id: u128, out: &mut Vec<u8>) {
    head(Major::Array, ACCOUNT_ITEMS, out);
    unsigned(u64::from(namespace), out);
    byte_string(&id.to_be_bytes(), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_as_long_as_reckoned() {
        for edge in [0, 24, 0x100, 0x1_0000, 0x1_0000_0000, u64::MAX] {
            for argument in [edge.saturating_sub(1), edge] {
                let mut out = Vec::new();
                head(Major::Text, argument, &mut out);
                assert_eq!(out.len(), head_bytes(argument), "{argument}");
            }
        }
    }
}
