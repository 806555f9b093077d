//! The loop that accepts connections. It ends with its listener alone: an error of accepting is the machine's or the
//! client's, and is waited out.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto::Builder;
use service::panics::may_unwind;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::http::Answers;
use super::places::{ConnectionLimits, Place, Places};
use super::{http, tls};

/// How long a new connection may take to say its first byte.
const FIRST_BYTE_MAX: Duration = Duration::from_secs(10);
/// How long requests under way may go on when the listener closes.
const CLOSING_MAX: Duration = Duration::from_secs(10);
/// How long to wait after a connection couldn't be accepted, twice as long each time; out of files is the common
/// reason.
const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// How often a log line tells of it while it goes on.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(10);

/// What a listener serves, and how.
pub(crate) struct Serving<A> {
    /// The listener's name in logs and metrics.
    pub(crate) name: &'static str,
    pub(crate) answers: A,
    pub(crate) builder: Builder<TokioExecutor>,
    pub(crate) limits: ConnectionLimits,
    /// What makes TLS of its connections, unless they are plain.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// Serves a listener until `shutdown`, then lets requests under way end, at most `CLOSING_MAX`.
pub(crate) async fn serve<A: Answers>(listener: TcpListener, serving: Serving<A>, shutdown: CancellationToken) {
    let serving = Arc::new(serving);
    let places = Places::new(serving.limits);
    let mut connections = JoinSet::new();
    let accepting = async {
        let mut trouble = Trouble::new(serving.name);
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        places.let_one_give_way();
                        tokio::time::sleep(trouble.meet(&error)).await;
                        continue;
                    }
                },
                // Connections that ended are forgotten.
                Some(_) = connections.join_next() => continue,
            };
            trouble.end();
            let place = places.admit().await;
            metrics::gauge!("signalbox_connections", "listener" => serving.name).set(places.open() as f64);
            connections.spawn(may_unwind(connection(stream, place, Arc::clone(&serving), shutdown.clone())));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shutdown.cancelled() => {}
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(CLOSING_MAX, ended).await.is_err() {
        let (listener, connections) = (serving.name, connections.len());
        tracing::warn!(listener, connections, "closed connections with requests under way");
    }
}

async fn connection<A: Answers>(
    stream: TcpStream,
    place: Place,
    serving: Arc<Serving<A>>,
    shutdown: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "failed to set nodelay");
    }
    let spoke = tokio::select! {
        spoke = tokio::time::timeout(FIRST_BYTE_MAX, stream.readable()) => matches!(spoke, Ok(Ok(()))),
        () = place.must_give_way() => false,
        () = shutdown.cancelled() => false,
    };
    if !spoke {
        return;
    }
    let Some(acceptor) = &serving.tls else {
        return http::serve(stream, &serving.builder, &serving.answers, &place, &shutdown).await;
    };
    let secured = tokio::select! {
        secured = tls::handshake(acceptor, stream) => secured,
        () = place.must_give_way() => None,
        () = shutdown.cancelled() => None,
    };
    if let Some(stream) = secured {
        http::serve(stream, &serving.builder, &serving.answers, &place, &shutdown).await;
    }
}

/// A row of errors of accepting.
struct Trouble {
    listener: &'static str,
    wait: Duration,
    told: Option<Instant>,
}

impl Trouble {
    fn new(listener: &'static str) -> Trouble {
        Trouble { listener, wait: BACKOFF_MIN, told: None }
    }

    /// Counts an error and returns how long to wait.
    fn meet(&mut self, error: &std::io::Error) -> Duration {
        metrics::counter!("signalbox_accept_errors_total", "listener" => self.listener).increment(1);
        if self.told.is_none_or(|told| told.elapsed() >= COMPLAINT_INTERVAL) {
            tracing::warn!(
                listener = self.listener,
                %error,
                "failed to accept a connection; clients wait: raise the limit of open files if it is reached"
            );
            self.told = Some(Instant::now());
        }
        let wait = self.wait;
        self.wait = (wait * 2).min(BACKOFF_MAX);
        wait
    }

    fn end(&mut self) {
        self.wait = BACKOFF_MIN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn errors_of_accepting_are_waited_out_longer_and_longer() {
        let mut trouble = Trouble::new("rest");
        let error = std::io::Error::from_raw_os_error(24);
        let waits: Vec<_> = (0..8).map(|_| trouble.meet(&error).as_millis()).collect();
        assert_eq!(waits, [20, 40, 80, 160, 320, 640, 1_000, 1_000]);
        trouble.end();
        assert_eq!(trouble.meet(&error), BACKOFF_MIN);
    }
}
