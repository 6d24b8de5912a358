//! Can any input break what normalization promises?

use proptest::prelude::*;
use proptest::sample::select;

use ron_accounting_core::{Label, Normalizer, Verdict, INVALID, REDACTED};
use ron_accounting_normalize::{RouteLearner, RouteNormalizer, RouteNormalizerBuilder, Unmatched};

/// One that turns early and has little room.
#[allow(clippy::unwrap_used)]
fn learner() -> RouteLearner {
    RouteLearner::builder().values_max(1).stored_max(16).build().unwrap()
}

const ROUTE_BYTES_MAX: usize = 64;

/// Configurations with templates that overlap, limits that bite, and text that looks like placeholders.
#[allow(clippy::unwrap_used)]
fn normalizers() -> Vec<RouteNormalizer> {
    let templates =
        ["/", "/v1/:id", "/v1/{id}.json", "/v1/{id}/acl", "/v1/search", "/img_:num.png", "/a:num/{x}"];
    let constant = || Unmatched::Constant(":unmatched".to_owned());
    [
        RouteNormalizer::builder(),
        RouteNormalizer::builder().route_depth_max(3).route_bytes_max(ROUTE_BYTES_MAX),
        RouteNormalizer::builder().route_depth_max(1).route_bytes_max(16).label_bytes_max(16),
        RouteNormalizer::builder().templates(templates),
        RouteNormalizer::builder().templates(templates).template("/files/*rest").route_depth_max(3),
        RouteNormalizer::builder().templates(templates).unmatched(constant()),
        RouteNormalizer::builder().templates(["/*rest", "/12345/{b}", "/v1/:more/x"]).route_depth_max(3),
        RouteNormalizer::builder().unmatched(Unmatched::Constant("no route 12345".to_owned())),
        RouteNormalizer::builder().templates(templates).route_depth_max(5).learner(learner()),
    ]
    .into_iter()
    .map(RouteNormalizerBuilder::build)
    .collect::<Result<_, _>>()
    .unwrap()
}

fn normalize(normalizer: &RouteNormalizer, label: Label, raw: &str) -> (Verdict, String) {
    let mut out = String::new();
    let verdict = normalizer.normalize(label, raw, &mut out);
    (verdict, out)
}

fn holds_promises(raw: &str) -> Result<(), TestCaseError> {
    for (index, (normalizer, twin)) in normalizers().into_iter().zip(normalizers()).enumerate() {
        for label in Label::ALL {
            let (verdict, once) = normalize(&normalizer, label, raw);
            let context = format!("{label} {raw:?} by normalizer {index} is {once:?}");
            prop_assert_eq!(
                normalize(&twin, label, raw),
                (verdict, once.clone()),
                "deterministic: {}",
                context
            );
            prop_assert_eq!(
                normalize(&normalizer, label, &once),
                (Verdict::Clean, once.clone()),
                "idempotent: {}",
                context
            );
            prop_assert_eq!(verdict == Verdict::Clean, once == raw, "verdict: {}", context);
            if let Verdict::Replaced(_) = verdict {
                prop_assert!(once == INVALID || once == REDACTED, "placeholder: {}", context);
            }
            let bytes_max = if index == 1 && label == Label::Route { ROUTE_BYTES_MAX } else { 256 };
            prop_assert!(once.len() <= bytes_max, "length: {}", context);
            prop_assert!(!once.chars().any(char::is_control), "control character: {}", context);
        }
        is_a_route(&normalize(&normalizer, Label::Route, raw).1)?;
    }
    Ok(())
}

fn is_a_route(route: &str) -> Result<(), TestCaseError> {
    if let Some(path) = route.strip_prefix('/') {
        prop_assert!(path.is_empty() || path.split('/').all(|segment| !["", ".", ".."].contains(&segment)));
        prop_assert!(
            route.bytes().all(|b| b.is_ascii_graphic() && !b"?#;\\\"<>{}".contains(&b)),
            "{route:?}"
        );
    }
    Ok(())
}

