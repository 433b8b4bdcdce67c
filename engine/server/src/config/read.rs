//! The keys of `tamga.toml`, their kinds, ranges and defaults.

use super::access;
use super::section::{Errors, Section, unknown};
use super::{
    ApiToken, ClockConfig, Config, ConfigError, HsmTlsConfig, HttpConfig, ListenerConfig,
    LogConfig, LogFormat, ModuleLimits, OrdersConfig, PayshieldConfig, Pkcs11Config, Role,
    SecurityConfig, StoreConfig, TlsConfig, tree,
};
use crate::day::DayTimes;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The framings of WIRE.md.
const FRAMINGS: &[&str] = &["u16be", "u16be-incl", "ascii4", "bcd2", "u32be"];
const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
const DAY_SECONDS: u64 = 86_400;

/// The configuration with defaults in place of what is wrong, and everything that is wrong.
pub(super) fn config(
    text: &str,
    source: &Path,
    folder: &Path,
    env: impl IntoIterator<Item = (String, String)>,
) -> (Config, Vec<ConfigError>) {
    let mut found = Vec::new();
    let table = tree::parse(text, source, env, &mut found);
    let errors = Errors::new(source, found);
    let root = Section::root(&table, &errors, folder);
    let config = Config {
        source: source.to_owned(),
        rules: root.path("rules"),
        clock: clock(root.section("clock")),
        security: security(root.section("security"), folder),
        store: store(root.section("store"), folder),
        end_of_day: end_of_day(root.section("end_of_day")),
        orders: orders(root.section("orders")),
        listeners: listeners(&root),
        http: http(root.section("http")),
        access: access::read(root.section("access")),
        api_tokens: api_tokens(&root),
        log: log(root.section("log")),
    };
    check_addresses(&config, &root);
    root.finish();
    (config, errors.into_sorted())
}

fn orders(section: Option<Section<'_>>) -> OrdersConfig {
    let Some(section) = section else { return OrdersConfig::default() };
    let service_tokens_sign = section.flag("service_tokens_sign");
    section.finish();
    OrdersConfig { service_tokens_sign }
}

fn clock(section: Option<Section<'_>>) -> ClockConfig {
    let zone = section.and_then(|section| {
        let zone = section.text("zone");
        if let Some(zone) = &zone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            section.error("zone", format!("`{zone}` is no time zone such as Asia/Bishkek"));
        }
        section.finish();
        zone
    });
    ClockConfig { zone: zone.unwrap_or_else(|| "Asia/Bishkek".to_owned()) }
}

/// What a build without the feature says to who wants it.
const WITHOUT_PKCS11: &str = "this build of tamga can't use PKCS#11 tokens: the feature \
     `pkcs11` was left out; build it without `--no-default-features`, or with `--features pkcs11`";

fn security(section: Option<Section<'_>>, folder: &Path) -> SecurityConfig {
    let mut config = SecurityConfig {
        module: "software".to_owned(),
        test_keys: false,
        master_key_file: folder.join("master.key"),
        payshield: None,
        pkcs11: None,
    };
    let Some(section) = section else { return config };
    match section.one_of("module", &["software", "pkcs11", "payshield"]).as_deref() {
        Some("payshield") => {
            config.module = "payshield".to_owned();
            config.payshield = Some(payshield(&section));
        }
        Some("pkcs11") => {
            config.module = "pkcs11".to_owned();
            config.pkcs11 = pkcs11(&section);
            if cfg!(not(feature = "pkcs11")) {
                section.error("module", WITHOUT_PKCS11);
            }
        }
        _ => {}
    }
    config.test_keys = section.flag("test_keys").unwrap_or(config.test_keys);
    config.master_key_file = section.path("master_key_file").unwrap_or(config.master_key_file);
    section.finish();
    config
}

