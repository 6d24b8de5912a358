//! What happens at the limits, and just before and behind them?

use ron_accounting_core::{Label, Normalizer, Verdict};
use ron_accounting_normalize::RouteNormalizer;

fn route(normalizer: &RouteNormalizer, raw: &str) -> String {
    let mut out = String::new();
    normalizer.normalize(Label::Route, raw, &mut out);
    out
}

#[test]
fn depth() {
    let normalizer = RouteNormalizer::builder().route_depth_max(3).build().unwrap();
    assert_eq!(route(&normalizer, "/a/b/c"), "/a/b/c");
    assert_eq!(route(&normalizer, "/a/b/c/d"), "/a/b/:more");
    assert_eq!(route(&normalizer, "/a/b/:more"), "/a/b/:more");
    assert_eq!(route(&normalizer, "/a/b/c/../../../x"), "/x");
    // What is cut off follows, too.
    assert_eq!(route(&normalizer, "/api/2024-10/a/b"), "/api/2024-10/:more");
    assert_eq!(route(&normalizer, "/api/2024-10/:more"), "/api/2024-10/:more");
    let normalizer = RouteNormalizer::builder().route_depth_max(1).build().unwrap();
    assert_eq!(route(&normalizer, "/a/b"), "/:more");
    assert_eq!(route(&RouteNormalizer::new(), &"/a".repeat(16)), "/a".repeat(16));
    assert_eq!(route(&RouteNormalizer::new(), &"/a".repeat(17)), format!("{}/:more", "/a".repeat(15)));
}

#[test]
fn length() {
    let normalizer = RouteNormalizer::builder().route_bytes_max(16).build().unwrap();
    assert_eq!(route(&normalizer, "/abcdefg/hijklmn"), "/abcdefg/hijklmn");
    assert_eq!(route(&normalizer, "/abcdefg/hijklmno"), "/abcdefg/:more");
    assert_eq!(route(&normalizer, "/abcdefghi/jklmno"), "/abcdefghi/:more");
    assert_eq!(route(&normalizer, "/abcdefghij/klmno"), "/:more");
    assert_eq!(route(&normalizer, "/abcdefghijklmnop"), "/:more");
    // What counts is the length of the route, not that of the path.
    assert_eq!(route(&normalizer, "/u/6fa459ea-ee8a-3ca4-894e-db77e160355e"), "/u/:uuid");
}

#[test]
fn length_of_the_path() {
    let normalizer = RouteNormalizer::new();
    let inside = format!("/{}/a", "x/../".repeat(1637));
    assert!(inside.len() <= 8192);
    assert_eq!(route(&normalizer, &inside), "/a");
    let beyond = format!("/{}/a", "x/../".repeat(1700));
    assert!(beyond.len() > 8192);
    assert!(route(&normalizer, &beyond).ends_with("/:more"));
    assert_eq!(route(&normalizer, &"x".repeat(1 << 20)), "/:more");
    assert_eq!(route(&normalizer, &format!("/a?{}", "x".repeat(1 << 20))), "/a");
}

#[test]
fn free_text_is_cut_out_of_a_route() {
    let normalizer = RouteNormalizer::new();
    let words = |count: usize| "no-".repeat(count);
    assert_eq!(route(&normalizer, &format!("/{}aa", words(26))), format!("/{}aa", words(26)));
    assert_eq!(route(&normalizer, &format!("/{}", words(27))), "/:text");
}

#[test]
fn the_buffer_is_reused_and_what_stood_in_it_is_gone() {
    let normalizer = RouteNormalizer::new();
    let mut out = String::from("left over");
    assert_eq!(normalizer.normalize(Label::Route, "/a", &mut out), Verdict::Clean);
    assert_eq!(out, "/a");
    assert_eq!(normalizer.normalize(Label::Tenant, "~redacted", &mut out), Verdict::Clean);
    assert_eq!(out, "~redacted");
}
