//! The claim of an exporter, in a header.

use http::HeaderMap;
use ron_ledger_wire::{Claim, ClaimId, Origin, CLAIM_ANCESTORS_MAX};

use crate::problem::{Problem, ProblemKind};

/// The header that carries a claim: `origin=HEX; holder=HEX; ancestors=HEX,HEX`, the latest ancestor last.
pub(crate) const HEADER: &str = "accounting-claim";

/// Reads the claim of a request; `None` without one.
pub(crate) fn read(headers: &HeaderMap) -> Result<Option<Claim>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(malformed("the header came twice: send one claim with a request"));
    }
    let text = value.to_str().map_err(|_| malformed("it holds other characters than ASCII"))?;
    parse(text).map(Some)
}

fn parse(text: &str) -> Result<Claim, Problem> {
    let (mut origin, mut holder, mut ancestors) = (None, None, None);
    for field in text.split(';') {
        let (name, value) = field.trim().split_once('=').ok_or_else(|| malformed("a field has no `=`"))?;
        let slot = match name {
            "origin" => &mut origin,
            "holder" => &mut holder,
            "ancestors" => &mut ancestors,
            _ => return Err(malformed(format!("there is no field `{}`", name.escape_debug()))),
        };
        if slot.replace(value).is_some() {
            return Err(malformed(format!("the field `{name}` came twice")));
        }
    }
    let origin: Origin = id("origin", origin.ok_or_else(|| malformed("the field `origin` is missing"))?)?;
    let holder = claim_id("holder", holder.ok_or_else(|| malformed("the field `holder` is missing"))?)?;
    let texts: Vec<&str> = ancestors.unwrap_or_default().split(',').filter(|text| !text.is_empty()).collect();
    if texts.len() > CLAIM_ANCESTORS_MAX {
        return Err(malformed(format!(
            "it names more than {CLAIM_ANCESTORS_MAX} ancestors: name the latest"
        )));
    }
    let ancestors: Result<Vec<ClaimId>, Problem> =
        texts.into_iter().map(|text| claim_id("ancestors", text)).collect();
    Ok(Claim::new(origin, holder, ancestors?))
}

/// The id of a claim is written as an origin is.
fn claim_id(name: &str, text: &str) -> Result<ClaimId, Problem> {
    id(name, text).map(|id| ClaimId::from_bytes(*id.as_bytes()))
}

fn id(name: &str, text: &str) -> Result<Origin, Problem> {
    text.trim().parse().map_err(|error| malformed(format!("`{name}`: {error}")))
}

fn malformed(why: impl std::fmt::Display) -> Problem {
    let detail = format!(
        "{HEADER}: {why}; write `origin=O; holder=H; ancestors=A,A`, each of 32 hexadecimal digits in lower case"
    );
    Problem::new(ProblemKind::MalformedClaim, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "000102030405060708090a0b0c0d0e0f";
    const B: &str = "ffffffffffffffffffffffffffffffff";

    #[test]
    fn a_claim_is_read_as_it_is_written() {
        let claim = parse(&format!("origin={A}; holder={B}; ancestors={A},{B}")).unwrap();
        assert_eq!((claim.origin().to_string(), claim.holder().to_string()), (A.to_owned(), B.to_owned()));
        assert_eq!(claim.ancestors().iter().map(ToString::to_string).collect::<Vec<_>>(), [A, B]);
        assert!(parse(&format!("holder={B};origin={A}")).unwrap().ancestors().is_empty());
        assert!(parse(&format!("holder={B};origin={A};ancestors=")).unwrap().ancestors().is_empty());
    }

    #[test]
    fn what_is_no_claim_is_refused() {
        let long = [A; CLAIM_ANCESTORS_MAX + 1].join(",");
        for text in [
            String::new(),
            format!("origin={A}"),
            format!("holder={A}"),
            format!("origin={A}; holder=7"),
            format!("origin={A}; holder={B}; holder={B}"),
            format!("origin={A}; holder={B}; color=red"),
            format!("origin={A}; holder={B}; ancestors={long}"),
            format!("origin={A}, holder={B}"),
        ] {
            assert_eq!(parse(&text).unwrap_err().kind(), ProblemKind::MalformedClaim, "{text}");
        }
    }
}
