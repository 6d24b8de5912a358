//! Formats in the notation of a server's own configuration, pasted as they are there.
//!
//! * `apache`: the directives of Apache's `LogFormat`.
//! * `nginx`: the variables of nginx's `log_format`, and of formats that are written down here in its notation.
//! * this file: which of the two it is, and what a configuration file wraps around it.

mod apache;
mod nginx;

pub(crate) use nginx::template_of;

use crate::{
    template::{Template, TemplateFault},
    text::Escapes,
    FormatError,
};

/// Reads a format, with or without the directive, the quotation marks and the line breaks of a configuration file.
pub(crate) fn parse(text: &str) -> Result<Template, FormatError> {
    let pasted = Pasted::new(text);
    let fault = |fault| match fault {
        TemplateFault::Adjacent => FormatError::Notation {
            reason: "two fields have no text between them that tells where one ends".to_owned(),
        },
        TemplateFault::Missing(field) => FormatError::Notation { reason: format!("it has no {field}") },
    };
    if pasted.is_nginx {
        let (escapes, escapes_quotes) = match pasted.escape {
            Escape::Default => (Escapes::Backslash, true),
            Escape::Json => (Escapes::Json, true),
            Escape::None => (Escapes::None, false),
        };
        template_of(&pasted.format, &nginx::variable, escapes, escapes_quotes).map_err(fault)
    } else {
        apache::template(&pasted.format)?.map_err(fault)
    }
}

/// Returns whether the text is a format in one of the two notations and no name.
pub(crate) fn is_notation(text: &str) -> bool {
    text.contains(['$', '%'])
}

/// nginx's `escape=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    Default,
    Json,
    None,
}

#[derive(Debug, PartialEq, Eq)]
struct Pasted {
    format: String,
    is_nginx: bool,
    escape: Escape,
}

impl Pasted {
    fn new(text: &str) -> Self {
        let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
        let mut rest = joined.trim();
        let mut escape = Escape::Default;
        let mut is_nginx = rest.contains('$') && !rest.contains("%>") && !rest.contains("%{");
        let (directive, behind) = word(rest);
        match directive.to_ascii_lowercase().as_str() {
            "log_format" => {
                is_nginx = true;
                rest = word(behind).1;
            }
            "logformat" => {
                is_nginx = false;
                rest = behind;
            }
            "customlog" | "transferlog" | "globallog" => {
                is_nginx = false;
                rest = argument(behind).map_or(behind, |(_, rest)| rest.trim_start());
            }
            _ => {}
        }
        if let Some(value) = rest.strip_prefix("escape=") {
            let (value, behind) = word(value);
            escape = match value {
                "json" => Escape::Json,
                "none" => Escape::None,
                _ => Escape::Default,
            };
            rest = behind;
        }
        let format = unquoted(rest, is_nginx).unwrap_or_else(|| rest.replace("\\\"", "\""));
        Self { format, is_nginx, escape }
    }
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    (word, rest.trim_start())
}

/// Returns the content of one or, for nginx, of several strings in quotation marks, if the text is nothing else but
/// for a name.
fn unquoted(text: &str, is_nginx: bool) -> Option<String> {
    let (mut format, mut rest) = argument(text).filter(|_| text.starts_with(['"', '\'']))?;
    while is_nginx && rest.trim_start().starts_with(['"', '\'']) {
        let (more, behind) = argument(rest.trim_start())?;
        format.push_str(&more);
        rest = behind;
    }
    // What is behind is the name of the format, or a condition. A field there says that the quotation marks are the
    // log's.
    (!rest.contains(['$', '%', '"'])).then_some(format)
}

/// Reads an argument of a directive: a string in quotation marks with its escapes undone, or a word.
fn argument(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let Some(quote @ ('"' | '\'')) = text.chars().next() else {
        let (word, rest) = word(text);
        return (!word.is_empty()).then(|| (word.to_owned(), rest));
    };
    let mut argument = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == quote => return Some((argument, &text[at + 1..])),
            '\\' => match characters.next()? {
                (_, 't') => argument.push('\t'),
                (_, escaped @ ('"' | '\'' | '\\')) => argument.push(escaped),
                (_, other) => argument.extend(['\\', other]),
            },
            _ => argument.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Escape, Pasted};

    #[test]
    fn what_a_configuration_wraps_around_a_format_is_left_out() {
        let apache = r#"%h %l %u %t "%r" %>s %b"#;
        for text in [
            apache,
            r#"%h %l %u %t \"%r\" %>s %b"#,
            r#""%h %l %u %t \"%r\" %>s %b""#,
            r#"LogFormat "%h %l %u %t \"%r\" %>s %b" common"#,
            "LogFormat \\\n \"%h %l %u %t \\\"%r\\\" %>s %b\" common",
            r#"CustomLog "logs/access log" "%h %l %u %t \"%r\" %>s %b" env=!quiet"#,
            r#"'%h %l %u %t "%r" %>s %b'"#,
        ] {
            let expected = Pasted { format: apache.to_owned(), is_nginx: false, escape: Escape::Default };
            assert_eq!(Pasted::new(text), expected, "{text}");
        }
        let nginx = r#"$remote_addr [$time_local] "$request" $status"#;
        for text in [
            nginx,
            r#"'$remote_addr [$time_local] "$request" $status'"#,
            r#"log_format main '$remote_addr [$time_local] "$request" $status';"#,
            "log_format main '$remote_addr [$time_local] '\n                '\"$request\" $status';\n",
            r#"log_format main "$remote_addr [$time_local] \"$request\" $status";"#,
        ] {
            let expected = Pasted { format: nginx.to_owned(), is_nginx: true, escape: Escape::Default };
            assert_eq!(Pasted::new(text), expected, "{text}");
        }
        assert_eq!(Pasted::new("log_format j escape=json '{$request}';").escape, Escape::Json);
        let own_quotes = r#""$request" $status "$time_local""#;
        assert_eq!(Pasted::new(own_quotes).format, own_quotes);
    }
}
