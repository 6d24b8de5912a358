//! A disk that fills up: a tmpfs of its own, and a file that takes what is free.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;

const BALLAST: &str = "ballast";

/// A small file system; unmounted when dropped.
#[derive(Debug)]
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// `None` where this process may not mount anything.
    pub(crate) fn mount(folder: &Path, mib: u64) -> anyhow::Result<Option<Self>> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(folder);
        let is_mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        Ok(is_mounted.then(|| Self { folder: folder.to_owned() }))
    }

    /// Takes all room but `spare_kib`.
    pub(crate) fn fill(&self, spare_kib: u64) -> anyhow::Result<()> {
        let mut ballast = File::create(self.folder.join(BALLAST)).context("cannot make the ballast")?;
        // The last write is short, or fails: the disk is full.
        while ballast.write_all(&[0; 4096]).is_ok() {}
        let length = ballast.metadata().context("cannot measure the ballast")?.len();
        ballast.set_len(length.saturating_sub(spare_kib << 10)).context("cannot cut the ballast")
    }

    /// Gives all room back.
    pub(crate) fn free(&self) {
        // There may be none.
        let _ = fs::remove_file(self.folder.join(BALLAST));
    }

    /// Copies what it holds, since that goes with it.
    pub(crate) fn copy_to(&self, folder: &Path) -> anyhow::Result<()> {
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(&self.folder).arg(folder);
        let status = copy.status().context("cannot copy the small disk")?;
        anyhow::ensure!(status.success(), "copying the small disk ended with {status}");
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.folder).status();
    }
}
