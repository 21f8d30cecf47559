//! One keep-alive connection of a publisher: a request at a time, written in one go.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::wire;

const BUFFER: usize = 8 * 1024;
/// No answer to a bench is longer; a longer one is an error instead of memory.
const MOST: usize = 1024 * 1024;

/// An answer, valid until the next request.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) body: &'a [u8],
}

impl Answer<'_> {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A connection to an HTTP/1.1 server.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; BUFFER],
        })
    }

    /// Sends a whole request and reads the whole answer.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let head = loop {
            if filled == self.buffer.len() {
                self.grow()?;
            }
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let read = self.stream.read(room).await?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            filled += read;
            let bytes = self.buffer.get(..filled).unwrap_or_default();
            if let Some(head) = wire::head(bytes)?
                && filled >= head.total()
            {
                break head;
            }
        };
        let body = self.buffer.get(head.end..head.total()).unwrap_or_default();
        Ok(Answer {
            status: wire::status(&self.buffer)?,
            body,
        })
    }

    fn grow(&mut self) -> io::Result<()> {
        let wanted = self.buffer.len() * 2;
        if wanted > MOST {
            return Err(io::Error::other("an answer of more than a MiB"));
        }
        self.buffer.resize(wanted, 0);
        Ok(())
    }
}
