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

/// The answer to who wants the lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is the caller's now.
    Taken(WriterLock),
    /// Somebody else holds it; who, for people, and empty when they have not said so yet.
    Held(String),
}

/// Takes the lock, waiting for whoever holds it. `waiting` hears once who that is.
///
/// # Errors
/// [`LakeError::Lock`] when the file cannot be used.
pub fn acquire(path: &Path, waiting: impl FnOnce(&str)) -> Result<WriterLock, LakeError> {
    let mut file = open(path)?;
    if let Some(holder) = holder(&mut file, path)? {
        waiting(&holder);
        file.lock().map_err(failed(path))?;
    }
    sign(file, path)
}

/// Takes the lock when nobody holds it.
///
/// # Errors
/// [`LakeError::Lock`] when the file cannot be used.
pub fn try_acquire(path: &Path) -> Result<Attempt, LakeError> {
    let mut file = open(path)?;
    match holder(&mut file, path)? {
        Some(holder) => Ok(Attempt::Held(holder)),
        None => Ok(Attempt::Taken(sign(file, path)?)),
    }
}

fn open(path: &Path) -> Result<File, LakeError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).map_err(failed(path))
}

/// Who holds the lock; `None` when it was free and is taken now.
fn holder(file: &mut File, path: &Path) -> Result<Option<String>, LakeError> {
    match file.try_lock() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).map_err(failed(path))?;
            Ok(Some(holder.trim().to_owned()))
        }
        Err(TryLockError::Error(source)) => Err(failed(path)(source)),
    }
}

/// Says in a file that is locked who holds it.
fn sign(mut file: File, path: &Path) -> Result<WriterLock, LakeError> {
    file.set_len(0).map_err(failed(path))?;
    file.seek(SeekFrom::Start(0)).map_err(failed(path))?;
    writeln!(file, "process {}", std::process::id()).map_err(failed(path))?;
    Ok(WriterLock { _file: file })
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> LakeError {
    let path = path.display().to_string();
    move |source| LakeError::Lock { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_whoever_wants_it_hears_who() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("writer.lock");
        let first = try_acquire(&path).unwrap();
        let Attempt::Taken(first) = first else { panic!("the lock is free") };
        let Attempt::Held(holder) = try_acquire(&path).unwrap() else { panic!("it is held") };
        assert_eq!(holder, format!("process {}", std::process::id()));
        drop(first);
        let second = acquire(&path, |_| panic!("nobody holds it")).unwrap();
        assert!(matches!(try_acquire(&path).unwrap(), Attempt::Held(_)));
        drop(second);
        assert!(matches!(try_acquire(&path).unwrap(), Attempt::Taken(_)));
    }
}
