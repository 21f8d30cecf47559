//! TCP without Nagle's algorithm, which sqlx 0.9.0 leaves on (its issue 4335).
//!
//! A batch of messages is larger than a segment, and its last part would wait for the
//! delayed acknowledgement of the first: 40 ms for each commit, half the throughput.
//! sqlx offers no way to the socket, so it is given a Unix socket in a private folder,
//! and what it writes there goes on over TCP with `TCP_NODELAY`. TLS, where it is used,
//! passes through untouched. To be removed with the first sqlx that sets the option.

use std::io;
use std::os::unix::fs::PermissionsExt;

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// Passes connections on for as long as it lives.
#[derive(Debug)]
pub(crate) struct Relay {
    task: JoinHandle<()>,
    /// Removed with everything in it.
    _folder: TempDir,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The same options by way of a relay, if they lead over TCP.
///
/// # Errors
/// The server does not accept connections, or the folder cannot be made.
pub(crate) async fn relayed(
    options: PgConnectOptions,
) -> io::Result<(PgConnectOptions, Option<Relay>)> {
    if options.get_socket().is_some() || options.get_host().starts_with('/') {
        return Ok((options, None));
    }
    let (host, port) = (options.get_host().to_owned(), options.get_port());
    // The relay can only hang up; here the reason is still known.
    connect(&host, port).await?;
    let folder = tempfile::Builder::new()
        .prefix("postrider-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir()?;
    let listener = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{port}")))?;
    let task = tokio::spawn(accept(listener, host, port));
    let options = options.socket(folder.path());
    Ok((
        options,
        Some(Relay {
            task,
            _folder: folder,
        }),
    ))
}

async fn accept(listener: UnixListener, host: String, port: u16) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let host = host.clone();
                tokio::spawn(async move {
                    if let Err(error) = pass(stream, &host, port).await {
                        tracing::debug!(
                            error = &error as &dyn std::error::Error,
                            "a database connection ended"
                        );
                    }
                });
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot open a database connection"
                );
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn pass(mut local: UnixStream, host: &str, port: u16) -> io::Result<()> {
    let mut remote = connect(host, port).await?;
    tokio::io::copy_bidirectional_with_sizes(&mut local, &mut remote, BUFFER, BUFFER)
        .await
        .map(|_| ())
}

/// What is read at once: most batches whole.
const BUFFER: usize = 64 * 1024;

async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    // IPv6 addresses stand in brackets in a URL.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
