//! A file, an event a line (NDJSON). What is acknowledged is on the disk.
//!
//! It is opened anew for each batch, so that it can be renamed away at any time.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{blocking, lines};
use crate::event::Event;
use crate::settings::SettingsError;
use crate::sink::{Limits, Refused, Sink};

const LIMITS: Limits = Limits { events: 1000, bytes: 1 << 20 };

/// Bytes that are read at once to find the end of the last whole line.
const BLOCK: u64 = 4096;

/// A file that events are appended to.
#[derive(Debug, Clone)]
pub struct File {
    path: PathBuf,
}

impl File {
    /// Makes the file when it is not there, and cuts off what an earlier crash left of a line.
    ///
    /// # Errors
    /// [`SettingsError::Unusable`] when the file cannot be written, or is something else.
    pub async fn open(path: &Path) -> Result<Self, SettingsError> {
        let own = path.to_owned();
        match blocking(move || append(&own, &[])).await {
            Ok(()) => Ok(Self { path: path.to_owned() }),
            Err(error) => {
                Err(SettingsError::unusable(path.display().to_string(), error.to_string()))
            }
        }
    }
}

#[async_trait]
impl Sink for File {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn send(&self, events: &[Event]) -> Result<(), Refused> {
        let (path, lines) = (self.path.clone(), lines(events)?);
        let written = blocking(move || append(&path, &lines)).await;
        written.map_err(|error| refused(&self.path, &error))
    }

    async fn test(&self) -> Result<String, Refused> {
        self.send(&[Event::test()]).await?;
        Ok(format!("a line was appended to {}", self.path.display()))
    }
}

fn refused(path: &Path, error: &io::Error) -> Refused {
    let reason = format!("cannot append to {}: {error}", path.display());
    let needs_somebody = matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::NotFound
            | ErrorKind::IsADirectory
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::InvalidData
    );
    if needs_somebody { Refused::broken(reason) } else { Refused::later(reason, None) }
}

/// Appends whole lines, which are on the disk when it returns.
fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is no ordinary file"));
    }
    if about.len() == 0 {
        sync_folder(path)?;
    } else {
        cut(&mut file, about.len())?;
    }
    file.write_all(lines)?;
    file.sync_data()
}

/// That a file is new is on the disk only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Cuts off the beginning of a line that was never finished, and so never acknowledged.
fn cut(file: &mut fs::File, length: u64) -> io::Result<()> {
    let end = end_of_lines(file, length)?;
    if end == length {
        return Ok(());
    }
    let mut first = [0];
    file.seek(SeekFrom::Start(end))?;
    file.read_exact(&mut first)?;
    // Somebody's other file is not ours to cut.
    if first != *b"{" {
        let reason = "its last line is no event; give a file of its own";
        return Err(io::Error::new(ErrorKind::InvalidData, reason));
    }
    file.set_len(end)
}

/// Where the last whole line ends.
fn end_of_lines(file: &mut fs::File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        let mut block = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        io::Read::take(&mut *file, end - start).read_to_end(&mut block)?;
        let behind = block.iter().rev().position(|byte| *byte == b'\n');
        if let Some(behind) = behind {
            return Ok(end.saturating_sub(u64::try_from(behind).unwrap_or(BLOCK)));
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn ids(path: &Path) -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        let event = |line: &str| Event::read(&serde_json::from_str::<Value>(line).unwrap());
        text.lines().map(|line| event(line).unwrap().id).collect()
    }

    fn event(id: &str) -> Event {
        Event { id: id.to_owned(), ..Event::test() }
    }

    #[tokio::test]
    async fn events_are_lines_and_a_torn_one_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        let sink = File::open(&path).await.unwrap();
        sink.send(&[event("1"), event("2")]).await.unwrap();
        assert_eq!(ids(&path), ["1", "2"]);
        // Whatever was written of a line when the process died.
        let whole = fs::read(&path).unwrap();
        let torn = [whole.as_slice(), br#"{"specversion":"1.0","da"#].concat();
        fs::write(&path, torn).unwrap();
        File::open(&path).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole);
        // The same in the middle of a run, with a line longer than a block.
        let long = [whole.as_slice(), b"{", "x".repeat(10_000).as_bytes()].concat();
        fs::write(&path, long).unwrap();
        sink.send(&[event("3")]).await.unwrap();
        assert_eq!(ids(&path), ["1", "2", "3"]);
        // Nothing but a torn line.
        fs::write(&path, "{").unwrap();
        sink.send(&[event("4")]).await.unwrap();
        assert_eq!(ids(&path), ["4"]);
    }

    #[tokio::test]
    async fn a_file_that_was_renamed_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("events"), folder.path().join("events.1"));
        let sink = File::open(&path).await.unwrap();
        sink.send(&[event("1")]).await.unwrap();
        fs::rename(&path, &old).unwrap();
        sink.send(&[event("2")]).await.unwrap();
        assert_eq!((ids(&old), ids(&path)), (vec!["1".to_owned()], vec!["2".to_owned()]));
        assert!(sink.test().await.unwrap().contains("events"));
        assert_eq!(ids(&path).len(), 2);
    }

    #[tokio::test]
    async fn what_is_no_file_of_events_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        fs::write(&path, "remember the milk").unwrap();
        let refused = File::open(&path).await.unwrap_err().to_string();
        assert!(refused.contains("its last line is no event"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "remember the milk");
        assert!(File::open(folder.path()).await.is_err());
        let missing = folder.path().join("no/such/folder");
        assert!(File::open(&missing).await.is_err());
    }
}
