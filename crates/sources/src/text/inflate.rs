//! An object's bytes as blocks of text, in memory bounded by [`Limits`] and not by the object
//! (INV-MEM).
//!
//! Small gzip members are inflated whole by libdeflate (about twice as fast as any streaming
//! inflater); everything else, and whatever libdeflate cannot vouch for, streams through zlib-rs
//! on a thread of its own.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::sync::mpsc::{Receiver, sync_channel};

use bytes::Bytes;

/// An object to read: held in memory when small, on disk when large.
#[derive(Debug)]
pub enum Input {
    /// The whole object.
    Memory(Bytes),
    /// An open file, at its start.
    File(File),
}

/// Memory that one file leaves to the next: fresh memory costs more than inflating into it.
#[derive(Debug, Default)]
pub struct Spare {
    /// For the text of a file that is inflated whole.
    pub text: Vec<u8>,
    packed: Vec<u8>,
}

/// How much memory reading one object may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest text that is inflated in one piece, bytes.
    pub whole_bytes: usize,
    /// Size of a streamed block, bytes.
    pub block_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { whole_bytes: 72 << 20, block_bytes: 4 << 20 }
    }
}

/// How an object is packed, told by its first bytes and never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// gzip, one or more members.
    Gzip,
    /// A zip archive.
    Zip,
    /// Apache Parquet: not text at all.
    Parquet,
    /// Anything else.
    Plain,
}

impl Packing {
    /// Recognises the packing from the first four bytes.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            [b'P', b'A', b'R', b'1', ..] => Self::Parquet,
            _ => Self::Plain,
        }
    }
}

impl Input {
    /// The first bytes, at most `count`, leaving the position at the start.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn head(&mut self, count: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Memory(bytes) => Ok(bytes.slice(..count.min(bytes.len())).to_vec()),
            Self::File(file) => {
                let mut head = Vec::with_capacity(count);
                file.take(count as u64).read_to_end(&mut head)?;
                file.rewind()?;
                Ok(head)
            }
        }
    }

    fn size(&self) -> io::Result<u64> {
        Ok(match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(file) => file.metadata()?.len(),
        })
    }

    /// Opens the object as text blocks.
    ///
    /// # Errors
    /// When it cannot be read, is damaged at its start, or is a zip that does not hold exactly
    /// one file.
    pub fn open(self, limits: Limits) -> io::Result<Blocks> {
        self.open_with(limits, &mut Spare::default())
    }

    /// As [`Self::open`], with memory from the file before.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(mut self, limits: Limits, spare: &mut Spare) -> io::Result<Blocks> {
        let packing = Packing::of(&self.head(4)?);
        if packing == Packing::Gzip
            && let Some(text) = self.inflate_whole(limits, spare)?
        {
            return Ok(Blocks::Whole(Some(text)));
        }
        let reader: Box<dyn Read + Send> = match (packing, self) {
            (Packing::Gzip, Self::Memory(bytes)) => {
                Box::new(flate2::bufread::MultiGzDecoder::new(Cursor::new(bytes)))
            }
            (Packing::Gzip, Self::File(file)) => {
                let file = BufReader::with_capacity(1 << 18, file);
                Box::new(flate2::bufread::MultiGzDecoder::new(file))
            }
            (Packing::Zip, Self::Memory(bytes)) => return unzip(Cursor::new(bytes), limits),
            (Packing::Zip, Self::File(file)) => return unzip(file, limits),
            (_, Self::Memory(bytes)) => return Ok(Blocks::Whole(Some(bytes.to_vec()))),
            (_, Self::File(file)) => Box::new(file),
        };
        Ok(stream(move || Ok(reader), limits))
    }

    /// The whole text, when it is one small gzip member that libdeflate finds sound.
    fn inflate_whole(&mut self, limits: Limits, spare: &mut Spare) -> io::Result<Option<Vec<u8>>> {
        let size = usize::try_from(self.size()?).unwrap_or(usize::MAX);
        if size > limits.whole_bytes {
            return Ok(None);
        }
        let packed = match self {
            Self::Memory(bytes) => &bytes[..],
            Self::File(file) => {
                spare.packed.clear();
                spare.packed.reserve_exact(size + 1);
                file.read_to_end(&mut spare.packed)?;
                file.rewind()?;
                &spare.packed
            }
        };
        // The last four bytes of a member are the length of its text, modulo 2³².
        let Some(length) = packed.last_chunk::<4>().map(|b| u32::from_le_bytes(*b) as usize) else {
            return Ok(None);
        };
        if length > limits.whole_bytes || has_second_member(packed) {
            return Ok(None);
        }
        let mut text = std::mem::take(&mut spare.text);
        text.reserve_exact(length.saturating_sub(text.len()));
        text.resize(length, 0);
        let inflated = libdeflater::Decompressor::new().gzip_decompress(packed, &mut text);
        spare.packed = Vec::new();
        Ok((inflated == Ok(length)).then_some(text))
    }
}

/// Could a second gzip member start somewhere? libdeflate would ignore it without a word.
///
/// Every member starts with these three bytes and a flag byte whose top three bits are zero. A
/// chance hit inside compressed data only costs the slower path.
fn has_second_member(packed: &[u8]) -> bool {
    let rest = packed.get(1..).unwrap_or(&[]);
    memchr::memmem::find_iter(rest, b"\x1f\x8b\x08")
        .any(|at| rest.get(at + 3).is_some_and(|flags| flags & 0xe0 == 0))
}

