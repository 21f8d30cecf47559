//! TCP as a database wants it: without Nagle's algorithm, and with a peer that has gone
//! silent noticed within half a minute. sqlx 0.9.0 leaves both as the system has them (its
//! issue 4335) and offers no way to the socket.
//!
//! A batch of messages is larger than a segment, and with Nagle its last part would wait for
//! the delayed acknowledgement of the first: 40 ms for each commit, half the throughput. So
//! sqlx is given a socket of Linux's abstract namespace, which lies in no folder and ends with
//! the process, and what it writes there goes on over TCP. TLS, where it is used, passes
//! through untouched. Elsewhere sqlx connects by itself. To be removed with the first sqlx
//! that sets the options: `cargo xtask tidy` fails when there is a newer one.

use std::io;

use sqlx::postgres::PgConnectOptions;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use relay::Relay;

/// There is none here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[derive(Debug)]
pub(crate) struct Relay;

/// The same options by way of a relay, if they lead over TCP.
///
/// # Errors
/// The server does not accept connections, or no socket can be had.
pub(crate) async fn relayed(
    options: PgConnectOptions,
) -> io::Result<(PgConnectOptions, Option<Relay>)> {
    if options.get_socket().is_some() || options.get_host().starts_with('/') {
        return Ok((options, None));
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return relay::open(options).await;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    return Ok((options, None));
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod relay {
    use std::io;
    use std::time::Duration;

    use socket2::{SockRef, TcpKeepalive};
    use sqlx::postgres::PgConnectOptions;
    use tokio::net::{TcpStream, UnixListener, UnixStream};
    use tokio::task::JoinHandle;

    use crate::engine::entropy::random_hex;

    /// How long a server may be silent before it is asked whether it is still there; with the
    /// two below a dead one is found out after 25 s, also while something is on its way to it.
    const SILENCE: Duration = Duration::from_secs(10);
    /// Between two questions.
    const INTERVAL: Duration = Duration::from_secs(5);
    /// Questions that may stay without an answer.
    const QUESTIONS: u32 = 3;
    /// How long what was sent may stay unacknowledged.
    const UNACKNOWLEDGED: Duration = Duration::from_secs(25);
    /// What is read at once: most batches whole.
    const BUFFER: usize = 64 * 1024;

    /// Passes connections on for as long as it lives.
    #[derive(Debug)]
    pub(crate) struct Relay {
        task: JoinHandle<()>,
    }

    impl Drop for Relay {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    pub(super) async fn open(
        options: PgConnectOptions,
    ) -> io::Result<(PgConnectOptions, Option<Relay>)> {
        let (host, port) = (options.get_host().to_owned(), options.get_port());
        // The relay can only hang up; here the reason is still known.
        connect(&host, port).await?;
        // A name that begins with NUL is no file's. Nobody can guess it, so nobody can have
        // it already; who finds it in /proc/net/unix is refused.
        let name = format!("\0postrider-{}", random_hex::<16>());
        // The driver adds this to the folder that it is given.
        let listener = UnixListener::bind(format!("{name}/.s.PGSQL.{port}"))?;
        let task = tokio::spawn(accept(listener, host, port));
        Ok((options.socket(name), Some(Relay { task })))
    }

    async fn accept(listener: UnixListener, host: String, port: u16) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) if is_ours(&stream) => {
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
                Ok(_) => tracing::warn!("another process asked for our database connection"),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot open a database connection"
                    );
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// An abstract socket has no permissions: whoever shares our network could connect.
    fn is_ours(stream: &UnixStream) -> bool {
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
        pid.is_some_and(|pid| u32::try_from(pid) == Ok(std::process::id()))
    }

    async fn pass(mut local: UnixStream, host: &str, port: u16) -> io::Result<()> {
        let mut remote = connect(host, port).await?;
        tokio::io::copy_bidirectional_with_sizes(&mut local, &mut remote, BUFFER, BUFFER)
            .await
            .map(|_| ())
    }

    async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
        // IPv6 addresses stand in brackets in a URL.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        let keepalive = TcpKeepalive::new()
            .with_time(SILENCE)
            .with_interval(INTERVAL);
        socket.set_tcp_keepalive(&keepalive.with_retries(QUESTIONS))?;
        socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
        Ok(stream)
    }

    #[cfg(test)]
    mod tests {
        use std::process::Command;

        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        use tokio::net::TcpListener;

        use super::*;

        /// Set for the process whose network is its own.
        const APART: &str = "POSTRIDER_TEST_NETWORK_APART";
        const REMEDY: &str = "this test needs a network of its own, which can fall silent: iproute2 (ip), \
            and for an account that is not root, user namespaces (sysctl user.max_user_namespaces, \
            kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)";

        /// A connection through the relay to `server` that has carried a byte each way.
        async fn carried(name: &str, server: &TcpListener) -> (UnixStream, TcpStream) {
            let mut ours = UnixStream::connect(name).await.unwrap();
            let (mut theirs, _) = server.accept().await.unwrap();
            ours.write_all(b"?").await.unwrap();
            theirs.read_exact(&mut [0]).await.unwrap();
            theirs.write_all(b"!").await.unwrap();
            ours.read_exact(&mut [0]).await.unwrap();
            (ours, theirs)
        }

        /// In a network where nobody answers any more, and nobody says so.
        async fn fall_silent() {
            let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = server.local_addr().unwrap().port();
            let options = PgConnectOptions::new_without_pgpass()
                .host("127.0.0.1")
                .port(port);
            let (options, _relay) = open(options).await.unwrap();
            server.accept().await.unwrap();
            let name = options.get_socket().unwrap().display().to_string();
            let name = format!("{name}/.s.PGSQL.{port}");
            let (mut idle, _one) = carried(&name, &server).await;
            let (mut asking, _other) = carried(&name, &server).await;
            let mut down = Command::new("ip");
            let down = down.args(["link", "set", "lo", "down"]).status();
            assert!(down.is_ok_and(|status| status.success()), "{REMEDY}");
            asking.write_all(b"?").await.unwrap();
            let ends = async {
                let (mut one, mut other) = ([0], [0]);
                tokio::join!(idle.read(&mut one), asking.read(&mut other))
            };
            let ended = tokio::time::timeout(Duration::from_secs(30), ends).await;
            let (idle, asking) = ended.expect("both connections end within half a minute");
            assert_eq!((idle.unwrap_or(0), asking.unwrap_or(0)), (0, 0));
        }

        #[test]
        fn a_server_that_falls_silent_without_a_word_is_noticed_within_half_a_minute() {
            if std::env::var_os(APART).is_some() {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                return runtime.block_on(fall_silent());
            }
            let (_, module) = module_path!().split_once("::").unwrap();
            let name = "a_server_that_falls_silent_without_a_word_is_noticed_within_half_a_minute";
            let script = r#"ip link set lo up && exec "$0" --exact --nocapture "$1""#;
            let mut apart = Command::new("unshare");
            apart.args(["--user", "--map-root-user", "--net", "sh", "-c", script]);
            apart.arg(std::env::current_exe().unwrap());
            apart.arg(format!("{module}::{name}")).env(APART, "1");
            let output = apart.output().expect(REMEDY);
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{REMEDY}: {said}");
            assert!(said.contains("1 passed"), "{said}");
        }

        #[tokio::test]
        async fn another_process_gets_no_connection_through_the_relay() {
            let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = server.local_addr().unwrap().port();
            let options = PgConnectOptions::new_without_pgpass()
                .host("127.0.0.1")
                .port(port);
            let (options, relay) = open(options).await.unwrap();
            assert!(relay.is_some());
            let name = options.get_socket().unwrap().display().to_string();
            let name = format!("{name}/.s.PGSQL.{port}");
            // The first one that asked whether anybody is there.
            server.accept().await.unwrap();

            let mut ours = UnixStream::connect(&name).await.unwrap();
            ours.write_all(b"hello").await.unwrap();
            let mut heard = [0; 5];
            server
                .accept()
                .await
                .unwrap()
                .0
                .read_exact(&mut heard)
                .await
                .unwrap();
            assert_eq!(&heard, b"hello");

            let script = "import socket,sys\n\
                          s=socket.socket(socket.AF_UNIX)\n\
                          s.connect('\\0'+sys.argv[1])\n\
                          sys.exit(len(s.recv(1)))";
            let theirs = tokio::process::Command::new("python3")
                .args(["-c", script, name.trim_start_matches('\0')])
                .status();
            assert!(theirs.await.unwrap().success(), "it was hung up on");
        }
    }
}