fn payshield(section: &Section<'_>) -> PayshieldConfig {
    let addresses = section.texts("addresses");
    if addresses.is_empty() {
        section.error("addresses", "an HSM needs at least one, such as \"hsm-1:1500\"");
    }
    for address in &addresses {
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none_or(|port| port == 0) {
            section.error("addresses", format!("`{address}` is no host and port"));
        }
    }
    PayshieldConfig {
        addresses,
        tls: section.section("tls").and_then(hsm_tls),
        connections: section.size("connections", 1..=256).unwrap_or(8),
        waiting: section.size("waiting", 0..=65_536).unwrap_or(256),
        timeout_ms: section.number("timeout_ms", 10..=60_000).unwrap_or(2000),
        header_length: section.size("header_length", 0..=32).unwrap_or(4),
        key_table: section.path("key_table"),
    }
}

fn pkcs11(section: &Section<'_>) -> Option<Pkcs11Config> {
    for key in ["library", "token_label", "pin_file"] {
        section.required(key);
    }
    let sessions = section.size("sessions", 1..=256);
    let patience_ms = section.number("patience_ms", 10..=60_000);
    let key_table = section.path("key_table");
    Some(Pkcs11Config {
        library: section.path("library")?,
        token_label: section.text("token_label")?,
        pin_file: section.path("pin_file")?,
        sessions: sessions.unwrap_or(8),
        patience_ms: patience_ms.unwrap_or(500),
        key_table,
    })
}

fn hsm_tls(section: Section<'_>) -> Option<HsmTlsConfig> {
    section.required("ca");
    let (ca, cert, key) = (section.path("ca"), section.path("cert"), section.path("key"));
    if cert.is_some() != key.is_some() {
        section.error("cert", "goes with `key`, and `key` with it");
    }
    let server_name = section.text("server_name");
    section.finish();
    Some(HsmTlsConfig { ca: ca?, cert, key, server_name })
}

fn store(section: Option<Section<'_>>, folder: &Path) -> StoreConfig {
    let mut config = StoreConfig {
        kind: "embedded".to_owned(),
        path: folder.join("data"),
        segment_mib: 64,
        snapshot_every: 1_000_000,
    };
    let Some(section) = section else { return config };
    let kind = section.one_of("kind", &["embedded", "postgresql"]);
    if let Some(kind) = kind.filter(|kind| *kind != config.kind) {
        let message = format!("`{kind}` is not in this version of tamga; use \"embedded\"");
        section.error("kind", message);
    }
    config.path = section.path("path").unwrap_or(config.path);
    config.segment_mib = section.number("segment_mib", 1..=4096).unwrap_or(config.segment_mib);
    let every = section.number("snapshot_every", 1000..=1_000_000_000);
    config.snapshot_every = every.unwrap_or(config.snapshot_every);
    section.finish();
    config
}

fn end_of_day(section: Option<Section<'_>>) -> DayTimes {
    let mut times = DayTimes::default();
    let Some(section) = section else { return times };
    times.automatic = section.flag("automatic").unwrap_or(times.automatic);
    if let Some(text) = section.text("at") {
        match time_of_day_ms(&text) {
            Some(ms) => times.after_midnight_ms = ms,
            None => section.error("at", format!("`{text}` is no time of day such as 00:30")),
        }
    }
    section.finish();
    times
}

/// `00:30` as milliseconds after midnight.
fn time_of_day_ms(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| {
        let fits = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i64>().ok().filter(|_| fits)
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours < 24 && minutes < 60).then_some((hours * 60 + minutes) * 60_000)
}

/// `22:00` as minutes after midnight.
pub(super) fn time_of_day(text: &str) -> Option<u32> {
    u32::try_from(time_of_day_ms(text)? / 60_000).ok()
}

fn listeners(root: &Section<'_>) -> Vec<ListenerConfig> {
    let sections = root.sections("listener");
    if sections.is_empty() {
        root.error("listener", "there is none; add one under [[listener]]");
    }
    let mut all: Vec<ListenerConfig> = Vec::new();
    for section in sections {
        if let Some(listener) = listener(section, &all) {
            all.push(listener);
        }
    }
    all
}

