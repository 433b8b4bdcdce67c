//! `tamga verify-order`: who signed an order, with which factor, and that nothing was altered since
//! (SIG-3). From a data directory, or without one from the exported register alone.
//!
//! Proved are: each line is what its hash says and follows the one before; the order's content is
//! what was signed; a personal key's signature is that key's; a one-time code was used before it
//! signed; maker and checker are two people. Who rewrites all lines after one of them gets another
//! head: compare it with one that was kept elsewhere (`--head`).

use crate::access::personal_key::is_of;
use crate::failure::Failure;
use crate::replay::{Run, difference};
use authorization::{RegisterEntry, hex, sha256, statement};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Where the register is.
#[derive(Debug, Clone)]
pub enum RegisterSource {
    /// A data directory; an engine may be running on it.
    Data(PathBuf),
    /// A file that `GET /orders/register` gave.
    Export(PathBuf),
}

/// Checks the register, and what it says about an order; gives what was found, a line each.
///
/// # Errors
/// Code 1 with the first thing that is not right; 3 if the register cannot be read.
pub fn verify_order(
    source: &RegisterSource,
    order: u64,
    head: Option<&str>,
) -> Result<Vec<String>, Failure> {
    let text = match source {
        RegisterSource::Data(data) => from_data(data)?,
        RegisterSource::Export(file) => {
            std::fs::read_to_string(file).map_err(|error| Failure::file(file, "read", &error))?
        }
    };
    prove(&text, order, head).map_err(Failure::found)
}

/// The register after every record, each of which must come out as it was recorded.
fn from_data(data: &Path) -> Result<String, Failure> {
    let mut run = match Run::open(data, true) {
        Ok(run) => run,
        Err(_) => Run::open(data, false)?,
    };
    while let Some(step) = run.step()? {
        if step.outcome != step.record.outcome {
            return Err(Failure::found(difference(&step)));
        }
    }
    let lines = run.state.orders().register().entries().map(RegisterEntry::line);
    Ok(lines.map(|line| line + "\n").collect())
}

type Found<T> = Result<T, String>;

/// See [`verify_order`], for a register's text.
///
/// # Errors
/// The first thing that is not right.
pub fn prove(text: &str, order: u64, head: Option<&str>) -> Found<Vec<String>> {
    let (entries, last) = chain(text)?;
    if let Some(wanted) = head.filter(|wanted| !wanted.eq_ignore_ascii_case(&last)) {
        return Err(format!("the register's head is {last}, not {wanted}"));
    }
    let mut told = vec![format!("register   {} entries, the chain is unbroken", entries.len())];
    let of_order: Vec<&Map<String, Value>> =
        entries.iter().filter(|entry| entry.get("order") == Some(&Value::from(order))).collect();
    if of_order.is_empty() {
        return Err(format!("the register says nothing about order {order}"));
    }
    let mut proof = Proof { entries: &entries, digest: String::new(), maker: String::new() };
    for entry in of_order {
        told.push(proof.entry(entry)?);
    }
    told.push(format!("digest     {}", proof.digest));
    told.push(format!("head       {last}"));
    Ok(told)
}

/// Every entry, in a chain that is unbroken, and the last hash.
fn chain(text: &str) -> Found<(Vec<Map<String, Value>>, String)> {
    let (mut entries, mut previous) = (Vec::new(), "0".repeat(64));
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line of the register is cut short".to_owned());
    }
    for (line, number) in text.lines().zip(1u64..) {
        let wrong = |what: &str| format!("entry {number} of the register {what}");
        let value: Value = serde_json::from_str(line).map_err(|_| wrong("is not JSON"))?;
        let written = value.to_string();
        if written != line {
            return Err(wrong("is not written as it was exported"));
        }
        let Value::Object(mut entry) = value else { return Err(wrong("is no entry")) };
        let hash = entry.remove("hash");
        let hash = hash.as_ref().and_then(Value::as_str).ok_or_else(|| wrong("has no hash"))?;
        if entry.get("number") != Some(&Value::from(number)) {
            return Err(wrong("has another number: one is missing or was put in"));
        }
        if text_of(&entry, "previous") != previous {
            return Err(wrong("does not follow the entry before"));
        }
        let content = Value::Object(entry.clone()).to_string();
        if hex(&sha256(content.as_bytes())) != hash {
            return Err(wrong("was altered: its content is not what was hashed"));
        }
        previous = hash.to_owned();
        entries.push(entry);
    }
    Ok((entries, previous))
}