fn unzip<R: Read + Seek + Send + 'static>(reader: R, limits: Limits) -> io::Result<Blocks> {
    let mut archive = zip::ZipArchive::new(reader)?;
    let files: Vec<usize> = (0..archive.len())
        .filter(|&index| archive.name_for_index(index).is_some_and(|name| !name.ends_with('/')))
        .collect();
    let [only] = files[..] else {
        let message = format!("the zip archive holds {} files, expected exactly one", files.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    };
    Ok(stream_with(limits, move |send| {
        let mut entry = archive.by_index(only)?;
        send(&mut entry)
    }))
}

/// Text in blocks. A block need not end at a record's end.
#[derive(Debug)]
pub enum Blocks {
    /// The whole text at once.
    Whole(Option<Vec<u8>>),
    /// Blocks from an inflating thread.
    Stream(Receiver<io::Result<Vec<u8>>>),
}

impl Blocks {
    /// The next block, `None` at the end.
    ///
    /// # Errors
    /// When the object cannot be read or inflated; the text is then not complete.
    pub fn next_block(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Whole(text) => Ok(text.take()),
            Self::Stream(blocks) => match blocks.recv() {
                Ok(block) => block.map(Some),
                Err(_) => Ok(None),
            },
        }
    }
}

fn stream<R, F>(open: F, limits: Limits) -> Blocks
where
    R: Read,
    F: FnOnce() -> io::Result<R> + Send + 'static,
{
    stream_with(limits, move |send| send(&mut open()?))
}

/// Runs `produce` on a thread; it hands its reader to the callback, which fills the channel.
fn stream_with<F>(limits: Limits, produce: F) -> Blocks
where
    F: FnOnce(&mut dyn FnMut(&mut dyn Read) -> io::Result<()>) -> io::Result<()> + Send + 'static,
{
    let (sender, receiver) = sync_channel(2);
    std::thread::spawn(move || {
        let mut send = |reader: &mut dyn Read| -> io::Result<()> {
            loop {
                let mut block = Vec::with_capacity(limits.block_bytes);
                reader.take(limits.block_bytes as u64).read_to_end(&mut block)?;
                // A closed channel means that nobody wants the rest.
                if block.is_empty() || sender.send(Ok(block)).is_err() {
                    return Ok(());
                }
            }
        };
        if let Err(error) = produce(&mut send) {
            sender.send(Err(error)).ok();
        }
    });
    Blocks::Stream(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn text_of(packed: Vec<u8>, limits: Limits) -> io::Result<Vec<u8>> {
        let mut blocks = Input::Memory(Bytes::from(packed)).open(limits)?;
        let mut text = Vec::new();
        while let Some(block) = blocks.next_block()? {
            text.extend(block);
        }
        Ok(text)
    }

    fn sample() -> Vec<u8> {
        (0..200_000_u32).flat_map(|n| n.to_string().into_bytes()).collect()
    }

    #[test]
    fn whole_streamed_and_multi_member_texts_agree() {
        let text = sample();
        let small = Limits { whole_bytes: 1, block_bytes: 1000 };
        assert_eq!(text_of(gzip(&text), Limits::default()).unwrap(), text);
        assert_eq!(text_of(gzip(&text), small).unwrap(), text);
        let twice = [gzip(&text), gzip(&text)].concat();
        assert_eq!(text_of(twice, Limits::default()).unwrap(), [text.clone(), text].concat());
    }

    #[test]
    fn a_truncated_or_altered_member_is_an_error() {
        let packed = gzip(&sample());
        for limits in [Limits::default(), Limits { whole_bytes: 1, block_bytes: 1000 }] {
            assert!(text_of(packed[..packed.len() / 2].to_vec(), limits).is_err());
            assert!(text_of(packed[..packed.len() - 1].to_vec(), limits).is_err());
            let mut altered = packed.clone();
            altered[packed.len() / 2] ^= 0x55;
            assert!(text_of(altered, limits).is_err());
        }
    }

    #[test]
    fn inv_mem_a_large_text_comes_in_bounded_blocks() {
        // 96 MB of text from 100 kB: it must never be held whole.
        let packed = {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            let line = vec![b'x'; 1 << 20];
            for _ in 0..96 {
                encoder.write_all(&line).unwrap();
            }
            encoder.finish().unwrap()
        };
        let limits = Limits::default();
        let mut blocks = Input::Memory(Bytes::from(packed)).open(limits).unwrap();
        let mut total = 0;
        while let Some(block) = blocks.next_block().unwrap() {
            assert!(block.capacity() <= 2 * limits.block_bytes, "{}", block.capacity());
            total += block.len();
        }
        assert_eq!(total, 96 << 20);
    }

    #[test]
    fn a_zip_must_hold_one_file() {
        let zip_of = |names: &[&str]| {
            let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
            for name in names {
                writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
                writer.write_all(b"a,b\n1,2\n").unwrap();
            }
            writer.finish().unwrap().into_inner()
        };
        assert_eq!(text_of(zip_of(&["a.csv"]), Limits::default()).unwrap(), b"a,b\n1,2\n");
        let error = text_of(zip_of(&["a.csv", "b.csv"]), Limits::default()).unwrap_err();
        assert!(error.to_string().contains("2 files"), "{error}");
    }
}
