//! Redis servers of their own, one or a cluster; Valkey is started the same way.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{free_port, program, until};

/// Where the programs come from.
const PACKAGE: &str = "install `redis-server` (./check does)";
/// How long a server may take over one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Masters of a cluster.
const MASTERS: usize = 3;

/// A server whose acknowledged writes survive a power cut: what the documents tell operators to set.
pub const DURABLE: [&str; 8] = [
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--save",
    "",
    "--maxmemory-policy",
    "noeviction",
];

/// A server without a disk, for what only needs its rules.
pub const IN_MEMORY: [&str; 6] =
    ["--appendonly", "no", "--save", "", "--maxmemory-policy", "noeviction"];

/// Runs a server until its own input ends, which it does when the process that holds the other end
/// dies, and removes the folder then; or until a word comes, and keeps it. Either way the server is
/// killed: it has no time to put anything in order.
const KEEPER: &str = "folder=$1; shift; \"$@\" </dev/null >>\"$folder/log\" 2>&1 & server=$!; \
                      echo $server >\"$folder/process\"; read -r word; kill -KILL $server; \
                      wait $server 2>/dev/null; [ -n \"$word\" ] || rm -rf \"$folder\"";

/// A server with its folder.
pub struct RedisServer {
    program: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    port: u16,
    keeper: Mutex<Option<Child>>,
}

