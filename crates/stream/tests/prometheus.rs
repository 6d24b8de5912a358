//! The text format, as Prometheus reads it.

use ron_accounting_stream::{
    prometheus::{self, Series, WriteError},
    Counters,
};

fn page(prefix: &str, series: &[Series<'_>]) -> Result<String, WriteError> {
    let mut page = String::new();
    prometheus::write(&mut page, prefix, series).map(|()| page)
}

#[test]
fn one_family_per_direction_and_one_line_per_series() {
    let (public, admin) = (Counters::new(), Counters::new());
    public.add_in(1);
    public.add_out(u64::MAX);
    admin.add_in(3);
    let series = [
        Series::new(&[("listener", "public"), ("zone", "a")], public.snapshot()),
        Series::new(&[("listener", "admin")], admin.totals()),
    ];
    let expected = "\
# HELP gateway_in_bytes_total Bytes read.
# TYPE gateway_in_bytes_total counter
gateway_in_bytes_total{listener=\"public\",zone=\"a\"} 1
gateway_in_bytes_total{listener=\"admin\"} 3
# HELP gateway_out_bytes_total Bytes written.
# TYPE gateway_out_bytes_total counter
gateway_out_bytes_total{listener=\"public\",zone=\"a\"} 18446744073709551615
gateway_out_bytes_total{listener=\"admin\"} 0
";
    assert_eq!(page("gateway", &series).unwrap(), expected);
}

#[test]
fn without_labels_there_are_no_braces() {
    let counters = Counters::new();
    let page = page("x:y_9", &[Series::new(&[], counters.totals())]).unwrap();
    assert!(page.contains("\nx:y_9_in_bytes_total 0\n"), "{page}");
}

#[test]
fn a_label_value_cannot_leave_its_quotes() {
    let series = [Series::new(&[("path", "a\"} 1\nb\\ü")], Counters::new().totals())];
    let page = page("p", &series).unwrap();
    assert!(page.contains(r#"p_in_bytes_total{path="a\"} 1\nb\\ü"} 0"#), "{page}");
    assert_eq!(page.lines().count(), 6);
}

#[test]
fn bad_names_are_refused_before_anything_is_written() {
    for prefix in ["", "9x", "a-b", "a b", "ä", "a\n"] {
        let error = page(prefix, &[]).unwrap_err();
        assert_eq!(error, WriteError::Prefix { prefix: prefix.to_owned() });
    }
    for name in ["", "9x", "a-b", "a:b", "__reserved", "ä"] {
        let labels = [("good", "x"), (name, "x")];
        let mut target = String::new();
        let series = [Series::new(&labels, Counters::new().totals())];
        let error = prometheus::write(&mut target, "p", &series).unwrap_err();
        assert_eq!((error, target.as_str()), (WriteError::LabelName { name: name.to_owned() }, ""));
    }
}

#[test]
fn a_target_that_refuses_is_an_error() {
    struct Full;
    impl std::fmt::Write for Full {
        fn write_str(&mut self, _: &str) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }
    assert_eq!(prometheus::write(&mut Full, "p", &[]), Err(WriteError::Target(std::fmt::Error)));
}
