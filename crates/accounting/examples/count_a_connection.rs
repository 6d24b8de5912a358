//! Bills the bytes of real TCP connections: a counting stream around each, and a meter that takes what they counted.
//!
//! The stream knows nothing of meters, and the meter knows nothing of streams. `Progress` connects them: each `take` returns the
//! bytes that were counted since the last one, each byte once.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use ron_accounting::{labels, Accounting, Meter};
use ron_accounting_stream::{Counters, CountingStream, Progress};

/// Adds the bytes that the streams counted to the tenant's meter.
fn feed(meter: &Meter, progress: &mut Progress) {
    let counted = progress.take();
    meter.add_bytes_in(counted.bytes_in);
    meter.add_bytes_out(counted.bytes_out);
}

/// Reads a number from one line and sends back that many bytes.
fn serve(connection: TcpStream, counters: Counters) -> std::io::Result<()> {
    let mut stream = BufReader::new(CountingStream::new(connection, counters));
    let mut request = String::new();
    stream.read_line(&mut request)?;
    let answer = vec![b'x'; request.trim().parse().unwrap_or(0)];
    stream.get_mut().write_all(&answer)?;
    stream.get_ref().get_ref().shutdown(Shutdown::Write)
}

fn main() -> anyhow::Result<()> {
    let acc = Accounting::builder().manual().build()?;
    let meter = acc.meter(&labels().tenant("acme").method("GET").route("/bytes").service("echo"));
    // One for each tenant, shared by all of its connections.
    let counters = Counters::new();
    let mut progress = counters.progress();

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let requests = ["0\n", "1000\n", "5000000\n"];
    let server = {
        let counters = counters.clone();
        thread::spawn(move || -> std::io::Result<()> {
            for connection in listener.incoming().take(3) {
                serve(connection?, counters.clone())?;
            }
            Ok(())
        })
    };
    for request in requests {
        let mut connection = TcpStream::connect(address)?;
        connection.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer)?;
        meter.incr_request();
        // At any time and as often as needed: no byte is fed twice.
        feed(&meter, &mut progress);
    }
    server.join().map_err(|_| anyhow::anyhow!("the server panicked"))??;
    feed(&meter, &mut progress);

    let snapshot = acc.snapshot();
    let entry = snapshot.entries().next().ok_or_else(|| anyhow::anyhow!("nothing was counted"))?;
    println!("{} requests, {} bytes in, {} bytes out", entry.requests(), entry.bytes_in(), entry.bytes_out());
    let asked: usize = requests.iter().map(|request| request.len()).sum();
    assert_eq!(entry.requests(), 3);
    assert_eq!(entry.bytes_in(), asked as u64);
    assert_eq!(entry.bytes_out(), 5_001_000);
    assert_eq!(counters.snapshot().total_out, 5_001_000);
    Ok(())
}
