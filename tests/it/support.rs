//! An installation of the real binary in a folder of its own, and what a test does with it.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gavel::demo::stub_buyer::{Script, StubBuyer};
use gavel::signing::{SigningKeys, SigningSecret};
use gavel::system::SystemClock;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::time::Instant;

/// How long any condition may take to come true; generous, since only its absence is a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` gives something.
pub async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let give_up_at = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition().await {
            return found;
        }
        assert!(Instant::now() < give_up_at, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A port for a server that is started later, maybe more than once: not one that the system gives
/// out by itself, or a connection of somebody else could have it meanwhile.
pub fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let spread = std::process::id().wrapping_mul(397);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (spread.wrapping_add(next) % COUNT) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// An HTTP answer of the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or(Json::Null)
    }

    pub fn text(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned()
    }
}

/// The environment's variable for `limits.name`, or `section.name`.
fn variable(name: &str) -> String {
    let (section, name) = name.split_once('.').unwrap_or(("limits", name));
    format!("GAVEL__{section}__{name}").to_uppercase()
}

/// A folder made by `gavel init --local`, and the server in it while it runs.
pub struct Installation {
    pub folder: TempDir,
    http_port: u16,
    metrics_port: u16,
    settings: Vec<(String, String)>,
    server: Option<Child>,
    client: reqwest::Client,
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Installation {
    /// Lays out an installation and starts it; `given` are names and values of `[limits]`, or
    /// of another section that is named before a dot.
    pub async fn start(given: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let (http_port, metrics_port) = (free_port(), free_port());
        let mut settings = vec![
            ("GAVEL__HTTP__LISTEN".to_owned(), format!("127.0.0.1:{http_port}")),
            ("GAVEL__METRICS__LISTEN".to_owned(), format!("127.0.0.1:{metrics_port}")),
            ("GAVEL__LOG__LEVEL".to_owned(), "trace".to_owned()),
        ];
        for (name, value) in given {
            settings.push((variable(name), (*value).to_owned()));
        }
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut installation =
            Self { folder, http_port, metrics_port, settings, server: None, client };
        installation.gavel_ok(&["init", "--local", "."]);
        installation.serve().await;
        installation
    }

    /// A copy of an installation that does not run: the same keys, buyers and secrets, ports of its
    /// own.
    pub fn copy(&self) -> Self {
        assert!(self.server.is_none(), "a store in use is no copy");
        let folder = TempDir::new().unwrap();
        for file in files_below(self.folder.path()) {
            let to = folder.path().join(file.strip_prefix(self.folder.path()).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(file, to).unwrap();
        }
        let (http_port, metrics_port) = (free_port(), free_port());
        let mut settings = self.settings.clone();
        for (name, value) in &mut settings {
            match name.as_str() {
                "GAVEL__HTTP__LISTEN" => *value = format!("127.0.0.1:{http_port}"),
                "GAVEL__METRICS__LISTEN" => *value = format!("127.0.0.1:{metrics_port}"),
                _ => {}
            }
        }
        let client = self.client.clone();
        Self { folder, http_port, metrics_port, settings, server: None, client }
    }

    /// Changes what `given` names, as for [`Installation::start`], from the next start on.
    pub fn set(&mut self, given: &[(&str, &str)]) {
        for (name, value) in given {
            let name = variable(name);
            self.settings.retain(|(known, _)| *known != name);
            self.settings.push((name, (*value).to_owned()));
        }
    }

    /// Starts the server and waits until it is ready.
    pub async fn serve(&mut self) {
        self.serve_with(&[]).await;
    }

    /// Starts the server with more in its environment.
    pub async fn serve_with(&mut self, environment: &[(&str, &str)]) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = self.command(&["serve"]);
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(log);
        self.server = Some(command.spawn().unwrap());
        until("the server is ready", async || {
            let exited = self.server.as_mut().and_then(|server| server.try_wait().unwrap());
            assert!(exited.is_none(), "the server ended: {exited:?}\n{}", self.log());
            let url = format!("http://127.0.0.1:{}/readyz", self.metrics_port);
            let answer = self.client.get(url).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Whether the server ended by itself, and by a signal.
    pub fn has_died(&mut self) -> bool {
        let ended = self.server.as_mut().and_then(|server| server.try_wait().unwrap());
        let Some(ended) = ended else { return false };
        assert_eq!(ended.code(), None, "it was to die, not to stop: {ended}");
        self.server = None;
        true
    }

    /// Ends the server as a power cut would end the process.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Ends the server as an operator would, and gives its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut server = self.server.take()?;
        let pid = server.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        server.wait().unwrap().code()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
        command.args(arguments).current_dir(self.folder.path()).envs(self.settings.iter().cloned());
        command
    }

    /// Runs `gavel` to its end.
    pub fn gavel(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs `gavel` to its good end and gives what it printed.
    pub fn gavel_ok(&self, arguments: &[&str]) -> String {
        let output = self.gavel(arguments);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(
            output.status.success(),
            "gavel {arguments:?}:\n{stdout}\n{stderr}\n{}",
            self.log()
        );
        stdout
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log_file(&self) -> PathBuf {
        self.path("server.log")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Applies files of an exchange directory; gives the secrets made, by campaign.
    pub fn apply(&self, files: &[(String, String)]) -> BTreeMap<String, String> {
        let exchange = self.path("exchange");
        for (name, text) in files {
            let path = exchange.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let printed = self.gavel_ok(&["apply", "exchange"]);
        let secret = |line: &str| {
            let mut words = line.strip_prefix("secret ")?.split(' ');
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        };
        printed.lines().filter_map(secret).collect()
    }

    /// A key, the whole text of it.
    pub fn key(&self, role: &str, owner: &str, more: &[&str]) -> String {
        let mut arguments = vec!["key", "create", "--role", role, "--owner", owner];
        arguments.extend(more);
        self.gavel_ok(&arguments).lines().next().unwrap().trim().to_owned()
    }

    pub fn operator_key(&self) -> String {
        fs::read_to_string(self.path("operator.key")).unwrap().trim().to_owned()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http_port)
    }

    /// A request with a key; `line` is the method and the path.
    pub async fn request(
        &self,
        line: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        self.try_request(line, key, headers, body).await.unwrap()
    }

    /// A request without a key.
    pub async fn request_without_key(
        &self,
        line: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        self.send(line, None, headers, body.into()).await.unwrap()
    }

    pub async fn try_request(
        &self,
        line: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Result<Answer> {
        self.send(line, Some(key), headers, body.into()).await
    }

    async fn send(
        &self,
        line: &str,
        key: Option<&str>,
        headers: &[(&str, &str)],
        body: reqwest::Body,
    ) -> reqwest::Result<Answer> {
        let (method, path) = line.split_once(' ').unwrap();
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, self.url(path)).body(body);
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = request.send().await?;
        let status = reply.status().as_u16();
        let header =
            |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
                (name.to_string(), value.to_str().unwrap_or_default().to_owned())
            };
        let headers = reply.headers().iter().map(header).collect();
        Ok(Answer { status, headers, body: reply.bytes().await? })
    }

    pub async fn post_json(&self, path: &str, key: &str, body: &Json) -> Answer {
        let headers = [("content-type", "application/json")];
        self.request(&format!("POST {path}"), key, &headers, body.to_string()).await
    }

    pub async fn get(&self, path: &str, key: &str) -> Answer {
        self.request(&format!("GET {path}"), key, &[], "").await
    }

    /// The lead's answer once it is final.
    pub async fn final_answer(&self, key: &str, lead_id: &str) -> Answer {
        until("the lead has its final answer", async || {
            let answer = self.get(&format!("/v1/leads/{lead_id}"), key).await;
            (answer.text("/disposition") != "pending").then_some(answer)
        })
        .await
    }

    /// The decision record of a lead.
    pub async fn record(&self, id: &str) -> Json {
        let answer = self.get(&format!("/v1/auctions/{id}"), &self.operator_key()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Where metrics and health are.
    pub fn metrics_address(&self) -> String {
        format!("127.0.0.1:{}", self.metrics_port)
    }

    pub async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.metrics_address());
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }

    /// A buyer's counters, once nothing is held any more.
    pub async fn settled_balance(&self, buyer: &str) -> Json {
        until("nothing is held", async || {
            let path = format!("/v1/buyers/{buyer}/balance");
            let answer = self.get(&path, &self.operator_key()).await.json();
            (answer["held"] == "0.00").then_some(answer)
        })
        .await
    }
}

/// The public name in a key's text.
pub fn key_id(key: &str) -> &str {
    key.split('_').nth(3).unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Starts a stub buyer.
pub async fn buyer(script: Script) -> StubBuyer {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    StubBuyer::start(listen, script, Arc::new(SystemClock)).await.unwrap()
}

/// The text of a buyer's file with one campaign for final expense; `more` are further lines.
pub fn buyer_file(id: &str, stub: &StubBuyer, more: &str) -> (String, String) {
    let price = if more.contains("price =") { "" } else { "price = { bid = {} }\n" };
    let ping = format!("ping_url = \"{}\"\n", stub.url("ping"));
    let ping = if more.contains("fixed =") { "" } else { &ping };
    let semantics =
        if more.contains("post_semantics") { "" } else { "post_semantics = \"idempotent\"\n" };
    let (head, campaign): (Vec<&str>, Vec<&str>) =
        more.lines().partition(|line| line.starts_with("credit_limit"));
    let text = format!(
        "name = \"{id}\"\n{}\n[[campaign]]\nid = \"{id}-fe\"\nvertical = \"final_expense\"\n\
         {ping}post_url = \"{}\"\nstatus_url = \"{}\"\n{price}{semantics}{}\n",
        head.join("\n"),
        stub.url("post"),
        stub.url("status"),
        campaign.join("\n"),
    );
    (format!("buyers/{id}.toml"), text)
}

/// A vendor `acme` and buyers, each a slug, a stub and further lines of its campaign.
pub fn exchange(buyers: &[(&str, &StubBuyer, &str)], tree: &str) -> Vec<(String, String)> {
    let mut files = vec![
        ("vendors/acme.toml".to_owned(), "name = \"Acme Leads\"\n".to_owned()),
        ("vendors/other.toml".to_owned(), "name = \"Other Leads\"\n".to_owned()),
        ("trees/final_expense.toml".to_owned(), tree.to_owned()),
    ];
    files.extend(buyers.iter().map(|(id, stub, more)| buyer_file(id, stub, more)));
    files
}

/// The lead of the documentation; `number` makes it a different consumer.
pub fn lead(number: usize) -> Json {
    json!({
        "vertical": "final_expense",
        "lead": {
            "first_name": "Grace", "last_name": "Testington",
            "phone": format!("+1214653{:04}", number % 10_000),
            "email": format!("grace{number}@mail.example"),
            "state": "TX", "zip": "75201", "date_of_birth": "1957-03-02",
            "gender": "female", "tobacco": false, "coverage_amount": 15000
        },
        "consent": {
            "text": "I agree to be called about final expense insurance.",
            "given_at": "2026-11-23T14:00:00Z", "ip": "198.51.100.77",
            "page_url": "https://forms.example/final-expense",
            "trustedform_cert_url":
                "https://cert.trustedform.com/0123456789abcdef0123456789abcdef01234567",
        },
        "source": {"sub_id": "sub-7", "click_id": "click-0815"},
        "floor": "1.00",
        "wait_ms": 20000
    })
}

/// The keys of a secret as `apply` printed it.
pub fn keys(secret: &str) -> SigningKeys {
    SigningKeys::of(&SigningSecret::parse(secret).unwrap())
}

/// All files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}
