//! Does each environment variable do what it says, and is a value that cannot be used reported with the values that can?
#![allow(clippy::unwrap_used)] // A failed `unwrap` is a failed assertion.

#[path = "support/child.rs"]
mod child;
#[path = "support/warnings.rs"]
mod warnings;

use std::{cell::RefCell, collections::BTreeSet, ffi::OsString, sync::Arc};

use ron_accounting::{
    labels,
    normalize::{Normalizer, Verdict},
    window::ManualClock,
    AccError, Accounting, AccountingBuilder,
};
use warnings::Warnings;

/// A number: its variable, its name among the settings, its default, and its range.
const NUMBERS: [(&str, &str, u64, u64, u64); 7] = [
    ("ACC_WINDOW_MS", "window_ms", 60_000, 10, 86_400_000),
    ("ACC_SLICES", "history_windows", 5, 1, 10_000),
    ("ACC_LABEL_LIMIT", "label_limit", 2048, 1, 16_777_216),
    ("ACC_EXPORT_MAXMS", "export_budget_ms", 50, 1, 600_000),
    ("ACC_BACKLOG_MAX", "backlog_max", 1000, 1, 1_000_000),
    ("ACC_EXPORT_JITTER_MS", "export_jitter_ms", 25, 0, 60_000),
    ("ACC_CLOCK_JUMP_MS_MAX", "clock_jump_ms_max", 600_000, 1000, 86_400_000),
];

fn with(variable: &str, value: impl Into<OsString>) -> Result<AccountingBuilder, AccError> {
    let value = value.into();
    Accounting::builder().variables(|asked| (asked == variable).then(|| value.clone()))
}

/// Returns the value of a setting, as the builder shows it.
fn setting(builder: &AccountingBuilder, name: &str) -> String {
    let text = format!("{builder:?}");
    let (_, rest) = text.split_once(&format!(" {name}: ")).unwrap_or_else(|| panic!("{name} in {text}"));
    rest.split([',', ' ']).next().unwrap().to_owned()
}

/// The parts of the error that `value` gives.
fn refused(variable: &str, value: impl Into<OsString>) -> (&'static str, String, String) {
    let error = with(variable, value).unwrap_err();
    let message = error.to_string();
    let AccError::Config { variable: named, value, expected } = error else { panic!("{error:?}") };
    for part in [named, &format!("{value:?}"), &expected] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
    (named, value, expected)
}

fn garbage() -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(vec![b'6', 0xFF, b'0']);
    #[cfg(not(unix))]
    return "6\u{fffd}0".into();
}

#[test]
fn numbers_have_their_defaults() {
    let builder = Accounting::builder().variables(|_| None).unwrap();
    for (variable, name, default, _, _) in NUMBERS {
        assert_eq!(setting(&builder, name), default.to_string(), "{variable}");
    }
}

#[test]
fn numbers_are_taken_up_to_both_ends_of_their_range() {
    for (variable, name, _, min, max) in NUMBERS {
        for value in [min, min + 1, max - 1, max] {
            let builder = with(variable, value.to_string()).unwrap();
            assert_eq!(setting(&builder, name), value.to_string(), "{variable}");
        }
        assert_eq!(setting(&with(variable, format!(" {max}\n")).unwrap(), name), max.to_string());
    }
}

#[test]
fn numbers_outside_their_range_are_refused() {
    for (variable, _, _, min, max) in NUMBERS {
        let range = format!("a whole number from {min} to {max}");
        let below = min.checked_sub(1).map_or("-1".to_owned(), |below| below.to_string());
        for value in [below, (max + 1).to_string(), u64::MAX.to_string(), format!("{}0", u64::MAX)] {
            assert_eq!(refused(variable, value.clone()), (variable, value, range.clone()));
        }
    }
}

#[test]
fn what_is_no_number_is_refused() {
    for (variable, _, _, min, max) in NUMBERS {
        let range = format!("a whole number from {min} to {max}");
        for value in ["", " ", "sixty", "60s", "1e3", "10.0", "0x10", "1_000", "１０"] {
            assert_eq!(refused(variable, value), (variable, value.to_owned(), range.clone()));
        }
        assert_eq!(refused(variable, garbage()), (variable, "6\u{fffd}0".to_owned(), range));
    }
}

