//! The demo's users: made with secrets of their own at the first start, kept beside the demo's data
//! so that the next start can show them again. Only a demo knows its users' secrets.

use crate::access::one_time::Secret;
use crate::access::password;
use crate::config::{Config, Role};
use crate::failure::Failure;
use crate::offline::Offline;
use crate::users::add_ready;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

const FILE: &str = "demo-users.json";
const PEOPLE: [(&str, &[Role]); 3] = [
    ("aida", &[Role::Operator]),
    ("bakyt", &[Role::Checker]),
    ("chynara", &[Role::Auditor, Role::SecurityOfficer]),
];

/// A user of the demo, with what he logs in with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DemoUser {
    pub(super) user: String,
    pub(super) roles: Vec<String>,
    pub(super) password: String,
    /// Of his one-time codes, base32.
    pub(super) secret: String,
}

/// The users of a demo's data directory; those that are not there yet are made.
pub(super) fn people(offline: &mut Offline, config: &Config) -> Result<Vec<DemoUser>, Failure> {
    let path = config.store.path.join(FILE);
    if let Ok(text) = fs::read_to_string(&path) {
        let known = serde_json::from_str(&text);
        return known.map_err(|error| Failure::usage(format!("{}: {error}", path.display())));
    }
    if !offline.opened.state.users().is_empty() {
        // Somebody else made them, and nobody here knows their secrets.
        return Ok(Vec::new());
    }
    let random = |error| Failure::usage(format!("no randomness for a password: {error}"));
    let mut made = Vec::new();
    for (user, roles) in PEOPLE {
        let secret = Secret::random().map_err(random)?;
        let password = password::temporary(user).map_err(random)?;
        add_ready(offline, config, user, roles, (password.as_str(), &secret))?;
        made.push(DemoUser {
            user: user.to_owned(),
            roles: roles.iter().map(|role| role.name().to_owned()).collect(),
            password: password.to_string(),
            secret: secret.base32().to_string(),
        });
    }
    let text = serde_json::to_string_pretty(&made).unwrap_or_default();
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::file(&path, "written", &error))?;
    Ok(made)
}
