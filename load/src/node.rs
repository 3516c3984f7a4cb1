//! One server process of an exchange: started, killed, started again on the same ports.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::time::Instant;

use crate::client::{Answer, Call, Client};
use crate::process;

/// How long a server may take to get ready.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A server; killed when dropped.
pub struct Node {
    folder: PathBuf,
    log_file: PathBuf,
    variables: Vec<(String, String)>,
    server: Mutex<Option<Child>>,
    api: Client,
    address: SocketAddr,
    metrics: Client,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The environment variable that sets `name`, such as `limits.post_ms`.
pub fn variable(name: &str) -> String {
    format!("GAVEL__{}", name.to_uppercase().replace('.', "__"))
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

impl Node {
    /// A server that is not started yet, in the installation at `folder`, with ports of its own.
    pub fn new(folder: &Path, name: &str, settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let (address, metrics) = (free_address()?, free_address()?);
        let mut variables = vec![
            (variable("http.listen"), address.to_string()),
            (variable("metrics.listen"), metrics.to_string()),
            (variable("log.level"), "warn".to_owned()),
        ];
        variables.extend(settings.iter().map(|(name, value)| (variable(name), value.clone())));
        Ok(Self {
            folder: folder.to_owned(),
            log_file: folder.join(format!("{name}.log")),
            variables,
            server: Mutex::new(None),
            api: Client::new(address)?,
            address,
            metrics: Client::new(metrics)?,
        })
    }

    /// Starts the server and waits until it is ready.
    pub async fn start(&self) -> anyhow::Result<()> {
        self.spawn()?;
        self.ready().await
    }

    /// Starts the server.
    pub fn spawn(&self) -> anyhow::Result<()> {
        self.spawn_with(&[])
    }

    /// Starts the server with further variables in its environment.
    pub fn spawn_with(&self, environment: &[(String, String)]) -> anyhow::Result<()> {
        let log = fs::File::options().create(true).append(true).open(&self.log_file)?;
        let mut command = process::again(&["exchange".to_owned(), "serve".to_owned()])?;
        command.current_dir(&self.folder).envs(self.variables.iter().cloned());
        command.envs(environment.iter().cloned());
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?;
        *self.server() = Some(server);
        Ok(())
    }

    /// Waits until the started server is ready.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let give_up_at = Instant::now() + PATIENCE;
        while Instant::now() < give_up_at {
            if let Some(server) = self.server().as_mut()
                && let Some(status) = server.try_wait()?
            {
                bail!("the server ended: {status}\n{}", self.log());
            }
            if self.is_ready().await {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("the server did not get ready\n{}", self.log())
    }

    /// Whether it says of itself that it is ready.
    pub async fn is_ready(&self) -> bool {
        self.metrics.send(Call::get("/readyz")).await.is_ok_and(|answer| answer.status == 200)
    }

    /// The value of a metric without labels.
    pub async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let answer = self.metrics.send(Call::get("/metrics")).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.with_context(|| format!("there is no {name}"))?.parse()?)
    }

    /// Ends the server at once, without a word (SIGKILL), and waits until it is gone.
    pub fn kill(&self) {
        if let Some(server) = &mut self.server().take() {
            process::end(server);
        }
    }

    /// Runs a command of `gavel` with this node's settings and gives what it printed.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut all = vec!["exchange".to_owned()];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let mut command = process::again(&all)?;
        command.current_dir(&self.folder).envs(self.variables.iter().cloned());
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "gavel {arguments:?}: {said}\n{}", self.log());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log_file).unwrap_or_default()
    }

    /// Where the API listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The kernel's number of the server; 0 while it is not running.
    pub fn pid(&self) -> u32 {
        self.server().as_ref().map_or(0, Child::id)
    }

    /// Calls the API.
    pub async fn call(&self, call: Call) -> anyhow::Result<Answer> {
        self.api.send(call).await
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
