//! The lines of usage series: the part of the text that may be long.

use ron_accounting::Labels;

use crate::text::push_escaped;

/// Appends one line.
pub(crate) fn push(out: &mut Vec<u8>, name: &str, labels: &Labels<'_>, dimension: Option<&str>, total: u64) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"{tenant=\"");
    push_escaped(out, labels.tenant);
    out.extend_from_slice(b"\",method=\"");
    push_escaped(out, labels.method);
    out.extend_from_slice(b"\",route=\"");
    push_escaped(out, labels.route);
    out.extend_from_slice(b"\",service=\"");
    push_escaped(out, labels.service);
    out.extend_from_slice(b"\",region=\"");
    push_escaped(out, labels.region);
    if let Some(dimension) = dimension {
        out.extend_from_slice(b"\",dimension=\"");
        push_escaped(out, dimension);
    }
    out.extend_from_slice(b"\"} ");
    out.extend_from_slice(itoa::Buffer::new().format(total).as_bytes());
    out.push(b'\n');
}
