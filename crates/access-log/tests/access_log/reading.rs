//! A log as text, and what comes out of it in short.

use ron_accounting_access_log::{Decoded, FieldName, Format, FormatError, Lines, Parser, RequestLine, Times};

/// `client user host method target status sent received`, `.` for what is not there, then remarks; or `!reason`.
pub(crate) type Told = Vec<String>;

pub(crate) struct Reader {
    pub(crate) format: Format,
    pub(crate) times: Times,
    pub(crate) keep: Vec<FieldName>,
}

impl Reader {
    pub(crate) fn new(format: &str) -> Self {
        Self { format: format.parse().unwrap(), times: Times::new(), keep: Vec::new() }
    }

    pub(crate) fn zone(mut self, zone: &str) -> Self {
        self.times = self.times.with_zone(zone).unwrap();
        self
    }

    pub(crate) fn keep(mut self, name: &str) -> Self {
        self.keep.push(name.parse().unwrap());
        self
    }

    pub(crate) fn parser(&self, log: &[u8]) -> Result<Parser, FormatError> {
        Parser::new(&self.format, log, &self.times, &self.keep)
    }

    pub(crate) fn told(&self, log: impl AsRef<[u8]>) -> Told {
        self.read(log.as_ref()).into_iter().map(|(told, _)| told).collect()
    }

    /// What is told of each request, with its time.
    pub(crate) fn read(&self, log: &[u8]) -> Vec<(String, u64)> {
        let mut lines = Lines::new(Decoded::new(log).unwrap());
        let mut parser = self.parser(lines.sample().unwrap()).unwrap();
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let line = match line {
                Ok(line) => line,
                Err(skip) => {
                    all.push((format!("!{}", skip.reason().name()), 0));
                    continue;
                }
            };
            match parser.parse(line) {
                Ok(Some(request)) => {
                    let text = |value: &Option<_>| value.as_ref().map_or(".".to_owned(), ToString::to_string);
                    let (method, target) = match &request.line {
                        RequestLine::Http { method, target } => (method.to_string(), target.to_string()),
                        _ => (".".to_owned(), ".".to_owned()),
                    };
                    let mut fields = vec![text(&request.client), text(&request.user), text(&request.host)];
                    let number = |value: Option<u64>| value.map_or(".".to_owned(), |value| value.to_string());
                    fields.extend([method, target, number(request.status.map(u64::from))]);
                    fields.extend([number(request.bytes_sent), number(request.bytes_received)]);
                    fields.extend(request.kept.iter().map(|value| format!("[{}]", text(value))));
                    fields.extend(request.remarks.iter().map(|remark| format!("+{}", remark.name())));
                    let time_ms = request.time_ms;
                    let rest = request.rest.map(<[u8]>::to_vec);
                    all.push((fields.join(" "), time_ms));
                    if let Some(rest) = rest {
                        let again = self.read(&rest);
                        all.extend(again);
                    }
                }
                Ok(None) => {}
                Err(skip) => {
                    let message = skip.to_string();
                    assert!(!message.contains(char::is_control), "{message:?}");
                    all.push((format!("!{}", skip.reason().name()), 0));
                }
            }
        }
        all
    }
}

pub(crate) fn auto(log: impl AsRef<[u8]>) -> Told {
    Reader::new("auto").told(log)
}
