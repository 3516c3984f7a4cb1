//! The server as a process of its own, in a folder of its own, and what is asked of it.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::client::{Answer, Call, Client};
use crate::process;

/// The one vendor.
pub const VENDOR: &str = "load-vendor";
/// How long the server, or its books, may take to come round.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A running server; killed when dropped.
pub struct Exchange {
    folder: TempDir,
    settings: Vec<(String, String)>,
    server: Option<Child>,
    api: Client,
    address: SocketAddr,
    metrics: Client,
    operator_key: String,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            process::end(server);
        }
    }
}

/// A campaign of a buyer of its own, both named `id`.
pub struct Campaign {
    pub id: String,
    /// Where `ping`, `post` and `status` are, without the last slash.
    pub base_url: String,
}

impl Campaign {
    fn file(&self) -> (String, String) {
        let Self { id, base_url } = self;
        let text = format!(
            "name = \"{id}\"\n[[campaign]]\nid = \"{id}-fe\"\nvertical = \"final_expense\"\n\
             ping_url = \"{base_url}/ping\"\npost_url = \"{base_url}/post\"\n\
             status_url = \"{base_url}/status\"\nprice = {{ bid = {{}} }}\n\
             post_semantics = \"idempotent\"\n"
        );
        (format!("buyers/{id}.toml"), text)
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

impl Exchange {
    /// Lays out an installation and starts the server; `settings` are as `limits.post_ms`.
    pub async fn start(settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let (address, metrics) = (free_address()?, free_address()?);
        let variable = |name: &str| format!("GAVEL__{}", name.to_uppercase().replace('.', "__"));
        let mut variables = vec![
            (variable("http.listen"), address.to_string()),
            (variable("metrics.listen"), metrics.to_string()),
            (variable("log.level"), "warn".to_owned()),
        ];
        variables.extend(settings.iter().map(|(name, value)| (variable(name), value.clone())));
        let mut exchange = Self {
            folder: TempDir::new()?,
            settings: variables,
            server: None,
            api: Client::new(address)?,
            address,
            metrics: Client::new(metrics)?,
            operator_key: String::new(),
        };
        exchange.command(&["init", "--local", "."])?;
        let key = fs::read_to_string(exchange.folder.path().join("operator.key"))?;
        key.trim().clone_into(&mut exchange.operator_key);
        exchange.serve().await?;
        Ok(exchange)
    }

    async fn serve(&mut self) -> anyhow::Result<()> {
        let log = fs::File::create(self.log_file())?;
        let mut command = process::again(&["exchange".to_owned(), "serve".to_owned()])?;
        command.current_dir(self.folder.path()).envs(self.settings.iter().cloned());
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        let server = self.server.insert(server);
        let give_up_at = Instant::now() + PATIENCE;
        while Instant::now() < give_up_at {
            if let Some(status) = server.try_wait()? {
                bail!("the server ended: {status}");
            }
            if let Ok(answer) = self.metrics.send(Call::get("/readyz")).await
                && answer.status == 200
            {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("the server did not get ready")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Runs a command of `gavel` and gives what it printed.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut all = vec!["exchange".to_owned()];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let mut command = process::again(&all)?;
        command.current_dir(self.folder.path()).envs(self.settings.iter().cloned());
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "gavel {arguments:?}: {said}\n{}", self.log());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Applies one vendor, these campaigns and this tree; gives the secrets by campaign.
    pub fn enroll(
        &self,
        campaigns: &[Campaign],
        tree: &str,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let mut files = vec![
            (format!("vendors/{VENDOR}.toml"), "name = \"Load\"\n".to_owned()),
            ("trees/final_expense.toml".to_owned(), tree.to_owned()),
        ];
        files.extend(campaigns.iter().map(Campaign::file));
        self.apply(files)
    }

    /// Applies these files of an exchange directory; gives the secrets by campaign.
    pub fn apply(&self, files: Vec<(String, String)>) -> anyhow::Result<BTreeMap<String, String>> {
        for (name, text) in files {
            let path = self.folder.path().join("exchange").join(name);
            fs::create_dir_all(path.parent().context("every file is in a folder")?)?;
            fs::write(path, text)?;
        }
        let printed = self.command(&["apply", "exchange"])?;
        let secret = |line: &str| {
            let (campaign, secret) = line.strip_prefix("secret ")?.split_once(' ')?;
            Some((campaign.to_owned(), secret.trim().to_owned()))
        };
        Ok(printed.lines().filter_map(secret).collect())
    }

    /// A key of the vendor.
    pub fn vendor_key(&self) -> anyhow::Result<String> {
        let printed = self.command(&["key", "create", "--role", "vendor", "--owner", VENDOR])?;
        Ok(printed.lines().next().unwrap_or_default().trim().to_owned())
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The kernel's number of the server.
    pub fn pid(&self) -> u32 {
        self.server.as_ref().map_or(0, Child::id)
    }

    /// Calls the API.
    pub async fn call(&self, call: Call) -> anyhow::Result<Answer> {
        self.api.send(call).await
    }

    /// Asks the API as the operator.
    pub async fn ask(&self, path: &str) -> anyhow::Result<Json> {
        let answer = self.api.send(Call::get(path).bearing(&self.operator_key)).await?;
        ensure!(answer.status == 200, "GET {path}: {} {:?}", answer.status, answer.body);
        Ok(answer.json())
    }

    /// Waits until the body under `path` is as wanted; `None` if that never happens.
    pub async fn await_body(
        &self,
        call: Call,
        is_wanted: impl Fn(&Json) -> bool,
    ) -> anyhow::Result<Option<Answer>> {
        let give_up_at = Instant::now() + PATIENCE;
        while Instant::now() < give_up_at {
            let answer = self.api.send(call.clone()).await?;
            if is_wanted(&answer.json()) {
                return Ok(Some(answer));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }

    /// What a buyer was debited, in ten-thousandths, once nothing is held any more.
    pub async fn settled(&self, buyer: &str) -> anyhow::Result<i64> {
        let give_up_at = Instant::now() + PATIENCE;
        loop {
            let balance = self.ask(&format!("/v1/buyers/{buyer}/balance")).await?;
            if balance["held"] == "0.00" {
                return money(&balance["posted"]);
            }
            ensure!(Instant::now() < give_up_at, "money of {buyer} stays held: {balance}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// An amount as JSON shows it, in ten-thousandths.
pub fn money(amount: &Json) -> anyhow::Result<i64> {
    let text = amount.as_str().with_context(|| format!("{amount} is no amount"))?;
    Ok(gavel::domain::money::Money::parse(text)?.ten_thousandths())
}
