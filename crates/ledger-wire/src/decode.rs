//! The strict decoder: fields in order, then the rules that span fields.
//!
//! # Why it does not encode again and compare
//! A comparison would find every deviation and name none of them. Here each check has its own error. The tests prove that the
//! checks are complete: they encode again and compare.

use crate::digest::Digest;
use crate::error::{DecodeError, DecodeErrorKind as Kind};
use crate::layout::{Field, ORIGIN_BYTES, SLICE_BYTES_MAX, WIRE_VERSION};
use crate::origin::Origin;
use crate::reader::Reader;
use crate::rows::{Rows, RowsFrame};
use crate::seq::Seq;
use crate::slice::Slice;
use crate::stream::StreamId;

/// A slice that was found to be canonical. Its texts and rows are borrowed from the input.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) origin: Origin,
    pub(crate) tenant: &'a str,
    pub(crate) dimension: &'a str,
    pub(crate) seq: Seq,
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
    pub(crate) previous: Option<Digest>,
    pub(crate) rows: RowsFrame,
}

impl Frame<'_> {
    pub(crate) fn stream(&self) -> StreamId {
        StreamId::new(self.origin, self.tenant, self.dimension)
    }

    /// Returns the slice as owned values. `bytes` is the input that the frame was read from.
    pub(crate) fn to_slice(&self, bytes: &[u8]) -> Slice {
        Slice {
            stream: self.stream(),
            seq: self.seq,
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            previous: self.previous,
            rows: Rows::new(bytes, &self.rows).into_owned(),
        }
    }
}

/// A value and the offset of its item.
#[derive(Clone, Copy, Debug)]
struct Located<T> {
    value: T,
    offset: usize,
}

/// The fields of the map that were read so far.
#[derive(Debug, Default)]
struct Fields<'a> {
    version: Option<u64>,
    seq: Option<Seq>,
    previous: Option<Located<Option<Digest>>>,
    rows: Option<RowsFrame>,
    end_ms: Option<Located<u64>>,
    origin: Option<Origin>,
    tenant: Option<&'a str>,
    start_ms: Option<u64>,
    dimension: Option<&'a str>,
}

/// Checks that `bytes` are one canonical slice. Allocates nothing but the name of an unknown field.
pub(crate) fn frame(bytes: &[u8]) -> Result<Frame<'_>, DecodeError> {
    if bytes.len() > SLICE_BYTES_MAX {
        return Err(DecodeError::new(SLICE_BYTES_MAX, Kind::TooLarge { bytes: bytes.len() }));
    }
    let mut reader = Reader::new(bytes);
    let fields = Fields::read(&mut reader)?;
    let frame = fields.check(&reader)?;
    reader.end()?;
    Ok(frame)
}

impl<'a> Fields<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut fields = Self::default();
        let mut last: Option<Field> = None;
        for _ in 0..reader.map()? {
            let offset = reader.offset();
            let name = reader.text()?;
            let fail = |kind| Err(DecodeError::new(offset, kind));
            let Some(field) = Field::named(name) else {
                return fail(Kind::UnknownField { name: name.chars().take(32).collect() });
            };
            if fields.has(field) {
                return fail(Kind::DuplicateField { field: field.name() });
            }
            if let Some(after) = last.filter(|last| *last > field) {
                return fail(Kind::UnorderedFields { field: field.name(), after: after.name() });
            }
            last = Some(field);
            fields.read_value(field, reader)?;
        }
        Ok(fields)
    }

    fn has(&self, field: Field) -> bool {
        match field {
            Field::Version => self.version.is_some(),
            Field::Seq => self.seq.is_some(),
            Field::Previous => self.previous.is_some(),
            Field::Rows => self.rows.is_some(),
            Field::End => self.end_ms.is_some(),
            Field::Origin => self.origin.is_some(),
            Field::Tenant => self.tenant.is_some(),
            Field::Start => self.start_ms.is_some(),
            Field::Dimension => self.dimension.is_some(),
        }
    }

    fn read_value(&mut self, field: Field, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
        let offset = reader.offset();
        match field {
            Field::Version => {
                // First of all, because another version may have other fields.
                let version = reader.unsigned()?;
                if version != WIRE_VERSION {
                    return Err(DecodeError::new(offset, Kind::UnsupportedVersion { version }));
                }
                self.version = Some(version);
            }
            Field::Seq => self.seq = Some(Seq::new(reader.unsigned()?)),
            Field::Previous => self.previous = Some(Located { value: reader.link()?, offset }),
            Field::Rows => self.rows = Some(RowsFrame::read(reader)?),
            Field::End => self.end_ms = Some(Located { value: reader.unsigned()?, offset }),
            Field::Origin => {
                let origin = reader.byte_string::<ORIGIN_BYTES>(|bytes| Kind::OriginLength { bytes })?;
                self.origin = Some(Origin::from_bytes(origin));
            }
            Field::Tenant => self.tenant = Some(reader.text()?),
            Field::Start => self.start_ms = Some(reader.unsigned()?),
            Field::Dimension => self.dimension = Some(reader.text()?),
        }
        Ok(())
    }

    /// Checks that no field is missing, and the rules that span fields.
    fn check(self, reader: &Reader<'_>) -> Result<Frame<'a>, DecodeError> {
        let missing =
            |field: Field| DecodeError::new(reader.offset(), Kind::MissingField { field: field.name() });
        self.version.ok_or_else(|| missing(Field::Version))?;
        let seq = self.seq.ok_or_else(|| missing(Field::Seq))?;
        let previous = self.previous.ok_or_else(|| missing(Field::Previous))?;
        let rows = self.rows.ok_or_else(|| missing(Field::Rows))?;
        let end = self.end_ms.ok_or_else(|| missing(Field::End))?;
        let origin = self.origin.ok_or_else(|| missing(Field::Origin))?;
        let tenant = self.tenant.ok_or_else(|| missing(Field::Tenant))?;
        let start_ms = self.start_ms.ok_or_else(|| missing(Field::Start))?;
        let dimension = self.dimension.ok_or_else(|| missing(Field::Dimension))?;

        match (seq.is_first(), previous.value) {
            (true, Some(_)) => return Err(DecodeError::new(previous.offset, Kind::GenesisLink)),
            (false, None) => return Err(DecodeError::new(previous.offset, Kind::MissingLink { seq })),
            _ => {}
        }
        if start_ms >= end.value {
            let kind = Kind::EmptyWindow { start_ms, end_ms: end.value };
            return Err(DecodeError::new(end.offset, kind));
        }
        Ok(Frame {
            origin,
            tenant,
            dimension,
            seq,
            start_ms,
            end_ms: end.value,
            previous: previous.value,
            rows,
        })
    }
}
