//! Does it do what it says?
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use ron_accounting::{
    counters::AccountKey, labels, normalize::CharacterNormalizer, window::ManualClock, Accounting, Dimension,
    Dimensions,
};
use ron_accounting_prometheus::{Format, Metrics};
use support::{feed, scrape, text_of, Samples};

fn manual() -> Accounting {
    Accounting::builder().manual_at(0).build().unwrap()
}

#[test]
fn each_dimension_of_a_label_set_that_was_counted_is_a_series() {
    let acc = manual();
    let metrics = Metrics::new(&acc);
    acc.incr_request(&feed("acme", "/a"));
    acc.add_bytes_in(&feed("acme", "/a"), 300);
    acc.add_bytes_out(&feed("acme", "/b"), 7);
    let text = text_of(&metrics, Format::TEXT);
    let usage: Vec<_> = text.lines().filter(|line| line.contains("tenant=")).collect();
    assert_eq!(
        usage,
        [
            r#"requests_total{tenant="acme",method="GET",route="/a",service="omnigate",region="iad"} 1"#,
            r#"bytes_in_total{tenant="acme",method="GET",route="/a",service="omnigate",region="iad"} 300"#,
            r#"bytes_out_total{tenant="acme",method="GET",route="/b",service="omnigate",region="iad"} 7"#,
        ]
    );
}

#[test]
fn counters_go_on_over_scrapes_and_windows() {
    let acc = manual();
    let metrics = Metrics::new(&acc);
    for round in 1..=5_u64 {
        acc.incr_request(&feed("acme", "/a"));
        acc.tick(round * 60_000).unwrap();
        assert_eq!(scrape(&metrics).usage("requests_total", &feed("acme", "/a")), Some(round));
        assert_eq!(scrape(&metrics).usage("requests_total", &feed("acme", "/a")), Some(round));
    }
}

#[test]
fn metrics_show_what_is_counted_since_they_were_made() {
    let acc = manual();
    let metrics = Metrics::new(&acc);
    acc.incr_request(&feed("acme", "/a"));
    let later = Metrics::builder(&acc).clock(ManualClock::new(1_790_000_000_250)).build().unwrap();
    acc.incr_request(&feed("acme", "/a"));
    assert_eq!(scrape(&metrics).usage("requests_total", &feed("acme", "/a")), Some(2));
    assert_eq!(scrape(&later).usage("requests_total", &feed("acme", "/a")), Some(1));
    let start = "accounting_start_time_seconds{service=\"ron-accounting\"} 1790000000.250\n";
    assert!(text_of(&later, Format::TEXT).contains(start));
}

#[test]
fn both_formats_hold_the_same_samples() {
    let acc = manual();
    let metrics = Metrics::new(&acc);
    for route in ["/a", "/b", "/c"] {
        acc.record_each(&feed("acme", route), &[(Dimension::REQUESTS, 1), (Dimension::CPU, 50)]);
    }
    acc.tick(60_000).unwrap();
    let (text, open) = (text_of(&metrics, Format::TEXT), text_of(&metrics, Format::OPEN_METRICS));
    assert!(open.ends_with("\n# EOF\n") && !text.contains("# EOF"));
    assert!(text.contains("# TYPE requests_total counter\n") && open.contains("# TYPE requests counter\n"));
    assert!(open.contains("# UNIT snapshot_export_latency_seconds seconds\n") && !text.contains("# UNIT"));
    let (mut text, mut open) = (Samples::parse(&text), Samples::parse(&open));
    for samples in [&mut text, &mut open] {
        samples.0.retain(|series, _| series[""] != "accounting_scrapes_total");
    }
    assert_eq!(text, open);
}

#[test]
fn other_dimensions_share_a_metric() {
    let mut dimensions = Dimensions::default();
    let tokens = dimensions.register("tokens").unwrap();
    let seats = dimensions.register("seats").unwrap();
    let acc = Accounting::builder().manual_at(0).dimensions(dimensions).build().unwrap();
    let metrics = Metrics::new(&acc);
    acc.record_each(&feed("acme", "/a"), &[(tokens, 250), (Dimension::CPU, 40)]);
    acc.record(&feed("acme", "/b"), seats, 2);
    let text = text_of(&metrics, Format::TEXT);
    assert_eq!(text.matches("# TYPE accounting_usage_total").count(), 1);
    let samples = Samples::parse(&text);
    for (dimension, route, total) in [("tokens", "/a", 250), ("cpu", "/a", 40), ("seats", "/b", 2)] {
        let series = [("dimension", dimension), ("route", route), ("tenant", "acme")];
        assert_eq!(samples.value("accounting_usage_total", &series), Some(total));
    }
    assert_eq!(samples.count("accounting_usage_total"), 3);
    assert_eq!(samples.count("requests_total"), 0);
}

#[test]
fn accounts_of_a_tenant_are_one_series() {
    let acc = Accounting::builder().manual_at(0).normalizer(CharacterNormalizer).build().unwrap();
    let metrics = Metrics::new(&acc);
    for name in ["acme", "umbrella"] {
        let tenant = acc.tenant(name);
        for id in 0..100 {
            acc.record_account(&tenant, AccountKey { ns: 1, id }, Dimension::REQUESTS, 2);
        }
    }
    // A host may record under these very labels, too.
    acc.incr_request(
        &labels()
            .tenant("acme")
            .method("~accounts")
            .route("~accounts")
            .service("~accounts")
            .region("~accounts"),
    );
    let samples = scrape(&metrics);
    assert_eq!(samples.count("requests_total"), 2);
    let of = |tenant| samples.value("requests_total", &[("tenant", tenant), ("route", "~accounts")]);
    assert_eq!((of("acme"), of("umbrella")), (Some(201), Some(200)));
}

