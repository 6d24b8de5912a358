//! Are methods, tenants, services and regions normalized, and is personal data refused in them?

use ron_accounting_core::{Label, Normalizer, Reason, Verdict};
use ron_accounting_normalize::RouteNormalizer;

fn normalize(label: Label, raw: &str) -> (Verdict, String) {
    let mut out = String::new();
    let verdict = RouteNormalizer::new().normalize(label, raw, &mut out);
    (verdict, out)
}

const NAMES: [Label; 3] = [Label::Tenant, Label::Service, Label::Region];

#[test]
fn methods_are_a_closed_list() {
    for (raw, expected) in [
        ("GET", "GET"),
        ("get", "GET"),
        (" Post ", "POST"),
        ("propfind", "PROPFIND"),
        ("VERSION-CONTROL", "VERSION-CONTROL"),
        ("", ""),
        ("   ", ""),
        ("OTHER", "OTHER"),
        ("PURGE", "OTHER"),
        ("\u{16}\u{3}\u{1}", "OTHER"),
        ("alice@example.com", "OTHER"),
        ("~overflow", "~overflow"),
    ] {
        let verdict = if raw == expected { Verdict::Clean } else { Verdict::Changed };
        assert_eq!(normalize(Label::Method, raw), (verdict, expected.to_owned()), "method {raw:?}");
    }
    let normalizer = RouteNormalizer::builder().method("purge").build().unwrap();
    let mut out = String::new();
    assert_eq!(normalizer.normalize(Label::Method, "Purge", &mut out), Verdict::Changed);
    assert_eq!(out, "PURGE");
}

#[test]
fn names_are_trimmed_and_services_and_regions_lower_case() {
    for label in NAMES {
        assert_eq!(normalize(label, "  acme\r\n"), (Verdict::Changed, "acme".to_owned()));
        assert_eq!(normalize(label, " \t "), (Verdict::Changed, String::new()));
        assert_eq!(normalize(label, ""), (Verdict::Clean, String::new()));
    }
    assert_eq!(normalize(Label::Tenant, "ACME Ltd"), (Verdict::Clean, "ACME Ltd".to_owned()));
    assert_eq!(normalize(Label::Service, "OmniGate"), (Verdict::Changed, "omnigate".to_owned()));
    assert_eq!(normalize(Label::Region, "IAD-\u{c4}"), (Verdict::Changed, "iad-\u{e4}".to_owned()));
}

#[test]
fn names_with_forbidden_characters_are_refused() {
    for c in
        ['\0', '\n', '\u{7f}', '\u{85}', '\u{ad}', '\u{200b}', '\u{200f}', '\u{202e}', '\u{2066}', '\u{2028}']
            .into_iter()
            .chain(['\u{feff}', '\u{fffd}', '\u{ffff}', '\u{e0041}', '\u{3164}'])
    {
        for label in NAMES {
            let expected = (Verdict::Replaced(Reason::ControlCharacter), "~invalid".to_owned());
            assert_eq!(normalize(label, &format!("ac{c}me")), expected, "{label} with {c:?}");
        }
    }
}

#[test]
fn names_that_are_too_long_are_refused() {
    for label in NAMES {
        assert_eq!(normalize(label, &"x".repeat(256)).0, Verdict::Clean);
        let expected = (Verdict::Replaced(Reason::TooLong), "~invalid".to_owned());
        assert_eq!(normalize(label, &"x".repeat(257)), expected);
        assert_eq!(normalize(label, &format!("{}   ", "x".repeat(256))).0, Verdict::Changed);
    }
    // Lower case is longer here: two bytes become three.
    let expected = (Verdict::Replaced(Reason::TooLong), "~invalid".to_owned());
    assert_eq!(normalize(Label::Region, &"\u{130}".repeat(128)), expected);
}

#[test]
fn personal_data_is_redacted() {
    for raw in [
        "alice@example.com",
        "ALICE@EXAMPLE.COM",
        "tenant alice.smith+billing@mail.example.co.uk (old)",
        "j\u{f6}rg@b\u{fc}cher.example",
        "bob@163.com",
        "bob@xn--bcher-kva.xn--p1ai",
        "192.168.0.1",
        "192.168.0.1:443",
        "client-10.1.2.3",
        "client/10.1.2.3/24",
        "010.001.002.003",
        "2001:db8::1",
        "[2001:db8::1]:443",
        "fe80::1%eth0",
        "fd00::abcd",
        "::ffff:192.0.2.7",
        "peer 2001:0db8:0000:0000:0000:0000:0000:0001.",
        "4111111111111111",
        "4111 1111 1111 1111",
        "card 5500-0000-0000-0004 expired",
        "378282246310005",
        "3782 822463 10005",
        "6011111111111117",
        "30569309025904",
        "3530111333300000",
        "+4930901820",
        "+1 (555) 123-4567",
        "tel:+44-20-7946-0958",
    ] {
        for label in NAMES {
            let expected = (Verdict::Replaced(Reason::PersonalData), "~redacted".to_owned());
            assert_eq!(normalize(label, raw), expected, "{label} {raw:?}");
        }
    }
}

#[test]
fn identifiers_are_no_personal_data() {
    for raw in [
        "t-123",
        "acme",
        "=acme",
        "acme ltd",
        "42",
        "1234567890",
        "1731234567890",
        "1146806520334204938",
        "4111111111111112",
        "9999999999999995",
        "4111-1111-1111-1111-1111",
        "t4111111111111111",
        "6fa459ea-ee8a-3ca4-894e-db77e160355e",
        "41111111-1111-4111-8111-111111111111",
        "01arz3ndektsv4rrffq69g5fav",
        "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        "~overflow",
        "~invalid",
        "~redacted",
        "acme::billing",
        "db::1",
        "cafe::bad",
        "12:30:45",
        "00:1a:2b:3c:4d:5e",
        "10.2.3",
        "v1.2.3.4",
        "1.2.3.4.5",
        "256.1.1.1",
        "us-east-1",
        "eu+us",
        "c++",
        "gmt+0100",
        "acme+12345678",
        "+1",
        "user@host",
        "@scope/package",
        "a @ b.example",
        "logo@2x.png",
        "wasi-cli@0.2.0.wasm",
        "\u{6771}\u{4eac}",
    ] {
        for label in NAMES {
            assert_eq!(normalize(label, raw), (Verdict::Clean, raw.to_owned()), "{label} {raw:?}");
        }
    }
}

#[test]
fn names_in_any_script_keep_their_letters_and_have_one_spelling() {
    for name in [
        "\u{65e5}\u{672c}",
        "\u{421}\u{43e}\u{44e}\u{437}",
        "\u{627}\u{644}\u{639}",
        "\u{915}\u{94d}\u{937}",
        "caf\u{e9}",
    ] {
        assert_eq!(normalize(Label::Tenant, name), (Verdict::Clean, name.to_owned()));
    }
    // An accent of its own, the sign for Angstrom, and syllables of Hangul in parts.
    for (raw, expected) in
        [("cafe\u{301}", "caf\u{e9}"), ("\u{212b}", "\u{c5}"), ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}")]
    {
        assert_eq!(normalize(Label::Tenant, raw), (Verdict::Changed, expected.to_owned()));
    }
    assert_eq!(normalize(Label::Service, "CAFE\u{301}").1, "caf\u{e9}");
    // A Cyrillic letter, a ligature, a wide letter and an exponent only look like others.
    for name in ["\u{430}cme", "\u{fb01}rm", "\u{ff41}cme", "acme\u{b2}"] {
        assert_eq!(normalize(Label::Tenant, name), (Verdict::Clean, name.to_owned()));
    }
}
