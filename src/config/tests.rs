use std::collections::BTreeSet;

use super::*;
use crate::store::redis::Durability;

/// Reads `text` as `/etc/gavel/gavel.toml` under `variables`.
fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigFaults> {
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Config::parse(text, Path::new("gavel.toml"), Path::new("/etc/gavel"), variables)
}

#[track_caller]
fn check_faults(text: &str, variables: &[(&str, &str)], expect: &[&str]) {
    let faults = parse(text, variables).expect_err("there should be faults");
    let faults: Vec<String> = faults.0.iter().map(ToString::to_string).collect();
    assert_eq!(faults, expect);
}

#[test]
fn an_empty_file_means_the_defaults() {
    let config = parse("", &[]).unwrap();
    assert_eq!(config.exchange.currency, "USD");
    assert_eq!(config.http.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.admin, None);
    assert_eq!(config.metrics.listen, "127.0.0.1:9464".parse().unwrap());
    assert_eq!(config.log, Log { level: "info".into(), format: LogFormat::Json });
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.wire, WireSettings::default());
    let store = EmbeddedSettings::default();
    let path = "/etc/gavel/data/store".into();
    assert_eq!(config.store, StoreSettings::Embedded(EmbeddedSettings { path, ..store }));
    let records = SqliteSettings::at("/etc/gavel/data/records.db".into());
    assert_eq!(config.records, RecordsSettings::Sqlite(records));
    assert_eq!(config.warnings(), Vec::<String>::new());
}

#[test]
fn the_template_names_every_limit() {
    let template: toml::Table = TEMPLATE.parse().unwrap();
    let limits = toml::Table::try_from(Limits::default()).unwrap();
    let keys = |table: &toml::Table| table.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(template["limits"].as_table().unwrap()), keys(&limits));
}

#[test]
fn the_commented_lines_of_the_template_are_valid_too() {
    let all = TEMPLATE.replace("# [admin]", "[admin]").replace("# listen", "listen");
    let all = all.replace("# extra_ca_file", "extra_ca_file").replace("# workers", "workers");
    let config = parse(&all, &[]).unwrap();
    assert_eq!(config.admin.map(|admin| admin.listen), Some("127.0.0.1:8081".parse().unwrap()));
    assert_eq!(config.http.workers.map(NonZeroUsize::get), Some(2));
}

#[test]
fn paths_start_at_the_folder_of_the_file() {
    let config = parse("vault.key_file = \"keys/master\"", &[]).unwrap();
    assert_eq!(config.vault.key_file, Path::new("/etc/gavel/keys/master"));
    assert_eq!(config.vault.day_key_folder, Path::new("/etc/gavel/data/day-keys"));
    assert_eq!(config.operator_key_file(), Path::new("/etc/gavel/operator.key"));
    let config = parse("vault.key_file = \"/run/master\"", &[]).unwrap();
    assert_eq!(config.vault.key_file, Path::new("/run/master"));
}

