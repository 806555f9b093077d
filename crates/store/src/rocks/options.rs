//! How the two databases are set up, and why.

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, LogLevel, Options,
    WriteBufferManager,
};

/// Log files of RocksDB itself (not ours) that are kept, and their size in bytes.
const INFO_LOG_FILES: usize = 4;
const INFO_LOG_BYTES: usize = 4 << 20;
/// Threads of one database for flushes and compactions. Two databases on a small machine must leave room for the rest.
const BACKGROUND_JOBS: i32 = 2;
/// Compactions and flushes hand their pages to the disk every so many bytes, so that a log sync never waits for a
/// gigabyte of them.
const BYTES_PER_SYNC: u64 = 1 << 20;
/// Log records from this size on are kept in blob files: they are written once and never rewritten by a compaction.
const BLOB_BYTES_MIN: u64 = 512;
const BLOB_FILE_BYTES: u64 = 128 << 20;
/// Of a database's own state, RocksDB rolls the manifest over at this size, so that opening stays quick.
const MANIFEST_BYTES: usize = 16 << 20;
/// The share of a memory table that a filter over its keys may take; 0.02 is about ten bits for a row of 60 bytes.
const MEMORY_FILTER_SHARE: f64 = 0.02;
/// A file in which this many of this many consecutive rows are removals is compacted soon: outboxes and due indexes are
/// queues, whose scans would otherwise step over everything that was ever taken from them.
const REMOVALS_WINDOW: usize = 4_096;
const REMOVALS_TRIGGER: usize = 1_024;

/// What the rows of one table of one group begin with: two bytes of the group, one of the table.
const TABLE_PREFIX_BYTES: usize = 3;

/// The bytes of one partition of a filter or an index.
const PARTITION_BYTES: usize = 4 << 10;
/// The compression of level 0 and of all below.
const YOUNG_AND_OLD: [DBCompressionType; 2] = [DBCompressionType::None, DBCompressionType::Lz4];

/// What both databases of a node share.
pub(super) struct Shared {
    pub cache: Cache,
    pub write_buffers: WriteBufferManager,
    /// The bytes of both databases' memory tables.
    pub write_buffer_bytes: usize,
    /// The largest number of table files that one database keeps open.
    pub open_files_max: u32,
}

/// Returns the options of the log: few large values, appended in order and removed from the front, hardly ever read.
pub(super) fn log_options(shared: &Shared) -> Options {
    let mut options = common(shared);
    // A node that was killed leaves a half-written end: it was never acknowledged. Anything else that doesn't fit its
    // checksum was, and starting without it would break promises made to other nodes.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // A write-ahead file that is missing as a whole is noticed as well.
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_total_wal_size(shared.write_buffer_bytes as u64 * 2);
    options.set_enable_blob_files(true);
    options.set_min_blob_size(BLOB_BYTES_MIN);
    options.set_blob_file_size(BLOB_FILE_BYTES);
    options.set_blob_compression_type(DBCompressionType::Lz4);
    options.set_block_based_table_factory(&tables(shared));
    options
}

/// Returns the options of the states: many small rows, read by key and in short scans.
///
/// # Errors
/// Never but when RocksDB doesn't know an option any more.
pub(super) fn state_options(shared: &Shared) -> Result<Options, rocksdb::Error> {
    let mut options = common(shared);
    // There is no write-ahead log: the Raft log is one. A flush then is all or nothing, with the applied row in it.
    options.set_atomic_flush(true);
    options.add_compact_on_deletion_collector_factory(REMOVALS_WINDOW, REMOVALS_TRIGGER, 0.0);
    // Most reads of a command ask for rows that aren't there (is the message known, is the recipient opted out).
    options.set_memtable_whole_key_filtering(true);
    options.set_memtable_prefix_bloom_ratio(MEMORY_FILTER_SHARE);
    let mut tables = tables(shared);
    // Most reads ask for one row, often one that isn't there (an opt-out): ten bits spare 99 % of those a disk read.
    tables.set_bloom_filter(10.0, false);
    tables.set_optimize_filters_for_memory(true);
    // A whole file's filter or index is hundreds of kilobytes: when they don't all fit into the cache, every read would
    // fetch and check one. In partitions, a read needs one of a few kilobytes.
    tables.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    tables.set_partition_filters(true);
    tables.set_metadata_block_size(PARTITION_BYTES);
    tables.set_pin_top_level_index_and_filter(true);
    options.set_block_based_table_factory(&tables);
    // What is written to a table comes after, or close to, what was written to it last: ids and numbers rise. The search
    // for a row's place in memory begins there.
    options.get_options_from_string(format!("memtable_insert_with_hint_prefix_extractor=fixed:{TABLE_PREFIX_BYTES}"))
}

/// Returns options for files of rows that are taken in whole.
pub(super) fn staging_options() -> Options {
    let mut options = Options::default();
    options.set_compression_type(DBCompressionType::Lz4);
    let mut tables = BlockBasedOptions::default();
    tables.set_format_version(6);
    tables.set_bloom_filter(10.0, false);
    options.set_block_based_table_factory(&tables);
    options
}

fn common(shared: &Shared) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    // Young files are merged away in seconds; what stays is compressed.
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_compression_per_level(&YOUNG_AND_OLD);
    options.set_write_buffer_manager(&shared.write_buffers);
    options.set_write_buffer_size(shared.write_buffer_bytes / 2);
    options.set_max_background_jobs(BACKGROUND_JOBS);
    // Without a limit every table file stays open, and what is left for connections is unknown.
    options.set_max_open_files(i32::try_from(shared.open_files_max).unwrap_or(i32::MAX));
    options.set_bytes_per_sync(BYTES_PER_SYNC);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_max_manifest_file_size(MANIFEST_BYTES);
    options.set_paranoid_checks(true);
    options.set_keep_log_file_num(INFO_LOG_FILES);
    options.set_max_log_file_size(INFO_LOG_BYTES);
    options.set_log_level(LogLevel::Warn);
    // No periodic statistics: an idle node should be idle.
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options
}

fn tables(shared: &Shared) -> BlockBasedOptions {
    let mut tables = BlockBasedOptions::default();
    tables.set_format_version(6);
    tables.set_block_size(8 << 10);
    tables.set_block_cache(&shared.cache);
    // Indexes and filters live in the cache too: memory is bounded by the cache however large the state grows.
    tables.set_cache_index_and_filter_blocks(true);
    tables.set_cache_index_and_filter_blocks_with_high_priority(true);
    tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
    tables
}
