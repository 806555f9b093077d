//! A region's disk that can lose power and be filled: an ext4 file system in a file, mounted through a loop device.
//! Cutting its power stops the file system without writing its journal: what wasn't synced is gone, as after a real cut.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use rustix::fs::{FallocateFlags, fallocate, fstatvfs};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Setter, ioctl};

/// The size of a disk in bytes; the file is sparse.
const DISK_BYTES: u64 = 4 << 30;
/// Stops a file system (EXT4_IOC_SHUTDOWN), and the way in which it is stopped: without flushing its log.
const SHUTDOWN: Opcode = 0x8004_587d;
const WITHOUT_LOG_FLUSH: u32 = 2;

/// What takes all the room of a full disk, and the least that it takes at once: a block.
const BALLOON: &str = "balloon";
const BLOCK_BYTES: u64 = 4_096;

/// A disk, mounted. Dropping it unmounts it.
pub(super) struct Disk {
    image: PathBuf,
    mount: PathBuf,
    mounted: bool,
}

impl Disk {
    /// Makes a disk in the file `image` and mounts it at `mount`.
    ///
    /// # Errors
    /// When the system refuses, as where there are no loop devices.
    pub fn make(image: PathBuf, mount: PathBuf) -> anyhow::Result<Disk> {
        std::fs::create_dir_all(&mount).with_context(|| format!("failed to make {}", mount.display()))?;
        let file = File::create(&image).with_context(|| format!("failed to make {}", image.display()))?;
        file.set_len(DISK_BYTES).context("failed to size a disk")?;
        run(Command::new("mkfs.ext4").arg("-q").arg(&image))?;
        let mut disk = Disk { image, mount, mounted: false };
        disk.mount()?;
        Ok(disk)
    }

    /// Cuts the power: what wasn't synced is gone, and nothing can be written any more. Whoever uses the disk is still
    /// to be killed; then it is [mounted again](Disk::mount_again).
    ///
    /// # Errors
    /// When the system refuses.
    pub fn cut_power(&self) -> anyhow::Result<()> {
        let folder = File::open(&self.mount).context("failed to open a disk")?;
        #[expect(unsafe_code, reason = "there is no safe call for it; the kernel reads one u32 and keeps nothing")]
        let stopped = unsafe { ioctl(folder.as_fd(), Setter::<SHUTDOWN, u32>::new(WITHOUT_LOG_FLUSH)) };
        stopped.context("failed to cut the power of a disk")
    }

    /// Mounts the disk after its power was cut; nobody uses it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn mount_again(&mut self) -> anyhow::Result<()> {
        self.unmount()?;
        self.mount()
    }

    /// Fills the disk. What files had been given beyond their ends is taken from them, or they could grow for a while:
    /// whoever writes them is stopped meanwhile.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn fill(&self) -> anyhow::Result<()> {
        take_spare_room(&self.mount).context("failed to take room from files")?;
        let balloon = File::create(self.mount.join(BALLOON)).context("failed to fill a disk")?;
        let free = fstatvfs(&balloon).context("failed to ask a disk for its room")?;
        let (mut taken, mut piece) = (0, free.f_bfree.saturating_mul(free.f_frsize));
        while piece >= BLOCK_BYTES {
            match fallocate(&balloon, FallocateFlags::empty(), taken, piece) {
                Ok(()) => taken += piece,
                Err(Errno::NOSPC) => piece /= 2,
                Err(error) => return Err(error).context("failed to fill a disk"),
            }
        }
        let more = self.mount.join("more");
        let refused = std::fs::write(&more, [0]).and_then(|()| File::open(&more)?.sync_all());
        std::fs::remove_file(&more).ok();
        match refused {
            Err(error) if error.kind() == ErrorKind::StorageFull => Ok(()),
            Err(error) => Err(error).context("failed to fill a disk"),
            Ok(()) => bail!("a disk that was filled has room for more"),
        }
    }

    /// Makes room again.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn free(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.mount.join(BALLOON)).context("failed to make room on a disk")
    }

    fn mount(&mut self) -> anyhow::Result<()> {
        run(Command::new("mount").args(["-o", "loop"]).args([&self.image, &self.mount]))?;
        self.mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> anyhow::Result<()> {
        if self.mounted {
            run(Command::new("umount").arg(&self.mount))?;
            self.mounted = false;
        }
        Ok(())
    }

    /// Unmounts it as soon as nobody uses it any more.
    fn let_go(&mut self) -> anyhow::Result<()> {
        match std::mem::take(&mut self.mounted) {
            true => run(Command::new("umount").arg("--lazy").arg(&self.mount)),
            false => Ok(()),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = self.let_go() {
            eprintln!("chaos: failed to unmount a disk: {error:#}");
        }
        std::fs::remove_file(&self.image).ok();
    }
}

/// Cuts each file of a folder to its own length, which gives back what was set aside for it.
fn take_spare_room(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            take_spare_room(&entry.path())?;
        } else if metadata.is_file() {
            File::options().write(true).open(entry.path())?.set_len(metadata.len())?;
        }
    }
    Ok(())
}

/// Says why no disk can be made here; nothing when one can.
pub fn disk_refused(folder: &Path) -> Option<String> {
    let tried = Disk::make(folder.join("try.img"), folder.join("try"));
    let usable = |disk: Disk| disk.fill().and_then(|()| disk.free()).and_then(|()| disk.cut_power());
    let refused = tried.and_then(usable).err().map(|error| format!("{error:#}"));
    std::fs::remove_dir(folder.join("try")).ok();
    refused
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.output().with_context(|| format!("failed to run {name}"))?;
    if !done.status.success() {
        bail!("{name}: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(())
}
