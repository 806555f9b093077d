//! Measures a development cluster from outside, and the same writes at etcd and NATS. `bench/run` builds everything and
//! runs `signalbox-bench all`.

mod arguments;
mod run;

mod all;
mod commands;

mod cluster;
mod measure;

use clap::Parser;

/// The load makes requests by the thousand, and its processor time is part of what is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Two of the dependencies could choose a provider of cryptography; this program names it.
    rustls::crypto::ring::default_provider().install_default().ok();
    run::run(arguments::Arguments::parse()).await
}
