//! Where deliveries arrive: a receiver that notes each message's arrival and answers 204, and
//! one that reads and never answers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::board::{Board, Run};
use super::{template, wire};

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const BUFFER: usize = 16 * 1024;

/// A receiver on a loopback port. Dropping it ends it and its connections.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Sink {
    /// One that answers each request at once and notes it on `board`.
    pub(super) async fn answering(board: Arc<Board>) -> io::Result<Self> {
        Self::start(move |stream| {
            let board = Arc::clone(&board);
            async move {
                let _ = answer(stream, &board).await;
            }
        })
        .await
    }

    /// One that takes requests in and never answers.
    pub(super) async fn hanging() -> io::Result<Self> {
        Self::start(async |mut stream: TcpStream| {
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        })
        .await
    }

    async fn start<F, W>(serve: F) -> io::Result<Self>
    where
        F: Fn(TcpStream) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // The connections end with the set, and the set with this task.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                connections.spawn(serve(stream));
            }
        });
        Ok(Self { address, task })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, board: &Board) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER];
    let mut filled = 0;
    let mut last: Option<Arc<Run>> = None;
    loop {
        let room = buffer.get_mut(filled..).unwrap_or_default();
        let read = stream.read(room).await?;
        // Also when the buffer is full: no request of the bench is that long.
        if read == 0 {
            return Ok(());
        }
        filled += read;
        while let Some(bytes) = buffer.get(..filled)
            && let Some(head) = wire::head(bytes)?
            && let Some(body) = bytes.get(head.end..head.total())
        {
            board.arrived(template::number(body), &mut last);
            buffer.copy_within(head.total()..filled, 0);
            filled -= head.total();
            stream.write_all(ANSWER).await?;
        }
    }
}
