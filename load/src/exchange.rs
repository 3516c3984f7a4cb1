//! An installation in a folder of its own, the servers that serve it, and what is asked of them.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::client::{Answer, Call};
use crate::node::Node;

/// The one vendor.
pub const VENDOR: &str = "load-vendor";
/// How long the books may take to come round.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// An exchange at work; its servers are killed when it is dropped.
pub struct Exchange {
    // Before the folder, which must outlive them.
    nodes: Vec<Node>,
    folder: TempDir,
    operator_key: String,
}

/// A campaign of a buyer of its own, both named `id`.
pub struct Campaign {
    pub id: String,
    /// Where `ping`, `post` and `status` are, without the last slash.
    pub base_url: String,
    /// Further lines of the buyer, such as `credit_limit = "25.00"`.
    pub account: &'static str,
    /// Further lines of the campaign, such as its caps.
    pub terms: &'static str,
    /// How a post of unknown fate is cleared up.
    pub semantics: &'static str,
}

impl Campaign {
    /// A campaign without limits.
    pub fn new(id: &str, base_url: String) -> Self {
        Self { id: id.to_owned(), base_url, account: "", terms: "", semantics: "idempotent" }
    }

    fn file(&self) -> (String, String) {
        let Self { id, base_url, account, terms, semantics } = self;
        let text = format!(
            "name = \"{id}\"\n{account}\n[[campaign]]\nid = \"{id}-fe\"\nvertical = \"final_expense\"\n\
             ping_url = \"{base_url}/ping\"\npost_url = \"{base_url}/post\"\n\
             status_url = \"{base_url}/status\"\nprice = {{ bid = {{}} }}\n\
             post_semantics = \"{semantics}\"\n{terms}\n"
        );
        (format!("buyers/{id}.toml"), text)
    }
}

impl Exchange {
    /// Lays out an installation and starts its one server; `settings` are as `limits.post_ms`.
    pub async fn start(settings: &[(&str, String)]) -> anyhow::Result<Self> {
        Self::start_nodes(1, settings).await
    }

    /// Lays out an installation and starts so many servers of it.
    pub async fn start_nodes(count: usize, settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let node = |number: usize| {
            let name = format!("node-{number}");
            let mut own = settings.to_vec();
            if count > 1 {
                // As on a machine of its own: nothing on the disk is shared but what is set up.
                own.push(("vault.day_key_folder", format!("data/{name}/day-keys")));
            }
            Node::new(folder.path(), &name, &own)
        };
        let nodes: Vec<Node> = (1..=count).map(node).collect::<Result<_, _>>()?;
        let mut exchange = Self { nodes, folder, operator_key: String::new() };
        exchange.command(&["init", "--local", "."])?;
        let key = fs::read_to_string(exchange.folder.path().join("operator.key"))?;
        key.trim().clone_into(&mut exchange.operator_key);
        for node in &exchange.nodes {
            node.start().await?;
        }
        Ok(exchange)
    }

    /// Starts the servers again, with further variables in their environment.
    pub async fn restart_with(&self, environment: &[(String, String)]) -> anyhow::Result<()> {
        for node in &self.nodes {
            node.kill();
            node.spawn_with(environment)?;
            node.ready().await?;
        }
        Ok(())
    }

    /// The installation's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its servers.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn first(&self) -> &Node {
        self.nodes.first().expect("an exchange is started with one server at least")
    }

    /// What the servers logged.
    pub fn log(&self) -> String {
        self.nodes.iter().map(Node::log).collect()
    }

    /// Runs a command of `gavel` and gives what it printed.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.first().command(arguments)
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

    /// Waits until every server uses the newest registry.
    pub async fn await_registry(&self) -> anyhow::Result<()> {
        let changes = self.ask("/v1/registry/changes?limit=1").await?;
        let newest = changes["data"][0]["version"].as_f64().context("nothing was ever changed")?;
        let give_up_at = Instant::now() + PATIENCE;
        for node in &self.nodes {
            while node.metric("gavel_registry_version").await? < newest {
                ensure!(Instant::now() < give_up_at, "a server does not see registry {newest}");
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// A key of the vendor.
    pub fn vendor_key(&self) -> anyhow::Result<String> {
        let printed = self.command(&["key", "create", "--role", "vendor", "--owner", VENDOR])?;
        Ok(printed.lines().next().unwrap_or_default().trim().to_owned())
    }

    /// Where the API of the first server listens.
    pub fn address(&self) -> SocketAddr {
        self.first().address()
    }

    /// The kernel's number of the first server.
    pub fn pid(&self) -> u32 {
        self.first().pid()
    }

    /// Calls the API of the first server.
    pub async fn call(&self, call: Call) -> anyhow::Result<Answer> {
        self.first().call(call).await
    }

    /// Asks the API as the operator.
    pub async fn ask(&self, path: &str) -> anyhow::Result<Json> {
        let answer = self.call(Call::get(path).bearing(&self.operator_key)).await?;
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
            let answer = self.call(call.clone()).await?;
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
