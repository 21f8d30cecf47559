//! A way to a database that the test can cut: what a server sees of one that is away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Passes connections on to a server, until it is cut.
#[derive(Debug)]
pub(super) struct Gateway {
    address: SocketAddr,
    /// Where new connections lead.
    server: Arc<Mutex<String>>,
    task: Mutex<Option<JoinHandle<()>>>,
    /// Keeps the port while nobody listens on it.
    held: Mutex<Option<TcpSocket>>,
    /// Whether what the server answers gets lost.
    mute: Arc<AtomicBool>,
}

impl Gateway {
    /// Opens a way to `server` (`HOST:PORT`).
    pub(super) fn to(server: String) -> Self {
        let socket = bound(([127, 0, 0, 1], 0).into());
        let gateway = Self {
            address: socket.local_addr().expect("a bound socket has an address"),
            server: Arc::new(Mutex::new(server)),
            task: Mutex::default(),
            held: Mutex::default(),
            mute: Arc::default(),
        };
        gateway.pass(socket);
        gateway
    }

    /// Where clients connect.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection and refuses new ones.
    pub(super) async fn cut(&self) {
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.abort();
            // Its end closes the listener, which frees the port.
            let _ = task.await;
        }
        *self.held.lock() = Some(bound(self.address));
    }

    /// Loses what the server answers to whatever it is told from now on, and passes that on.
    /// Only a connection that is merely tried is answered: what gets lost is the answer to a
    /// write, not the question before it whether anybody is there.
    pub(super) fn lose_answers(&self) {
        self.mute.store(true, Ordering::SeqCst);
    }

    /// Leads new connections to another server, as a name does that was moved.
    pub(super) fn lead_to(&self, server: String) {
        *self.server.lock() = server;
    }

    /// Passes connections on again.
    pub(super) fn restore(&self) {
        self.mute.store(false, Ordering::SeqCst);
        let held = self.held.lock().take();
        if let Some(socket) = held {
            self.pass(socket);
        }
    }

    fn pass(&self, socket: TcpSocket) {
        let listener = socket.listen(128).expect("a bound socket listens");
        let accept = accept(listener, Arc::clone(&self.server), Arc::clone(&self.mute));
        *self.task.lock() = Some(tokio::spawn(accept));
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, server: Arc<Mutex<String>>, mute: Arc<AtomicBool>) {
    // Dropping the set with the task closes the connections too.
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        let (server, mute) = (server.lock().clone(), Arc::clone(&mute));
        connections.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(server).await {
                let _ = client.set_nodelay(true);
                let _ = server.set_nodelay(true);
                let ((mut asks, mut hears), (mut takes, mut tells)) =
                    (client.split(), server.split());
                let unheard = AtomicBool::new(false);
                let asking = |question: &[u8]| {
                    if mute.load(Ordering::SeqCst) && question != PING {
                        unheard.store(true, Ordering::SeqCst);
                    }
                    true
                };
                let answering =
                    |_: &[u8]| !(mute.load(Ordering::SeqCst) && unheard.load(Ordering::SeqCst));
                // Either side may leave when it likes.
                tokio::select! {
                    _ = pass_on(&mut asks, &mut tells, asking) => {}
                    _ = pass_on(&mut takes, &mut hears, answering) => {}
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// What sqlx sends to try a connection: `Sync`, and nothing before it.
const PING: &[u8] = b"S\0\0\0\x04";

/// Passes on what is read, as long as it is said to go on.
async fn pass_on(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    goes_on: impl Fn(&[u8]) -> bool,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1_024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if goes_on(&buffer[..read]) {
            to.write_all(&buffer[..read]).await?;
        }
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    // The port's old connections may still be closing.
    socket
        .set_reuseaddr(true)
        .expect("an option of every socket");
    socket.bind(address).expect("the port is free");
    socket
}
