//! Every word with which servers refuse, said by something between the store and a real server: what is
//! refused for a while is done once, and what is refused for long is not done, and the reason told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::super::{RedisSettings, RedisStore, ServerUrl};
use super::failures::{create, is_created, waiting};
use super::settings;
use crate::ports::AuctionStore;
use crate::ports::auction_store::StoreError;
use crate::servers::redis::{DURABLE, RedisServer};

/// What a server may say, in its own words, and what the store says of it.
const REFUSALS: [(&str, &str); 12] = [
    ("LOADING Redis is loading the dataset in memory", "the server is reading its data"),
    ("BUSY Redis is busy running a script.", "the server is busy with a script"),
    ("MISCONF Redis is configured to save RDB snapshots", "the server cannot write to its disk"),
    ("READONLY You can't write against a read only replica.", "the server is a replica"),
    ("MASTERDOWN Link with MASTER is down", "the server is a replica without its master"),
    ("NOREPLICAS Not enough good replicas to write.", "the server misses replicas"),
    ("CLUSTERDOWN The cluster is down", "the cluster does not serve all slots"),
    ("MOVED 3999 127.0.0.1:1", "the slot is at another server: set `cluster = true` for a cluster"),
    ("ASK 3999 127.0.0.1:1", "the slot is on its way to another server"),
    ("TRYAGAIN Multiple keys request during rehashing of slot", "the slot is on its way"),
    ("NOAUTH Authentication required.", "the server wants a password"),
    ("NOPERM User gavel has no permissions", "the user may not run this command"),
];

/// Stands before a server; refuses scripts as it is told to, and passes on everything else.
#[derive(Clone, Default)]
struct Doorman(Arc<Mutex<VecDeque<&'static str>>>);

impl Doorman {
    /// Begins; gives the address to use in place of the server's.
    async fn begin(&self, server: &RedisServer) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let target = server.url().trim_start_matches("redis://").to_owned();
        let (doorman, tasks) = (self.clone(), TaskTracker::new());
        let connections = tasks.clone();
        tasks.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&target).await.unwrap();
                let doorman = doorman.clone();
                connections.spawn(async move { doorman.pass(near, far).await });
            }
        });
        url
    }

    fn refuse(&self, reply: &'static str, times: usize) {
        self.0.lock().unwrap().extend(std::iter::repeat_n(reply, times));
    }

    fn relent(&self) {
        self.0.lock().unwrap().clear();
    }

    async fn pass(&self, mut near: TcpStream, mut far: TcpStream) {
        let (mut asked, mut said) = (Vec::new(), Vec::new());
        while let Some(request) = next_frame(&mut near, &mut asked).await {
            let is_script = request.windows(6).any(|bytes| bytes == b"\r\nEVAL");
            let refusal = is_script.then(|| self.0.lock().unwrap().pop_front()).flatten();
            let reply = match refusal {
                Some(refusal) => format!("-{refusal}\r\n").into_bytes(),
                None => {
                    far.write_all(&request).await.unwrap();
                    let Some(reply) = next_frame(&mut far, &mut said).await else { return };
                    reply
                }
            };
            if near.write_all(&reply).await.is_err() {
                return;
            }
        }
    }
}

/// Takes one request or reply out of what was read, and reads on until there is one.
async fn next_frame(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(length) = frame_length(read) {
            return Some(read.drain(..length).collect());
        }
        match stream.read_buf(read).await {
            Ok(count) if count > 0 => {}
            _ => return None,
        }
    }
}

/// The length of the first value in `bytes` as servers and clients write them; `None` if it goes on.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let line_end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let head = line_end + 2;
    let number = || std::str::from_utf8(&bytes[1..line_end]).unwrap().parse::<i64>().unwrap();
    match bytes[0] {
        b'$' => {
            let length = usize::try_from(number()).map_or(head, |length| head + length + 2);
            (bytes.len() >= length).then_some(length)
        }
        b'*' => {
            let mut length = head;
            for _ in 0..number() {
                length += frame_length(bytes.get(length..)?)?;
            }
            Some(length)
        }
        _ => Some(head),
    }
}

#[test]
fn a_value_ends_where_it_ends() {
    for whole in
        ["+OK\r\n", "$-1\r\n", "$3\r\na\r\n\r\n", "*2\r\n:1\r\n*1\r\n$1\r\na\r\n", "*0\r\n"]
    {
        let bytes = format!("{whole}+more\r\n");
        assert_eq!(frame_length(bytes.as_bytes()), Some(whole.len()), "{whole:?}");
        for cut in 0..whole.len() {
            assert_eq!(frame_length(&whole.as_bytes()[..cut]), None, "{whole:?} until {cut}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_a_while_is_done_once_and_what_is_refused_for_long_is_not_done() {
    let server = RedisServer::start(&DURABLE);
    let doorman = Doorman::default();
    let urls = vec![ServerUrl::parse(&doorman.begin(&server).await).unwrap()];
    let patient = RedisSettings { urls: urls.clone(), repeat_ms: 60_000, ..settings(&server) };
    let hasty = RedisSettings { urls, repeat_ms: 50, ..settings(&server) };
    let patient = RedisStore::open(patient).await.unwrap();
    let hasty = RedisStore::open(hasty).await.unwrap();
    for (number, (reply, hint)) in (1..).zip(REFUSALS) {
        let repeats = patient.counters().repeats;
        doorman.refuse(reply, 3);
        assert!(is_created(&patient, 2 * number).await, "{reply}");
        assert_eq!(patient.counters().repeats, repeats + 3, "{reply}");
        doorman.refuse(reply, 1_000);
        let refused = hasty.create(create(2 * number + 1)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
        assert!(refused.to_string().contains(hint), "{refused}");
        doorman.relent();
        assert_eq!(waiting(&hasty).await, 2 * usize::from(number) - 1, "nothing was done: {reply}");
        assert!(is_created(&hasty, 2 * number + 1).await, "{reply}");
        assert_eq!(waiting(&hasty).await, 2 * usize::from(number), "each was done once: {reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_is_not_known_is_sent_and_no_memory_is_told_at_once() {
    let server = RedisServer::start(&DURABLE);
    let doorman = Doorman::default();
    let urls = vec![ServerUrl::parse(&doorman.begin(&server).await).unwrap()];
    let store = RedisStore::open(RedisSettings { urls, ..settings(&server) }).await.unwrap();
    doorman.refuse("NOSCRIPT No matching script.", 1);
    assert!(is_created(&store, 1).await);
    assert_eq!((store.counters().scripts_sent, store.counters().repeats), (1, 0));
    doorman.refuse("OOM command not allowed when used memory > 'maxmemory'.", 1);
    let full = store.create(create(2)).await.unwrap_err();
    assert!(matches!(full, StoreError::Full(_)), "{full}");
    assert_eq!(store.counters().repeats, 0, "memory does not come by asking");
    assert_eq!(waiting(&store).await, 1);
    assert!(is_created(&store, 2).await);
}