#[test]
fn the_environment_lies_over_the_file() {
    let file = "[limits]\npost_ms = 9000\nbid_ttl_ms = 9000\n";
    let variables = [
        ("GAVEL__LIMITS__POST_MS", "8000"),
        ("GAVEL__LIMITS__BID_MAX", "250.00"),
        ("GAVEL__EXCHANGE__CURRENCY", "EUR"),
        ("GAVEL__ADMIN__LISTEN", "127.0.0.1:7000"),
        ("GAVEL_LOG_FORMAT", "text"),
        ("HOME", "/root"),
    ];
    let config = parse(file, &variables).unwrap();
    let bid_max = crate::domain::money::Money::parse("250").unwrap();
    let expect = Limits { post_ms: 8_000, bid_ttl_ms: 9_000, bid_max, ..Limits::default() };
    assert_eq!(config.limits, expect);
    assert_eq!(config.exchange.currency, "EUR");
    assert_eq!(config.admin, Some(Listener { listen: "127.0.0.1:7000".parse().unwrap() }));
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn every_fault_is_reported_at_once_with_its_place() {
    let file = "\
[exchange]
currency = \"dollars\"

[http]
listen = \"localhost\"

[limits]
post_ms = \"long\"

[vault]
file = \"gavel.key\"

[colour]
";
    check_faults(
        file,
        &[("GAVEL__METRICS__LISTEN", "none"), ("GAVEL__LIMITS", "x")],
        &[
            "gavel.toml:2: exchange.currency: `dollars` is not a currency code such as USD",
            "gavel.toml:5: http.listen: invalid socket address syntax",
            "gavel.toml:8: limits.post_ms: invalid type: string \"long\", expected u64",
            "gavel.toml:11: vault.file: unknown field `file`, expected `key_file` or `day_key_folder`",
            "gavel.toml:13: colour: unknown section; known are admin, events, exchange, http, limits, log, \
             metrics, records, store, vault, wire",
            "GAVEL__LIMITS: is not of the form GAVEL__SECTION__KEY",
            "GAVEL__METRICS__LISTEN: metrics.listen: invalid socket address syntax",
        ],
    );
}

#[test]
fn values_that_do_not_fit_together_are_faults() {
    check_faults(
        "exchange.currency = \"usd\"\nlog.level = \"gavel=loud\"\nmetrics.listen = \"127.0.0.1:8080\"",
        &[],
        &[
            "gavel.toml:1: exchange.currency: `usd` is not a currency code such as USD",
            "gavel.toml:2: log.level: error parsing level filter: expected one of \"off\", \
             \"error\", \"warn\", \"info\", \"debug\", \"trace\", or a number 0-5",
            "gavel.toml:3: metrics.listen: 127.0.0.1:8080 is http.listen too",
        ],
    );
    check_faults(
        "limits = { auction_ms = 16999, renew_ms = 5001, headers_max = 0, wait_ms_default = 99 }",
        &[],
        &[
            "gavel.toml:1: limits.auction_ms: 16999 leaves no time for one ping round and one post: \
             ping_round_ms + post_ms = 17000",
            "gavel.toml:1: limits.headers_max: must be above 0",
            "gavel.toml:1: limits.renew_ms: 5001 is more than half of lease_ms = 10000: one slow \
             renewal would lose the lead",
            "gavel.toml:1: limits.wait_ms_default: 99 is not within 100 to 300000",
        ],
    );
    check_faults(
        "limits = { lease_ms = 999, renew_ms = 499 }",
        &[],
        &[
            "gavel.toml:1: limits.lease_ms: 999 is less than 1000: a pause of a moment would lose the \
           lead",
        ],
    );
    let short = parse("limits = { lease_ms = 2000, renew_ms = 1000 }", &[]).unwrap();
    assert_eq!((short.limits.lease_ms, short.limits.renew_ms), (2_000, 1_000));
    check_faults(
        "",
        &[("GAVEL__LIMITS__UNRESOLVED_AFTER_S", "59")],
        &["GAVEL__LIMITS__UNRESOLVED_AFTER_S: limits.unresolved_after_s: 59 s end before the \
           auction does (60000 ms)"],
    );
}

#[test]
fn closed_leads_are_kept_as_long_as_their_keys_are_known() {
    check_faults(
        "store = { closed_retention_days = 29, partitions = 0 }",
        &[],
        &[
            "gavel.toml:1: store: partitions must be from 1 to 1024",
            "gavel.toml:1: store.closed_retention_days: 29 is shorter than \
             limits.idempotency_days = 30: answers could not be repeated so long",
        ],
    );
}

#[test]
fn the_template_names_every_setting_of_the_store() {
    let template: toml::Table = TEMPLATE.parse().unwrap();
    let mut known = toml::Table::try_from(EmbeddedSettings::default()).unwrap();
    known.insert("kind".to_owned(), "embedded".into());
    let keys = |table: &toml::Table| table.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(template["store"].as_table().unwrap()), keys(&known));
}

#[test]
fn the_wire_has_bounds_of_its_own() {
    check_faults(
        "wire = { calls_in_flight_max = 0, reply_headers_bytes_max = 1, allow_networks = [\"x\"] }",
        &[],
        &["gavel.toml:1: wire.allow_networks: invalid IP address syntax"],
    );
    check_faults(
        "wire = { calls_in_flight_max = 0, reply_headers_bytes_max = 1 }",
        &[],
        &[
            "gavel.toml:1: wire.calls_in_flight_max: is 0, but must be 1 to 10000",
            "gavel.toml:1: wire.reply_headers_bytes_max: is 1, but must be 8192 to 1048576",
        ],
    );
}

#[test]
fn two_listeners_may_both_take_any_free_port() {
    let text = "http.listen = \"127.0.0.1:0\"\nmetrics.listen = \"127.0.0.1:0\"";
    assert!(parse(text, &[]).is_ok());
}

#[test]
fn another_kind_is_none() {
    check_faults(
        "store.kind = \"disk\"\nrecords.kind = \"mysql\"",
        &[],
        &[
            "gavel.toml:1: store.kind: must be `embedded` or `redis`",
            "gavel.toml:2: records.kind: must be `sqlite` or `postgres`",
        ],
    );
}

fn server(url: &str) -> ServerUrl {
    ServerUrl::parse(url).unwrap()
}

