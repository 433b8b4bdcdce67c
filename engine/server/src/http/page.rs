//! The operators' console: its page at every address that is not the API's, and its files.
//!
//! Without `make console` before the build there is a page that says how to get it.

use super::problem::Problem;
use super::routes::API;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use tamga_console::Asset;

const PAGE: &str = include_str!("page.html");

/// Nothing from elsewhere, no script in the page; a style in the page with the number only that is
/// made for each answer. The components write the theme's colours so.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; \
         object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// Stands in a page where that number goes.
const NONCE: &str = "tamga-nonce";

/// For what is no page.
const NO_PAGE: &str = "default-src 'none'; frame-ancestors 'none'";

/// Hashed names change with the content.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");

/// What lies beside the API: files of the console, and for any other address its page, which
/// knows what it shows there. Addresses of the API that do not exist stay errors.
pub(super) async fn console(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if !matches!(method, Method::GET | Method::HEAD) || is_elsewhere(path) {
        let path: String = path.chars().take(100).collect();
        let detail = format!("there is nothing at {path}; see {API}/openapi.json");
        return Problem::no_route(detail).into_response();
    }
    let gzip = takes_gzip(&headers);
    let asset = tamga_console::asset(path.trim_start_matches('/'), gzip);
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    match asset {
        Some(asset) if asset.media_type.starts_with("text/html") => page(),
        Some(asset) => send(asset, NO_PAGE),
        None if is_file => Problem::no_route("there is no such file").into_response(),
        None => page(),
    }
}

/// The console's page, or the one that says how to get it; never compressed, since each is another.
fn page() -> Response {
    let mut number = [0; 16];
    if let Err(error) = getrandom::fill(&mut number) {
        return Problem::internal(&error.to_string()).into_response();
    }
    let nonce = hex::encode(number);
    let index = tamga_console::index(false).map(|index| index.bytes);
    let text = index.as_deref().map_or(PAGE.into(), String::from_utf8_lossy);
    let bytes = text.replace(NONCE, &nonce).into_bytes().into();
    let media_type = "text/html; charset=utf-8";
    send(Asset { bytes, media_type, gzip: false, hashed: false }, &policy(&nonce))
}

/// Whether an address belongs to programs, so that a mistyped one must not get a page.
fn is_elsewhere(path: &str) -> bool {
    ["/api/", "/health/"].iter().any(|start| path.starts_with(start))
        || ["/api", "/health", "/metrics"].contains(&path)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|list| list.split(',').any(|one| one.trim() == "gzip"))
}

fn send(asset: Asset, policy: &str) -> Response {
    let kept = if asset.hashed { FOR_EVER } else { NOT_KEPT };
    let mut response = asset.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(header::CACHE_CONTROL, kept);
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_str(policy).unwrap_or(HeaderValue::from_static(NO_PAGE)),
    );
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if asset.gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    async fn get(path: &str) -> Response {
        console(Method::GET, path.parse().unwrap(), HeaderMap::new()).await
    }

    #[tokio::test]
    async fn addresses_of_the_console_get_a_page_and_those_of_programs_an_error() {
        for path in ["/", "/orders/57", "/live"] {
            let page = get(path).await;
            assert_eq!(page.status(), StatusCode::OK, "{path}");
            assert_eq!(page.headers()[header::CACHE_CONTROL], "no-store", "{path}");
            let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe"));
            let policy = policy.to_owned();
            let body = axum::body::to_bytes(page.into_body(), 1 << 20).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let nonce = body.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap();
            assert!(nonce.len() == 32 && policy.contains(&format!("'nonce-{nonce}'")), "{policy}");
            assert!(!body.contains(NONCE));
            assert_ne!(
                get(path).await.headers()[header::CONTENT_SECURITY_POLICY],
                policy,
                "new each time"
            );
        }
        for path in ["/api", "/api/v1/nothing", "/health/x", "/assets/x.js", "/favicon.ico"] {
            assert_eq!(get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn changes_are_never_answered_by_a_page() {
        let answer = console(Method::POST, "/orders".parse().unwrap(), HeaderMap::new()).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn compressed_files_go_to_those_who_take_them() {
        let with = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, value)]))
        };
        assert!(with("gzip") && with("deflate, gzip, br"));
        assert!(!with("br") && !with("identity") && !takes_gzip(&HeaderMap::new()));
    }
}
