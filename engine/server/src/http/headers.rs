//! Headers that tell browsers what our pages may do (OWASP secure headers): nothing from elsewhere,
//! in no frame, with no name of the page given away.

use super::context::HttpContext;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// Scripts, styles and pictures of our own only. A page that needs less says so itself.
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
    manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const ALWAYS: [(&str, &str); 7] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
         magnetometer=(), microphone=(), midi=(), payment=(), usb=(), xr-spatial-tracking=()",
    ),
];
/// Two years, as the preload lists ask.
const TRANSPORT: (&str, &str) =
    ("strict-transport-security", "max-age=63072000; includeSubDomains");

/// Adds what a handler did not set itself.
pub(super) async fn harden(
    State(context): State<HttpContext>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let transport = context.is_secure().then_some(TRANSPORT);
    for (name, value) in ALWAYS.into_iter().chain(transport) {
        let name = HeaderName::from_static(name);
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
