//! A child process that ends with its owner, and what the kernel says about it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

/// Ticks of the kernel's processor times in a second: fixed on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process that uses less than this share of a processor within [`QUIET_WINDOW`] is at rest.
const QUIET_SHARE: f64 = 0.06;
/// How long it is watched for that.
const QUIET_WINDOW: Duration = Duration::from_millis(500);
/// How long it may take to come to rest.
const QUIET_PATIENCE: Duration = Duration::from_secs(120);

/// This program again, as a process of its own.
pub fn again(arguments: &[String]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("this program has no path")?);
    command.args(arguments);
    Ok(command)
}

/// Sends a process a signal, such as `STOP`.
pub fn signal(process: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status()?;
    ensure!(status.success(), "{process} cannot be sent {name}");
    Ok(())
}

/// A child process that speaks in lines of JSON; killed when dropped.
pub struct Speaker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Drop for Speaker {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends a child at once.
pub fn end(child: &mut Child) {
    // It may be gone already, and then there is nothing to end.
    drop(child.kill());
    drop(child.wait());
}

impl Speaker {
    /// Starts this program with `arguments`.
    pub fn start(arguments: &[String]) -> anyhow::Result<Self> {
        let mut command = again(arguments)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the child has no standard input or output");
        };
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    /// The kernel's number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next line.
    pub fn hear<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the child said `{line}`"))
    }

    /// Says a line and waits for the answer.
    pub fn ask<T: DeserializeOwned>(&mut self, line: &str) -> anyhow::Result<T> {
        writeln!(self.input, "{line}")?;
        self.input.flush()?;
        self.hear()
    }
}

/// Processor time of a process so far, in seconds: its own and the kernel's for it.
pub fn cpu_s(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold anything, so fields are counted from behind it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let tick = |index: usize| {
        fields.split_whitespace().nth(index).and_then(|ticks| ticks.parse::<f64>().ok())
    };
    let (user, system) = (tick(11).context("no user time")?, tick(12).context("no system time")?);
    Ok((user + system) / TICKS_PER_SECOND)
}

/// Waits until a process has nothing left to do, such as to settle what it sold, and gives its
/// processor time so far.
pub async fn cpu_s_when_quiet(pid: u32) -> anyhow::Result<f64> {
    let give_up_at = Instant::now() + QUIET_PATIENCE;
    let mut before_s = cpu_s(pid)?;
    loop {
        tokio::time::sleep(QUIET_WINDOW).await;
        let now_s = cpu_s(pid)?;
        if now_s - before_s <= QUIET_WINDOW.as_secs_f64() * QUIET_SHARE {
            return Ok(now_s);
        }
        ensure!(Instant::now() < give_up_at, "the process does not come to rest");
        before_s = now_s;
    }
}

/// Resident memory of a process, in bytes.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    memory_bytes(pid, "VmRSS:")
}

/// The most resident memory a process ever had, in bytes.
pub fn peak_resident_bytes(pid: u32) -> anyhow::Result<u64> {
    memory_bytes(pid, "VmHWM:")
}

fn memory_bytes(pid: u32, name: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.context("no resident size")? * 1_024)
}
