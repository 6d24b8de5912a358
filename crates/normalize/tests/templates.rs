//! Do the host's templates come first, and are bad ones refused?

use ron_accounting_core::{Label, Normalizer, Verdict};
use ron_accounting_normalize::{BuildError, RouteNormalizer, Unmatched};

fn route(normalizer: &RouteNormalizer, raw: &str) -> String {
    let mut out = String::new();
    let verdict = normalizer.normalize(Label::Route, raw, &mut out);
    assert_eq!(verdict == Verdict::Clean, out == raw, "verdict on {raw:?}");
    out
}

#[allow(clippy::unwrap_used)]
fn with(templates: &[&str]) -> RouteNormalizer {
    RouteNormalizer::builder().templates(templates.iter().copied()).build().unwrap()
}

#[test]
fn a_match_is_the_canonical_text() {
    let normalizer = with(&[
        "/",
        "/v1/objects/:id",
        "/v1/objects/search",
        "/v1/objects/{id}/acl/",
        "/v1/objects/{id}:undelete",
        "/v1/reports/{name}.pdf",
        "/files/*rest",
        "/static/*",
        "/caf\u{e9}/{table}",
        "/archive/2024-01-31/:page",
    ]);
    for (raw, expected) in [
        ("/", "/"),
        ("/v1/objects/holiday", "/v1/objects/:id"),
        ("/v1/objects/42/", "/v1/objects/:id"),
        ("/v1/objects/alice%40example.com?x=1", "/v1/objects/:id"),
        ("/v1/objects/a%2Fb", "/v1/objects/:id"),
        ("/v1/objects/%ff", "/v1/objects/:id"),
        ("/v1/objects/:id", "/v1/objects/:id"),
        ("/v1/objects/{object}", "/v1/objects/:id"),
        ("/v1/objects/search", "/v1/objects/search"),
        ("/v1/objects/x/../search", "/v1/objects/search"),
        ("/v1/objects/7/acl", "/v1/objects/:id/acl"),
        ("/v1/objects/7:undelete", "/v1/objects/:id:undelete"),
        ("/v1/objects/:id:undelete", "/v1/objects/:id:undelete"),
        ("/v1/reports/q3.pdf", "/v1/reports/:name.pdf"),
        ("/files/a/b/c.txt", "/files/*rest"),
        ("/files/*rest", "/files/*rest"),
        ("/files", "/files"),
        ("/static/js/app.js", "/static/*"),
        ("/caf%c3%a9/7", "/caf%C3%A9/:table"),
        ("/archive/2024-01-31/9", "/archive/2024-01-31/:page"),
        ("/archive/2024-02-01/9", "/archive/:date/:num"),
        ("/v2/objects/42", "/v2/objects/:num"),
    ] {
        assert_eq!(route(&normalizer, raw), expected, "route of {raw:?}");
    }
}

#[test]
fn parameters_are_understood_as_documents_write_them() {
    let normalizer = with(&[
        "/repos/{owner}/{repo}/compare/{base}...{head}",
        "/users/{user-id}",
        "/media/{filter.id}.{ext}",
        "/proxy/{proxy+}",
        "/objects/{+name}",
        "/tiles/{z}/{x}/{y}@{scale}x.png",
    ]);
    for (raw, expected) in [
        ("/repos/a/b/compare/main...topic", "/repos/:owner/:repo/compare/:base...:head"),
        ("/repos/a/b/compare/{base}...{head}", "/repos/:owner/:repo/compare/:base...:head"),
        ("/users/x", "/users/:user_id"),
        ("/media/x.png", "/media/:filter_id.:ext"),
        ("/proxy/a/b/c", "/proxy/*proxy"),
        ("/objects/a/b", "/objects/*name"),
        ("/tiles/1/2/3@2x.png", "/tiles/:z/:x/:y@:scalex.png"),
    ] {
        assert_eq!(route(&normalizer, raw), expected, "route of {raw:?}");
        assert_eq!(route(&normalizer, expected), expected, "again");
    }
}

#[test]
fn a_catch_all_takes_paths_beyond_the_limits() {
    let normalizer = with(&["/files/*rest"]);
    assert_eq!(route(&normalizer, &format!("/files{}", "/deep".repeat(1000))), "/files/*rest");
    assert_eq!(route(&normalizer, &format!("/files/{}", "x".repeat(100_000))), "/files/*rest");
}

#[test]
fn unmatched_paths_can_be_one_constant() {
    let normalizer = RouteNormalizer::builder()
        .template("/v1/feed")
        .unmatched(Unmatched::Constant(":unmatched".to_owned()))
        .build()
        .unwrap();
    for (raw, expected) in [
        ("/v1/feed", "/v1/feed"),
        ("/wp-login.php", ":unmatched"),
        ("/", ":unmatched"),
        (":unmatched", ":unmatched"),
        ("*", "*"),
        ("example.com:443", ":authority"),
        ("", ""),
        ("~overflow", "~overflow"),
    ] {
        assert_eq!(route(&normalizer, raw), expected, "route of {raw:?}");
    }
}

#[test]
fn templates_with_text_like_a_placeholder_are_stable() {
    // `/img_7000.png` matches no template, but what it is templated to does.
    let normalizer = with(&["/img_:num.png", "/{name}.js", "/x:num/:id"]);
    for raw in ["/img_7000.png", "/img_:num.png", "/1234.js", "/x5555/a", "/x:num/:id"] {
        let once = route(&normalizer, raw);
        assert_eq!(route(&normalizer, &once), once, "route of {raw:?}");
    }
    assert_eq!(route(&normalizer, "/img_7000.png"), "/img_:num.png");
}

