//! Configuration files, good and bad.

use super::*;

const LISTENER: &str = "[[listener]]\nname = \"pos\"\nbind = \"127.0.0.1:8583\"\n";

fn parse(text: &str) -> Result<Config, Vec<String>> {
    parse_with(text, &[])
}

fn parse_with(text: &str, env: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(text, Path::new("tamga.toml"), Path::new("/etc/tamga"), env)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// The contract's example, with every default that others rely on.
#[test]
fn reads_the_contract_s_example() {
    let digest = "ab".repeat(32);
    let text = format!(
        r#"
rules = "rules.toml"
[clock]
zone = "Asia/Bishkek"
[security]
module = "software"
test_keys = true
[store]
kind = "embedded"
path = "data"
[[listener]]
name = "pos"
bind = "127.0.0.1:8583"
framing = "u16be"
tpdu = true
dialect = "iso87-bcd"
[http]
bind = "127.0.0.1:8580"
[[api_token]]
name = "acceptance"
sha256 = "{digest}"
roles = ["operator", "checker", "auditor", "privacy", "key_custodian", "security_officer"]
"#
    );
    let config = parse(&text).unwrap();
    assert_eq!(config.rules.as_deref(), Some(Path::new("/etc/tamga/rules.toml")));
    assert_eq!(config.clock.zone, "Asia/Bishkek");
    assert!(config.security.test_keys);
    assert_eq!(config.store.path, Path::new("/etc/tamga/data"));
    let [listener] = config.listeners.as_slice() else { panic!("one listener") };
    assert_eq!((listener.name.as_str(), listener.bind.port()), ("pos", 8583));
    assert_eq!((listener.framing.as_str(), listener.tpdu), ("u16be", true));
    assert_eq!((listener.max_frame, listener.half_frame_seconds), (8192, 30));
    assert_eq!((listener.deadline_ms, listener.in_flight_per_connection), (8000, 64));
    assert_eq!(config.http.unwrap().bind.port(), 8580);
    assert_eq!(config.api_tokens[0].sha256, [0xab; 32]);
    assert_eq!(config.api_tokens[0].roles, Role::ALL);
}

#[test]
fn everything_has_a_default_but_listeners() {
    let config = parse(LISTENER).unwrap();
    assert_eq!((config.rules, config.security.test_keys), (None, false));
    assert_eq!(config.http.unwrap().bind.to_string(), "127.0.0.1:8580");
    assert_eq!(
        parse("").unwrap_err(),
        ["tamga.toml:1:1: listener: there is none; add one under [[listener]]"]
    );
    let off = parse(&format!("{LISTENER}[http]\nenabled = false\n")).unwrap();
    assert_eq!(off.http, None);
}

#[test]
fn the_built_in_configuration_is_good() {
    let config = Config::built_in([]).unwrap();
    let ports: Vec<_> = config.listeners.iter().map(|listener| listener.bind.port()).collect();
    assert_eq!(ports, [8583, 8584, 8585]);
    assert!(config.rules_text().unwrap().0.contains("[[indicator]]"));
}

/// Each line of a file and the error it gives, with its place.
#[test]
fn each_error_has_its_place_and_a_suggestion() {
    for (line, error) in [
        ("bnid = \"x\"", "4:1: listener.0.bnid: unknown key `bnid` (did you mean `bind`?)"),
        ("tpdu = 1", "4:8: listener.0.tpdu: expected true or false, found a whole number"),
        (
            "  framing = \"u16\"",
            "4:13: listener.0.framing: unknown framing `u16` (did you mean `u16be`?)",
        ),
        (
            "dialect = \"iso87bcd\"",
            "4:11: listener.0.dialect: unknown dialect `iso87bcd` (did you mean `iso87-bcd`?)",
        ),
        ("max_frame = 0", "4:13: listener.0.max_frame: must be from 64 to 65535"),
        ("max_frame = -1", "4:13: listener.0.max_frame: must be from 64 to 65535"),
        (
            "idle_seconds = 1.5",
            "4:16: listener.0.idle_seconds: expected a whole number, found a number with decimals",
        ),
        (
            "header_hex = \"6\"",
            "4:14: listener.0.header_hex: expected an even number of hex digits",
        ),
        ("tls = { cert = \"c.pem\" }", "4:7: listener.0.tls.key: is missing"),
        (
            "acquirers = [\"417001\", \"41700I\"]",
            "4:13: listener.0.acquirers: expected what DE 32 has, 1 to 11 digits, as in \"417001\"",
        ),
        ("tls = 7", "4:7: listener.0.tls: expected a table, found a whole number"),
        ("[security]\nmodule = \"pkcs11\"", "4:1: security.library: is missing"),
        (
            "[store]\nkind = \"postgresql\"",
            "5:8: store.kind: `postgresql` is not in this version of tamga; use \"embedded\"",
        ),
        (
            "[store]\nkind = \"disk\"",
            "5:8: store.kind: unknown kind `disk`; known are embedded, postgresql",
        ),
        (
            "[clock]\nzone = \"Asia/Frunze\"",
            "5:8: clock.zone: `Asia/Frunze` is no time zone such as Asia/Bishkek",
        ),
        (
            "[log]\nformat = \"jsn\"",
            "5:10: log.format: unknown format `jsn` (did you mean `json`?)",
        ),
        (
            "[http]\nbind = \"localhost\"",
            "5:8: http.bind: `localhost` is no address and port such as 127.0.0.1:8583",
        ),
        (
            "[http]\nbind = \"127.0.0.1:8583\"",
            "3:8: listener.0.bind: 127.0.0.1:8583 is taken by `http`",
        ),
        ("[htpp]\nbind = \"127.0.0.1:1\"", "4:2: htpp: unknown key `htpp` (did you mean `http`?)"),
        (
            "[[api_token]]\nname = \"a\"\nsha256 = \"00\"\nroles = [\"auditor\"]",
            "6:10: api_token.0.sha256: expected the token's SHA-256 as 64 hex digits",
        ),
        (
            "[[api_token]]\nname = \"a\"\nroles = [\"auditr\"]",
            "4:1: api_token.0.sha256: is missing",
        ),
        ("= 7", "4:1: not TOML: "),
    ] {
        let errors = parse(&format!("{LISTENER}{line}\n")).unwrap_err();
        let found = errors.first().unwrap();
        assert!(found.starts_with(&format!("tamga.toml:{error}")), "{line}\n{errors:#?}");
    }
}

#[test]
fn all_errors_come_at_once_in_the_file_s_order() {
    let errors = parse(
        "rulez = \"r\"\n[[listener]]\nname = \"a\"\n[[listener]]\nname = \"a\"\nbind = \"x\"\n",
    )
    .unwrap_err();
    assert_eq!(
        errors,
        [
            "tamga.toml:1:1: rulez: unknown key `rulez` (did you mean `rules`?)",
            "tamga.toml:2:1: listener.0.bind: is missing",
            "tamga.toml:5:8: listener.1.name: there is another listener `a`",
            "tamga.toml:6:8: listener.1.bind: `x` is no address and port such as 127.0.0.1:8583",
        ]
    );
}

#[test]
fn the_environment_lies_over_the_file() {
    let config = parse_with(
        LISTENER,
        &[
            ("TAMGA__HTTP__BIND", "0.0.0.0:80"),
            ("TAMGA__LISTENER__0__BIND", "127.0.0.1:9000"),
            ("TAMGA__LISTENER__0__TPDU", "true"),
            ("TAMGA__LISTENER__1__NAME", "atm"),
            ("TAMGA__LISTENER__1__BIND", "127.0.0.1:9001"),
            ("TAMGA__LISTENER__1__MAX_FRAME", "1024"),
            ("TAMGA__STORE__PATH", "/var/lib/tamga"),
            ("TAMGA__SECURITY__TEST_KEYS", "true"),
            ("TAMGA_TOKEN", "not a setting"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.http.unwrap().bind.to_string(), "0.0.0.0:80");
    assert_eq!(config.listeners[0].bind.port(), 9000);
    assert!(config.listeners[0].tpdu && config.security.test_keys);
    assert_eq!((config.listeners[1].name.as_str(), config.listeners[1].max_frame), ("atm", 1024));
    assert_eq!(config.store.path, Path::new("/var/lib/tamga"));
}

#[test]
fn a_wrong_override_names_its_variable() {
    for (name, value, error) in [
        (
            "TAMGA__HTTP__BND",
            "x",
            "TAMGA__HTTP__BND: http.bnd: unknown key `bnd` (did you mean `bind`?)",
        ),
        (
            "TAMGA__LISTENER__0__TPDU",
            "yes",
            "TAMGA__LISTENER__0__TPDU: listener.0.tpdu: expected true or false, found a string",
        ),
        (
            "TAMGA__LISTENER__7__BIND",
            "x",
            "TAMGA__LISTENER__7__BIND: there are only 1 of `listener`; the next one is number 1",
        ),
        ("TAMGA__LISTENER__BIND", "x", "TAMGA__LISTENER__BIND: `listener` is a list, not a table"),
        ("TAMGA__", "x", "TAMGA__: names no setting; write it like TAMGA__HTTP__BIND"),
    ] {
        let errors = parse_with(LISTENER, &[(name, value)]).unwrap_err();
        assert_eq!(errors, [error]);
    }
}

#[test]
fn a_missing_file_is_one_error() {
    let errors = Config::load(Path::new("/nonexistent/tamga.toml"), []).unwrap_err();
    assert!(errors[0].to_string().starts_with("/nonexistent/tamga.toml: cannot be read: "));
}

#[test]
fn what_an_hsm_cannot_do_without_is_told() {
    let cases = [
        (
            "[security]\nmodule = \"payshield\"",
            "4:1: security.addresses: an HSM needs at least one, such as \"hsm-1:1500\"",
        ),
        (
            "[security]\nmodule = \"payshield\"\naddresses = [\"hsm-1\"]",
            "6:13: security.addresses: `hsm-1` is no host and port",
        ),
        (
            "[security]\naddresses = [\"hsm-1:1500\"]",
            "5:1: security.addresses: unknown key `addresses`; known are module, test_keys, \
             master_key_file",
        ),
        (
            "[security]\nmodule = \"payshield\"\naddresses = [\"h:1\"]\ntls = { cert = \"c\" }",
            "7:7: security.tls.ca: is missing",
        ),
    ];
    for (text, expected) in cases {
        let errors = parse(&format!("{LISTENER}{text}\n")).unwrap_err();
        assert!(errors.iter().any(|error| error.ends_with(expected)), "{text}: {errors:?}");
    }
}

#[test]
fn a_payment_hsm_is_set_up() {
    let text = "[security]\nmodule = \"payshield\"\naddresses = [\"hsm-1:1500\", \"10.0.0.2:1500\"]\n\
                connections = 3\ntimeout_ms = 800\nheader_length = 8\nkey_table = \"keys.toml\"\n\
                [security.tls]\nca = \"ca.pem\"\nserver_name = \"hsm\"\n";
    let config = parse(&format!("{LISTENER}{text}")).unwrap();
    let hsm = config.security.payshield.unwrap();
    assert_eq!(hsm.addresses, ["hsm-1:1500", "10.0.0.2:1500"]);
    assert_eq!((hsm.connections, hsm.waiting, hsm.timeout_ms, hsm.header_length), (3, 256, 800, 8));
    assert!(hsm.key_table.unwrap().ends_with("keys.toml"));
    let tls = hsm.tls.unwrap();
    assert!(tls.ca.ends_with("ca.pem") && tls.cert.is_none());
    assert_eq!(tls.server_name.as_deref(), Some("hsm"));
}

#[test]
#[cfg(not(feature = "pkcs11"))]
fn without_pkcs11_its_module_is_refused_in_words() {
    let text = "[security]\nmodule = \"pkcs11\"\nlibrary = \"/usr/lib/softhsm/libsofthsm2.so\"\n\
                token_label = \"tamga\"\npin_file = \"token.pin\"\n";
    let errors = parse(&format!("{LISTENER}{text}")).unwrap_err();
    let told = format!("{errors:?}");
    assert!(told.contains("security.module") && told.contains("`pkcs11` was left out"), "{told}");
}

#[test]
#[cfg(feature = "pkcs11")]
fn a_token_is_set_up() {
    let text = "[security]\nmodule = \"pkcs11\"\nlibrary = \"/usr/lib/softhsm/libsofthsm2.so\"\n\
                token_label = \"tamga\"\npin_file = \"token.pin\"\nsessions = 3\nkey_table = \"keys.toml\"\n";
    let config = parse(&format!("{LISTENER}{text}")).unwrap();
    let token = config.security.pkcs11.unwrap();
    assert_eq!(token.library.to_str(), Some("/usr/lib/softhsm/libsofthsm2.so"));
    assert!(token.pin_file.ends_with("token.pin"));
    assert!(token.key_table.unwrap().ends_with("keys.toml"));
    assert_eq!((token.token_label.as_str(), token.sessions, token.patience_ms), ("tamga", 3, 500));
}