#[test]
fn the_builder_has_the_same_ranges() {
    type Setter = fn(AccountingBuilder, u64) -> AccountingBuilder;
    fn size(value: u64) -> usize {
        usize::try_from(value).unwrap()
    }
    let setters: [Setter; 7] = [
        AccountingBuilder::window_ms,
        |builder, value| builder.history_windows(size(value)),
        |builder, value| builder.label_limit(size(value)),
        AccountingBuilder::export_budget_ms,
        |builder, value| builder.backlog_max(size(value)),
        AccountingBuilder::export_jitter_ms,
        AccountingBuilder::clock_jump_ms_max,
    ];
    for ((_, name, default, min, max), set) in NUMBERS.into_iter().zip(setters) {
        for value in [min, max] {
            assert_eq!(setting(&set(Accounting::builder(), value), name), value.to_string());
        }
        for value in min.checked_sub(1).into_iter().chain([max + 1]) {
            let builder = set(Accounting::builder().manual(), value);
            assert_eq!(setting(&builder, name), default.to_string(), "a refused value is not kept");
            let error = builder.build().unwrap_err();
            assert!(matches!(&error, AccError::Config { variable, .. } if *variable == name), "{error}");
        }
    }
    let error = Accounting::builder().manual().tenant_limit(0).build().unwrap_err();
    let expected = "tenant_limit is \"0\", but must be a whole number from 1 to 16777216";
    assert_eq!(error.to_string(), expected);
}

#[cfg(feature = "wal")]
#[test]
fn the_settings_of_the_export_have_ranges_as_well() {
    type Setter = fn(AccountingBuilder) -> AccountingBuilder;
    let refused: [(&str, Setter); 5] = [
        ("batch_max", |builder| builder.batch_max(0)),
        ("streams_max", |builder| builder.streams_max(0)),
        ("drop_timeout_ms", |builder| builder.drop_timeout_ms(600_001)),
        ("wal_max_bytes", |builder| builder.wal_max_bytes((4 << 20) - 1)),
        ("wal_max_bytes", |builder| builder.wal_max_bytes((1 << 62) + 1)),
    ];
    for (name, set) in refused {
        let error = set(Accounting::builder().manual()).build().unwrap_err();
        assert!(matches!(&error, AccError::Config { variable, .. } if *variable == name), "{error}");
    }
}

#[test]
fn numbers_have_their_effect() {
    let settings = |asked: &str| match asked {
        "ACC_WINDOW_MS" => Some("1000".into()),
        "ACC_SLICES" => Some("2".into()),
        "ACC_LABEL_LIMIT" => Some("3".into()),
        _ => None,
    };
    let builder = Accounting::builder().manual().clock(Arc::new(ManualClock::new(0)));
    let acc = builder.variables(settings).unwrap().build().unwrap();
    for second in 1..=4 {
        for route in ["/a", "/b", "/c", "/d"] {
            acc.incr_request(&labels().tenant("acme").route(route));
        }
        acc.tick(second * 1000).unwrap();
    }
    assert_eq!((acc.snapshot().window_ms, acc.history().len()), (1000, 2));
    assert_eq!(acc.stats().engine.label_sets, 3);
}

