//! Addresses where nobody answers.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// An address of this machine at which no receiver answers, kept from other
/// processes until dropped.
#[derive(Debug)]
pub struct Nobody {
    address: SocketAddr,
    _held: Held,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held so that the port stays as it is")]
enum Held {
    Bound(TcpSocket),
    Full(TcpListener, Vec<TcpStream>),
}

impl Nobody {
    /// Refuses every connection.
    pub fn refusing() -> Self {
        let socket = bound();
        let address = socket.local_addr().expect("a bound socket has an address");
        Self {
            address,
            _held: Held::Bound(socket),
        }
    }

    /// Neither takes connections nor refuses them: connecting ends by time-out.
    pub async fn silent() -> Self {
        let socket = bound();
        let listener = socket.listen(1).expect("a bound socket listens");
        let address = listener.local_addr().expect("a listener has an address");
        // The kernel takes a few for the queue, then drops what else knocks.
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(
            std::time::Duration::from_millis(200),
            TcpStream::connect(address),
        )
        .await
        {
            waiting.push(stream);
        }
        Self {
            address,
            _held: Held::Full(listener, waiting),
        }
    }

    /// Where nobody answers.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }
}

fn bound() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket
        .bind(([127, 0, 0, 1], 0).into())
        .expect("a free port is found");
    socket
}
