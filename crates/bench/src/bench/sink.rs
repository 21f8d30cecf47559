//! Where deliveries arrive: an ordinary HTTP server that notes each message's arrival and
//! answers 204, and a socket that is read and never answers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::board::Board;
use super::template;

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

async fn answer(stream: TcpStream, board: &Board) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let note = async |request: Request<Incoming>| {
        let body = request.into_body().collect().await?.to_bytes();
        board.arrived(template::number(&body));
        let mut answer = Response::new(Empty::<Bytes>::new());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        Ok::<_, hyper::Error>(answer)
    };
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(note))
        .await
        .map_err(io::Error::other)
}
