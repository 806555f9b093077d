//! A node's databases on this machine's disk, and the thread that syncs the logs.

use anyhow::Context;
use model::cluster::NodeInfo;
use model::id::Incarnation;
use store::{LogStore, RocksConfig, RocksEngines, StateStore, SyncThread, spawn_sync_thread};

use crate::config::Config;
use crate::identity::{self, Owner};

/// The databases and what belongs to them.
pub struct Storage {
    /// This start of the node.
    pub incarnation: Incarnation,
    pub log: LogStore,
    pub state: StateStore,
    sync: SyncThread,
}

impl Storage {
    /// Opens the databases on a thread that may block; each keeps at most `open_files_max` table files open.
    ///
    /// # Errors
    /// When the folder belongs to another node, is in use, or a database is damaged; the message names the remedy.
    pub async fn open(config: &Config, own: &NodeInfo, open_files_max: u32) -> anyhow::Result<Storage> {
        let owner = Owner {
            cluster: config.cluster,
            node: own.id,
            region: own.region.clone(),
            kind: own.kind,
            partitions: config.partitions,
        };
        let config = config.clone();
        tokio::task::spawn_blocking(move || {
            let incarnation = identity::begin(&config.data, &owner)?;
            let mib = |count: u64| usize::try_from(count << 20).unwrap_or(usize::MAX);
            let engines = RocksEngines::open(RocksConfig {
                directory: config.data.clone(),
                cache_bytes: mib(config.store.cache_mib),
                write_buffer_bytes: mib(config.store.write_buffer_mib),
                open_files_max,
            })?;
            let log = LogStore::open_checked(engines.log, engines.synced)?;
            let state = StateStore::open(engines.state)?;
            let sync = spawn_sync_thread(log.clone(), "log-sync").context("failed to start the syncing thread")?;
            Ok(Storage { incarnation, log, state, sync })
        })
        .await
        .context("opening the databases panicked")?
    }

    /// Syncs the logs and flushes the states.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn close(self) -> anyhow::Result<()> {
        self.sync.shutdown().context("failed to sync the log")?;
        self.state.flush().context("failed to flush the state")
    }
}
