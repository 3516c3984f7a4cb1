//! A PostgreSQL server of its own.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::{folders_of, free_port, program, until};

/// Where the programs come from.
const PACKAGE: &str = "install `postgresql` (./check does)";

/// Where Debian keeps the programs, in a folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Users a server may run as where we are root, which it refuses to be.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// The role the exchange has on the server.
pub const ROLE: &str = "gavel";

/// The role's password.
pub const PASSWORD: &str = "sw0rdfish";

/// Who may connect, and how: our role by its password alone.
const ACCESS: &str =
    "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// Runs a server until its own input ends, which it does when the process that holds the other end
/// dies, and removes the folder then; or until a word comes, and keeps it.
const KEEPER: &str = "folder=$1; shift; \"$@\" </dev/null >>\"$folder/log\" 2>&1 & server=$!; \
                      read -r word; \
                      case $word in crash) kill -QUIT $server;; *) kill -INT $server;; esac; \
                      wait $server; [ -n \"$word\" ] || rm -rf \"$folder\"";

/// A server with its folder.
pub struct PostgresServer {
    folder: PathBuf,
    port: u16,
    keeper: Mutex<Option<Child>>,
    databases: AtomicU32,
}

impl PostgresServer {
    /// Makes a server and starts it.
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("gavel-postgres-").tempdir();
        // From here on the keeper removes it.
        let folder = folder.expect("a temporary folder can be made").keep();
        if let Some(user) = other_user() {
            chown(&folder, Some(user.uid), Some(user.gid)).expect("root may give a folder away");
        }
        let server = Self {
            folder,
            port: free_port(),
            keeper: Mutex::new(None),
            databases: AtomicU32::new(0),
        };
        let mut initdb = unprivileged(&tool("initdb"));
        initdb.args(["--no-sync", "--username=postgres", "--auth=trust", "--encoding=UTF8"]);
        initdb.args(["--locale=C", "--pgdata"]).arg(server.data());
        let made = initdb.current_dir(&server.folder).output().expect(PACKAGE);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        fs::write(server.data().join("pg_hba.conf"), ACCESS).expect("the folder can be written");
        server.resume();
        let role = format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'");
        server.sql("postgres", &[&role]);
        server
    }

    /// The one server that all tests of a process share; it ends with the process.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Starts it (again), and waits until it takes connections.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&self) {
        let mut keeper = unprivileged(Path::new("/bin/sh"));
        keeper.args(["-c", KEEPER, "keeper"]).arg(&self.folder).arg(tool("postgres"));
        keeper.arg("-D").arg(self.data());
        let socket = format!("unix_socket_directories={}", self.folder.display());
        let port = format!("port={}", self.port);
        let memory = "dynamic_shared_memory_type=mmap";
        for setting in ["listen_addresses=127.0.0.1", "max_connections=200", memory, &port, &socket]
        {
            keeper.args(["-c", setting]);
        }
        // A group of its own: who interrupts the test must not interrupt the keeper. Nobody who reads
        // what the test says is to wait until the keeper has cleared up.
        keeper.current_dir(&self.folder).stdin(Stdio::piped()).process_group(0);
        keeper.stdout(Stdio::null()).stderr(Stdio::null());
        let keeper = keeper.spawn().expect(PACKAGE);
        *self.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(keeper);
        until(
            "Postgres takes connections",
            || self.log(),
            || {
                let status = fs::read_to_string(self.data().join("postmaster.pid"));
                status.is_ok_and(|status| {
                    status.lines().nth(7).is_some_and(|line| line.trim() == "ready")
                })
            },
        );
    }

    /// Stops it as an operator would: connections are cut.
    pub fn stop(&self) {
        self.end("stop");
    }

    /// Stops it as a power cut would, except that the disk is in order.
    pub fn crash(&self) {
        self.end("crash");
    }

    fn end(&self, word: &str) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut keeper) = keeper else { return };
        if let Some(mut input) = keeper.stdin.take() {
            // A keeper that is gone has taken the server with it.
            drop(writeln!(input, "{word}"));
        }
        drop(keeper.wait());
    }

    /// Lets it speak TLS under a certificate, given with its key as PEM.
    ///
    /// # Panics
    /// When the server does not take them.
    pub fn secure(&self, certificate: &str, key: &str) {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = self.data().join(name);
            fs::write(&file, text).expect("the folder can be written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))
                .expect("the file is ours");
            if let Some(user) = other_user() {
                chown(&file, Some(user.uid), Some(user.gid)).expect("root may give a file away");
            }
        }
        self.sql("postgres", &["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"]);
        until("Postgres speaks TLS", || self.log(), || self.sql("postgres", &["SHOW ssl"]) == "on");
    }

    /// A new, empty database that belongs to [`ROLE`]; gives its name.
    ///
    /// # Panics
    /// When the server does not make it.
    #[must_use]
    pub fn database(&self) -> String {
        self.database_like("template0")
    }

    /// A new database like another one, which nobody may be connected to.
    ///
    /// # Panics
    /// When the server does not make it.
    #[must_use]
    pub fn database_like(&self, template: &str) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("records_{number}");
        let text = format!("CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template}");
        self.sql("postgres", &[&text]);
        name
    }

    /// Where a database is, for [`ROLE`].
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL as the server's owner, each text in a transaction of its own; gives the rows, a line
    /// each, cells between `|`.
    ///
    /// # Panics
    /// When the server refuses it.
    pub fn sql(&self, database: &str, texts: &[&str]) -> String {
        let mut psql = Command::new(tool("psql"));
        let port = self.port.to_string();
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
        ]);
        psql.args(["-U", "postgres", "-d", database]);
        psql.args(texts.iter().flat_map(|text| ["-c", text]));
        let done = psql.output().expect(PACKAGE);
        assert!(done.status.success(), "{texts:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.end("stop");
        // What cannot be removed is left to whoever cleans temporary folders.
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A program of the server's package.
fn tool(name: &str) -> PathBuf {
    let mut folders: Vec<PathBuf> =
        folders_of(Path::new(VERSIONS)).iter().map(|version| version.join("bin")).collect();
    // 9.6 before 15.
    folders.sort_by_key(|folder| folder.as_os_str().len());
    program(name, &folders).unwrap_or_else(|| panic!("`{name}` is missing: {PACKAGE}"))
}

struct User {
    uid: u32,
    gid: u32,
}

/// Who the server is to run as, where that is not us.
fn other_user() -> Option<User> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("there is a list of users");
    let of_name = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse);
        Some(User { uid: fields.next()?.ok()?, gid: fields.next()?.ok()? })
    };
    let found = USERS.into_iter().find_map(of_name);
    Some(found.expect("there is a user `postgres` or `nobody`"))
}