fn listener(section: Section<'_>, before: &[ListenerConfig]) -> Option<ListenerConfig> {
    let name = section.required("name");
    if let Some(name) = &name
        && before.iter().any(|other| other.name == *name)
    {
        section.error("name", format!("there is another listener `{name}`"));
    }
    section.required("bind");
    let bind = section.address("bind");
    let framing = section.one_of("framing", FRAMINGS);
    let listener = ListenerConfig {
        name: name.unwrap_or_default(),
        bind: bind.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
        framing: framing.unwrap_or_else(|| "u16be".to_owned()),
        tpdu: section.flag("tpdu").unwrap_or(false),
        header: header(&section),
        dialect: dialect(&section).unwrap_or_else(|| "iso87-bcd".to_owned()),
        max_frame: section.size("max_frame", 64..=65_535).unwrap_or(8192),
        idle_seconds: section.number("idle_seconds", 1..=DAY_SECONDS).unwrap_or(300),
        half_frame_seconds: section.number("half_frame_seconds", 1..=3600).unwrap_or(30),
        deadline_ms: section.number("deadline_ms", 1..=600_000).unwrap_or(8000),
        in_flight_per_connection: section
            .size("in_flight_per_connection", 1..=65_536)
            .unwrap_or(64),
        in_flight: section.size("in_flight", 1..=1_048_576).unwrap_or(4096),
        connections_max: section.size("connections_max", 1..=1_048_576).unwrap_or(4096),
        connections_max_per_address: section.size("connections_max_per_address", 1..=1_048_576),
        any_terminal: any_terminal(&section),
        acquirers: acquirers(&section),
        sign_on_required: section.flag("sign_on_required").unwrap_or(false),
        security_element: security_element(&section),
        module: module(&section),
        codes: section.path("codes"),
        tls: section.section("tls").and_then(tls),
    };
    section.finish();
    Some(listener)
}

/// A private element: DE 48, 60 to 63, 120 to 127.
fn security_element(section: &Section<'_>) -> u8 {
    let element = section.number("security_element", 2..=128).unwrap_or(48);
    match u8::try_from(element) {
        Ok(element @ (48 | 60..=63 | 120..=127)) => element,
        _ => {
            section.error("security_element", "must be 48, 60 to 63 or 120 to 127");
            48
        }
    }
}

/// `terminals`: by default those of the portfolio that name the listener; a network's are others'.
fn any_terminal(section: &Section<'_>) -> bool {
    match section.one_of("terminals", &["own", "any"]) {
        Some(which) => which == "any",
        None => section.text("name").is_some_and(|name| name == "network"),
    }
}

/// `acquirers`: as DE 32 has them, up to 11 digits.
fn acquirers(section: &Section<'_>) -> Vec<u64> {
    let texts = section.texts("acquirers");
    let number = |text: &String| {
        let is_one = (1..=11).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_one);
        if number.is_none() {
            section.error("acquirers", "expected what DE 32 has, 1 to 11 digits, as in \"417001\"");
        }
        number
    };
    texts.iter().filter_map(number).collect()
}

/// How a security module outside the process is asked.
fn module(section: &Section<'_>) -> ModuleLimits {
    let usual = ModuleLimits::default();
    let patience = section.number("module_patience_ms", 1..=60_000).map(Duration::from_millis);
    ModuleLimits {
        threads: section.size("module_threads", 1..=256).unwrap_or(usual.threads),
        queue: section.size("module_queue", 1..=65_536).unwrap_or(usual.queue),
        patience: patience.unwrap_or(usual.patience),
    }
}

