//! What a panic does to a process, seen from outside: each test starts this program again and plants one.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Output};

use service::panics::may_unwind;

/// Says in the child what to plant.
const PLANTED: &str = "SIGNALBOX_TEST_PLANT";
/// The signal of an abort.
const SIGABRT: i32 = 6;

#[test]
fn a_panic_of_a_task_ends_the_process() {
    let output = planted("task");
    assert_eq!(output.status.signal(), Some(SIGABRT), "{output:?}");
}

#[test]
fn a_panic_on_another_thread_ends_the_process() {
    let output = planted("thread");
    assert_eq!(output.status.signal(), Some(SIGABRT), "{output:?}");
}

#[test]
fn a_panic_of_a_request_ends_the_request_alone() {
    let output = planted("request");
    assert!(output.status.success(), "{output:?}");
}

/// Is the child when it was told what to plant; else does nothing.
#[test]
fn child() {
    let Ok(plant) = std::env::var(PLANTED) else { return };
    node::panics::end_the_process_on_panic();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let panics = || async { panic!("planted") };
    match plant.as_str() {
        "task" => drop(runtime.block_on(async { tokio::spawn(panics()).await })),
        "thread" => drop(std::thread::spawn(|| panic!("planted")).join()),
        _ => {
            let ended = runtime.block_on(async { tokio::spawn(may_unwind(panics())).await });
            assert!(ended.unwrap_err().is_panic());
        }
    }
}

fn planted(plant: &str) -> Output {
    let program = std::env::current_exe().expect("a test knows its program");
    Command::new(program)
        .args(["--exact", "child", "--nocapture"])
        .env(PLANTED, plant)
        .output()
        .expect("a test can start itself")
}
