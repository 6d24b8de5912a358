//! From a reading, which is by key, to streams, which are by tenant and dimension.

use ron_accounting_core::{Dimension, Engine, Reading, ReadingRow, TenantId, UsageKey};

use crate::key_forms::KeyForms;

/// One stream's rows of a reading, sorted by encoded key.
pub(crate) struct StreamRows<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) name: &'a str,
    pub(crate) dimension: Dimension,
    pub(crate) rows: Vec<(KeyedRow<'a>, u64)>,
}

/// A key with its encoded form.
#[derive(Clone, Copy)]
pub(crate) struct KeyedRow<'a> {
    form: &'a [u8],
    pub(crate) key: &'a UsageKey,
}

impl<'a> StreamRows<'a> {
    /// Encoded keys and increments.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'a [u8], u64)> + '_ {
        self.rows.iter().map(|(row, increment)| (row.form, *increment))
    }

    pub(crate) fn place(&self) -> (TenantId, Dimension) {
        (self.tenant, self.dimension)
    }
}

/// The streams of a reading that have usage, by tenant and dimension.
pub(crate) fn grouped<'a>(
    reading: &'a Reading,
    forms: &'a KeyForms,
    engine: &'a Engine,
) -> impl Iterator<Item = StreamRows<'a>> + 'a {
    let mut rows: Vec<(TenantId, KeyedRow<'a>, ReadingRow<'a>)> = reading
        .rows()
        .enumerate()
        .map(|(position, row)| {
            let form = forms.get(position, &row);
            (row.key.tenant_id(), KeyedRow { form, key: row.key }, row)
        })
        .collect();
    rows.sort_unstable_by(|a, b| (a.0, a.1.form).cmp(&(b.0, b.1.form)));
    let mut streams = Vec::new();
    for of_tenant in rows.chunk_by(|a, b| a.0 == b.0) {
        let Some((tenant, first, _)) = of_tenant.first() else { continue };
        for dimension in engine.dimensions().iter() {
            let increment =
                |row: &ReadingRow<'_>| row.values.get(dimension.index()).copied().unwrap_or_default();
            let rows: Vec<_> = of_tenant
                .iter()
                .map(|(_, keyed, row)| (*keyed, increment(row)))
                .filter(|(_, increment)| *increment != 0)
                .collect();
            if !rows.is_empty() {
                streams.push(StreamRows { tenant: *tenant, name: first.key.tenant(), dimension, rows });
            }
        }
    }
    streams.into_iter()
}
