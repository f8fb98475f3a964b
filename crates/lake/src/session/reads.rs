//! How far a question is: the files that it reads, counted while it does.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::prelude::SessionContext;
use futures::future::BoxFuture;
use object_store::ObjectStore;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::ParquetMetaData;

use super::LakeSession;

/// Files that the queries of a session read; see [`LakeSession::watched`].
#[derive(Debug, Default)]
pub struct Reads {
    files: AtomicU64,
    done: AtomicU64,
}

impl Reads {
    /// Files that are to be read, by the queries that were planned so far.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// Files that were read.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

impl LakeSession {
    /// The same state of the lake, with the files counted that its queries read.
    #[must_use]
    pub fn watched(&self, reads: &Arc<Reads>) -> Self {
        let mut state = self.context.state();
        state.config_mut().set_extension(Arc::clone(reads));
        Self {
            context: SessionContext::new_with_state(state),
            directory: self.directory.clone(),
            threads: self.threads.clone(),
            lines: self.lines.clone(),
            summaries: self.summaries.clone(),
            claims: self.claims.clone(),
            authorities: self.authorities.clone(),
            wishes: self.wishes.clone(),
            left_out: self.left_out.clone(),
        }
    }
}

/// One scan of a table. A large file may be read in pieces, by several readers.
#[derive(Debug)]
pub(crate) struct Scan {
    reads: Arc<Reads>,
    readers: DefaultParquetFileReaderFactory,
    /// How many readers each file has now, of those that were begun.
    begun: Arc<Mutex<HashMap<Path, usize>>>,
}

impl Scan {
    /// Notes that so many files are to be read.
    pub(crate) fn new(reads: Arc<Reads>, store: Arc<dyn ObjectStore>, files: usize) -> Self {
        reads.files.fetch_add(u64::try_from(files).unwrap_or_default(), Ordering::Relaxed);
        Self { reads, readers: DefaultParquetFileReaderFactory::new(store), begun: Arc::default() }
    }
}

impl ParquetFileReaderFactory for Scan {
    fn create_reader(
        &self,
        partition_index: usize,
        partitioned_file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let path = partitioned_file.object_meta.location.clone();
        let reader = self.readers.create_reader(
            partition_index,
            partitioned_file,
            metadata_size_hint,
            metrics,
        )?;
        let (reads, begun) = (Arc::clone(&self.reads), Arc::clone(&self.begun));
        Ok(Box::new(Reader::begin(reader, path, reads, begun)))
    }
}

/// What reads a file, or a piece of it. When it goes, that was read.
struct Reader {
    inner: Box<dyn AsyncFileReader + Send>,
    path: Path,
    reads: Arc<Reads>,
    begun: Arc<Mutex<HashMap<Path, usize>>>,
}

impl Reader {
    fn begin(
        inner: Box<dyn AsyncFileReader + Send>,
        path: Path,
        reads: Arc<Reads>,
        begun: Arc<Mutex<HashMap<Path, usize>>>,
    ) -> Self {
        {
            let mut files = lock(&begun);
            if let Some(readers) = files.get_mut(&path) {
                if *readers == 0 {
                    // Another piece of a file that looked read.
                    reads.done.fetch_sub(1, Ordering::Relaxed);
                }
                *readers += 1;
            } else {
                files.insert(path.clone(), 1);
            }
        }
        Self { inner, path, reads, begun }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut files = lock(&self.begun);
        if let Some(readers) = files.get_mut(&self.path) {
            *readers = readers.saturating_sub(1);
            if *readers == 0 {
                self.reads.done.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.inner.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.inner.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        self.inner.get_metadata(options)
    }
}

fn lock(begun: &Mutex<HashMap<Path, usize>>) -> MutexGuard<'_, HashMap<Path, usize>> {
    begun.lock().unwrap_or_else(PoisonError::into_inner)
}
