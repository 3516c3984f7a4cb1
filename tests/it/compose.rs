//! `deploy/compose.nodes.yaml`: what it names is there, what it sets is a setting, and what it tells
//! Redis keeps what the store needs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use gavel::ports::AuctionStore as _;
use gavel::servers::redis::RedisServer;
use gavel::store::redis::{RedisSettings, RedisStore, ServerUrl};
use tempfile::TempDir;
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlLoader};

const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];
/// Where a container has its secrets.
const SECRETS: &str = "/run/secrets/";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> Yaml {
    let text = fs::read_to_string(root().join("deploy").join(path)).unwrap();
    let mut documents = YamlLoader::load_from_str(&text).unwrap();
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

/// A service with what it takes over by `<<`.
fn service(file: &Yaml, name: &str) -> Hash {
    let own = file["services"][name].as_hash().unwrap_or_else(|| panic!("no service {name}"));
    let mut whole = own.clone();
    if let Some(taken_over) = whole.remove(&Yaml::from_str("<<")) {
        for (key, value) in taken_over.into_hash().unwrap() {
            whole.entry(key).or_insert(value);
        }
    }
    whole
}

fn part<'a>(service: &'a Hash, key: &str) -> &'a Yaml {
    service.get(&Yaml::from_str(key)).unwrap_or(&Yaml::BadValue)
}

fn texts(list: &Yaml) -> Vec<&str> {
    let list = list.as_vec().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|item| item.as_str().unwrap_or_else(|| panic!("{item:?} is no text"))).collect()
}

fn names(map: &Yaml) -> BTreeSet<&str> {
    let keys = map.as_hash().into_iter().flat_map(Hash::keys);
    keys.map(|key| key.as_str().unwrap()).collect()
}

fn pairs(map: &Yaml) -> Vec<(String, String)> {
    let text = |yaml: &Yaml| yaml.as_str().unwrap().to_owned();
    let pairs = map.as_hash().into_iter().flatten();
    pairs.map(|(key, value)| (text(key), text(value))).collect()
}

