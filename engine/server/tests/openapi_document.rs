//! The console's types are made from a document that is checked in, so that it can be built without
//! the engine; it must be the engine's own.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

#[test]
fn the_checked_in_document_is_the_engines() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../console/openapi.json");
    let text = serde_json::to_string_pretty(tamga::http::openapi_document()).unwrap() + "\n";
    if std::env::var_os("TAMGA_UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == text, "engine/console/openapi.json is not current: `make console-api`");
}