/// A command that is not run as root.
fn unprivileged(program: &Path) -> Command {
    let Some(user) = other_user() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user.uid.to_string(), "--regid", &user.gid.to_string()]);
    command.args(["--clear-groups", "--"]).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_what_it_was_given_over_a_stop_and_a_crash_and_leaves_nothing_behind() {
        let server = PostgresServer::start();
        let name = server.database();
        server.sql(&name, &["CREATE TABLE kept (n INT)", "INSERT INTO kept VALUES (1)"]);
        server.stop();
        server.resume();
        server.sql(&name, &["INSERT INTO kept VALUES (2)"]);
        server.crash();
        server.resume();
        assert_eq!(server.sql(&name, &["SELECT n FROM kept ORDER BY n"]), "1\n2");
        let (folder, port) = (server.folder.clone(), server.port);
        drop(server);
        assert!(!folder.exists());
        assert!(std::net::TcpListener::bind(("127.0.0.1", port)).is_ok());
    }

    #[test]
    fn a_keeper_whose_owner_is_gone_stops_the_server_and_removes_its_folder() {
        let server = PostgresServer::start();
        let folder = server.folder.clone();
        let keeper = server.keeper.lock().unwrap().take();
        // As when the process ends: the pipe closes, and nobody says a word.
        let mut keeper = keeper.unwrap();
        drop(keeper.stdin.take());
        keeper.wait().unwrap();
        assert!(!folder.exists());
        assert!(std::net::TcpListener::bind(("127.0.0.1", server.port)).is_ok());
    }
}
