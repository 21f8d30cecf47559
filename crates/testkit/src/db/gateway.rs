//! A way to a database that the test can cut: what a server sees of one that is away.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Passes connections on to a server, until it is cut.
#[derive(Debug)]
pub(super) struct Gateway {
    address: SocketAddr,
    server: String,
    task: Mutex<Option<JoinHandle<()>>>,
    /// Keeps the port while nobody listens on it.
    held: Mutex<Option<TcpSocket>>,
}

impl Gateway {
    /// Opens a way to `server` (`HOST:PORT`).
    pub(super) fn to(server: String) -> Self {
        let socket = bound(([127, 0, 0, 1], 0).into());
        let gateway = Self {
            address: socket.local_addr().expect("a bound socket has an address"),
            server,
            task: Mutex::default(),
            held: Mutex::default(),
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

    /// Passes connections on again.
    pub(super) fn restore(&self) {
        let held = self.held.lock().take();
        if let Some(socket) = held {
            self.pass(socket);
        }
    }

    fn pass(&self, socket: TcpSocket) {
        let listener = socket.listen(128).expect("a bound socket listens");
        let server = Arc::from(self.server.as_str());
        *self.task.lock() = Some(tokio::spawn(accept(listener, server)));
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, server: Arc<str>) {
    // Dropping the set with the task closes the connections too.
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        let server = Arc::clone(&server);
        connections.spawn(async move {
            if let Ok(mut server) = TcpStream::connect(&*server).await {
                let _ = client.set_nodelay(true);
                let _ = server.set_nodelay(true);
                // Either side may leave when it likes.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
        while connections.try_join_next().is_some() {}
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