/// Makes the secrets as docs/OPERATIONS.md says, but for who owns them; gives their folder.
fn make_secrets(folder: &Path) -> PathBuf {
    let document = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let section = document.split("### Three nodes with Docker").nth(1).unwrap();
    let block = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let stubs = folder.join("stubs");
    fs::create_dir_all(&stubs).unwrap();
    for (name, script) in [("chown", "#!/bin/sh\n"), ("openssl", "#!/bin/sh\necho 5ecre7\n")] {
        fs::write(stubs.join(name), script).unwrap();
        fs::set_permissions(stubs.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::create_dir(folder.join("deploy")).unwrap();
    let path = format!("{}:{}", stubs.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("/bin/sh");
    shell.args(["-euc", block]).current_dir(folder).env("PATH", path);
    let made = shell.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder.join("deploy/secrets")
}

#[test]
fn every_secret_volume_and_network_is_there_and_every_secret_is_told_how_to_make() {
    let file = read("compose.nodes.yaml");
    let folder = TempDir::new().unwrap();
    let made = make_secrets(folder.path());
    let (mut secrets, mut volumes, mut networks) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for name in names(&file["services"]) {
        let service = service(&file, name);
        secrets.extend(texts(part(&service, "secrets")).into_iter().map(str::to_owned));
        networks.extend(texts(part(&service, "networks")).into_iter().map(str::to_owned));
        for volume in texts(part(&service, "volumes")) {
            let from = volume.split(':').next().unwrap();
            match from.strip_prefix("./") {
                Some(path) => assert!(root().join("deploy").join(path).exists(), "{volume}"),
                None => drop(volumes.insert(from.to_owned())),
            }
        }
        for other in names(part(&service, "depends_on")) {
            assert!(names(&file["services"]).contains(other), "{other}");
            let other = self::service(&file, other);
            assert!(!part(&other, "healthcheck").is_badvalue(), "it is waited for until healthy");
        }
        let words = format!("{service:?}");
        for used in words.split(SECRETS).skip(1) {
            let used: String =
                used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let given = texts(part(&service, "secrets"));
            assert!(given.contains(&used.as_str()), "{name} is not given {used}");
        }
    }
    let declared = |kind: &str| -> BTreeSet<String> {
        names(&file[kind]).into_iter().map(str::to_owned).collect()
    };
    assert_eq!(secrets, declared("secrets"));
    assert_eq!(volumes, declared("volumes"));
    assert_eq!(networks, declared("networks"));
    for secret in &secrets {
        let path = file["secrets"][secret.as_str()]["file"].as_str().unwrap();
        let path = made.parent().unwrap().join(path);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o400, "{}", path.display());
    }
    assert_eq!(fs::read_dir(&made).unwrap().count(), secrets.len());
}

#[test]
fn nodes_differ_in_their_data_and_their_port_alone_and_prometheus_reads_each() {
    let file = read("compose.nodes.yaml");
    let alone = |name: &str| {
        let mut service = service(&file, name);
        let own = ["ports", "volumes"].map(|key| service.remove(&Yaml::from_str(key)).unwrap());
        (service, own)
    };
    let (first, _) = alone(NODES[0]);
    let mut owned = BTreeSet::new();
    for name in NODES {
        let (node, [ports, volumes]) = alone(name);
        assert_eq!(node, first, "{name}");
        let data = texts(&volumes).into_iter().find(|volume| volume.ends_with(":/var/lib/gavel"));
        owned.insert(data.unwrap().to_owned());
        owned.extend(texts(&ports).into_iter().map(str::to_owned));
        let keys = texts(&volumes).into_iter().find(|volume| volume.contains(":/etc/gavel"));
        assert!(keys.unwrap().starts_with("keys:"), "{name}");
    }
    assert_eq!(owned.len(), 2 * NODES.len(), "{owned:?}");
    let targets = NODES.map(|name| format!("{name}:9464"));
    let prometheus = read("prometheus/nodes.yml");
    let configs = &prometheus["scrape_configs"][0];
    assert_eq!(configs["job_name"].as_str(), Some("gavel"), "as the rules have it");
    assert_eq!(texts(&configs["static_configs"][0]["targets"]), targets);
    let single = read("compose.yaml");
    for name in ["prometheus", "grafana"] {
        let [mut here, mut there] = [service(&file, name), service(&single, name)];
        for service in [&mut here, &mut there] {
            for key in ["command", "volumes"] {
                service.remove(&Yaml::from_str(key));
            }
        }
        assert_eq!(here, there, "{name}");
    }
    let hardened = ["user", "read_only", "cap_drop", "security_opt", "ulimits", "image", "build"];
    let single = service(&single, "gavel");
    for key in hardened {
        assert_eq!(part(&first, key), part(&single, key), "{key}");
    }
}

#[test]
fn every_setting_of_a_node_is_one() {
    let file = read("compose.nodes.yaml");
    let folder = TempDir::new().unwrap();
    let made = make_secrets(folder.path());
    let keys = folder.path().join("keys");
    let data = folder.path().join("data");
    let here = format!("{}/", made.display());
    let environment = pairs(part(&service(&file, NODES[0]), "environment")).into_iter();
    let environment: Vec<(String, String)> =
        environment.map(|(name, value)| (name, value.replace(SECRETS, &here))).collect();
    let gavel = |environment: &[(String, String)], arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let ran = command.args(arguments).output().unwrap();
        let said = format!("{:?} {}", ran.stdout, String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{arguments:?}: {said}");
    };
    // As the nodes' own it would want their database.
    gavel(&[], &["init", keys.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    let config = keys.join("gavel.toml");
    gavel(&environment, &["check-config", "--config", config.to_str().unwrap()]);
}

#[tokio::test]
async fn its_redis_keeps_what_it_acknowledges_and_lets_in_the_nodes_alone() {
    let file = read("compose.nodes.yaml");
    let folder = TempDir::new().unwrap();
    let made = make_secrets(folder.path());
    let redis = service(&file, "redis");
    let command = texts(part(&redis, "command"));
    assert_eq!(command[0], "redis-server");
    let here = format!("{}/", made.display());
    let arguments: Vec<String> =
        command[1..].iter().map(|word| word.replace(SECRETS, &here)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let server = RedisServer::start(&arguments);
    let environment = pairs(part(&service(&file, NODES[0]), "environment"));
    let named = |name: &str| {
        let found = environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap()
    };
    let urls: Vec<String> = serde_json::from_str(&named("GAVEL__STORE__URLS")).unwrap();
    let [url] = &urls[..] else { panic!("{urls:?}") };
    let address = server.url().trim_start_matches("redis://").to_owned();
    let settings = RedisSettings {
        urls: vec![ServerUrl::parse(&url.replace("redis:6379", &address)).unwrap()],
        password_file: Some(named("GAVEL__STORE__PASSWORD_FILE").replace(SECRETS, &here).into()),
        ..RedisSettings::default()
    };
    let store = RedisStore::open(settings.clone()).await.unwrap();
    assert_eq!(store.durability(), "redis-single");
    let without = RedisSettings { password_file: None, ..settings };
    let refused = RedisStore::open(without).await.err().expect("nobody else is let in");
    assert!(!refused.to_string().is_empty());
    assert!(server.ask(&["GET", "x:{install}"]).unwrap().starts_with("-NOAUTH"));
}
