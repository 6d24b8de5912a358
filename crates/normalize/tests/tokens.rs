//! How many random segments come out as one route, and which names are taken for one?
//!
//! The seed is fixed, and the rates may only rise. `cargo test --package ron-accounting-normalize --test tokens -- --nocapture` prints them.

use ron_accounting_core::{Label, Normalizer};
use ron_accounting_normalize::RouteNormalizer;

const SAMPLES: usize = 2_000;
const BASE_62: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE_64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE_36: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const BASE_32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE_16: &str = "0123456789abcdef";
/// The alphabet of the random suffixes of Kubernetes.
const POD: &str = "bcdfghjklmnpqrstvwxz2456789";

fn route(normalizer: &RouteNormalizer, raw: &str) -> String {
    let mut out = String::new();
    normalizer.normalize(Label::Route, raw, &mut out);
    out
}

/// Text of this alphabet, from a linear congruential generator.
fn random(state: &mut u64, alphabet: &str, length: usize) -> String {
    (0..length)
        .map(|_| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let index = (*state >> 33) % alphabet.len() as u64;
            alphabet.chars().nth(usize::try_from(index).unwrap_or(0)).unwrap_or('0')
        })
        .collect()
}

#[test]
fn random_segments_come_out_as_one_route() {
    let normalizer = RouteNormalizer::new();
    let mut worse = Vec::new();
    for (before, alphabet, length, after, expected, at_least) in [
        ("/s/", BASE_62, 6, "", "/s/:token", 1622),
        ("/s/", BASE_62, 8, "", "/s/:token", 1826),
        ("/files/", BASE_62, 8, ".php", "/files/:token.php", 1826),
        ("/watch/", BASE_64, 11, "", "/watch/:token", 1887),
        ("/n/", BASE_64, 21, "", "/n/:token", 1977),
        ("/k/", BASE_62, 22, "", "/k/:token", 1999),
        ("/k/", BASE_36, 8, "", "/k/:token", 1052),
        ("/k/", BASE_36, 16, "", "/k/:token", 1961),
        ("/k/", BASE_36, 24, "", "/k/:token", 1996),
        ("/charges/ch_", BASE_62, 24, "", "/charges/:token", 2000),
        ("/customers/cus_", BASE_62, 14, "", "/customers/:token", 1974),
        ("/assets/index-", BASE_64, 8, ".js", "/assets/index-:token.js", 1929),
        ("/assets/chunk-", BASE_32, 8, ".js", "/assets/chunk-:token.js", 2000),
        ("/static/main.", BASE_16, 8, ".js", "/static/main.:hex.js", 1952),
        ("/static/main.", BASE_16, 20, ".js", "/static/main.:hex.js", 2000),
        ("/commit/", BASE_16, 7, "", "/commit/:hex", 1817),
        ("/commit/", BASE_16, 40, "", "/commit/:hex", 2000),
        ("/pods/api-7c5ddbdf54-", POD, 5, "", "/pods/api-:pod", 2000),
        ("/pods/fluentd-", POD, 5, "", "/pods/fluentd-:pod", 1288),
    ] {
        let mut state = 7;
        let paths = (0..SAMPLES).map(|_| format!("{before}{}{after}", random(&mut state, alphabet, length)));
        let count = paths.filter(|path| route(&normalizer, path) == expected).count();
        println!("{expected}, {length} of {}: {count} of {SAMPLES}", alphabet.len());
        if count < at_least {
            worse.push(format!("{expected}, {length} of {}: {count}, limit {at_least}", alphabet.len()));
        }
    }
    assert!(worse.is_empty(), "fewer of {SAMPLES} than before: {worse:#?}");
}

#[test]
fn names_of_programs_stay() {
    let normalizer = RouteNormalizer::new();
    for name in [
        "getUserProfileByEmailAddress",
        "fromJSON",
        "toURL",
        "parseXML",
        "OpenSans-BoldItalic",
        "DataGrid",
        "MainView",
        "LoginButton",
        "camelCase",
        "PascalCase",
        "snake_case",
        "SCREAMING_SNAKE",
        "kebab-case",
        "Train-Case",
        "files.getUploadURLExternal",
        "chat.postMessage",
        "virtualMachines",
        "resourceGroups",
        "Microsoft.Compute",
        "persistentvolumeclaims",
        "horizontalpodautoscalers",
        "IncomingPhoneNumbers",
        "AvailablePhoneNumbers",
        "oauthAuthorizationServer",
        "openid-configuration",
        "acme-challenge",
        "apple-app-site-association",
        "WEB-INF",
        "META-INF",
        "cgi-bin",
        "phpMyAdmin",
        "wp-login.php",
        "xmlrpc.php",
        "GponForm",
        "HNAP",
        "readMe.txt",
        "CHANGELOG.md",
        "LICENSE",
        "Dockerfile",
        "docker-compose.yml",
        "tsconfig.json",
        "IndexController",
        "ApplicationSettings",
        "SearchResultsPage",
        "MySQLdb",
        "GraphQL",
        "WebSocket",
        "iframe",
        "UserById",
        "ordersByStatus",
        "XMLHttpRequest",
        "HTTPServer",
        "ID",
        "QA",
        "API",
        "README",
        "macOS",
        "iPhone",
    ] {
        assert_eq!(route(&normalizer, &format!("/x/{name}/y")), format!("/x/{name}/y"));
    }
}
