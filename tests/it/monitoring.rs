//! What `deploy/` watches, held against a real Prometheus that reads a real exchange.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use gavel::demo::stub_buyer::{Reply, Script};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{Installation, buyer, exchange, free_port, lead, text, until};

/// Where the tools of this test come from.
const PACKAGE: &str = "install `prometheus`, which brings promtool (./check does)";

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

/// A Prometheus with the shipped configuration, but for the target and its patience.
struct Prometheus {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Prometheus {
    fn start(target: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let shipped = fs::read_to_string(deploy("prometheus/prometheus.yml")).unwrap();
        let config = shipped.replace("gavel:9464", target).replace("15s", "1s");
        assert!(config.contains(target) && config.contains("_interval: 1s"), "{config}");
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        fs::copy(deploy("prometheus/rules.yml"), folder.path().join("rules.yml")).unwrap();
        let port = free_port();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect(PACKAGE);
        Self { port, process, _folder: folder }
    }

    /// An answer of its API; `None` while it does not answer.
    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Option<Json> {
        let url = format!("http://127.0.0.1:{}/api/v1/{path}", self.port);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = url::Url::parse_with_params(&url, query).unwrap();
        let reply = client.get(url).send().await.ok()?;
        serde_json::from_slice(&reply.bytes().await.ok()?).ok()
    }
}

/// Every expression of the dashboard, with Grafana's variables filled in, under its panel's title.
fn dashboard_expressions() -> Vec<(String, String)> {
    let shipped = fs::read_to_string(deploy("grafana/dashboards/gavel.json")).unwrap();
    let dashboard: Json = serde_json::from_str(&shipped).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut expressions = Vec::new();
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let filled = expression.replace("$__rate_interval", "1m").replace("$instance", ".*");
            assert!(!filled.contains('$'), "an unknown variable in {expression}");
            expressions.push((panel["title"].as_str().unwrap().to_owned(), filled));
        }
    }
    expressions
}

/// The metrics of ours that an expression names.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expression
        .split(|c| !is_of_name(c))
        .filter(|word| word.starts_with("gavel_"))
        .map(|word| {
            let ends = ["_bucket", "_sum", "_count"];
            ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()
        })
        .collect()
}

fn manual() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATIONS.md")).unwrap()
}

/// The metrics the operators' manual has; that these are the code's is a test of its own.
fn documented_metrics() -> BTreeSet<String> {
    let row = |line: &str| Some(line.strip_prefix("| `gavel_")?.split('`').next()?.to_owned());
    manual().lines().filter_map(row).map(|name| format!("gavel_{name}")).collect()
}

fn promtool_finds_no_fault_in(exposition: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect(PACKAGE);
    promtool.stdin.take().unwrap().write_all(exposition.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_reads_the_exchange_and_every_shipped_expression_means_something() {
    let high = buyer(Script::always(Reply::bid("24.50"))).await;
    let no = buyer(Script::always(Reply::no_bid("full"))).await;
    // A busy machine must not make a buyer late: that would raise an alert.
    let gavel = Installation::start(&[("ping_round_ms", "20000")]).await;
    gavel.apply(&exchange(&[("high", &high, ""), ("no", &no, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let answer = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    assert_eq!(answer.text("/disposition"), "sold");
    promtool_finds_no_fault_in(&gavel.metrics().await);

    let prometheus = Prometheus::start(&gavel.metrics_address());
    let sold = "gavel_auctions_total{disposition=\"sold\", job=\"gavel\"}";
    let value = until("Prometheus has read of the sale", async || {
        let answer = prometheus.ask("query", &[("query", sold)]).await?;
        answer.pointer("/data/result/0/value/1").cloned()
    })
    .await;
    assert_eq!(value, "1");

    let rules = until("Prometheus has evaluated every rule and nothing is wrong", async || {
        let answer = prometheus.ask("rules", &[]).await?;
        let rules = answer.pointer("/data/groups/0/rules")?.as_array()?.clone();
        // A scrape may take too long on a busy machine, and raise an alert for a moment.
        let is_quiet = |rule: &Json| rule["health"] != "unknown" && rule["state"] == "inactive";
        rules.iter().all(is_quiet).then_some(rules)
    })
    .await;
    assert!(rules.len() >= 3, "{rules:?}");
    let mut expressions = dashboard_expressions();
    assert!(expressions.len() > 30, "{}", expressions.len());
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        let named = |name: &str| rule[name].as_str().unwrap().to_owned();
        assert_eq!(rule["state"], "inactive", "nothing is wrong here: {rule}");
        expressions.push((named("name"), named("query")));
    }
    let known = documented_metrics();
    let manual = manual();
    for rule in &rules {
        let name = rule["name"].as_str().unwrap();
        assert!(manual.contains(&format!("| `{name}` |")), "operators are not told of {name}");
    }
    for (title, expression) in &expressions {
        let answer = prometheus.ask("query", &[("query", expression)]).await.unwrap();
        assert_eq!(answer["status"], "success", "{title}: {expression}: {answer}");
        let named = metrics_in(expression);
        assert!(!named.is_empty() || expression.contains("job=\"gavel\""), "{title}");
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{title}: no metric {unknown:?}");
    }
    let shown: BTreeSet<String> =
        expressions.iter().flat_map(|(_, expression)| metrics_in(expression)).collect();
    let hidden: Vec<_> = known.difference(&shown).collect();
    assert!(hidden.is_empty(), "neither a panel nor an alert shows {hidden:?}");
}
