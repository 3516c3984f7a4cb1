//! The `gavel` command as people run it: the real program, real files, a real server.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long the program may take for anything it does here.
const PATIENCE: Duration = Duration::from_secs(60);

/// An installation and the way to run commands on it.
struct Installation {
    root: tempfile::TempDir,
    http: String,
    metrics: String,
}

impl Installation {
    /// Lays one out; its servers will have ports that were free a moment ago.
    fn new() -> Self {
        let free = || {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
            listener.local_addr().expect("a bound socket has an address").to_string()
        };
        let root = tempfile::tempdir().expect("a folder for the test");
        let installation = Self { root, http: free(), metrics: free() };
        let made = installation.run(&["init", installation.folder().to_str().expect("text")]);
        let key = succeeded(&made);
        assert!(key.starts_with("gavel_live_operator_"), "{key}");
        installation
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("exchange")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
        command
            .args(arguments)
            .env_remove("GAVEL_LOG_FORMAT")
            .env("GAVEL_CONFIG", self.folder().join("gavel.toml"))
            .env("GAVEL__HTTP__LISTEN", &self.http)
            .env("GAVEL__METRICS__LISTEN", &self.metrics);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// An exchange directory with one vendor and one buyer of fixed price.
    fn files(&self) -> String {
        self.write("files/vendors/leadco.toml", "name = \"Leadco\"\ntime_zone = \"UTC\"\n");
        self.write(
            "files/buyers/acme.toml",
            "name = \"Acme\"\nlegal_name = \"Acme LLC\"\ntime_zone = \"UTC\"\n\
             [[campaign]]\nid = \"acme-all\"\nvertical = \"final_expense\"\n\
             post_url = \"https://acme.example/post\"\nprice = { fixed = \"12.00\" }\n",
        );
        self.root.path().join("files").to_str().expect("text").to_owned()
    }

    /// Starts the server and waits until it says that it listens.
    fn serve(&self) -> Server {
        let mut child = self
            .command(&["serve", "--log-format", "text"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let (send, log) = mpsc::channel();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        let server = Server { child, log };
        server.wait_for("serve.metrics");
        server
    }
}

/// A running server; killed when dropped.
struct Server {
    child: Child,
    log: mpsc::Receiver<String>,
}

impl Server {
    fn wait_for(&self, event: &str) {
        let mut seen = Vec::new();
        while let Ok(line) = self.log.recv_timeout(PATIENCE) {
            if line.contains(event) {
                return;
            }
            seen.push(line);
        }
        panic!("no `{event}` in the log:\n{}", seen.join("\n"));
    }

    /// Sends a signal and waits for the end.
    fn end(mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().expect("kill runs");
        assert!(sent.success());
        self.child.wait().expect("it was started here").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout.clone()).expect("answers are text")
}

#[track_caller]
fn failed(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it is there").mode() & 0o777
}

#[test]
fn init_makes_an_installation_once() {
    let installation = Installation::new();
    let folder = installation.folder();
    assert_eq!(mode(&folder.join("gavel.key")), 0o600);
    assert_eq!(mode(&folder.join("operator.key")), 0o600);
    assert_eq!(mode(&folder.join("data")), 0o700);
    assert_eq!(succeeded(&installation.run(&["check-config"])), "the configuration is sound\n");
    let again = installation.run(&["init", folder.to_str().expect("text")]);
    assert!(failed(&again, 1).contains("is there already; nothing was changed"));
}

#[test]
fn a_mistyped_command_is_2_and_a_faulty_configuration_is_1() {
    let installation = Installation::new();
    assert!(failed(&installation.run(&["sell"]), 2).contains("unrecognized subcommand 'sell'"));
    let mut command = installation.command(&["check-config"]);
    let faults = command.env("GAVEL__LIMITS__POST_MS", "0").env("GAVEL__LOG__LEVEL", "loud=x");
    let told = failed(&faults.output().expect("the program runs"), 1);
    assert!(told.contains("the configuration has 2 faults"), "{told}");
    assert!(told.contains("GAVEL__LIMITS__POST_MS: limits.post_ms: must be above 0"), "{told}");
}

#[test]
fn a_key_that_serve_refuses_is_no_sound_configuration() {
    let installation = Installation::new();
    let key = installation.folder().join("gavel.key");
    let checked = || installation.run(&["check-config"]);
    let permit = |mode| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&key, permissions).expect("the file is ours");
    };
    permit(0o644);
    assert!(failed(&checked(), 1).contains("gavel.key"));
    permit(0o600);
    assert_eq!(succeeded(&checked()), "the configuration is sound\n");
    std::fs::remove_file(&key).expect("init wrote it");
    assert!(failed(&checked(), 1).contains("gavel.key"));
}

#[test]
fn the_registry_is_administered_without_a_server() {
    let installation = Installation::new();
    let files = installation.files();
    let planned = succeeded(&installation.run(&["apply", &files, "--plan"]));
    assert!(planned.ends_with("3 created; nothing was changed\n"), "{planned}");
    let applied = succeeded(&installation.run(&["apply", &files]));
    assert!(applied.contains("create  campaign  acme-all\n"), "{applied}");
    assert!(applied.contains("\nsecret acme-all whsec_"), "{applied}");
    let again = succeeded(&installation.run(&["apply", &files]));
    assert!(again.ends_with(": nothing changed\n") && !again.contains("secret"), "{again}");

    let order = ["key", "create", "--role", "vendor", "--owner", "leadco", "--require-signature"];
    let key = succeeded(&installation.run(&order));
    let lines: Vec<&str> = key.lines().collect();
    assert!(lines[0].starts_with("gavel_live_vendor_") && lines[1].starts_with("whsec_"), "{key}");
    assert_eq!(lines.len(), 2);
    let key_id = lines[0].split('_').nth(3).expect("the fourth part is the key's id");
    let revoked = succeeded(&installation.run(&["key", "revoke", key_id]));
    assert_eq!(revoked, format!("revoked {key_id}\n"));
    let listed = succeeded(&installation.run(&["key", "list"]));
    assert!(listed.contains(&format!("{key_id}  vendor")) && listed.contains("revoked 20"));

    let stranger = installation.run(&["key", "create", "--role", "vendor", "--owner", "nobody"]);
    assert!(failed(&stranger, 1).contains("there is no vendor `nobody`"));
    installation.write("files/vendors/leadco.toml", "name = \"Leadco\"\ntime_zone = \"Nowhere\"\n");
    let refused = installation.run(&["apply", &files]);
    assert!(failed(&refused, 1).contains("vendors/leadco.toml:2:"), "{refused:?}");
}

#[test]
fn a_credit_happens_once_per_operation() {
    let installation = Installation::new();
    succeeded(&installation.run(&["apply", &installation.files()]));
    let credit = |amount: &str, op: &str| installation.run(&["credit", "acme", amount, "--op", op]);
    assert_eq!(succeeded(&credit("500.00", "op-1")), "acme: balance 500.00 USD\n");
    assert_eq!(succeeded(&credit("500.00", "op-1")), "acme: balance 500.00 USD\n");
    assert!(failed(&credit("400.00", "op-1"), 1).contains("op-1 is known with another"));
    assert_eq!(succeeded(&credit("0.50", "op-2")), "acme: balance 500.50 USD\n");
    let server = installation.serve();
    assert_eq!(succeeded(&credit("500.00", "op-1")), "acme: balance 500.50 USD\n");
    assert_eq!(succeeded(&credit("1", "op-3")), "acme: balance 501.50 USD\n");
    assert_eq!(server.end("-TERM"), Some(0));
    assert_eq!(succeeded(&credit("1", "op-3")), "acme: balance 501.50 USD\n");
}

#[test]
fn the_registry_is_administered_through_the_running_server() {
    let installation = Installation::new();
    let server = installation.serve();
    let files = installation.files();
    let applied = succeeded(&installation.run(&["apply", &files]));
    assert!(applied.contains("\nsecret acme-all whsec_"), "{applied}");
    server.wait_for("registry.applied");
    let key =
        succeeded(&installation.run(&["key", "create", "--role", "buyer", "--owner", "acme"]));
    server.wait_for("registry.key_created");
    let key_id = key.split('_').nth(3).expect("the fourth part is the key's id");
    succeeded(&installation.run(&["key", "revoke", key_id]));
    server.wait_for("registry.key_revoked");
    let listed = succeeded(&installation.run(&["key", "list"]));
    assert!(listed.contains(&format!("{key_id}  buyer")) && listed.contains("revoked 20"));

    let refused = installation.run(&["key", "create", "--role", "buyer", "--owner", "nobody"]);
    assert!(failed(&refused, 1).contains("the server refused"), "{refused:?}");
    std::fs::remove_file(installation.folder().join("operator.key")).expect("init wrote it");
    let refused = failed(&installation.run(&["key", "list"]), 1);
    assert!(refused.contains("the operator's key for it cannot be read"), "{refused}");
    assert_eq!(server.end("-INT"), Some(0));
}

#[test]
fn a_lead_is_explained_and_an_unknown_auction_is_told() {
    let installation = Installation::new();
    succeeded(&installation.run(&["apply", &installation.files()]));
    let lead = installation.write(
        "lead.json",
        r#"{"vertical": "final_expense",
            "lead": {"first_name": "Margaret", "last_name": "Ellison", "phone": "(214) 555-0112",
                     "state": "TX", "zip": "75201", "date_of_birth": "1957-03-02"},
            "consent": {"text": "I agree.", "given_at": "2026-01-05T14:00:00Z"}}"#,
    );
    let lead = lead.to_str().expect("text");
    let explained = succeeded(&installation.run(&["explain", lead, "--vendor", "leadco"]));
    assert!(explained.contains("1 of 1 campaigns would be asked"), "{explained}");
    assert!(explained.contains("acme-all of acme: yes"), "{explained}");
    assert!(failed(&installation.run(&["explain", lead, "--vendor", "x"]), 1).contains("vendor x"));
    assert_eq!(succeeded(&installation.run(&["auction", "list"])), "");
    let shown = installation.run(&["auction", "show", "lead_1"]);
    assert!(failed(&shown, 1).contains("there is no lead_1"), "{shown:?}");
    let shown = installation.run(&["auction", "show", "../keys"]);
    assert!(failed(&shown, 1).contains("is no id of an auction"), "{shown:?}");
}

