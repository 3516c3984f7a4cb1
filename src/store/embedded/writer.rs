//! The writer: one thread that applies operations in the order they came, commits many at once,
//! and answers after the commit.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::queue::{Admission, Queue};
use super::settings::EmbeddedSettings;
use super::state::{ExpiryCursor, State};
use crate::domain::time::{ms_between, plus_ms};
use crate::ports::Clock;
use crate::ports::auction_store::{StoreError, StoreFuture};

/// How often rows that are over are looked for, in milliseconds.
const EXPIRE_EVERY_MS: i64 = 3_600_000;
/// What the wall clock may be ahead of the time that has passed since the start, for rows to be
/// forgotten by it, in milliseconds. A clock that was stepped by mistake must not empty the store.
const AHEAD_MAX_MS: i64 = 86_400_000;
/// How long the writer waits for work before it looks at the clock.
const IDLE: Duration = Duration::from_secs(30);

/// Applies one operation and returns what answers its caller after the commit.
type Command = Box<dyn FnOnce(&mut State, Timestamp) -> Answer + Send>;
/// Answers a caller: with the operation's reply, or with why the commit failed.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

enum Message {
    Run(Command),
    Expire(oneshot::Sender<Result<(), StoreError>>),
    Stop,
}

/// What the writer has done since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreCounters {
    /// Operations applied.
    pub commands: u64,
    /// Durable commits.
    pub commits: u64,
    /// Time spent in commits, in microseconds.
    pub commit_us: u64,
    /// The longest commit, in microseconds.
    pub commit_us_max: u64,
    /// Rows written or removed.
    pub rows: u64,
    /// Operations waiting now.
    pub queued: usize,
    /// Leads that have not ended.
    pub open_leads: usize,
}

#[derive(Default)]
struct Shared {
    commands: AtomicU64,
    commits: AtomicU64,
    commit_us: AtomicU64,
    commit_us_max: AtomicU64,
    rows: AtomicU64,
    queued: AtomicUsize,
    open_leads: AtomicUsize,
    /// Set by a drop: what waits is not applied any more.
    abandons: AtomicBool,
}

/// The queue's entrance and the thread behind it.
pub struct Writer {
    sender: SyncSender<Message>,
    queue_max: usize,
    shared: Arc<Shared>,
    fatal: watch::Receiver<Option<String>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        state: State,
        settings: &EmbeddedSettings,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(settings.queue_commands_max);
        let (tell, fatal) = watch::channel(None);
        let began = (clock.now(), Instant::now());
        let shared = Arc::new(Shared::default());
        shared.open_leads.store(state.open_leads(), Ordering::Relaxed);
        let run = Run {
            state: Some(state),
            receiver,
            clock,
            batch_max: settings.batch_commands_max,
            shared: Arc::clone(&shared),
            tell,
            expired_at: None,
            began,
        };
        let thread = std::thread::Builder::new()
            .name("gavel-store".to_owned())
            .spawn(move || run.until_stopped())?;
        let queue_max = settings.queue_commands_max;
        Ok(Self { sender, queue_max, shared, fatal, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn fatal(&self) -> watch::Receiver<Option<String>> {
        self.fatal.clone()
    }

    pub(super) fn counters(&self) -> StoreCounters {
        let shared = &self.shared;
        StoreCounters {
            commands: shared.commands.load(Ordering::Relaxed),
            commits: shared.commits.load(Ordering::Relaxed),
            commit_us: shared.commit_us.load(Ordering::Relaxed),
            commit_us_max: shared.commit_us_max.load(Ordering::Relaxed),
            rows: shared.rows.load(Ordering::Relaxed),
            queued: shared.queued.load(Ordering::Relaxed),
            open_leads: shared.open_leads.load(Ordering::Relaxed),
        }
    }

    /// Runs an expiry now and waits for its end.
    pub(super) fn expire(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let (sender, receiver) = oneshot::channel();
            self.enqueue(Admission::Always, Message::Expire(sender))?;
            receiver.await.map_err(|_| self.stopped())?
        })
    }

