//! Files that only their owner may read.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Makes an empty file with mode 0600, to write to; an error when it is there already.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// May group or others do anything with the file? Only Unix can tell.
#[cfg(unix)]
pub(crate) fn is_exposed(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

/// May group or others do anything with the file? Only Unix can tell.
#[cfg(not(unix))]
pub(crate) fn is_exposed(_metadata: &Metadata) -> bool {
    false
}

/// Makes the name of a file outlive a power loss, as `sync_all` does for what is in it.
#[cfg(unix)]
pub(crate) fn sync_name(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Makes the name of a file outlive a power loss. Only Unix lets folders be flushed.
#[cfg(not(unix))]
pub(crate) fn sync_name(_path: &Path) -> io::Result<()> {
    Ok(())
}
