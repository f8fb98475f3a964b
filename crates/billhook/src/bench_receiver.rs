//! A hidden subcommand: an HTTP receiver that takes every event, for benchmarks and soaks.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use clap::Args;

/// A larger body is not taken, bytes.
const MOST: u64 = 64 << 20;

/// Take every event, for benchmarks
#[derive(Debug, Args)]
pub(crate) struct BenchReceiverArgs {
    /// Address
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// File that each body is added to as a line before it is acknowledged
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// Where bodies go.
type Kept = Arc<Mutex<Option<File>>>;

pub(crate) fn run(args: &BenchReceiverArgs) -> anyhow::Result<u8> {
    let kept: Kept = Arc::new(Mutex::new(args.to.as_deref().map(open).transpose()?));
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen at {}", args.listen))?;
    let mut out = std::io::stdout();
    writeln!(out, "http://{}", listener.local_addr()?)?;
    out.flush()?;
    for connection in listener.incoming().flatten() {
        let kept = Arc::clone(&kept);
        // Who hangs up in the middle is not taken from.
        std::thread::spawn(move || serve(&connection, &kept).ok());
    }
    Ok(0)
}

/// Opens a file to add lines to. What a killed process has left of a last line was never
/// acknowledged, and is cut off.
fn open(path: &Path) -> anyhow::Result<File> {
    let what = || format!("cannot use {}", path.display());
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(path)
        .with_context(what)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text).with_context(what)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    file.set_len(u64::try_from(whole)?).with_context(what)?;
    file.seek(SeekFrom::End(0)).with_context(what)?;
    Ok(file)
}

/// Answers the requests of a connection, one after another.
fn serve(connection: &TcpStream, kept: &Kept) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(1 << 18, connection);
    let mut answer = connection;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let is_question = line.starts_with("OPTIONS ");
        let length = length(&mut reader)?;
        let mut body = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
        reader.by_ref().take(length).read_to_end(&mut body)?;
        if is_question {
            answer.write_all(
                b"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: *\r\n\
                  Content-Length: 0\r\n\r\n",
            )?;
            continue;
        }
        if let Some(file) = &mut *kept.lock().unwrap_or_else(PoisonError::into_inner) {
            body.push(b'\n');
            file.write_all(&body)?;
        }
        answer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
}

/// Reads headers, and says how long the body is.
fn length(reader: &mut impl BufRead) -> std::io::Result<u64> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            return Ok(length);
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0_u64).min(MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_cut_off_and_bodies_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, "[1]\n[2").unwrap();
        let kept: Kept = Arc::new(Mutex::new(Some(open(&path).unwrap())));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let sender = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            let request = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n[3]";
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = [0; 15];
            stream.read_exact(&mut answer).unwrap();
            answer
        });
        serve(&listener.accept().unwrap().0, &kept).ok();
        assert_eq!(&sender.join().unwrap(), b"HTTP/1.1 200 OK");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[1]\n[3]\n");
    }
}
