//! The extended log format of the W3C, as IIS and `CloudFront` write it: the log itself names its columns, again and
//! again.

use crate::{
    found::Role,
    template::{Template, TemplateBuilder, Variable},
    text::Escapes,
    FieldName, Skip, SkipReason,
};

/// The columns of a log as its last `#Fields` named them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    /// Separated by tabs and by spaces; the lines show which.
    named: Option<Box<[Template; 2]>>,
    /// Fields to keep, in order.
    kept: Vec<FieldName>,
}

impl Columns {
    pub(crate) fn keep(&mut self, names: &[FieldName]) {
        self.kept = names.to_vec();
    }

    /// Reads a line that begins with `#`.
    pub(crate) fn direct(&mut self, line: &[u8]) -> Result<(), Skip> {
        let Some(names) = fields(line) else { return Ok(()) };
        let built = |separator: u8| {
            let mut builder = TemplateBuilder::new();
            for (number, name) in
                names.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty()).enumerate()
            {
                if number > 0 {
                    builder.literal(&[separator]);
                }
                builder.field(variable(name));
            }
            builder.finish(Escapes::None, false).ok()
        };
        let (Some(tabs), Some(spaces)) = (built(b'\t'), built(b' ')) else {
            self.named = None;
            return Err(Skip::found(SkipReason::OtherFormat, line));
        };
        let mut named = [tabs, spaces];
        for template in &mut named {
            for (position, name) in self.kept.iter().enumerate() {
                template.keep(name, position);
            }
        }
        self.named = Some(Box::new(named));
        Ok(())
    }

    /// Returns the template for a line of values.
    pub(crate) fn template(&self, line: &[u8]) -> Option<&Template> {
        let [tabs, spaces] = self.named.as_deref()?;
        Some(if memchr::memchr(b'\t', line).is_some() { tabs } else { spaces })
    }
}

/// Returns the names of a `#Fields` line.
pub(crate) fn fields(line: &[u8]) -> Option<&[u8]> {
    let (directive, names) = line.split_at_checked(8)?;
    directive.eq_ignore_ascii_case(b"#Fields:").then(|| names.trim_ascii())
}

fn variable(name: &[u8]) -> Variable {
    let lower = name.to_ascii_lowercase();
    let variable = match lower.as_slice() {
        b"date-time" | b"datetime" | b"timestamp" | b"x-timestamp" => Variable::new(Role::Time, 0),
        b"date" => Variable::new(Role::Date, 0),
        b"time" => Variable::new(Role::Clock, 0),
        b"c-ip" => Variable::new(Role::Address, 0),
        b"cs-username" => Variable::new(Role::User, 0),
        b"cs-method" => Variable::new(Role::Method, 0),
        b"cs-uri-stem" => Variable::new(Role::Target, 0),
        b"cs-uri" => Variable::new(Role::Target, 1),
        b"cs-uri-query" => Variable::new(Role::Query, 0),
        b"sc-status" => Variable::new(Role::Status, 0),
        b"sc-bytes" => Variable::new(Role::BytesSent, 0),
        b"cs-bytes" => Variable::new(Role::BytesReceived, 0),
        // What the viewer asked CloudFront for; the header is that of the distribution.
        b"x-host-header" => Variable { wild: true, ..Variable::new(Role::Host, 0) },
        b"cs-host" | b"cs(host)" => Variable { wild: true, ..Variable::new(Role::Host, 1) },
        _ => Variable::other(lower.starts_with(b"cs(") || lower.starts_with(b"cs-uri")),
    };
    let header = lower.strip_prefix(b"cs(").and_then(|header| header.strip_suffix(b")"));
    variable.named(match header {
        Some(header) => FieldName::header(header),
        None => FieldName::field(name),
    })
}
