//! Where servers say that they are about to send a post, and who of them is frozen there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use futures::{StreamExt, future, pin_mut, stream};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::process::signal;

/// Announcements heard at once.
const HEARD_AT_ONCE: usize = 256;
/// How long a server is left awake after a freeze.
const AWAKE: Duration = Duration::from_millis(1_500);

/// Where a server is: at the beginning of a call, or before the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Call,
    Write,
}

/// A buyer's contract and a place.
type Spot = (&'static str, Place);

/// How many freezes there are to be at each spot, and whose address is whose.
pub struct Quotas {
    left: BTreeMap<Spot, usize>,
    kinds: BTreeMap<String, &'static str>,
}

impl Quotas {
    /// Shares `freezes` out: first before the first byte, where a server cannot refrain any more.
    pub fn new(freezes: usize, kinds: BTreeMap<String, &'static str>) -> Self {
        let names: BTreeSet<&'static str> = kinds.values().copied().collect();
        let spots: Vec<Spot> = [Place::Write, Place::Call]
            .into_iter()
            .flat_map(|place| names.iter().map(move |name| (*name, place)))
            .collect();
        let mut left = BTreeMap::new();
        for number in 0..freezes {
            *left.entry(spots[number % spots.len()]).or_default() += 1;
        }
        Self { left, kinds }
    }
}

#[derive(Default)]
struct State {
    left: BTreeMap<Spot, usize>,
    done: BTreeMap<Spot, usize>,
    /// Servers that are frozen, or just woke.
    spared: BTreeSet<u32>,
}

/// The address that servers ask whether they may go on.
pub struct Gate {
    listener: TcpListener,
    address: SocketAddr,
    kinds: BTreeMap<String, &'static str>,
    frozen_max: usize,
    state: Mutex<State>,
}

impl Gate {
    /// Listens; at most `frozen_max` servers are frozen at once.
    pub async fn open(quotas: Quotas, frozen_max: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let Quotas { left, kinds } = quotas;
        let state = Mutex::new(State { left, ..State::default() });
        Ok(Self { listener, address, kinds, frozen_max, state })
    }

    /// Where servers ask.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there were enough freezes, and nobody is frozen any more.
    pub fn is_done(&self) -> bool {
        let state = self.state();
        state.left.is_empty() && state.spared.is_empty()
    }

    /// How often a server was frozen.
    pub fn freezes(&self) -> usize {
        self.state().done.values().sum()
    }

    /// The same, by contract and place.
    pub fn done(&self) -> BTreeMap<Spot, usize> {
        self.state().done.clone()
    }

    /// Answers servers, and freezes some for so long, until `work` is over.
    pub async fn watch_during<T>(
        &self,
        frozen: Duration,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let heard = stream::unfold(&self.listener, async |listener| {
            Some((listener.accept().await, listener))
        });
        let watching = heard
            .map(async |accepted| self.answer(accepted?.0, frozen).await)
            .buffer_unordered(HEARD_AT_ONCE)
            .filter_map(async |answered| answered.err());
        pin_mut!(watching, work);
        match future::select(watching.next(), work).await {
            future::Either::Left((Some(error), _)) => Err(error),
            future::Either::Left((None, _)) => bail!("nobody listens to servers any more"),
            future::Either::Right((done, _)) => done,
        }
    }

    async fn answer(&self, stream: TcpStream, frozen: Duration) -> anyhow::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [place, process, host] = words[..] else { bail!("a server said `{line}`") };
        let place = match place {
            "call" => Place::Call,
            "write" => Place::Write,
            _ => bail!("there is no place `{place}`"),
        };
        let process: u32 = process.parse()?;
        let kind = self.kinds.get(host).with_context(|| format!("nobody is at {host}"))?;
        let is_chosen = self.choose((*kind, place), process);
        if is_chosen {
            signal(process, "STOP")?;
        }
        // What is stopped reads this when it wakes, and goes on at once.
        stream.write_all(b"go\n").await?;
        if is_chosen {
            tokio::time::sleep(frozen).await;
            signal(process, "CONT")?;
            tokio::time::sleep(AWAKE).await;
            self.state().spared.remove(&process);
        }
        Ok(())
    }

    /// Whether this server is to be frozen here.
    fn choose(&self, spot: Spot, process: u32) -> bool {
        let mut state = self.state();
        if state.spared.contains(&process) || state.spared.len() >= self.frozen_max {
            return false;
        }
        let Some(left) = state.left.get_mut(&spot) else { return false };
        *left -= 1;
        if *left == 0 {
            state.left.remove(&spot);
        }
        *state.done.entry(spot).or_default() += 1;
        state.spared.insert(process);
        true
    }
}
