//! The file of keys: kept, found again, destroyed, refused when damaged.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use payment_types::Pan;
use personal::{CustomerKey, CustomerKeys, Details, FILE_NAME, KeyWriter, PersonalError, Standing};
use security::{SecurityModule, SoftwareModule};
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn module(dir: &Path) -> Arc<dyn SecurityModule> {
    Arc::new(SoftwareModule::open_or_create(dir, &dir.join("master.key"), true).unwrap())
}

fn open(dir: &Path, customers: u32) -> Result<CustomerKeys, PersonalError> {
    CustomerKeys::open(dir, &module(dir), customers)
}

fn held(keys: &CustomerKeys, position: u32, id: &str) -> CustomerKey {
    match keys.key(position, id).unwrap() {
        Standing::Held(key) => key,
        other => panic!("{other:?}"),
    }
}

fn write(keys: &CustomerKeys, first: u32, ids: &[&str]) -> Vec<CustomerKey> {
    let mut writer = KeyWriter::behind(keys, first).unwrap();
    let made: Vec<CustomerKey> = ids.iter().map(|_| CustomerKey::random().unwrap()).collect();
    ids.iter().zip(&made).for_each(|(id, key)| writer.add(id, key).unwrap());
    writer.finish().unwrap();
    made
}

#[test]
fn keys_are_found_again_by_their_customers_only() {
    let dir = tempfile::tempdir().unwrap();
    let made = write(&open(dir.path(), 0).unwrap(), 0, &["C1", "C2"]);
    let keys = open(dir.path(), 2).unwrap();
    let pan = Pan::from_ascii(b"9417000000000016").unwrap();
    let sealed = made.get(1).unwrap().seal_pan("K1", &pan).unwrap();
    assert_eq!(held(&keys, 1, "C2").open_pan("K1", &sealed).unwrap(), pan);
    assert!(keys.key(0, "C2").is_err(), "another customer's slot");
    assert!(matches!(keys.key(2, "C3").unwrap(), Standing::None));
    let elsewhere = tempfile::tempdir().unwrap();
    let other = CustomerKeys::open(dir.path(), &module(elsewhere.path()), 2);
    assert!(other.is_err(), "another module");
}

#[test]
fn more_keys_than_a_batch() {
    let dir = tempfile::tempdir().unwrap();
    let ids: Vec<String> = (0..20_000).map(|at| format!("C{at}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let keys = open(dir.path(), 0).unwrap();
    let made = write(&keys, 0, &ids);
    let details = Details { name: "N".into(), phone: String::new() };
    for at in [0usize, 8191, 8192, 19_999] {
        let id = ids.get(at).unwrap();
        let sealed = made.get(at).unwrap().seal_details(id, &details).unwrap();
        let found = held(&keys, u32::try_from(at).unwrap(), id);
        assert_eq!(found.open_details(id, &sealed).unwrap(), details);
    }
}

#[test]
fn pii_3_a_destroyed_key_is_gone_from_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path(), 0).unwrap();
    write(&keys, 0, &["C1", "C2"]);
    let path = dir.path().join(FILE_NAME);
    let before = fs::read(&path).unwrap();
    let wrapped = before.get(512 + 128 + 4..512 + 128 + 64).unwrap().to_vec();
    keys.destroy(1).unwrap();
    keys.destroy(1).unwrap();
    let after = fs::read(&path).unwrap();
    assert_eq!(after.len(), before.len());
    assert!(before.windows(60).any(|part| part == wrapped), "the search finds it");
    assert!(!after.windows(60).any(|part| part == wrapped), "overwritten");
    let keys = open(dir.path(), 2).unwrap();
    assert!(matches!(keys.key(1, "C2").unwrap(), Standing::Destroyed));
    held(&keys, 0, "C1");
}

#[test]
fn keys_of_an_import_that_never_took_effect_go() {
    let dir = tempfile::tempdir().unwrap();
    let keys = open(dir.path(), 0).unwrap();
    write(&keys, 0, &["C1"]);
    write(&keys, 1, &["X1", "X2", "X3"]);
    let keys = open(dir.path(), 1).unwrap();
    held(&keys, 0, "C1");
    assert!(matches!(keys.key(1, "X1").unwrap(), Standing::None));
    write(&keys, 1, &["C2"]);
    held(&keys, 1, "C2");
}

#[test]
fn refuses_what_is_missing_or_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let message = open(dir.path(), 3).err().unwrap().to_string();
    assert!(message.contains("are missing"), "{message}");
    write(&open(dir.path(), 0).unwrap(), 0, &["C1"]);
    let path = dir.path().join(FILE_NAME);
    let good = fs::read(&path).unwrap();
    for (at, what) in [(0, "begin with TAMGAKEY"), (9, "checksum"), (20, "checksum")] {
        let mut bad = good.clone();
        *bad.get_mut(at).unwrap() ^= 1;
        fs::write(&path, &bad).unwrap();
        let message = open(dir.path(), 1).err().unwrap().to_string();
        assert!(message.contains(what), "{message}");
    }
    let mut bad = good.clone();
    *bad.get_mut(512 + 20).unwrap() ^= 1;
    fs::write(&path, &bad).unwrap();
    let message = open(dir.path(), 1).unwrap().key(0, "C1").err().unwrap().to_string();
    assert!(message.contains("slot's checksum"), "{message}");
    fs::write(&path, good.get(..100).unwrap()).unwrap();
    assert!(open(dir.path(), 1).is_err(), "cut off");
}