/// Pieces from which paths are made: such as mean something to some step, alone or beside each other.
fn piece() -> impl Strategy<Value = String> {
    let fixed = select(vec![
        "/",
        "/",
        "/",
        "//",
        ".",
        "..",
        "..;",
        ";x=1",
        "%2e",
        "%2E%2e",
        "%2f",
        "%5C",
        "\\",
        "%",
        "%%",
        "%25",
        "%252e",
        "%zz",
        "%4",
        "%41",
        "%C3%A9",
        "%ff",
        "%00",
        "%20",
        " ",
        "\t",
        "\u{e9}",
        "\u{202e}",
        "\u{fffd}",
        "?",
        "#",
        "@",
        "%40",
        ":",
        "*",
        "-",
        "_",
        "+",
        "~",
        "=",
        "{",
        "}",
        "{id}",
        "{*rest}",
        ":id",
        ":num",
        ":hex",
        ":token",
        ":more",
        ":text",
        "*rest",
        "http://",
        "host:80",
        "v1",
        "search",
        "acl",
        "files",
        "img_",
        "a",
        ".png",
        ".json",
        ".html",
        "word",
        "Words",
        "2013",
        "12345",
        "0001",
        "2024-01-31",
        "T12:34:56Z",
        "6fa459ea-ee8a-3ca4-894e-db77e160355e",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "deadbeef01",
        "dQw4w9WgXcQ",
        "cjld2cjxh0000qzrmn831i7rn",
        "alice@example.com",
        "example.com",
        "10.1.2.3",
        "2001:db8::1",
        "::",
        "4111111111111111",
        "+4930901820",
        "~overflow",
        "~redacted",
        "api",
        "/api/",
        "2024-10",
        "v2beta1",
        "v1.2.3",
        "1.16.2-rc.1",
        "7.0.1",
        "oauth2",
        "x86_64",
        "seg9",
        ".js",
        "index-BhTjS0pX.js",
        "DiwrgTda",
        "aB3dE9",
        "3fa9c81",
        "cus_NffrFeUfNV2Hib",
        "00:1a:2b:3c:4d:5e",
        "001a.2b3c.4d5e",
        "-7c5ddbdf54-x2x8q",
        "-9kq4d",
        "lat=",
        "-52.5",
        "=",
        ",",
        "sha256:",
        ":name",
        ":version",
        ":pod",
    ]);
    prop_oneof![4 => fixed.prop_map(str::to_owned), 1 => "[0-9a-zA-Z_-]{1,24}", 1 => "[0-9a-f]{1,12}", 1 => "\\PC{0,4}"]
}

fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text(raw in any::<String>()) {
        holds_promises(&raw)?;
    }

    #[test]
    fn any_path(raw in path()) {
        holds_promises(&raw)?;
        holds_promises(&format!("/{raw}"))?;
    }

    #[test]
    fn identifiers_make_no_new_routes(number: u64, uuid: u128, word in "[a-z]{1,12}") {
        let normalizer = RouteNormalizer::new();
        let route = |raw: String| normalize(&normalizer, Label::Route, &raw).1;
        let base = route(format!("/{word}"));
        prop_assert_eq!(route(format!("/{word}/{number}")), format!("{base}/:num"));
        prop_assert_eq!(route(format!("/{word}/{number}.html?q={uuid}")), format!("{base}/:num.html"));
        let digits = format!("{uuid:032x}");
        let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        prop_assert_eq!(route(format!("/{word}/{}/", groups.join("-"))), format!("{base}/:uuid"));
    }

    #[test]
    fn mail_addresses_never_survive(
        local in "[a-z]{3}[a-z.]{0,8}[a-z]",
        domain in "[a-z]{2,8}\\.(com|org|example)",
        before in "(|[a-z]{1,6}[/:=(-])",
        after in "(|[/:);-][a-z]{1,6})",
    ) {
        // Behind these, it is the account of a program.
        prop_assume!(!before.starts_with("svc-"));
        let normalizer = RouteNormalizer::new();
        for at in ["@", "%40"] {
            let (_, out) = normalize(&normalizer, Label::Route, &format!("/{before}{local}{at}{domain}{after}"));
            prop_assert!(!out.contains(&domain) && out.contains(":email"), "{out:?}");
        }
        let (verdict, out) = normalize(&normalizer, Label::Tenant, &format!("{before}{local}@{domain}{after}"));
        prop_assert_eq!((verdict, out.as_str()), (Verdict::Replaced(ron_accounting_core::Reason::PersonalData), REDACTED));
    }

    #[test]
    fn methods_are_bounded(raw in any::<String>()) {
        let (_, out) = normalize(&RouteNormalizer::new(), Label::Method, &raw);
        prop_assert!(out.is_empty() || out == "OTHER" || raw.trim().eq_ignore_ascii_case(&out));
    }
}
