//! What can be done to a running cluster: to its nodes, their disks and clocks, and to the lines between them.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use super::cluster::Cluster;
use super::disk::Disk;
use super::shim::Shim;

impl Cluster {
    /// Kills a node as `kill -9` does.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(&mut self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].kill().await
    }

    /// Starts a node again on its data.
    ///
    /// # Errors
    /// When the process can't be started.
    pub fn start_again(&mut self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].start(&self.network)
    }

    /// Stops a node in order, and lets it run another program from its next start on.
    ///
    /// # Errors
    /// When it doesn't end in time.
    pub async fn replace(&mut self, place: usize, program: &Path) -> anyhow::Result<()> {
        self.nodes[place].stop().await?;
        self.nodes[place].program = program.to_path_buf();
        Ok(())
    }

    /// Waits until a node has ended by itself; returns how, and the last line that it said.
    ///
    /// # Errors
    /// When it still runs after `at_most`, or its log can't be read.
    pub async fn wait_ended(&mut self, place: usize, at_most: Duration) -> anyhow::Result<String> {
        let status = self.nodes[place].wait_ended(at_most).await?;
        let log = &self.nodes[place].log;
        let said = std::fs::read_to_string(log).with_context(|| format!("failed to read {}", log.display()))?;
        Ok(format!("{status}: {}", said.lines().last().unwrap_or_default()))
    }

    /// Cuts the power of a region: its disk keeps what was synced, and its node is gone.
    ///
    /// # Errors
    /// When its disk can't lose power or the system refuses.
    pub async fn cut_power(&mut self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].disk.as_ref().context("disks can't lose power in this run")?.cut_power()?;
        self.nodes[place].kill().await?;
        self.nodes[place].disk.as_mut().context("the disk is gone")?.mount_again()
    }

    /// Sets a node's wall clock this many seconds off.
    ///
    /// # Errors
    /// When clocks can't be set in this run, or a file can't be written.
    pub fn set_clock(&self, place: usize, seconds: i64) -> anyhow::Result<()> {
        self.shim(place)?.set_clock(seconds)
    }

    /// Stops a node where it is.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].pause()
    }

    /// Lets a node go on that was stopped where it was.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn go_on(&self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].go_on()
    }

    /// Cuts a region off from all others, or mends that; the outside reaches it all the time.
    pub fn isolate(&self, place: usize, cut: bool) {
        for other in (0..self.options.regions.len()).filter(|other| *other != place) {
            self.cut_line(place, other, cut);
        }
    }

    /// Cuts the line between two regions in both directions, or mends it.
    pub fn cut_line(&self, one: usize, other: usize, cut: bool) {
        self.relay.cut(one, other, cut);
        self.relay.cut(other, one, cut);
    }

    /// Cuts the line from one region to another in this direction, or mends it.
    pub fn cut_one_way(&self, from: usize, to: usize, cut: bool) {
        self.relay.cut(from, to, cut);
    }

    /// Makes each sync of a node's disk take so much longer.
    ///
    /// # Errors
    /// When syncs can't be delayed in this run, or a file can't be written.
    pub fn delay_syncs(&self, place: usize, by: Duration) -> anyhow::Result<()> {
        self.shim(place)?.delay_syncs(by)
    }

    /// Fills the disk of a running node.
    ///
    /// # Errors
    /// When disks can't be filled in this run, or the system refuses.
    pub async fn fill_disk(&self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].freeze().await?;
        let filled = self.disk(place)?.fill();
        self.go_on(place)?;
        filled
    }

    /// Makes room on a node's disk, and starts the node again; it may still run.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn free_disk(&mut self, place: usize) -> anyhow::Result<()> {
        self.kill(place).await?;
        self.disk(place)?.free()?;
        self.start_again(place)
    }

    /// Kills a node and removes everything that it had stored.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn lose_disk(&mut self, place: usize) -> anyhow::Result<()> {
        self.kill(place).await?;
        let data = &self.nodes[place].data;
        std::fs::remove_dir_all(data).with_context(|| format!("failed to remove {}", data.display()))
    }

    fn disk(&self, place: usize) -> anyhow::Result<&Disk> {
        self.nodes[place].disk.as_ref().context("disks are the machine's own in this run")
    }

    fn shim(&self, place: usize) -> anyhow::Result<&Shim> {
        self.nodes[place].shim.as_ref().context("clocks and syncs can't be set in this run")
    }
}
