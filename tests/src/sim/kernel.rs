//! What of a simulated machine isn't the process: it keeps the connections, also while the process stands still, as the
//! kernel of a machine does. It runs as turmoil's host; the process runs on a runtime of its own ([`super::process`]) and
//! reaches it through calls.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::sync::{mpsc, oneshot};
use turmoil::net::{TcpListener, TcpStream};

use super::layout::PORT;
use super::process::STEP;

/// How many bytes wait on a connection between the kernel and the process, each way.
const BUFFER_BYTES: usize = 64 * 1_024;

/// What a process asks its kernel for.
pub enum Call {
    /// To connect to a host and port.
    Connect {
        /// The host and the port.
        to: String,
        /// Where the connection goes.
        answer: oneshot::Sender<io::Result<DuplexStream>>,
    },
    /// To accept connections.
    Listen {
        /// Where they go.
        accepted: mpsc::UnboundedSender<io::Result<DuplexStream>>,
    },
}

/// The way from a process to its kernel.
pub type Calls = mpsc::UnboundedSender<Call>;

/// Where the kernel finds the calls of the process that runs on its machine next.
#[derive(Clone, Default)]
pub struct Port(Arc<Mutex<Option<mpsc::UnboundedReceiver<Call>>>>);

impl Port {
    /// Makes a way for the next process.
    pub fn open(&self) -> Calls {
        let (calls, received) = mpsc::unbounded_channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(received);
        calls
    }
}

/// Serves the process until the machine stops.
///
/// # Errors
/// Never: turmoil asks for a result.
pub async fn run(port: Port) -> turmoil::Result {
    let calls = port.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut calls) = calls else { return std::future::pending().await };
    while let Some(call) = calls.recv().await {
        match call {
            Call::Connect { to, answer } => drop(tokio::spawn(connect(to, answer))),
            Call::Listen { accepted } => drop(tokio::spawn(listen(accepted))),
        }
    }
    std::future::pending().await
}

async fn connect(to: String, answer: oneshot::Sender<io::Result<DuplexStream>>) {
    match TcpStream::connect(to).await {
        Ok(stream) => {
            let (own, its) = duplex(BUFFER_BYTES);
            if answer.send(Ok(its)).is_ok() {
                carry(stream, own).await;
            }
        }
        // Whoever asked may not wait any more.
        Err(error) => drop(answer.send(Err(error))),
    }
}

async fn listen(accepted: mpsc::UnboundedSender<io::Result<DuplexStream>>) {
    let listener = match bound().await {
        Ok(listener) => listener,
        Err(error) => return drop(accepted.send(Err(error))),
    };
    loop {
        let connection = tokio::select! {
            // The process listens no more, and may listen anew.
            () = accepted.closed() => return,
            connection = listener.accept() => connection,
        };
        let taken = match connection {
            Ok((stream, _)) => {
                let (own, its) = duplex(BUFFER_BYTES);
                tokio::spawn(carry(stream, own));
                accepted.send(Ok(its))
            }
            Err(error) => accepted.send(Err(error)),
        };
        if taken.is_err() {
            return;
        }
    }
}

/// Binds the port; a process that listens anew may ask before what it listened with is closed.
async fn bound() -> io::Result<TcpListener> {
    match TcpListener::bind(("0.0.0.0", PORT)).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            tokio::time::sleep(STEP).await;
            TcpListener::bind(("0.0.0.0", PORT)).await
        }
        bound => bound,
    }
}

/// Carries bytes both ways until either end is gone.
async fn carry(mut stream: TcpStream, mut process: DuplexStream) {
    // How it ends, the process sees at its own end.
    drop(copy_bidirectional(&mut stream, &mut process).await);
}
