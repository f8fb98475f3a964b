//! A report that AWS rewrites in place while it is being read.

use std::fmt;
use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Mutex;

use arrow::datatypes::DataType;
use async_trait::async_trait;
use billhook_aws::S3Options;
use billhook_sources::text::inflate::Limits;
use billhook_testkit::calendar::{Date, Month};
use billhook_testkit::render::cur::{Compression, CurReport, Layout, write_delivery};
use billhook_testkit::synth::{Organisation, Scale};
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, PutMultipartOptions,
    PutOptions, PutPayload, PutResult,
};

use super::*;
use crate::ingest::Silent;

/// A folder in which the deliveries of a list replace each other, one at each reading of a data
/// file, as a bucket's objects do while AWS writes.
#[derive(Debug)]
struct Restless {
    inner: Arc<dyn ObjectStore>,
    folder: PathBuf,
    next: Mutex<Vec<PathBuf>>,
}

impl fmt::Display for Restless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("restless")
    }
}

#[async_trait]
impl ObjectStore for Restless {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &Path,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        let got = self.inner.get_opts(location, options).await?;
        if location.as_ref().ends_with(".csv.gz") {
            let mut next = self.next.lock().unwrap();
            if !next.is_empty() {
                replace(&next.remove(0), &self.folder);
            }
        }
        Ok(got)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// Puts every file of `from` in the place of that of `to`, each at once, as S3 does.
fn replace(from: &FilePath, to: &FilePath) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if from.is_dir() {
            replace(&from, &to);
        } else {
            let new = to.with_extension("new");
            fs::copy(&from, &new).unwrap();
            fs::rename(&new, &to).unwrap();
        }
    }
}

/// A month's delivery in a folder of its own; each revision of the ledger bills other amounts.
fn delivered(root: &FilePath, revision: u32, assembly: &str) -> PathBuf {
    let month = Month::new(2026, 8);
    let organisation = Organisation::new(7, month, 1, Date::new(2026, 9, 20), Scale::Small);
    let payer = &organisation.payers()[0];
    let report = CurReport {
        account: payer.id.to_owned(),
        bucket: "bucket".to_owned(),
        prefix: "bills".to_owned(),
        report_name: "hourly".to_owned(),
        layout: Layout::Overwrite,
        compression: Compression::Gzip,
        chunk_rows: 1000,
        chunk_digits: 5,
        with_resources: true,
        with_net: payer.edp_percent.is_some(),
        tag_keys: payer.tag_keys.iter().map(|key| (*key).to_owned()).collect(),
        category_names: payer.category_names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let folder = root.join(assembly);
    let lines = organisation.ledger(payer, month, revision);
    let written = write_delivery(&folder, &report, month, assembly, &lines).unwrap();
    assert!(written.files.len() > 1, "several chunks");
    folder
}

/// What the lake holds of it: revision, rows and cost.
async fn held(home: &Home) -> Vec<String> {
    let session = LakeSession::open(&home.lake, None).await.unwrap();
    let sql = "SELECT concat_ws(' ', x_Revision, CAST(COUNT(*) AS TEXT), \
               CAST(SUM(x_UnblendedCost) AS TEXT)) FROM cost_and_usage GROUP BY x_Revision";
    let batches = session.query(sql).await.unwrap();
    let texts = batches.iter().flat_map(|batch| {
        let column = arrow::compute::cast(batch.column(0), &DataType::Utf8).unwrap();
        let column = column.as_string::<i32>();
        column.iter().flatten().map(str::to_owned).collect::<Vec<_>>()
    });
    texts.collect()
}

/// Imports a folder that begins as `start`, and in which `next` replace each other.
async fn imported(
    root: &FilePath,
    name: &str,
    start: &FilePath,
    next: Vec<PathBuf>,
) -> (Home, Vec<Imported>) {
    let folder = root.join(name);
    let home = Home::open(&root.join(format!("{name}-home")), None, &S3Options::default()).unwrap();
    replace(start, &folder);
    let mut location = billhook_aws::open(folder.to_str().unwrap(), &S3Options::default()).unwrap();
    let inner = Arc::clone(&location.store);
    location.store = Arc::new(Restless { inner, folder, next: Mutex::new(next) });
    let options = Options {
        workers: 1,
        limits: Limits::default(),
        allow_quarantine: false,
        spool: home.spool(),
        now: 1_790_000_000_000_000,
        stop: Arc::default(),
        progress: Arc::new(Silent),
        kinds: Vec::new(),
        period: None,
        newest_first: false,
        kept: None,
    };
    let done = import(&home, &location, None, &options, |_| {}).await.unwrap();
    assert_eq!(done.imported.len(), 1);
    (home, done.imported)
}

#[tokio::test]
async fn a_report_rewritten_while_it_is_read_is_read_again_and_not_mixed() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let first = delivered(root, 1, "20260901T031500Z");
    let second = delivered(root, 2, "20260902T031500Z");
    let (home, _) = imported(root, "first-alone", &first, Vec::new()).await;
    let before = held(&home).await;
    let (home, _) = imported(root, "second-alone", &second, Vec::new()).await;
    let after = held(&home).await;
    assert_ne!(before, after);
    // The first chunk is of the first delivery, and all that is read from then on of the second.
    let (home, done) = imported(root, "rewritten", &first, vec![second]).await;
    assert!(matches!(done[0].fate, Fate::Loaded { .. }), "{:?}", done[0].fate);
    assert_eq!(done[0].revision, "20260902T031500Z");
    assert_eq!(held(&home).await, after);
}

#[tokio::test]
async fn a_report_that_never_stands_still_is_given_up() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let deliveries: Vec<PathBuf> =
        (10..26).map(|minute| delivered(root, 1, &format!("20260901T03{minute}00Z"))).collect();
    let (home, done) = imported(root, "restless", &deliveries[0], deliveries[1..].to_vec()).await;
    let Fate::Failed(error) = &done[0].fate else { panic!("{:?}", done[0].fate) };
    assert!(matches!(error, EngineError::Restless { .. }), "{error}");
    assert!(error.fix().is_some());
    assert!(held(&home).await.is_empty());
}
