//! Sees what leaves: listeners that everything would arrive at, and the kernel's own counters.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Set in the process that has a network of its own.
const MARK: &str = "GAVEL_TEST_NETWORK";
/// Set to 1 where a network of one's own can be had, and the test must not do without.
const REQUIRED: &str = "GAVEL_TEST_NETWORK_REQUIRED";
/// Makes every address of the world one of this machine's.
const THE_WORLD_IS_HERE: &str = "ip link set lo up && ip route add local 0.0.0.0/0 dev lo && \
    ip -6 route add local ::/0 dev lo && exec \"$0\" \"$@\"";

/// Runs `test`, whose name ends like `name`, in a process with a network of its own, or here where
/// the machine does not allow that and nobody requires it.
pub fn run_in_a_network_of_its_own(name: &str, test: fn()) {
    let may = Command::new("unshare").args(["-rn", "ip", "link"]).output();
    let is_inside = std::env::var_os(MARK).is_some();
    if is_inside || !may.is_ok_and(|output| output.status.success()) {
        if !is_inside {
            let is_required = std::env::var_os(REQUIRED).is_some_and(|value| value == "1");
            assert!(!is_required, "{REQUIRED} is 1, and `unshare -rn ip link` does not work");
            eprintln!("no network of its own here (unshare, ip): only loopback is watched");
        }
        return test();
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new("unshare")
        .args(["-rn", "sh", "-c", THE_WORLD_IS_HERE])
        .arg(program)
        .args([name, "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{told}");
}

/// What the kernel was asked to send in this network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// TCP connections begun.
    pub connections: u64,
    /// UDP datagrams sent, which a lookup would be.
    pub datagrams: u64,
}

/// Listens where everything would arrive.
pub struct Sniffer {
    port: u16,
    arrived: Arc<Mutex<Vec<IpAddr>>>,
    has_the_world: bool,
    _listener: JoinSet<()>,
}

impl Sniffer {
    pub async fn start() -> Self {
        let has_the_world = std::env::var_os(MARK).is_some();
        // Dual: IPv4 arrives as mapped addresses.
        let listener = match TcpListener::bind("[::]:0").await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind("0.0.0.0:0").await.unwrap(),
        };
        let port = listener.local_addr().unwrap().port();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&arrived);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let at = stream.local_addr().unwrap().ip().to_canonical();
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(at);
            }
        });
        Self { port, arrived, has_the_world, _listener: tasks }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether whatever leaves arrives here.
    pub const fn has_the_world(&self) -> bool {
        self.has_the_world
    }

    /// The addresses that connections arrived for.
    pub fn arrived(&self) -> Vec<IpAddr> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, and forgets them.
    pub fn take_arrived(&self) -> Vec<IpAddr> {
        std::mem::take(&mut *self.arrived.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the kernel was asked to send; nothing where the network is not our own.
    pub fn sent(&self) -> Sent {
        if !self.has_the_world {
            return Sent::default();
        }
        let snmp = fs::read_to_string("/proc/self/net/snmp").unwrap();
        let snmp6 = fs::read_to_string("/proc/self/net/snmp6").unwrap();
        let udp6 = snmp6.lines().find_map(|line| line.strip_prefix("Udp6OutDatagrams"));
        Sent {
            connections: counter(&snmp, "Tcp:", "ActiveOpens"),
            datagrams: counter(&snmp, "Udp:", "OutDatagrams")
                + udp6.unwrap().trim().parse::<u64>().unwrap(),
        }
    }
}

/// A counter of `/proc/net/snmp`: one line of names, one of values.
fn counter(text: &str, protocol: &str, name: &str) -> u64 {
    let mut lines = text.lines().filter(|line| line.starts_with(protocol));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let index = names.split(' ').position(|known| known == name).unwrap();
    values.split(' ').nth(index).unwrap().parse().unwrap()
}

/// A server of this machine that sends everybody elsewhere.
pub struct Redirecting {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Redirecting {
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

pub async fn redirecting(status: u16, target: String) -> Redirecting {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            let mut length = 0;
            // The request's body is `{}`.
            while !request[..length].ends_with(b"{}") {
                match stream.read(&mut request[length..]).await {
                    Ok(count) if count > 0 => length += count,
                    _ => break,
                }
            }
            let head = format!("HTTP/1.1 {status} Elsewhere\r\nconnection: close\r\n");
            let rest = format!("location: {target}\r\ncontent-length: 0\r\n\r\n");
            drop(stream.write_all((head + &rest).as_bytes()).await);
        }
    });
    Redirecting { address, _tasks: tasks }
}