#[test]
fn labels_stay_what_they_are_whatever_they_hold() {
    let acc = Accounting::builder().manual_at(0).normalizer(CharacterNormalizer).build().unwrap();
    let metrics = Metrics::builder(&acc).service("a \"quoted\" \\ service\nof two lines").build().unwrap();
    let hostile = [
        "\"",
        "\\",
        "\\n",
        "a\"} 1",
        "{tenant=\"x\"}",
        "# TYPE x counter",
        "\u{202e}drow",
        "<b>&amp;",
        "é 日本 🦀",
        "=cmd()",
        " ",
        "",
        "a,b",
        "~overflow",
    ];
    for (n, text) in (1..).zip(hostile) {
        acc.record(
            &labels().tenant(text).method(text).route(text).service(text).region("x"),
            Dimension::REQUESTS,
            n,
        );
    }
    for format in [Format::TEXT, Format::OPEN_METRICS] {
        let samples = Samples::parse(&text_of(&metrics, format));
        assert_eq!(samples.count("requests_total"), hostile.len());
        for (n, text) in (1..).zip(hostile) {
            let labels = labels().tenant(text).method(text).route(text).service(text).region("x");
            assert_eq!(samples.usage("requests_total", &labels), Some(n), "{text:?}");
        }
        let service = [("service", "a \"quoted\" \\ service\nof two lines")];
        assert_eq!(samples.value("accounting_label_sets", &service), Some(hostile.len() as u64));
    }
}

#[test]
fn an_instance_without_usage_shows_how_it_works() {
    let acc = manual();
    let metrics = Metrics::new(&acc);
    let samples = scrape(&metrics);
    assert!(samples.usage_series().is_empty());
    assert_eq!(samples.value("accounting_export_backlog", &[("service", "ron-accounting")]), Some(0));
    assert_eq!(samples.sum("accounting_ready", &[]), 6);
    assert_eq!(samples.value("accounting_scrapes_total", &[]), Some(1));
    // Without a log, there are no figures of one.
    assert_eq!(samples.value("accounting_wal_errors_total", &[]), None);
}

#[test]
fn the_figures_are_those_of_the_instance() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ron_accounting::export::MemoryLedger::new();
    let acc = Accounting::builder().manual_at(0).wal_dir(folder.path()).exporter(ledger).build().unwrap();
    let metrics = Metrics::new(&acc);
    for (window, label_sets) in [(1_u64, 3_usize), (2, 5), (3, 0), (4, 1)] {
        for route in ["/a", "/b", "/c", "/d", "/e"].into_iter().take(label_sets) {
            acc.incr_request(&feed("acme", route));
        }
        acc.tick(window * 60_000).unwrap();
    }
    let backlog = scrape(&metrics);
    assert_eq!(backlog.value("accounting_export_backlog", &[]), Some(3));
    acc.drain(std::time::Duration::from_secs(10)).unwrap();
    let samples = scrape(&metrics);
    let figures = [
        ("accounting_export_backlog", 0),
        ("accounting_windows_total", 3),
        ("accounting_snapshot_rows_count", 3),
        ("accounting_snapshot_rows_sum", 9),
        ("accounting_sealed_slices_total", 3),
        ("accounting_acknowledged_slices_total", 3),
        ("snapshot_export_latency_seconds_count", 3),
        ("accounting_wal_errors_total", 0),
        ("accounting_label_sets", 5),
        ("accounting_tenants", 1),
        ("accounting_series", 5),
        ("accounting_scrapes_total", 2),
    ];
    for (name, value) in figures {
        assert_eq!(samples.value(name, &[]), Some(value), "{name}");
    }
    for (end, within) in [("1.0", 1), ("2.0", 1), ("4.0", 2), ("8.0", 3), ("+Inf", 3)] {
        assert_eq!(samples.value("accounting_snapshot_rows_bucket", &[("le", end)]), Some(within));
    }
}

#[test]
fn a_server_may_move_metrics_and_scrapes_between_threads() {
    fn assert_send<T: Send + 'static>() {}
    fn assert_sync<T: Sync>() {}
    assert_send::<Metrics>();
    assert_sync::<Metrics>();
    assert_send::<ron_accounting_prometheus::Scrape>();
}

#[test]
fn no_series_is_lost_or_repeated_where_a_chunk_ends() {
    let acc = Accounting::builder().manual_at(0).label_limit(6000).build().unwrap();
    let metrics = Metrics::new(&acc);
    for n in 0..2000_u64 {
        let name = format!("tenant-{n:04}");
        acc.record(&feed(&name, "/a"), Dimension::REQUESTS, n + 1);
        acc.record_account(&acc.tenant(&name), AccountKey { ns: 1, id: 1 }, Dimension::REQUESTS, 1);
    }
    let chunks: Vec<_> = metrics.scrape(Format::OPEN_METRICS).unwrap().collect();
    assert!(chunks.len() > 5 && chunks.iter().all(|chunk| chunk.ends_with(b"\n")));
    let samples = Samples::parse(&String::from_utf8(chunks.concat()).unwrap());
    assert_eq!(samples.count("requests_total"), 4000);
    assert_eq!(samples.sum("requests_total", &[]), 2000 * 2001 / 2 + 2000);
}