/// Marks what it saw.
struct Mark(&'static str);

impl Normalizer for Mark {
    fn normalize(&self, _: ron_accounting::counters::Label, _: &str, out: &mut String) -> Verdict {
        out.push_str(self.0);
        Verdict::Changed
    }
}

/// The route that `/a//42?b` is counted under.
fn route(builder: AccountingBuilder) -> String {
    let acc = builder.manual().build().unwrap();
    acc.incr_request(&labels().route("/a//42?b"));
    let snapshot = acc.snapshot();
    let route = snapshot.entries().next().unwrap().labels().unwrap().route.to_owned();
    route
}

#[test]
fn the_label_normalizer_is_route_none_or_a_registered_one() {
    let templated = if cfg!(feature = "normalize") { "/a/:num" } else { "/a//42?b" };
    assert_eq!(route(Accounting::builder()), templated);
    assert_eq!(route(with("ACC_LABEL_NORMALIZER", "route").unwrap()), templated);
    assert_eq!(route(with("ACC_LABEL_NORMALIZER", "none").unwrap()), "/a//42?b");
    let registered = |selected: &str| {
        let builder = with("ACC_LABEL_NORMALIZER", selected).unwrap();
        builder.register_normalizer("shop", Mark("shop")).register_normalizer("blog", Mark("blog"))
    };
    assert_eq!(route(registered("custom:shop")), "shop");
    assert_eq!(route(registered("custom:blog")), "blog");
    assert_eq!(route(registered("route")), templated);
    assert_eq!(route(registered("custom:shop").normalizer(Mark("mine"))), "mine");
}

#[test]
fn a_custom_normalizer_that_nobody_registered_is_an_error_of_build() {
    let builder = with("ACC_LABEL_NORMALIZER", "custom:shop").unwrap();
    let error = builder.register_normalizer("blog", Mark("blog")).build().unwrap_err();
    let message = error.to_string();
    for part in ["ACC_LABEL_NORMALIZER", "custom:shop", "register_normalizer"] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
}

#[test]
fn an_unknown_label_normalizer_is_refused() {
    for value in ["", "Route", "custom", "custom:", "template"] {
        let (variable, found, expected) = refused("ACC_LABEL_NORMALIZER", value);
        assert_eq!((variable, found.as_str()), ("ACC_LABEL_NORMALIZER", value));
        assert_eq!(expected, "`route`, `none` or `custom:<name>`");
    }
    assert_eq!(refused("ACC_LABEL_NORMALIZER", garbage()).1, "6\u{fffd}0");
}

#[test]
fn amnesia_is_a_switch() {
    assert_eq!(setting(&Accounting::builder(), "amnesia"), "false");
    for (values, expected) in [(["1", "true", "YES", "On"], "true"), (["0", "false", "NO", "Off"], "false")] {
        for value in values {
            assert_eq!(setting(&with("ACC_AMNESIA", value).unwrap(), "amnesia"), expected);
        }
    }
    for value in ["", "2", "ture", " 1"] {
        assert_eq!(refused("ACC_AMNESIA", value).1, value);
    }
    assert_eq!(refused("ACC_AMNESIA", garbage()).0, "ACC_AMNESIA");
}

#[test]
#[cfg(feature = "wal")]
fn the_log_directory_is_any_path() {
    assert_eq!(setting(&Accounting::builder(), "wal_dir"), "None");
    assert_eq!(setting(&with("ACC_WAL_DIR", "log").unwrap(), "wal_dir"), "Some(\"log\")");
    assert!(setting(&with("ACC_WAL_DIR", garbage()).unwrap(), "wal_dir").starts_with("Some("));
    assert_eq!(refused("ACC_WAL_DIR", "").2, "a directory, or not set");
}

#[test]
#[cfg(not(feature = "wal"))]
fn a_log_directory_is_refused_by_a_build_without_a_log() {
    let (variable, value, expected) = refused("ACC_WAL_DIR", "log");
    assert_eq!((variable, value.as_str()), ("ACC_WAL_DIR", "log"));
    assert!(expected.contains("feature `wal`"), "{expected}");
}

#[test]
#[cfg(not(feature = "normalize"))]
fn routes_are_refused_by_a_build_without_their_normalizer() {
    for variable in ["ACC_ROUTES", "ACC_UNMATCHED_ROUTE", "ACC_ROUTE_VALUES_MAX"] {
        let (named, _, expected) = refused(variable, "1");
        assert_eq!(named, variable);
        assert!(expected.contains("feature `normalize`"), "{expected}");
    }
}

#[test]
fn these_variables_are_read_and_no_others() {
    let asked = RefCell::new(BTreeSet::new());
    let remember = |variable: &str| {
        asked.borrow_mut().insert(variable.to_owned());
        None
    };
    let _builder = Accounting::builder().variables(remember).unwrap();
    let others = [
        "ACC_AMNESIA",
        "ACC_LABEL_NORMALIZER",
        "ACC_ROUTES",
        "ACC_ROUTE_VALUES_MAX",
        "ACC_UNMATCHED_ROUTE",
        "ACC_WAL_DIR",
    ];
    let expected: BTreeSet<_> =
        NUMBERS.iter().map(|number| number.0).chain(others).map(str::to_owned).collect();
    assert_eq!(asked.into_inner(), expected);
}

#[test]
fn a_variable_overrides_what_was_set_before_it_and_no_more() {
    let builder = Accounting::builder().history_windows(7).window_ms(1000);
    let builder = builder.variables(|asked| (asked == "ACC_SLICES").then(|| "9".into())).unwrap();
    assert_eq!(
        (setting(&builder, "history_windows"), setting(&builder, "window_ms")),
        ("9".into(), "1000".into())
    );
    assert_eq!(setting(&builder.history_windows(8), "history_windows"), "8");
}

#[test]
fn the_environment_of_the_process_is_used() {
    match child::role().as_deref() {
        None => {
            let mut good = child::command("the_environment_of_the_process_is_used", "good");
            good.env("ACC_WINDOW_MS", "1000").env("ACC_LABEL_NORMALIZER", "none");
            child::run(good, child::succeeded);
            let mut bad = child::command("the_environment_of_the_process_is_used", "bad");
            bad.env("ACC_WINDOW_MS", garbage()).env("ACC_SLICES", "0").env("ACC_LABEL_LIMIT", "1");
            bad.env("ACC_LABEL_NORMALIZER", "custom:shop").env("ACC_AMNESIA", "maybe");
            child::run(bad, child::succeeded);
            let mut one = child::command("the_environment_of_the_process_is_used", "one");
            one.env("ACC_SLICES", "0");
            child::run(one, child::succeeded);
        }
        Some("one") => {
            let acc = Accounting::new_default();
            assert_eq!(acc.readiness().missing().collect::<Vec<_>>(), ["config_loaded"]);
        }
        Some("good") => {
            for acc in [Accounting::new_default(), Accounting::from_env().unwrap()] {
                assert_eq!(acc.snapshot().window_ms, 1000);
                assert!(acc.readiness().is_ready());
            }
            assert_eq!(route(Accounting::builder().env().unwrap()), "/a//42?b");
        }
        Some(_) => {
            let warnings = Warnings::of_this_process();
            let acc = Accounting::new_default();
            assert_eq!(acc.snapshot().window_ms, 60_000);
            assert_eq!(acc.readiness().missing().collect::<Vec<_>>(), ["config_loaded"]);
            // What could be used is used.
            acc.incr_request(&labels().route("/a"));
            acc.incr_request(&labels().route("/b"));
            assert_eq!(acc.stats().engine.label_sets, 1);
            for variable in ["ACC_WINDOW_MS is", "ACC_SLICES is", "ACC_AMNESIA is"] {
                warnings.assert_one(&["ron-accounting", variable, "must be", "the default is used"]);
            }
            warnings.assert_one(&["ron-accounting", "ACC_LABEL_NORMALIZER is", "default normalizer"]);
            let error = Accounting::from_env().unwrap_err();
            assert!(matches!(&error, AccError::Config { variable: "ACC_WINDOW_MS", .. }), "{error}");
        }
    }
}

#[test]
#[cfg(feature = "wal")]
fn a_log_that_cannot_be_opened_is_left_out_by_default_and_an_error_otherwise() {
    const TEST: &str = "a_log_that_cannot_be_opened_is_left_out_by_default_and_an_error_otherwise";
    if child::role().is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "no directory").unwrap();
        let mut child = child::command(TEST, "child");
        child.env("ACC_WAL_DIR", &file);
        child::run(child, child::succeeded);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "no directory");
        return;
    }
    let warnings = Warnings::of_this_process();
    let acc = Accounting::new_default();
    acc.incr_request(&labels().route("/a"));
    assert_eq!(acc.snapshot().entries().len(), 1);
    assert!(acc.stats().export.is_none());
    assert_eq!(acc.readiness().missing().collect::<Vec<_>>(), ["config_loaded"]);
    warnings.assert_one(&["ron-accounting", "write-ahead log in", "counts stay in memory"]);
    let error = Accounting::from_env().unwrap_err();
    assert!(
        matches!(&error, AccError::WalUnavailable { directory, .. } if directory.ends_with("file")),
        "{error}"
    );
}
