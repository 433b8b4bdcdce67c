//! The operators' console: what `make console` built into `dist`, inside the program.
//!
//! What it is: files by path, each with its media type, and compressed where that was worth it.
//! What it is not: the console itself, which is TypeScript and lies in `src` beside this; nor a
//! server, which is `tamga`. Without `make console` there are no files, and [`is_built`] says so.
//! A debug build reads `dist` when asked, so that a console built again shows at once.

use rust_embed::Embed;
use std::borrow::Cow;

#[derive(Embed)]
#[folder = "dist"]
#[allow_missing = true]
struct Dist;

/// The page that every address of the console begins with.
const INDEX: &str = "index.html";

/// A file of the console.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its bytes, as `encoding` says.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub media_type: &'static str,
    /// Whether `bytes` are compressed with gzip.
    pub gzip: bool,
    /// Whether its name changes with its content, so that it may be kept for ever.
    pub hashed: bool,
}

/// Whether `make console` was run before this was built.
#[must_use]
pub fn is_built() -> bool {
    Dist::get(INDEX).is_some()
}

/// The page that loads the console.
#[must_use]
pub fn index(gzip: bool) -> Option<Asset> {
    asset(INDEX, gzip)
}

/// The file at `path`, without a leading slash; compressed where `gzip` is understood and a
/// compressed form is there.
#[must_use]
pub fn asset(path: &str, gzip: bool) -> Option<Asset> {
    let media_type = media_type(path)?;
    let hashed = path.starts_with("assets/");
    if gzip && let Some(file) = Dist::get(&format!("{path}.gz")) {
        return Some(Asset { bytes: file.data, media_type, gzip: true, hashed });
    }
    let file = Dist::get(path)?;
    Some(Asset { bytes: file.data, media_type, gzip: false, hashed })
}

/// What kind of file; `None` for kinds that the console has none of.
fn media_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kinds_of_the_console_are_served() {
        assert_eq!(media_type("assets/index-1a2b.js"), Some("text/javascript; charset=utf-8"));
        for other in [".gitkeep", "index", "assets/index.js.gz", "a.exe", ""] {
            assert!(asset(other, true).is_none(), "{other}");
        }
    }

    #[test]
    fn the_page_is_there_exactly_when_it_was_built() {
        assert_eq!(index(false).is_some(), is_built());
        assert!(asset("../Cargo.toml", false).is_none());
        assert!(asset("../index.html", false).is_none());
    }
}