    fn enqueue(&self, admission: Admission, message: Message) -> Result<(), StoreError> {
        let full = || StoreError::Unavailable(format!("{} operations wait", self.queue_max));
        let queued = self.shared.queued.load(Ordering::Relaxed);
        if admission == Admission::NewWork && queued >= self.queue_max - self.queue_max / 8 {
            return Err(full());
        }
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        self.sender.try_send(message).map_err(|refused| {
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(_) => full(),
                TrySendError::Disconnected(_) => self.stopped(),
            }
        })
    }

    fn stopped(&self) -> StoreError {
        let why = self.fatal.borrow().clone();
        StoreError::Unavailable(why.unwrap_or_else(|| "the store is closed".to_owned()))
    }

    /// Lets the queue run empty, then ends the thread.
    pub(super) fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        // Blocks while the queue is full. It fails only if the thread has ended by itself.
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        drop(self.sender.send(Message::Stop));
        drop(thread.join());
    }
}

impl Queue for Writer {
    /// Queues an operation and waits for its reply, which comes after its changes are durable.
    fn submit<T: Send + 'static>(
        &self,
        admission: Admission,
        apply: impl FnOnce(&mut State, Timestamp) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        Box::pin(async move {
            let (sender, receiver) = oneshot::channel();
            let command: Command = Box::new(move |state, now| {
                let reply = apply(state, now);
                Box::new(move |fate| {
                    // A caller that has gone away does not want its answer.
                    drop(sender.send(fate.and(reply)));
                })
            });
            self.enqueue(admission, Message::Run(command))?;
            receiver.await.map_err(|_| self.stopped())?
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.abandons.store(true, Ordering::SeqCst);
        self.close();
    }
}

/// The thread's side.
struct Run {
    /// Gone once a commit has failed: it is ahead of the disk then.
    state: Option<State>,
    receiver: Receiver<Message>,
    clock: Arc<dyn Clock>,
    batch_max: usize,
    shared: Arc<Shared>,
    tell: watch::Sender<Option<String>>,
    expired_at: Option<Timestamp>,
    /// The start, by the wall and by the clock that only goes forward.
    began: (Timestamp, Instant),
}

/// What one look into the queue gave.
#[derive(Default)]
struct Batch {
    commands: Vec<Command>,
    expiries: Vec<oneshot::Sender<Result<(), StoreError>>>,
    stops: bool,
}

impl Run {
    fn until_stopped(mut self) {
        let guard = PanicGuard { tell: self.tell.clone() };
        let mut cursor = None;
        let mut waiting = Vec::new();
        loop {
            if cursor.is_none() && self.expiry_is_due() {
                cursor = Some(ExpiryCursor::default());
            }
            let wait = if cursor.is_some() { Duration::ZERO } else { IDLE };
            let mut batch = self.next_batch(wait);
            if self.shared.abandons.load(Ordering::SeqCst) {
                break;
            }
            if !batch.expiries.is_empty() {
                waiting.append(&mut batch.expiries);
                cursor = Some(ExpiryCursor::default());
            }
            if self.run_batch(batch.commands).is_err() {
                break;
            }
            if let Some(from) = cursor.take() {
                let now = self.clock.now();
                // Whoever asks for it has looked at the clock.
                let now = if waiting.is_empty() { now.min(self.latest()) } else { now };
                match self.expire(now, from) {
                    Ok(Some(next)) => cursor = Some(next),
                    Ok(None) => answer_expiries(&mut waiting, &Ok(())),
                    Err(error) => {
                        answer_expiries(&mut waiting, &Err(error));
                        break;
                    }
                }
            }
            if batch.stops {
                break;
            }
        }
        drop(guard);
    }