/// A literal header, as text or in hex digits.
fn header(section: &Section<'_>) -> Vec<u8> {
    let text = section.text("header");
    let Some(digits) = section.text("header_hex") else {
        return text.map(String::into_bytes).unwrap_or_default();
    };
    if text.is_some() {
        section.error("header_hex", "give `header` or `header_hex`, not both");
    }
    hex::decode(&digits).unwrap_or_else(|_| {
        section.error("header_hex", "expected an even number of hex digits");
        Vec::new()
    })
}

/// A name stays, a path becomes one that does not depend on the current directory.
fn dialect(section: &Section<'_>) -> Option<String> {
    let text = section.text("dialect")?;
    if text.contains('/') || text.ends_with(".toml") {
        return Some(section.resolve(&text).display().to_string());
    }
    section.one_of("dialect", iso8583::Dialect::SHIPPED)
}

fn tls(section: Section<'_>) -> Option<TlsConfig> {
    section.required("cert");
    section.required("key");
    let (cert, key) = (section.path("cert"), section.path("key"));
    let client_ca = section.path("client_ca");
    let bind_names = section.flag("bind_names").unwrap_or(true);
    section.finish();
    Some(TlsConfig { cert: cert?, key: key?, client_ca, bind_names })
}

fn http(section: Option<Section<'_>>) -> Option<HttpConfig> {
    let default = SocketAddr::from(([127, 0, 0, 1], 8580));
    let Some(section) = section else { return Some(HttpConfig { bind: default, tls: None }) };
    let enabled = section.flag("enabled").unwrap_or(true);
    let bind = section.address("bind").unwrap_or(default);
    let tls = section.section("tls").and_then(tls);
    section.finish();
    enabled.then_some(HttpConfig { bind, tls })
}

fn api_tokens(root: &Section<'_>) -> Vec<ApiToken> {
    let mut tokens: Vec<ApiToken> = Vec::new();
    for section in root.sections("api_token") {
        let name = section.required("name").unwrap_or_default();
        if tokens.iter().any(|other| other.name == name) {
            section.error("name", format!("there is another token `{name}`"));
        }
        let sha256 = section.required("sha256").map(|digits| {
            let mut digest = [0; 32];
            if hex::decode_to_slice(&digits, &mut digest).is_err() {
                section.error("sha256", "expected the token's SHA-256 as 64 hex digits");
            }
            digest
        });
        let roles = roles(&section);
        section.finish();
        if let Some(sha256) = sha256 {
            tokens.push(ApiToken { name, sha256, roles });
        }
    }
    tokens
}

fn roles(section: &Section<'_>) -> Vec<Role> {
    let names = section.texts("roles");
    if names.is_empty() {
        section.error("roles", "names no role, so the token could do nothing");
    }
    let known = || Role::ALL.iter().map(|role| role.name());
    names
        .iter()
        .filter_map(|name| {
            let role = Role::from_name(name);
            if role.is_none() {
                section.error("roles", unknown("role", name, known()));
            }
            role
        })
        .collect()
}

fn log(section: Option<Section<'_>>) -> LogConfig {
    let default = LogConfig { format: LogFormat::Text, level: "info".to_owned() };
    let Some(section) = section else { return default };
    let format = match section.one_of("format", &["text", "json"]).as_deref() {
        Some("json") => LogFormat::Json,
        _ => LogFormat::Text,
    };
    let level = section.one_of("level", LEVELS).unwrap_or(default.level);
    section.finish();
    LogConfig { format, level }
}

/// Two listeners on one address would only show when the second one starts.
fn check_addresses(config: &Config, root: &Section<'_>) {
    let sections = root.sections("listener");
    let mut taken: Vec<(SocketAddr, &str)> =
        config.http.iter().map(|http| (http.bind, "http")).collect();
    for (listener, section) in config.listeners.iter().zip(sections) {
        let address = listener.bind;
        if let Some((_, name)) = taken.iter().find(|(other, _)| *other == address)
            && address.port() != 0
        {
            section.error("bind", format!("{address} is taken by `{name}`"));
        }
        taken.push((address, listener.name.as_str()));
    }
}
