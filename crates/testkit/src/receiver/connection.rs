//! One connection of a receiver: reads requests off the wire and plays the answers.
//!
//! Written by hand because the tests care for what an HTTP library hides: the order
//! and spelling of headers, duplicates, resets, and answers that are not HTTP.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::Shared;
use super::answer::{Answer, Kind};
use super::request::Request;

const CHUNK: usize = 16 * 1024;

/// Whether the connection can take another request.
#[derive(PartialEq, Eq)]
enum Next {
    Request,
    Close,
}

pub(super) async fn serve(stream: TcpStream, number: usize, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    // A client that breaks off is no fault of the test's.
    while let Ok(Some(request)) = read_request(&mut stream, number).await {
        let _busy = shared.busy();
        let answer = shared.record(request);
        if !matches!(play(&mut stream, &answer, &shared).await, Ok(Next::Request)) {
            return;
        }
    }
}

async fn read_request(
    stream: &mut BufReader<TcpStream>,
    connection: usize,
) -> io::Result<Option<Request>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = text(&line)?.split_ascii_whitespace().map(str::to_owned);
    let mut word = || words.next().ok_or_else(|| bad("request line"));
    let (method, path, version) = (word()?, word()?, word()?);
    let headers = read_headers(stream).await?;
    let length = match find(&headers, "content-length") {
        Some(length) => length.parse().map_err(|_| bad("content-length"))?,
        None if find(&headers, "transfer-encoding").is_some() => {
            return Err(bad("chunked request"));
        }
        None => 0,
    };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Request {
        method,
        path,
        version,
        headers,
        body: body.into(),
        at: crate::clock::now(),
        connection,
    }))
}

async fn read_headers(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<(String, Bytes)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await?;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return Ok(headers);
        }
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .ok_or_else(|| bad("header"))?;
        let (name, value) = line.split_at(colon);
        let value = Bytes::copy_from_slice(
            value
                .trim_ascii_start()
                .get(1..)
                .unwrap_or_default()
                .trim_ascii(),
        );
        headers.push((text(name)?.to_owned(), value));
    }
}

async fn play(
    stream: &mut BufReader<TcpStream>,
    answer: &Answer,
    shared: &Shared,
) -> io::Result<Next> {
    if let Some(gate) = &answer.gate {
        gate.pass().await;
    }
    match &answer.kind {
        Kind::Reply {
            status,
            headers,
            body,
        } => return reply(stream, *status, headers, body).await,
        Kind::Hang => until_client_leaves(stream).await,
        Kind::Trickle => trickle(stream).await?,
        Kind::Reset => stream.get_ref().set_zero_linger()?,
        Kind::ResetInBody => {
            send(
                stream,
                b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf of",
            )
            .await?;
            stream.get_ref().set_zero_linger()?;
        }
        Kind::Garbage => send(stream, b"\x16\x03\x01 no such protocol\r\n\r\n\0\0").await?,
        Kind::EndlessBody => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
            send(stream, head).await?;
            forever(stream, &[b'x'; CHUNK], shared).await?;
        }
        Kind::EndlessHeaders => {
            send(stream, b"HTTP/1.1 200 OK\r\n").await?;
            forever(stream, b"x-more: and more and more and more\r\n", shared).await?;
        }
    }
    Ok(Next::Close)
}

async fn reply(
    stream: &mut BufReader<TcpStream>,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<Next> {
    let mut answer = Vec::with_capacity(256 + body.len());
    write!(answer, "HTTP/1.1 {status} Answer\r\n")?;
    for (name, value) in headers {
        write!(answer, "{name}: {value}\r\n")?;
    }
    if status != 204 {
        write!(answer, "content-length: {}\r\n", body.len())?;
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(body);
    send(stream, &answer).await?;
    let close = headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("connection") && value == "close");
    Ok(if close { Next::Close } else { Next::Request })
}

async fn until_client_leaves(stream: &mut BufReader<TcpStream>) {
    let mut rest = [0; 64];
    while matches!(stream.read(&mut rest).await, Ok(1..)) {}
}

async fn trickle(stream: &mut BufReader<TcpStream>) -> io::Result<()> {
    send(
        stream,
        b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n",
    )
    .await?;
    loop {
        send(stream, b".").await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn forever(
    stream: &mut BufReader<TcpStream>,
    part: &[u8],
    shared: &Shared,
) -> io::Result<()> {
    loop {
        stream.get_mut().write_all(part).await?;
        shared.bytes_sent.fetch_add(part.len() as u64, Relaxed);
    }
}

async fn send(stream: &mut BufReader<TcpStream>, bytes: &[u8]) -> io::Result<()> {
    stream.get_mut().write_all(bytes).await
}

fn find<'a>(headers: &'a [(String, Bytes)], name: &str) -> Option<&'a str> {
    let (_, value) = headers
        .iter()
        .find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    str::from_utf8(value).ok()
}

fn text(bytes: &[u8]) -> io::Result<&str> {
    str::from_utf8(bytes).map_err(|_| bad("text"))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