#[test]
fn a_template_matches_its_own_text_before_others() {
    // To the router, `/a/:d` is a better match for the second.
    let normalizer = with(&["/a/{d}", "/a/{x}d"]);
    assert_eq!(route(&normalizer, "/a/foo"), "/a/:d");
    assert_eq!(route(&normalizer, "/a/:d"), "/a/:d");
    assert_eq!(route(&normalizer, "/a/food"), "/a/:xd");
}

#[test]
fn bad_templates_are_refused() {
    let refused = |templates: &[&str]| {
        RouteNormalizer::builder().templates(templates.iter().copied()).build().unwrap_err()
    };
    for template in ["", "v1/feed", "*", "http://x/y"] {
        assert_eq!(refused(&[template]), BuildError::TemplateNotAbsolute { template: template.to_owned() });
    }
    for (template, segment) in [
        ("/a//b", ""),
        ("/a/..", ".."),
        ("/a/:", ":"),
        ("/a/:1st", ":1st"),
        ("/a/:id.json", ":id.json"),
        ("/a/{}", "{}"),
        ("/a/{id", "{id"),
        ("/a/id}", "id}"),
        ("/a/{a}?{b}", "{a}?{b}"),
        ("/a/{a}-{*b}", "{a}-{*b}"),
        ("/a/{a b}", "{a b}"),
        ("/a/{\u{e9}}", "{\u{e9}}"),
        ("/a/x{*rest}", "x{*rest}"),
        ("/a/b?c", "b?c"),
        ("/a/b;c", "b;c"),
        ("/a/b%2Fc", "b%2Fc"),
        ("/a/%zz", "%zz"),
        ("/a/b\nc", "b\nc"),
    ] {
        let expected =
            BuildError::TemplateSegment { template: template.to_owned(), segment: segment.to_owned() };
        assert_eq!(refused(&[template]), expected);
    }
    assert_eq!(refused(&["/a/*b/c"]), BuildError::TemplateCatchAll { template: "/a/*b/c".to_owned() });
    for (first, second) in [("/a/:id", "/a/{id}"), ("/a/:id", "/a/:name"), ("/a/*x", "/a/:y"), ("/a", "/a/")]
    {
        let canonical = first.replace("{id}", ":id");
        let expected = BuildError::TemplateConflict { template: second.to_owned(), with: canonical };
        assert_eq!(refused(&[first, second]), expected);
    }
    assert!(matches!(
        refused(&[&"/a".repeat(17)]),
        BuildError::TemplateTooLarge { depth: 17, depth_max: 16, .. }
    ));
    let long = format!("/{}", "a".repeat(256));
    assert!(matches!(refused(&[&long]), BuildError::TemplateTooLarge { bytes: 257, bytes_max: 256, .. }));
    let many = "/:a".repeat(17);
    let error = RouteNormalizer::builder().route_depth_max(64).template(many).build().unwrap_err();
    assert!(matches!(error, BuildError::TemplateTooLarge { parameters: 17, .. }));
}

#[test]
fn text_before_and_behind_a_parameter_goes_beside_other_templates() {
    let templates = [
        "/{page}",
        "/{page}.xml",
        "/map-{number}",
        "/map-{number}.xml.gz",
        "/backup-{date}.tar.gz",
        "/map-all.xml.gz",
    ];
    let expected = [
        ("/about", "/:page"),
        ("/about.xml", "/:page.xml"),
        ("/map-7", "/map-:number"),
        ("/map-7.xml.gz", "/map-:number.xml.gz"),
        ("/map-all.xml.gz", "/map-all.xml.gz"),
        ("/map-7.xml", "/map-:number"),
        ("/backup-2024-01-31.tar.gz", "/backup-:date.tar.gz"),
    ];
    let mut order = templates.to_vec();
    for _ in 0..templates.len() {
        order.rotate_left(1);
        let normalizer = with(&order);
        for (raw, expected) in expected {
            assert_eq!(route(&normalizer, raw), expected, "route of {raw:?} with {order:?}");
        }
    }
}

#[test]
fn other_bad_options_are_refused() {
    for constant in ["", "/other", " x", "a\u{200b}", "alice@example.com", &"x".repeat(257)] {
        let error = RouteNormalizer::builder().unmatched(Unmatched::Constant(constant.to_owned())).build();
        assert!(matches!(error, Err(BuildError::Constant { .. })), "constant {constant:?}");
    }
    for method in ["", "TWO WORDS", "\u{c4}NDERN", &"X".repeat(33)] {
        let error = RouteNormalizer::builder().method(method).build();
        assert!(matches!(error, Err(BuildError::Method { .. })), "method {method:?}");
    }
    for (builder, name) in [
        (RouteNormalizer::builder().route_bytes_max(15), "route_bytes_max"),
        (RouteNormalizer::builder().route_bytes_max(1025), "route_bytes_max"),
        (RouteNormalizer::builder().route_depth_max(0), "route_depth_max"),
        (RouteNormalizer::builder().label_bytes_max(0), "label_bytes_max"),
    ] {
        let error = builder.build().unwrap_err();
        assert!(matches!(error, BuildError::InvalidOption { option, .. } if option == name), "{error}");
        assert!(error.to_string().starts_with(&format!("{name} is ")), "{error}");
    }
}
