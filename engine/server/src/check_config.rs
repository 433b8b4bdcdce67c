//! `tamga check-config`: everything that is wrong with a configuration and the files it names.
//!
//! Starts nothing, listens nowhere and touches no data.

use crate::clock::Clock;
use crate::config::{Config, ConfigError, TlsConfig};
use crate::failure::Failure;
use crate::{calendar, tls, wire};
use interchange::CodeTable;
use iso8583::Framing;
use limits::RuleSet;
use std::path::Path;

/// What a good configuration amounts to, a line each.
pub type Summary = Vec<String>;

/// Checks a file and everything it names.
///
/// # Errors
/// Code 1 with everything that is wrong: file, line, column and key where there is one.
pub fn check_config(
    path: &Path,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Summary, Failure> {
    let (config, errors) =
        Config::read(path, env).map_err(|error| Failure::found(error.to_string()))?;
    let mut lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.extend(rules(&config));
    for listener in &config.listeners {
        lines.extend(wire::load_dialect(&listener.dialect).err().into_iter().flat_map(|f| f.lines));
        lines.extend(codes(listener.codes.as_deref()));
        lines.extend(tls_files(listener.tls.as_ref()));
        let framing =
            Framing::new(&listener.framing, listener.tpdu, &listener.header, listener.max_frame);
        if let Err(error) = framing {
            lines.push(format!("{}: listener {}: {error}", path.display(), listener.name));
        }
    }
    lines.extend(tls_files(config.http.as_ref().and_then(|http| http.tls.as_ref())));
    let mut seen = std::collections::BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    if lines.is_empty() { Ok(summary(&config)) } else { Err(Failure { code: 1, lines }) }
}

fn rules(config: &Config) -> Vec<String> {
    match config.rules_text() {
        Err(error) => vec![error.to_string()],
        Ok((text, origin)) => match RuleSet::parse(&text, &origin) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        },
    }
}

/// Due dates are counted by the holiday table: staff hear in time that it ends.
fn holidays(config: &Config) -> Option<String> {
    let (text, origin) = config.rules_text().ok()?;
    let rules = RuleSet::parse(&text, &origin).ok()?;
    let today = Clock::system(&config.clock.zone).ok()?.now().business_date();
    calendar::warning(&rules.calendar, today)
}

fn codes(path: Option<&Path>) -> Vec<String> {
    let Some(path) = path else { return Vec::new() };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let what = format!("the code table cannot be read: {error}");
            return vec![ConfigError::of_file(path, what).to_string()];
        }
    };
    match CodeTable::from_toml(&text, &path.display().to_string()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.to_string().lines().map(str::to_owned).collect(),
    }
}

fn tls_files(config: Option<&TlsConfig>) -> Option<String> {
    config.and_then(|config| tls::server_config(config).err()).map(|error| error.to_string())
}

fn summary(config: &Config) -> Summary {
    let mut lines = Vec::new();
    for listener in &config.listeners {
        let tls = if listener.tls.is_some() { ", TLS" } else { "" };
        let tpdu = if listener.tpdu { " + TPDU" } else { "" };
        let (name, bind) = (&listener.name, listener.bind);
        let (framing, dialect) = (&listener.framing, &listener.dialect);
        lines.push(format!("listener {name:<10} {bind:<21} {framing}{tpdu}, {dialect}{tls}"));
    }
    match &config.http {
        Some(http) => lines.push(format!("http                {}", http.bind)),
        None => lines.push("http                off".to_owned()),
    }
    lines.push(format!("data                {}", config.store.path.display()));
    match &config.rules {
        Some(rules) => lines.push(format!("rules               {}", rules.display())),
        None => lines.push("rules               built in".to_owned()),
    }
    let times = config.end_of_day;
    let minutes = times.after_midnight_ms / 60_000;
    lines.push(match times.automatic {
        true => format!("end of day          {:02}:{:02}", minutes / 60, minutes % 60),
        false => "end of day          by hand only".to_owned(),
    });
    lines.extend(holidays(config).map(|warning| format!("warning             {warning}")));
    if let Ok((text, origin)) = config.rules_text()
        && let Ok(rules) = RuleSet::parse(&text, &origin)
    {
        let gaps = rules.fee_gaps().into_iter();
        lines.extend(gaps.map(|gap| format!("warning             {origin}: {gap} (AMT-4)")));
    }
    if let Some(hsm) = &config.security.payshield {
        lines.push(format!("security module     payshield at {}", hsm.addresses.join(", ")));
    }
    if let Some(token) = &config.security.pkcs11 {
        let library = token.library.display();
        lines.push(format!("security module     pkcs11, token {} of {library}", token.token_label));
        for file in [&token.library, &token.pin_file] {
            if !file.exists() {
                let file = file.display();
                lines.push(format!("warning             [security]: {file} is not there"));
            }
        }
    }
    if config.security.test_keys {
        lines.push("test keys           accepted: not for production".to_owned());
    }
    if config.http.is_some() && config.api_tokens.is_empty() {
        lines.push("api tokens          none: nobody can use the API".to_owned());
    }
    lines
}