/// A buyer that answers every request with the next of some bodies, and tells what it was sent.
fn answering(bodies: &'static [&'static str]) -> (std::net::SocketAddr, mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("a bound socket has an address");
    let (send, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for body in bodies {
            let (mut stream, _) = listener.accept().expect("a call");
            let mut request = Vec::new();
            let mut chunk = [0; 4_096];
            let is_whole = |request: &[u8]| {
                let text = String::from_utf8_lossy(request).into_owned();
                let Some((head, rest)) = text.split_once("\r\n\r\n") else { return false };
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                rest.len() >= length.map_or(0, |length| length.parse().expect("a number"))
            };
            while !is_whole(&request) {
                let read = stream.read(&mut chunk).expect("a request");
                request.extend_from_slice(&chunk[..read]);
            }
            let reply = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(reply.as_bytes()).expect("an answer");
            let told = send.send(String::from_utf8_lossy(&request).into_owned());
            told.expect("the test waits for it");
        }
    });
    (address, requests)
}

#[test]
fn a_profile_is_tried_on_a_live_endpoint_with_a_test_lead() {
    let (address, requests) = answering(&[
        r#"{"status":"success","price":"$55.00","ping_id":"tp1"}"#,
        r#"{"status":"rejected","message":"too old"}"#,
    ]);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/buyers/turbo-debt");
    let (ping, post) = (format!("ping=http://{address}/p"), format!("post=http://{address}/p"));
    let attempt = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
        let usual =
            ["buyer", "try", folder, "--case", "accept.json", "--url", &ping, "--url", &post];
        command.args(usual).args(["--secret-env", "token=TRY_TOKEN"]).args(more);
        command.env("TRY_TOKEN", "t-1").output().expect("the program runs")
    };
    let refused = attempt(&[]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("no answer to the ping: address_refused; nothing was sent"), "{told}");

    let tried = attempt(&["--allow-network", "127.0.0.0/8", "--post"]);
    let shown = String::from_utf8_lossy(&tried.stdout).into_owned();
    assert!(shown.contains("bids: [{\"price\":\"55.00\",\"reference\":\"tp1\"}]"), "{shown}");
    assert!(shown.contains("outcome: \"rejected\""), "{shown}");
    assert!(shown.contains("words: \"too old\""), "{shown}");
    assert_eq!(tried.status.code(), Some(1));
    let told = String::from_utf8_lossy(&tried.stderr).into_owned();
    assert_eq!(told, "gavel: the post was not accepted\n");
    for piece in ["ping_post=ping&token=t-1&", "ping_post=post&token=t-1&"] {
        let request = requests.recv_timeout(PATIENCE).expect("it was called");
        assert!(request.contains(piece) && request.contains("&test=1"), "{request}");
    }
}
