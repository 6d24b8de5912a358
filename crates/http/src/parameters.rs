//! The parameters of a request. One that the endpoint does not have is refused: a misspelt filter would give a wrong answer.

use std::borrow::Cow;

use http::Uri;
use percent_encoding::percent_decode_str;

use crate::problem::{Problem, ProblemKind};

/// The parameters that were not taken yet.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn parse(uri: &Uri) -> Result<Self, Problem> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if parameters.iter().any(|(earlier, _)| *earlier == name) {
                let detail =
                    format!("`{name}` was given twice: give it once, with commas between several columns");
                return Err(Problem::new(ProblemKind::RepeatedParameter, detail));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// Takes the value of a parameter out; `None` if it was not given.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(found, _)| found == name)?;
        Some(self.0.swap_remove(index).1)
    }

    /// Takes a parameter out and parses it.
    pub(crate) fn take_parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.take(name) else { return Ok(None) };
        parse(&text).map(Some).map_err(|error| Problem::invalid(name, error))
    }

    /// Refuses what is left. `known` are the names that the endpoint has.
    pub(crate) fn finish(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) if known.is_empty() => Err(Problem::new(
                ProblemKind::UnknownParameter,
                format!("no parameter `{name}`: this endpoint has none"),
            )),
            Some((name, _)) => Err(Problem::new(
                ProblemKind::UnknownParameter,
                format!("no parameter `{name}`: this endpoint has {}", known.join(", ")),
            )),
        }
    }
}

/// Decodes a name or value as forms write them.
fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned).map_err(|_| {
        let detail = format!("`{text}` is not UTF-8 once it is decoded: encode the text as UTF-8");
        Problem::new(ProblemKind::InvalidParameter, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Parameters, Problem> {
        Parameters::parse(&format!("/usage?{query}").parse().unwrap())
    }

    #[test]
    fn values_are_decoded_as_forms_write_them() {
        let mut parameters = parse("tenant=a+b%26%2B%C3%A9&empty=&flag&&").unwrap();
        assert_eq!(parameters.take("tenant").as_deref(), Some("a b&+é"));
        assert_eq!(parameters.take("empty").as_deref(), Some(""));
        assert_eq!(parameters.take("flag").as_deref(), Some(""));
        assert_eq!(parameters.take("tenant"), None);
        parameters.finish(&[]).unwrap();
    }

    #[test]
    fn what_is_unknown_repeated_or_no_text_is_refused() {
        let unknown = parse("customer=acme").unwrap().finish(&["tenant"]).unwrap_err();
        assert_eq!(unknown.kind(), ProblemKind::UnknownParameter);
        assert_eq!(parse("a=1&a=1").unwrap_err().kind(), ProblemKind::RepeatedParameter);
        assert_eq!(parse("a=%ff").unwrap_err().kind(), ProblemKind::InvalidParameter);
    }
}
