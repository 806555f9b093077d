//! A node with few open files, seen from outside: whoever opens connections to its listeners doesn't stop it. The test
//! starts this program again as the node.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Names the configuration in the child.
const CONFIG: &str = "SIGNALBOX_TEST_CONFIG";
/// The limit of open files of the node, soft and hard; the smallest with which one starts.
const FILES: u64 = 256;
/// As many connections to each listener.
const HELD: usize = 300;
/// A guard against a node that never answers.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_node_with_few_files_outlives_idle_connections() {
    let folder = tempfile::tempdir().unwrap();
    let ports = [(); 3].map(|()| free_port());
    let config = folder.path().join("node.toml");
    std::fs::write(&config, text(folder.path(), ports)).unwrap();
    raise(2 * HELD as u64 + 200);
    let mut node = Node(start(&config));
    let [rest, grpc, _] = ports;
    eventually(|| get(rest, "/readyz").contains(" 200 "));
    let held: Vec<TcpStream> = [rest, grpc]
        .into_iter()
        .flat_map(|port| (0..HELD).map(move |_| TcpStream::connect(address(port)).unwrap()))
        .collect();
    for path in ["/livez", "/readyz", "/metrics"].into_iter().cycle().take(30) {
        let answer = get(rest, path);
        assert!(answer.contains(" 200 "), "{path}: {answer}");
    }
    assert!(node.0.try_wait().unwrap().is_none(), "the node stopped");
    drop(held);
}

/// What the child runs; nothing in the parent.
#[test]
fn the_node_itself() {
    let Ok(path) = std::env::var(CONFIG) else { return };
    setrlimit(Resource::Nofile, Rlimit { current: Some(FILES), maximum: Some(FILES) }).unwrap();
    let path = PathBuf::from(path);
    let read = move || node::config::load(&path, std::iter::empty(), &[]);
    let config = read().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(node::serve(config, Arc::new(read), std::future::pending())).unwrap();
}

struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(config: &Path) -> Child {
    Command::new(std::env::current_exe().expect("a test has a path"))
        .args(["--exact", "the_node_itself", "--nocapture"])
        .env(CONFIG, config)
        .stdin(Stdio::null())
        .spawn()
        .expect("this program starts again")
}

fn text(folder: &Path, [rest, grpc, peer]: [u16; 3]) -> String {
    let data = folder.join("data");
    format!(
        r#"
[node]
id = 1
data = "{}"
[listen]
rest = "127.0.0.1:{rest}"
grpc = "127.0.0.1:{grpc}"
peer = "127.0.0.1:{peer}"
[cluster]
id = "00000000000000000000000000000001"
partitions = 4
mode = "active_active"
round_trip_ms = 5
[[cluster.nodes]]
id = 1
region = "us-east-1"
peer = "127.0.0.1:{peer}"
grpc = "127.0.0.1:{grpc}"
rest_url = "http://127.0.0.1:{rest}"
"#,
        data.display()
    )
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Lets this process open more files, if it may.
fn raise(files: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < files) {
        let raised = Rlimit { current: Some(files), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).expect("the hard limit is higher");
    }
}

/// Returns the head and body of an answer; what went wrong, when there is none.
fn get(port: u16, path: &str) -> String {
    let asked = || {
        let mut stream = TcpStream::connect(address(port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    asked().unwrap_or_else(|error: std::io::Error| error.to_string())
}

fn eventually(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not reached in {PATIENCE:?}");
        std::thread::yield_now();
    }
}
