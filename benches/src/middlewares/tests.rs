//! What the middlewares count of a stream whose client leaves, and of a response without a length. `docs/middleware.md` has the
//! table.

use http_body::{Frame, SizeHint};
use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;

const FRAMES: usize = 10;

/// Ten frames of 1,000 bytes.
struct Frames {
    given: usize,
    announces_length: bool,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.given == FRAMES {
            return Poll::Ready(None);
        }
        self.given += 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1000])))))
    }

    fn size_hint(&self) -> SizeHint {
        if self.announces_length {
            SizeHint::with_exact((FRAMES - self.given) as u64 * 1000)
        } else {
            SizeHint::default()
        }
    }
}

/// Requests a stream, takes some frames of it, and leaves.
fn leave_after(frames: usize, announces_length: bool, layer: impl FnOnce(Router) -> Router) {
    let handler = move || async move { AxumBody::new(Frames { given: 0, announces_length }) };
    let mut router = layer(Router::new().route("/", get(handler)));
    let mut request = Request::new(AxumBody::empty());
    *request.uri_mut() = Uri::from_static("/");
    let mut context = Context::from_waker(noop_waker_ref());
    let mut future = pin!(router.call(request));
    let response = wait(&mut context, |context| future.as_mut().poll(context)).unwrap();
    let mut body = response.into_body();
    for _ in 0..frames {
        let _ = wait(&mut context, |context| Pin::new(&mut body).poll_frame(context));
    }
}

/// What each case counts: leaving with and without a length, and reading all without a length.
fn bytes_out(count: impl Fn(usize, bool) -> u64) -> [u64; 3] {
    [count(2, true), count(2, false), count(FRAMES + 1, false)]
}

fn counted(layer: impl Fn(Router, &Accounting) -> Router) -> [u64; 3] {
    bytes_out(|frames, announces_length| {
        let acc = Accounting::builder().manual().build().unwrap();
        leave_after(frames, announces_length, |router| layer(router, &acc));
        acc.snapshot().total(Dimension::BYTES_OUT)
    })
}

#[test]
fn ours_counts_what_was_handed_over() {
    assert_eq!(counted(|router, acc| router.layer(MeterLayer::new(acc))), [2000, 2000, 10_000]);
}

#[test]
fn one_by_hand_counts_what_was_announced() {
    let by_hand =
        |router: Router, acc: &Accounting| router.layer(from_fn_with_state(acc.clone(), count_by_hand));
    assert_eq!(counted(by_hand), [10_000, 0, 0]);
}

#[test]
fn axum_prometheus_counts_announced_lengths_and_sums_of_sums() {
    let sums = bytes_out(|frames, announces_length| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let (layer, _) = PrometheusMetricLayerBuilder::new()
            .enable_response_body_size(true)
            .with_metrics_from_fn(|| handle.clone())
            .build_pair();
        metrics::with_local_recorder(&recorder, || {
            leave_after(frames, announces_length, |router| router.layer(layer));
        });
        let text = handle.render();
        let sums = text.lines().filter(|line| line.contains("response_body_size") && line.contains("_sum"));
        sums.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    });
    assert_eq!(sums, [10_000, 3000, 55_000]);
}
