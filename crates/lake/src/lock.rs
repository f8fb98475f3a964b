//! One writer at a time per lake on this machine.
//!
//! The lock is the operating system's: it ends with the process that holds it, however that ends.
//! Writers on other machines are kept apart by the commits themselves.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::LakeError;

/// Held while writing; dropping it lets the next one in.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
}

/// Takes the lock, waiting for whoever holds it. `waiting` hears once who that is.
///
/// # Errors
/// [`LakeError::Lock`] when the file cannot be used.
pub fn acquire(path: &Path, waiting: impl FnOnce(&str)) -> Result<WriterLock, LakeError> {
    let fail = |source| LakeError::Lock { path: path.display().to_string(), source };
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(fail)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).map_err(fail)?;
            waiting(holder.trim());
            file.lock().map_err(fail)?;
        }
        Err(TryLockError::Error(source)) => return Err(fail(source)),
    }
    file.set_len(0).map_err(fail)?;
    file.seek(SeekFrom::Start(0)).map_err(fail)?;
    writeln!(file, "process {}", std::process::id()).map_err(fail)?;
    Ok(WriterLock { _file: file })
}