impl RedisServer {
    /// Starts `redis-server` with these arguments.
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_program(&tool("redis-server"), arguments)
    }

    /// Starts a program that takes the arguments of `redis-server`.
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn start_program(program: &Path, arguments: &[&str]) -> Self {
        Self::start_program_within(&std::env::temp_dir(), program, arguments)
    }

    /// As [`RedisServer::start_program`], with the server's folder made within `parent`.
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn start_program_within(parent: &Path, program: &Path, arguments: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("gavel-redis-").tempdir_in(parent);
        let server = Self {
            program: program.to_owned(),
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            // From here on the keeper removes it.
            folder: folder.expect("a temporary folder can be made").keep(),
            port: free_port(),
            keeper: Mutex::new(None),
        };
        server.resume();
        server
    }

    /// Starts it (again), and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn resume(&self) {
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&self.folder).arg(&self.program);
        keeper.args(&self.arguments).args(["--bind", "127.0.0.1", "--port"]);
        keeper.arg(self.port.to_string()).arg("--dir").arg(&self.folder);
        // A group of its own: who interrupts the test must not interrupt the keeper.
        keeper.current_dir(&self.folder).stdin(Stdio::piped()).process_group(0);
        *self.keeper() = Some(keeper.spawn().expect("there is a shell"));
        // One that wants a password is up too.
        let is_up = || {
            let reply = self.ask(&["PING"]);
            reply.is_ok_and(|reply| reply == "+PONG" || reply.starts_with("-NOAUTH"))
        };
        until("Redis answers", || self.log(), is_up);
    }

    /// Kills it, as a crash would; its folder stays.
    pub fn kill(&self) {
        let Some(mut keeper) = self.keeper().take() else { return };
        if let Some(mut input) = keeper.stdin.take() {
            // A keeper that is gone has taken the server with it.
            drop(writeln!(input, "kill"));
        }
        drop(keeper.wait());
    }

    fn keeper(&self) -> MutexGuard<'_, Option<Child>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The kernel's number of its process; `None` while there is none.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.keeper().as_ref()?;
        fs::read_to_string(self.folder.join("process")).ok()?.trim().parse().ok()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Its data, its log and the number of its process (`process`).
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How often it has answered with this error, such as `LOADING`, since it started.
    #[must_use]
    pub fn errors(&self, code: &str) -> u64 {
        let statistics = self.ask(&["INFO", "errorstats"]).unwrap_or_default();
        let prefix = format!("errorstat_{code}:count=");
        let count = statistics.lines().find_map(|line| line.trim().strip_prefix(&prefix));
        count.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// Sends a command and gives the reply's first line, such as `+OK`, `:1` or `-ERR ...`; for a
    /// text the text itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn ask(&self, words: &[&str]) -> io::Result<String> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
        connection.set_read_timeout(Some(ANSWER_LIMIT))?;
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        request.push_str("*1\r\n$4\r\nQUIT\r\n");
        connection.write_all(request.as_bytes())?;
        let mut reply = Vec::new();
        connection.read_to_end(&mut reply)?;
        let reply = String::from_utf8_lossy(&reply);
        let (first, rest) = reply.split_once("\r\n").unwrap_or((&reply, ""));
        match first.strip_prefix('$').and_then(|length| length.parse::<usize>().ok()) {
            Some(length) => Ok(rest.get(..length).unwrap_or(rest).to_owned()),
            None => Ok(first.to_owned()),
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        // What cannot be removed is left to whoever cleans temporary folders.
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A slot on its way from one master to another.
#[derive(Debug)]
pub struct SlotMove {
    slot: String,
    from: usize,
    to: usize,
    to_id: String,
}

/// A cluster of three masters.
pub struct RedisCluster {
    masters: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts the masters and joins them.
    ///
    /// # Panics
    /// When they do not start or do not join.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let master = |_| {
            let bus = free_port().to_string();
            let own = ["--cluster-enabled", "yes", "--cluster-port", &bus];
            RedisServer::start(&[arguments, &own].concat())
        };
        let cluster = Self { masters: (0..MASTERS).map(master).collect() };
        let addresses = cluster.masters.iter().map(|master| format!("127.0.0.1:{}", master.port));
        let mut join = Command::new(tool("redis-cli"));
        join.args(["--cluster", "create"]).args(addresses);
        join.args(["--cluster-replicas", "0", "--cluster-yes"]);
        let joined = join.output().expect(PACKAGE);
        assert!(joined.status.success(), "{}", String::from_utf8_lossy(&joined.stdout));
        cluster.wait_until_agreed();
        cluster
    }

    /// The masters.
    #[must_use]
    pub fn masters(&self) -> &[RedisServer] {
        &self.masters
    }

    /// Moves the slot of a key, and all that is in it, from its master to the next one.
    ///
    /// # Panics
    /// When it does not move.
    pub fn move_slot_of(&self, key: &str) {
        let slot = self.begin_move(key);
        self.move_keys(&slot);
        self.end_move(&slot);
    }

    /// Begins to move the slot of a key from its master to the next one: from now on the first gives
    /// away what it does not have.
    ///
    /// # Panics
    /// When no master has the key.
    #[must_use]
    pub fn begin_move(&self, key: &str) -> SlotMove {
        let slot = self.words_of(0, &["cluster", "keyslot", key]).concat();
        let keys =
            |master: usize| self.words_of(master, &["cluster", "getkeysinslot", &slot, "100"]);
        let owner = |master: &usize| !keys(*master).is_empty();
        let count = self.masters.len();
        let from = (0..count).find(owner).expect("a master has the key");
        let to = (from + 1) % count;
        let [from_id, to_id] =
            [from, to].map(|master| self.words_of(master, &["cluster", "myid"]).concat());
        self.words_of(to, &["cluster", "setslot", &slot, "importing", &from_id]);
        self.words_of(from, &["cluster", "setslot", &slot, "migrating", &to_id]);
        SlotMove { slot, from, to, to_id }
    }

    /// Moves all keys of a slot that is on its way.
    ///
    /// # Panics
    /// When they do not move.
    pub fn move_keys(&self, SlotMove { slot, from, to, .. }: &SlotMove) {
        let port = self.masters[*to].port.to_string();
        loop {
            let left = self.words_of(*from, &["cluster", "getkeysinslot", slot, "100"]);
            if left.is_empty() {
                return;
            }
            let mut migrate = vec!["migrate", "127.0.0.1", &port, "", "0", "5000", "keys"];
            migrate.extend(left.iter().map(String::as_str));
            self.words_of(*from, &migrate);
        }
    }

    /// Says to all masters that a slot is where it was on its way to.
    ///
    /// # Panics
    /// When one does not take it.
    pub fn end_move(&self, SlotMove { slot, from, to, to_id }: &SlotMove) {
        let others = (0..self.masters.len()).filter(|at| ![to, from].contains(&at));
        for master in [*to, *from].into_iter().chain(others) {
            self.words_of(master, &["cluster", "setslot", slot, "node", to_id]);
        }
    }

    /// How often the masters have answered with this error, such as `MOVED`.
    #[must_use]
    pub fn errors(&self, code: &str) -> u64 {
        self.masters.iter().map(|master| master.errors(code)).sum()
    }

    /// The master of a key.
    ///
    /// # Panics
    /// When none has it.
    #[must_use]
    pub fn master_of(&self, key: &str) -> usize {
        let has = |master: &RedisServer| master.ask(&["EXISTS", key]).is_ok_and(|has| has == ":1");
        self.masters.iter().position(has).expect("a master has the key")
    }

    /// Sends a command to one master; gives the reply's lines.
    fn words_of(&self, master: usize, words: &[&str]) -> Vec<String> {
        let mut command = Command::new(tool("redis-cli"));
        command.args(["-e", "-p", &self.masters[master].port.to_string()]).args(words);
        let reply = command.output().expect(PACKAGE);
        let text = String::from_utf8_lossy(&reply.stdout).into_owned();
        let error = String::from_utf8_lossy(&reply.stderr);
        assert!(reply.status.success(), "{words:?}: {text}{error}");
        text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
    }

    /// Waits until every master says that the cluster serves all slots.
    ///
    /// # Panics
    /// When one does not.
    pub fn wait_until_agreed(&self) {
        for master in &self.masters {
            let is_up = || {
                let state = master.ask(&["CLUSTER", "INFO"]);
                state.is_ok_and(|state| state.contains("cluster_state:ok"))
            };
            until("the cluster agrees", || master.log(), is_up);
        }
    }
}

/// A program of the server's package.
fn tool(name: &str) -> PathBuf {
    program(name, &[]).unwrap_or_else(|| panic!("`{name}` is missing: {PACKAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_what_it_was_given_over_a_crash_and_leaves_nothing_behind() {
        let server = RedisServer::start(&DURABLE);
        assert_eq!(server.ask(&["SET", "kept", "1"]).unwrap(), "+OK");
        server.kill();
        assert!(server.ask(&["PING"]).is_err());
        server.resume();
        assert_eq!(server.ask(&["GET", "kept"]).unwrap(), "1");
        let (folder, port) = (server.folder.clone(), server.port);
        drop(server);
        assert!(!folder.exists());
        assert!(std::net::TcpListener::bind(("127.0.0.1", port)).is_ok());
    }

    #[test]
    fn a_keeper_whose_owner_is_gone_kills_the_server_and_removes_its_folder() {
        let server = RedisServer::start(&IN_MEMORY);
        let folder = server.folder.clone();
        let keeper = server.keeper().take();
        // As when the process ends: the pipe closes, and nobody says a word.
        let mut keeper = keeper.unwrap();
        drop(keeper.stdin.take());
        keeper.wait().unwrap();
        assert!(!folder.exists());
        assert!(server.ask(&["PING"]).is_err());
    }
}
