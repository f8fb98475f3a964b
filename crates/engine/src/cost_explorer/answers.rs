//! Answers about months that AWS is not expected to change, kept so as not to pay for them twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use billhook_aws::cost_explorer::{Page, Question};
use sha2::{Digest, Sha256};

/// Bytes kept at most; the oldest answers go first.
const MAX_BYTES: u64 = 256 << 20;

/// The answers of one payer.
///
/// They are only a help: what cannot be read or written is asked for again.
#[derive(Debug)]
pub(super) struct Answers {
    folder: PathBuf,
    payer: String,
}

impl Answers {
    /// The answers below `home` to whom `payer` names.
    pub(super) fn new(home: &Path, payer: &str) -> Self {
        Self { folder: home.join("cost-explorer").join("answers"), payer: payer.to_owned() }
    }

    fn path(&self, question: &Question, token: Option<&str>) -> Option<PathBuf> {
        let key = serde_json::to_vec(&(&self.payer, question, token)).ok()?;
        Some(self.folder.join(format!("{}.json", hex(&Sha256::digest(&key)))))
    }

    /// A page that was asked for before.
    pub(super) fn find(&self, question: &Question, token: Option<&str>) -> Option<Page> {
        let text = fs::read(self.path(question, token)?).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Keeps a page, unless AWS says that it may still change.
    pub(super) fn keep(&self, question: &Question, token: Option<&str>, page: &Page) {
        if page.buckets.iter().any(|bucket| bucket.estimated) {
            return;
        }
        let write = || -> Option<()> {
            fs::create_dir_all(&self.folder).ok()?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder).ok()?;
            serde_json::to_writer(&mut file, page).ok()?;
            file.persist(self.path(question, token)?).ok()?;
            Some(())
        };
        write().unwrap_or_default();
    }

    /// Deletes the oldest answers until the rest is not too much.
    pub(super) fn prune(&self) {
        prune(&self.folder, MAX_BYTES);
    }
}

fn prune(folder: &Path, max_bytes: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let meta = entry.metadata().ok()?;
            Some((meta.modified().ok()?, meta.len(), entry.path()))
        })
        .collect();
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, size, _)| size).sum();
    for (_, size, path) in files {
        if bytes <= max_bytes {
            break;
        }
        if fs::remove_file(path).is_ok() {
            bytes -= size;
        }
    }
}

/// The bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        text.extend(
            [byte >> 4, byte & 15]
                .map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or_default()),
        );
        text
    })
}

#[cfg(test)]
mod tests {
    use billhook_aws::cost_explorer::{Bucket, Granularity};

    use super::*;

    fn question(start: &str) -> Question {
        Question {
            start: start.to_owned(),
            end: "2026-02-01".to_owned(),
            granularity: Granularity::Daily,
            group_by: vec!["RECORD_TYPE"],
            record_type: None,
        }
    }

    fn page(estimated: bool) -> Page {
        let bucket = Bucket {
            start: "2026-01-01".to_owned(),
            end: "2026-01-02".to_owned(),
            estimated,
            groups: Vec::new(),
        };
        Page { buckets: vec![bucket], ..Page::default() }
    }

    #[test]
    fn answers_are_found_by_the_whole_question() {
        let home = tempfile::tempdir().unwrap();
        let answers = Answers::new(home.path(), "111122223333");
        let asked = question("2026-01-01");
        answers.keep(&asked, None, &page(false));
        assert_eq!(answers.find(&asked, None), Some(page(false)));
        assert_eq!(answers.find(&asked, Some("token")), None);
        assert_eq!(answers.find(&question("2026-01-02"), None), None);
        assert_eq!(Answers::new(home.path(), "444455556666").find(&asked, None), None);
        answers.keep(&question("2026-01-03"), None, &page(true));
        assert_eq!(answers.find(&question("2026-01-03"), None), None);
    }

    #[test]
    fn they_do_not_grow_without_bounds() {
        let home = tempfile::tempdir().unwrap();
        let answers = Answers::new(home.path(), "111122223333");
        for day in 1..=9 {
            answers.keep(&question(&format!("2026-01-0{day}")), None, &page(false));
        }
        let count = || fs::read_dir(&answers.folder).unwrap().count();
        let size =
            fs::metadata(answers.path(&question("2026-01-01"), None).unwrap()).unwrap().len();
        answers.prune();
        assert_eq!(count(), 9);
        prune(&answers.folder, 4 * size);
        assert_eq!(count(), 4);
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(hex(&[0, 0x1f, 0xa0]), "001fa0");
    }
}