    /// Waits for the first message, then takes what else is there.
    fn next_batch(&self, wait: Duration) -> Batch {
        let mut batch = Batch::default();
        let first = self.receiver.recv_timeout(wait);
        batch.stops = first.as_ref().err() == Some(&RecvTimeoutError::Disconnected);
        let mut next = first.ok();
        while let Some(message) = next.take() {
            match message {
                Message::Run(command) => batch.commands.push(command),
                Message::Expire(sender) => batch.expiries.push(sender),
                Message::Stop => batch.stops = true,
            }
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            if !batch.stops && batch.commands.len() < self.batch_max {
                next = self.receiver.try_recv().ok();
            }
        }
        batch
    }

    /// Applies commands, commits, answers.
    fn run_batch(&mut self, commands: Vec<Command>) -> Result<(), StoreError> {
        let Some(state) = self.state.as_mut() else { return Ok(()) };
        let count = commands.len();
        let mut answers = Vec::with_capacity(count);
        for command in commands {
            let now = self.clock.now();
            answers.push(command(state, now));
        }
        self.shared.commands.fetch_add(count as u64, Ordering::Relaxed);
        let fate = self.commit();
        for answer in answers {
            answer(fate.clone());
        }
        fate
    }

    /// Makes the changes durable; a failure ends the store.
    fn commit(&mut self) -> Result<(), StoreError> {
        let Some(state) = self.state.as_mut() else { return Ok(()) };
        let rows = state.changed_rows();
        let began = Instant::now();
        if let Err(error) = state.commit() {
            return Err(self.fail(error));
        }
        if rows > 0 {
            let us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.shared.commits.fetch_add(1, Ordering::Relaxed);
            self.shared.commit_us.fetch_add(us, Ordering::Relaxed);
            self.shared.commit_us_max.fetch_max(us, Ordering::Relaxed);
            self.shared.rows.fetch_add(rows as u64, Ordering::Relaxed);
        }
        self.shared.open_leads.store(state.open_leads(), Ordering::Relaxed);
        Ok(())
    }

    fn fail(&mut self, error: StoreError) -> StoreError {
        let why = format!("the store has stopped: {error}");
        tracing::error!(%error, "the store cannot make changes durable and has stopped");
        self.state = None;
        self.tell.send_replace(Some(why.clone()));
        StoreError::Unavailable(why)
    }

    fn expiry_is_due(&mut self) -> bool {
        let now = self.clock.now();
        let is_due =
            self.expired_at.is_none_or(|last| ms_between(last, now).abs() >= EXPIRE_EVERY_MS);
        if is_due {
            self.expired_at = Some(now);
        }
        is_due
    }

    /// The latest time that may be believed of the wall clock where things are forgotten for good.
    fn latest(&self) -> Timestamp {
        let (began_at, began) = self.began;
        let passed_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        plus_ms(began_at, passed_ms.saturating_add(AHEAD_MAX_MS))
    }

    /// One slice of an expiry; the last one drops whole days.
    fn expire(
        &mut self,
        now: Timestamp,
        cursor: ExpiryCursor,
    ) -> Result<Option<ExpiryCursor>, StoreError> {
        let Some(state) = self.state.as_mut() else { return Ok(None) };
        let mut next = state.expire_slice(now, cursor);
        if matches!(next, Ok(None)) {
            next = state.drop_days(now).map(|()| None);
        }
        match next {
            Ok(next) => self.commit().map(|()| next),
            Err(error) => Err(self.fail(error)),
        }
    }
}

fn answer_expiries(
    waiting: &mut Vec<oneshot::Sender<Result<(), StoreError>>>,
    result: &Result<(), StoreError>,
) {
    for sender in waiting.drain(..) {
        drop(sender.send(result.clone()));
    }
}

/// Tells of a panic in the writer, which leaves the state in pieces.
struct PanicGuard {
    tell: watch::Sender<Option<String>>,
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell.send_replace(Some("the store has stopped: its writer panicked".to_owned()));
        }
    }
}
