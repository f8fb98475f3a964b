//! What was read of objects at an earlier look: the texts of manifests, and the first record of
//! files that no manifest describes. As long as an object is the same, it is not asked for again,
//! so that a look at a bucket where nothing is new costs its listing and nothing else.
//!
//! This is only a help. Whatever is missing or damaged, or of another version of its object, is
//! read anew; the folder may be deleted at any time.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use billhook_aws::Location;
use object_store::ObjectMeta;
use sha2::{Digest, Sha256};

use crate::cost_explorer::hex;

/// What is kept of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// All of it: it is a manifest.
    Manifest,
    /// The header and first record, as JSON.
    Record,
}

/// What is kept of the objects of one place.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    /// The bucket.
    place: String,
}

impl Kept {
    /// What is kept of a place in `folder`. Nothing is of places on this machine's own disk.
    pub(super) fn of(location: &Location, folder: Option<&Path>) -> Option<Self> {
        let folder = folder.filter(|_| location.url.scheme() != "file")?.to_owned();
        let host = location.url.host_str().unwrap_or_default();
        Some(Self { folder, place: format!("{}://{host}", location.url.scheme()) })
    }

    /// What was kept, when the object still is the same.
    pub(super) fn find(&self, what: What, meta: &ObjectMeta) -> Option<Vec<u8>> {
        let text = fs::read(self.path(what, meta)).ok()?;
        let end = text.iter().position(|byte| *byte == b'\n')?;
        let (stamp, body) = (text.get(..end)?, text.get(end + 1..)?);
        (stamp == stamp_of(meta, body)?.as_bytes()).then(|| body.to_vec())
    }

    /// Keeps `body`, in the place of what was kept of an earlier version of the object.
    pub(super) fn keep(&self, what: What, meta: &ObjectMeta, body: &[u8]) {
        let write = || -> Option<()> {
            let stamp = stamp_of(meta, body)?;
            fs::create_dir_all(&self.folder).ok()?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder).ok()?;
            file.write_all(stamp.as_bytes()).ok()?;
            file.write_all(b"\n").ok()?;
            file.write_all(body).ok()?;
            file.persist(self.path(what, meta)).ok()?;
            Some(())
        };
        write().unwrap_or_default();
    }

    fn path(&self, what: What, meta: &ObjectMeta) -> PathBuf {
        let key = format!("{what:?}\n{}\n{}", self.place, meta.location);
        self.folder.join(digest(key.as_bytes()))
    }
}

/// The version of an object, and a digest of what is kept of it. `None` when the store does not
/// tell versions apart.
fn stamp_of(meta: &ObjectMeta, body: &[u8]) -> Option<String> {
    let tag = meta.e_tag.as_deref()?;
    let written_at = meta.last_modified.timestamp_micros();
    Some(format!("{tag} {} {written_at} {}", meta.size, digest(body)))
}

/// A digest as hexadecimal digits.
fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;
    use object_store::path::Path as Key;
    use url::Url;

    use super::*;

    fn kept(folder: &Path, url: &str) -> Option<Kept> {
        let location = Location {
            store: Arc::new(InMemory::new()),
            url: Url::parse(url).unwrap(),
            prefix: "bills".to_owned(),
            written: url.to_owned(),
        };
        Kept::of(&location, Some(folder))
    }

    fn object(tag: &str) -> ObjectMeta {
        ObjectMeta {
            location: Key::from("bills/r-Manifest.json"),
            last_modified: chrono::DateTime::from_timestamp_micros(1_790_000_000_000_000).unwrap(),
            size: 7,
            e_tag: Some(tag.to_owned()),
            version: None,
        }
    }

    #[test]
    fn the_same_object_is_not_read_twice_and_another_version_is() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("cache/manifests");
        let kept = |url: &str| kept(&folder, url).unwrap();
        let one = kept("s3://bills/bills");
        assert_eq!(one.find(What::Manifest, &object("a")), None);
        one.keep(What::Manifest, &object("a"), b"{}\n{}");
        assert_eq!(one.find(What::Manifest, &object("a")).unwrap(), b"{}\n{}");
        assert_eq!(one.find(What::Record, &object("a")), None);
        assert_eq!(one.find(What::Manifest, &object("b")), None);
        assert_eq!(kept("s3://other/bills").find(What::Manifest, &object("a")), None);
        one.keep(What::Manifest, &object("b"), b"new");
        assert_eq!(one.find(What::Manifest, &object("b")).unwrap(), b"new");
        assert_eq!(one.find(What::Manifest, &object("a")), None);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        let untagged = ObjectMeta { e_tag: None, ..object("b") };
        one.keep(What::Manifest, &untagged, b"x");
        assert_eq!(one.find(What::Manifest, &untagged), None);
    }

    #[test]
    fn what_is_damaged_is_read_anew() {
        let home = tempfile::tempdir().unwrap();
        let kept = kept(home.path(), "s3://bills/bills").unwrap();
        kept.keep(What::Manifest, &object("a"), b"manifest");
        let path = kept.path(What::Manifest, &object("a"));
        let whole = fs::read(&path).unwrap();
        for damaged in [&whole[..whole.len() - 1], &whole[..5], b"".as_slice()] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(kept.find(What::Manifest, &object("a")), None);
        }
        fs::write(&path, &whole).unwrap();
        assert_eq!(kept.find(What::Manifest, &object("a")).unwrap(), b"manifest");
    }

    #[test]
    fn folders_of_this_machine_are_read_where_they_lie() {
        let home = tempfile::tempdir().unwrap();
        assert!(kept(home.path(), "file:///bills").is_none());
    }
}
