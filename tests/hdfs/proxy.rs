//! A loopback proxy in front of the NameNode that loses what it is told to lose.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// What happens to the next calls of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection breaks before the call gets through.
    LostRequest,
    /// The call gets through; the connection breaks before its answer.
    LostReply,
    /// The connection breaks at once, and the call gets through a while later.
    LateRequest,
    /// The call gets through, and its answer never comes; the connection stays open.
    Silence,
}

/// A proxy for as long as the process lives.
pub(crate) struct Proxy {
    port: u16,
    left: Arc<AtomicU32>,
}

impl Proxy {
    /// In front of `hdfs://host:port`: the first `times` calls of `method` meet the fault.
    pub(crate) fn before(uri: &str, method: &'static str, fault: Fault, times: u32) -> Self {
        let server = uri.trim_start_matches("hdfs://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicU32::new(times));
        let faults = Arc::clone(&left);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else { return };
                let faults = Arc::clone(&faults);
                std::thread::spawn(move || forward(client, server, method, fault, &faults));
            }
        });
        Self { port, left }
    }

    /// `hdfs://host:port` of the proxy.
    pub(crate) fn uri(&self) -> String {
        format!("hdfs://127.0.0.1:{}", self.port)
    }

    /// Faults that nobody has met yet.
    pub(crate) fn left(&self) -> u32 {
        self.left.load(Ordering::SeqCst)
    }
}

fn forward(client: TcpStream, mut server: TcpStream, method: &str, fault: Fault, left: &AtomicU32) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let mut requests = client.try_clone().unwrap();
    let answers = server.try_clone().unwrap();
    let answers_to = client.try_clone().unwrap();
    let is_mute = Arc::new(AtomicBool::new(false));
    let mute = Arc::clone(&is_mute);
    std::thread::spawn(move || copy(answers, answers_to, &mute));
    let mut buffer = [0; 1 << 16];
    // A call is written at once, with the name of its method as text in its header.
    while let Ok(length @ 1..) = requests.read(&mut buffer) {
        let request = &buffer[..length];
        let is_named = request.windows(method.len()).any(|part| part == method.as_bytes());
        if is_named && take(left) {
            is_mute.store(true, Ordering::SeqCst);
            return meet(fault, request, &client, &mut server);
        }
        if server.write_all(request).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}

/// One fault less, if any is left.
fn take(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

fn meet(fault: Fault, request: &[u8], client: &TcpStream, server: &mut TcpStream) {
    match fault {
        Fault::LostRequest => client.shutdown(Shutdown::Both).unwrap(),
        Fault::LostReply => {
            server.write_all(request).unwrap();
            std::thread::sleep(Duration::from_millis(500));
            client.shutdown(Shutdown::Both).unwrap();
        }
        Fault::LateRequest => {
            client.shutdown(Shutdown::Both).unwrap();
            std::thread::sleep(Duration::from_millis(300));
            server.write_all(request).unwrap();
            std::thread::sleep(Duration::from_millis(500));
        }
        Fault::Silence => {
            server.write_all(request).unwrap();
            std::thread::sleep(Duration::from_secs(90));
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}

fn copy(mut from: TcpStream, mut to: TcpStream, is_mute: &AtomicBool) {
    let mut buffer = [0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if is_mute.load(Ordering::SeqCst) {
            continue;
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    if !is_mute.load(Ordering::SeqCst) {
        let _ = to.shutdown(Shutdown::Both);
    }
}