#[test]
fn the_store_may_be_on_redis() {
    let records =
        "records = { kind = \"postgres\", url = \"postgres://gavel@db.example/records\" }";
    let text = format!(
        "{records}\nstore = {{ kind = \"redis\", urls = [\"redis://one:6379\", \"redis://two\"], \
         cluster = true, password_file = \"redis.password\", durability = \"relaxed\" }}"
    );
    let expect = RedisSettings {
        urls: vec![server("redis://one:6379"), server("redis://two")],
        cluster: true,
        password_file: Some("/etc/gavel/redis.password".into()),
        durability: Durability::Relaxed,
        ..RedisSettings::default()
    };
    assert_eq!(parse(&text, &[]).unwrap().store, StoreSettings::Redis(expect));

    let variables = [
        ("GAVEL__STORE__KIND", "redis"),
        ("GAVEL__STORE__SINGLE_NODE", "true"),
        ("GAVEL__STORE__URLS", "[\"redis://:s3cret@one\"]"),
    ];
    let config = parse("", &variables).unwrap();
    let expect = RedisSettings {
        urls: vec![server("redis://:s3cret@one")],
        single_node: true,
        ..RedisSettings::default()
    };
    assert_eq!(config.store, StoreSettings::Redis(expect));
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn what_is_wrong_with_redis_is_said_without_the_password() {
    check_faults(
        "store = { kind = \"redis\", single_node = true, urls = [\"redis://:s3cret@one\", \
         \"redis://two\"], repeat_ms = 60001, closed_retention_days = 29, \
         operation_retention_days = 28 }",
        &[],
        &[
            "gavel.toml:1: store.closed_retention_days: 29 is shorter than \
             limits.idempotency_days = 30: answers could not be repeated so long",
            "gavel.toml:1: store.operation_retention_days: is 28, but must be 29 to 65535",
            "gavel.toml:1: store.repeat_ms: is 60001, but must be 0 to 60000",
            "gavel.toml:1: store.urls: names several servers, but `cluster` is false",
            "gavel.toml:1: store.urls: has a password, which does not belong into this file: name a \
             file with `password_file`, or set GAVEL__STORE__URLS",
        ],
    );
    let fault = "is not of the form redis://host:port or rediss://host:port";
    for url in
        ["one:6379", "http://s3cret@one", "redis://", "redis://one/s3cret", "redis://one?x=1"]
    {
        let text = format!("store = {{ kind = \"redis\", urls = [\"{url}\"] }}");
        check_faults(&text, &[], &[&format!("gavel.toml:1: store.urls: {fault}")]);
    }
    check_faults(
        "store = { kind = \"redis\", path = \"data\" }",
        &[],
        &["gavel.toml:1: store.path: unknown field `path`, expected one of `urls`, `cluster`, \
           `durability`, `single_node`, `password_file`, `partitions`, `connect_timeout_ms`, \
           `reply_timeout_ms`, `repeat_ms`, `commands_in_flight_max`, `closed_retention_days`, \
           `operation_retention_days`"],
    );
}

#[test]
fn nodes_that_share_a_store_share_their_records() {
    let text = "store = { kind = \"redis\", urls = [\"redis://one\"] }";
    check_faults(
        text,
        &[],
        &["gavel.toml:1: store.kind: is shared by nodes, but records in SQLite are not: set \
           records.kind = \"postgres\", or store.single_node = true for one node"],
    );
    assert!(parse(text, &[("GAVEL__STORE__SINGLE_NODE", "true")]).is_ok());
}

#[test]
fn text_that_is_not_toml_is_a_fault_with_its_line() {
    let faults = parse("[http]\nlisten = \n[limits]\npost_ms = = 3\n", &[]).unwrap_err();
    let places: Vec<&str> = faults.0.iter().map(|fault| fault.place.as_str()).collect();
    assert_eq!(places, ["gavel.toml:2", "gavel.toml:4", "gavel.toml:4"]);
}

#[test]
fn a_value_where_a_section_should_be_is_a_fault() {
    check_faults("limits = 3", &[], &["gavel.toml:1: limits: is a section, not a value"]);
}

#[test]
fn doubtful_limits_are_warned_about() {
    let text = "limits = { drain_ms = 1000, idempotency_days = 1, unresolved_after_s = 90000, \
                bid_ttl_ms = 1000, wait_ms_default = 500 }\n\
                wire.allow_networks = [\"127.0.0.0/8\", \"10.0.0.0/8\"]";
    let warnings = parse(text, &[]).unwrap().warnings();
    assert_eq!(warnings.len(), 5, "{warnings:#?}");
}

#[test]
fn a_missing_file_says_how_to_make_one() {
    let missing = Path::new("/nonexistent/gavel.toml");
    let faults = Config::load(missing, []).unwrap_err().to_string();
    assert!(faults.contains("the configuration has 1 fault\n  /nonexistent/gavel.toml: cannot be"));
    assert!(faults.contains("`gavel init` writes one"), "{faults}");
}

#[test]
fn the_local_template_allows_buyers_on_this_machine_and_changes_nothing_else() {
    let local = local_template();
    let changed: Vec<(&str, &str)> =
        TEMPLATE.lines().zip(local.lines()).filter(|(before, after)| before != after).collect();
    assert_eq!(TEMPLATE.lines().count(), local.lines().count());
    assert_eq!(changed.len(), 1);
    assert!(changed[0].1.starts_with("allow_networks = [\"127.0.0.0/8\"] "), "{changed:?}");
    assert!(parse(&local, &[]).is_ok());
}

const URL: &str = "postgres://gavel@db.example/records";

#[test]
fn records_may_be_in_postgres() {
    let expect = PostgresSettings::at(URL.parse().unwrap());
    let by_url = PostgresSettings { connections_max: 3, ..expect.clone() };
    let text = format!("records = {{ kind = \"postgres\", url = \"{URL}\", connections_max = 3 }}");
    assert_eq!(parse(&text, &[]).unwrap().records, RecordsSettings::Postgres(by_url));

    let file = Some("/etc/gavel/records.url".into());
    let by_file = PostgresSettings { url: None, url_file: file, ..expect };
    let text = "records = { kind = \"postgres\", url_file = \"records.url\" }";
    assert_eq!(parse(text, &[]).unwrap().records, RecordsSettings::Postgres(by_file));

    let secret = "postgres://gavel:s3cret@db.example/records";
    let variables = [
        ("GAVEL__RECORDS__CONNECTIONS_MAX", "3"),
        ("GAVEL__RECORDS__KIND", "postgres"),
        ("GAVEL__RECORDS__URL", secret),
    ];
    let config = parse("", &variables).unwrap();
    let by_variables =
        PostgresSettings { connections_max: 3, ..PostgresSettings::at(secret.parse().unwrap()) };
    assert_eq!(config.records, RecordsSettings::Postgres(by_variables));
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn what_is_wrong_with_postgres_is_said_without_the_password() {
    let secret = "postgres://gavel:s3cret@db.example/records";
    check_faults(
        &format!("[records]\nkind = \"postgres\"\nurl = \"{secret}\""),
        &[],
        &[
            "gavel.toml:3: records.url: has a password, which does not belong into this file: name a \
           file with `url_file`, or set GAVEL__RECORDS__URL",
        ],
    );
    check_faults(
        "[records]\nkind = \"postgres\"\npath = \"a.db\"\nconnections_max = \"many\"",
        &[("GAVEL__RECORDS__URL", "gavel:s3cret@db.example/records")],
        &[
            "gavel.toml:3: records.path: unknown field `path`, expected one of `url`, `url_file`, \
             `connections_max`, `connect_timeout_ms`, `busy_timeout_ms`, `statement_timeout_ms`",
            "gavel.toml:4: records.connections_max: invalid type: string \"many\", expected u32",
            "GAVEL__RECORDS__URL: records.url: is not of the form \
             postgres://user:password@host:port/database",
        ],
    );
    check_faults(
        "records = { kind = \"postgres\", busy_timeout_ms = 0 }",
        &[],
        &[
            "gavel.toml:1: records.busy_timeout_ms: must be above 0",
            "gavel.toml:1: records.url_file: must be set, or `url`: where the database is",
        ],
    );
}

/// What the template shows in comments for another kind.
fn shown_for(kind: &str) -> String {
    let is_before = |line: &&str| *line != format!("# kind = \"{kind}\"");
    let lines = TEMPLATE.lines().skip_while(is_before);
    let lines = lines.map_while(|line| line.strip_prefix("# "));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_template_shows_every_setting_of_redis_with_its_default() {
    let text = shown_for("redis");
    let expect = RedisSettings {
        urls: vec![server("redis://127.0.0.1:6379")],
        password_file: Some("/etc/gavel/redis.password".into()),
        ..RedisSettings::default()
    };
    let variables = [("GAVEL__STORE__SINGLE_NODE", "true")];
    let config = parse(&format!("[store]\n{text}"), &variables).unwrap();
    let expect = RedisSettings { single_node: true, ..expect };
    assert_eq!(config.store, StoreSettings::Redis(expect));
    assert_eq!(text.lines().count(), 13, "{text}");
}

#[test]
fn the_template_shows_every_setting_of_postgres_with_its_default() {
    let text = shown_for("postgres");
    let file = Some("/etc/gavel/records.url".into());
    let expect = PostgresSettings {
        url: None,
        url_file: file,
        ..PostgresSettings::at(URL.parse().unwrap())
    };
    let config = parse(&format!("[records]\n{text}"), &[]).unwrap();
    assert_eq!(config.records, RecordsSettings::Postgres(expect));
    assert_eq!(text.lines().count(), 6, "{text}");
}