/// What was found out about an order so far.
struct Proof<'a> {
    entries: &'a [Map<String, Value>],
    /// Of the revision.
    digest: String,
    /// Who signed it as its maker.
    maker: String,
}

impl Proof<'_> {
    fn entry(&mut self, entry: &Map<String, Value>) -> Found<String> {
        let (act, by) = (text_of(entry, "act"), text_of(entry, "by"));
        let number = entry.get("number").and_then(Value::as_u64).unwrap_or_default();
        let wrong = |what: String| format!("entry {number} of the register: {what}");
        let mut signed = hex(&sha256(text_of(entry, "content").as_bytes()));
        if matches!(act, "drafted" | "revised") {
            self.digest.clone_from(&signed);
            self.maker.clear();
        }
        if act != "rolled_back" {
            signed.clone_from(&self.digest);
        } else if let Some(content) = entry.get("content").and_then(Value::as_str) {
            let order = entry.get("order").and_then(Value::as_u64).unwrap_or_default();
            if content != format!("{{\"digest\":\"{}\",\"roll_back\":{order}}}", self.digest) {
                return Err(wrong("the rollback of something else was signed".to_owned()));
            }
        }
        let mut how = String::new();
        if let Some(Value::Object(signature)) = entry.get("signature") {
            if text_of(signature, "signer") != by {
                return Err(wrong(format!("{by} is not who signed it")));
            }
            how = self.signature(number, signature, &signed).map_err(wrong)?;
        } else if matches!(act, "signed" | "approved") {
            return Err(wrong(format!("{act} without a signature")));
        }
        if act == "signed" {
            by.clone_into(&mut self.maker);
        }
        if act == "approved" && (self.maker.is_empty() || self.maker == by) {
            return Err(wrong(format!("{by} approved what he made himself, or nobody made")));
        }
        let (at, detail) = (text_of(entry, "at"), text_of(entry, "detail"));
        let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        Ok(format!("{act:<10} {at} {by}{how}{detail}"))
    }

    fn signature(
        &self,
        number: u64,
        signature: &Map<String, Value>,
        signed: &str,
    ) -> Found<String> {
        if text_of(signature, "digest") != signed {
            return Err("what was signed is not the order's content".to_owned());
        }
        let version = signature.get("statement").and_then(Value::as_u64);
        let version = version.and_then(|version| u16::try_from(version).ok());
        if version.and_then(statement).is_none() {
            return Err("the statement of legal force was not confirmed".to_owned());
        }
        let factor = text_of(signature, "factor");
        let how = match factor {
            "personal_key" => personal_key(signature, signed)?,
            "one_time_code" => self.code(number, signature)?,
            "service_token" => "with a service's token".to_owned(),
            other => return Err(format!("{other:?} is no factor")),
        };
        Ok(format!(", {how}"))
    }

    /// The code must have been used by the signer before, for a signature.
    fn code(&self, number: u64, signature: &Map<String, Value>) -> Found<String> {
        let step = signature.get("step").and_then(Value::as_u64).unwrap_or_default();
        let detail = format!("signature, step {step}");
        let used = self.entries.iter().any(|entry| {
            text_of(entry, "act") == "code_used"
                && text_of(entry, "by") == text_of(signature, "signer")
                && text_of(entry, "detail") == detail
                && entry.get("number").and_then(Value::as_u64).is_some_and(|at| at < number)
        });
        if used {
            Ok(format!("with the one-time code of step {step}"))
        } else {
            Err(format!("no use of the one-time code of step {step} is in the register"))
        }
    }
}

fn personal_key(signature: &Map<String, Value>, signed: &str) -> Found<String> {
    let key = text_of(signature, "key");
    let bytes = |text: &str| hex::decode(text).unwrap_or_default();
    let public: Option<[u8; 32]> = bytes(key).try_into().ok();
    let made: Option<[u8; 64]> = bytes(text_of(signature, "signature")).try_into().ok();
    let digest: Option<[u8; 32]> = bytes(signed).try_into().ok();
    let good = public
        .zip(made)
        .zip(digest)
        .is_some_and(|((public, made), digest)| is_of(&public, &digest, &made));
    if good {
        Ok(format!("with the personal key {key}"))
    } else {
        Err("the personal key's signature is not of this content".to_owned())
    }
}

fn text_of<'e>(entry: &'e Map<String, Value>, name: &str) -> &'e str {
    entry.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
