//! Judged loads against the real engine: nothing is found where nothing is wrong, whatever happens
//! on the way; and what is wrong is found.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;
use tamga_sim::chaos::Chaos;
use tamga_sim::load::host::OwnEngine;
use tamga_sim::load::{Arrivals, Mix, Popularity, Settings, Shape, Stop, run};
use tamga_sim::oracle::Judging;
use tamga_sim::report::{LoadReport, html};
use tamga_sim::{Endpoint, moment};
use tamga_tests::programs::{binary, command};

const CARDS: u32 = 240;

fn engine() -> OwnEngine {
    OwnEngine::start(Some(binary("tamga")), None, CARDS, moment::DEFAULT_ZONE).unwrap()
}

fn settings(chaos: Option<&str>) -> Settings {
    Settings {
        endpoint: Endpoint::pos("127.0.0.1:1").unwrap(),
        portfolio: std::path::PathBuf::new().into(),
        listener: "pos".into(),
        connections: 6,
        in_flight: None,
        shape: Some(Shape::constant(250.0)),
        arrivals: Arrivals::Poisson,
        duration: Some(Duration::from_secs(5)),
        count: None,
        warm_up: Duration::from_millis(500),
        deadline: Duration::from_secs(10),
        mix: Mix::judged(),
        chip: 0,
        first_counter: 1,
        mac: false,
        amounts: 10..=500,
        popularity: Popularity { zipf: 0.6, hot: "15%=6".parse().ok() },
        seed: 11,
        threads: 2,
        echo: false,
        zone: moment::DEFAULT_ZONE.into(),
        stop: Stop::default(),
        judging: Some(Judging {
            rules: OwnEngine::RULES.into(),
            api: None,
            chaos: chaos.map(|plan| Chaos::read(plan, 5).unwrap()),
            clock_stands: false,
        }),
    }
}

fn judged(chaos: Option<&str>) -> LoadReport {
    judged_so(settings(chaos))
}

fn judged_so(mut settings: Settings) -> LoadReport {
    let engine = engine();
    engine.become_target(&mut settings).unwrap();
    let report = run(&settings, |_| {}).unwrap();
    engine.verify().unwrap();
    report
}

fn is_right(report: &LoadReport) {
    let oracle = report.oracle.as_ref().unwrap();
    assert!(oracle.is_clean(), "{report}");
    assert!(oracle.judged > 800 && oracle.certain > oracle.judged / 2, "{report}");
    let money = oracle.money.as_ref().unwrap();
    assert_eq!((money.accounts, money.cards), (u64::from(CARDS), u64::from(CARDS)), "{report}");
    assert_eq!(money.expected, money.found);
    let codes = report.codes.iter().map(|row| row.code.as_str());
    for code in ["00", "55", "61", "70", "94"] {
        assert!(codes.clone().any(|known| known == code), "no {code}: {report}");
    }
}

#[test]
fn every_answer_of_the_engine_is_right() {
    let report = judged(None);
    is_right(&report);
    assert!(report.is_clean(), "{report}");
    assert!(html(&report).contains("the books agree to the last tyiyn"));
}

#[test]
fn it_stays_right_when_everything_goes_wrong_on_the_way() {
    let report = judged(Some("wild"));
    is_right(&report);
    let chaos = report.chaos.as_ref().unwrap();
    for fault in ["drop", "lose", "delay", "duplicate", "reorder", "truncate", "corrupt"] {
        assert!(chaos.faults.get(fault).is_some_and(|count| *count > 0), "no {fault}: {report}");
    }
    assert!(chaos.faults["reconnect-storm"] > 0 && chaos.faults["reversal-storm"] > 0);
    let oracle = report.oracle.as_ref().unwrap();
    assert!(oracle.repeated > 0 && oracle.taken_back > 0, "{report}");
    assert!(report.disturbed > 100, "{report}");
}

/// Chips sign every message they are read for, half of the terminals put a MAC on theirs, some chips
/// are cloned, bytes are changed on the way; and every answer proves itself (SEC-2, SEC-5).
#[test]
fn full_security_is_judged_too() {
    let mut settings = settings(Some("wild"));
    (settings.chip, settings.mac) = (100, true);
    settings.mix = Mix::judged_with_chips();
    let report = judged_so(settings);
    is_right(&report);
    let oracle = report.oracle.as_ref().unwrap();
    assert!(oracle.proofs > oracle.judged / 2, "{report}");
    let cloned = report.codes.iter().filter(|row| row.operation == "cloned-chip");
    let codes: Vec<&str> = cloned.map(|row| row.code.as_str()).collect();
    assert!(codes.contains(&"05") && !codes.contains(&"00"), "{report}");
    assert!(report.chaos.unwrap().faults["corrupt"] > 0);
}

/// The same bank through the network's listener: other types, other codes, times with a year, DE 56
/// in place of DE 90.
#[test]
fn the_edition_of_1993_is_judged_too() {
    let mut settings = settings(Some("rough"));
    settings.endpoint = Endpoint::new("127.0.0.1:1", "u16be", false, "iso93-bcd").unwrap();
    settings.chip = 50;
    let report = judged_so(settings);
    is_right(&report);
    assert!(report.oracle.as_ref().unwrap().taken_back > 0, "{report}");
}

/// And of 2003: amounts of sixteen digits, DE 54 and DE 56 laid out anew, the same codes.
#[test]
fn the_edition_of_2003_is_judged_too() {
    let mut settings = settings(Some("rough"));
    settings.endpoint = Endpoint::new("127.0.0.1:1", "u16be", false, "iso2003-bcd").unwrap();
    (settings.chip, settings.mac) = (50, true);
    let report = judged_so(settings);
    is_right(&report);
    let oracle = report.oracle.as_ref().unwrap();
    assert!(oracle.taken_back > 0 && oracle.proofs > oracle.judged / 4, "{report}");
}

/// PIN-1, SEC-5: shops all of whose devices take a key of its own for every message, of triple DES
/// and of AES; wrong PINs among them.
#[test]
fn dukpt_devices_are_judged_too() {
    let mut settings = settings(None);
    settings.mac = true;
    let engine = engine();
    engine.become_target(&mut settings).unwrap();
    let all = std::fs::read_to_string(engine.portfolio()).unwrap();
    let is_session = |line: &&str| !(line.contains("\"merchant\":\"M") && line.contains("\"tpk\""));
    let only: Vec<&str> = all.lines().filter(is_session).collect();
    assert_eq!(all.lines().count() - only.len(), 60 + 24, "shops with session keys");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dukpt.jsonl");
    std::fs::write(&path, only.join("\n")).unwrap();
    settings.portfolio = path.into();
    let report = run(&settings, |_| {}).unwrap();
    engine.verify().unwrap();
    is_right(&report);
    assert!(report.oracle.as_ref().unwrap().proofs > 100, "the AES ones have a MAC: {report}");
}

/// The oracle is told of balances the engine does not have.
#[test]
fn an_engine_with_other_balances_is_found_out() {
    let engine = engine();
    let mut settings = settings(None);
    engine.become_target(&mut settings).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let told = std::fs::read_to_string(engine.portfolio()).unwrap();
    let path = folder.path().join("told.jsonl");
    std::fs::write(&path, told.replace("25000.00", "25000.01")).unwrap();
    settings.portfolio = path.into();
    let report = run(&settings, |_| {}).unwrap();
    let oracle = report.oracle.as_ref().unwrap();
    let first = oracle.first_wrong.as_ref().expect("a balance inquiry is answered otherwise");
    assert!(oracle.wrong > 0 && !report.is_clean());
    assert!(first.what.contains("is told as"), "{}", first.what);
    assert!(first.messages.contains("response code") && first.because.contains("balance"));
    assert!(first.messages.contains("941700******"), "{}", first.messages);
    assert!(oracle.money.as_ref().unwrap().differences > 0);
    assert!(html(&report).contains("wrong."));
}

/// Rules the engine does not go by: the cap is lower here.
#[test]
fn an_engine_with_other_rules_is_found_out() {
    let engine = engine();
    let mut settings = settings(None);
    engine.become_target(&mut settings).unwrap();
    settings.mix = "near-cap=1,balance=1".parse().unwrap();
    settings.judging.as_mut().unwrap().rules =
        format!("{}\n[agent_cash]\ncap_indicators = 149\n", OwnEngine::RULES);
    let report = run(&settings, |_| {}).unwrap();
    let oracle = report.oracle.as_ref().unwrap();
    let first = oracle.first_wrong.as_ref().unwrap();
    assert!(first.what.contains("near-cap") || first.what.contains("cap"), "{}", first.what);
    assert!(!report.is_clean());
}

/// A `tamga-sim echo` that listens, and where.
fn echo(more: &[&str]) -> (std::process::Child, String) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let target = format!("127.0.0.1:{port}");
    let mut program = command("tamga-sim");
    program.args(["echo", "--bind", &target, "--tpdu"]).args(more);
    let echo = program.stdout(std::process::Stdio::null()).spawn().unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(&target).is_err() {
        assert!(std::time::Instant::now() < deadline, "the echo server does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    (echo, target)
}

/// One message at a time to a host that waits 40 ms: 25 a second is all there can be. A goal of 10 ms
/// is never kept; one of 300 ms is until the queue grows.
#[test]
fn the_knee_of_a_host_of_known_delay_is_where_it_must_be() {
    let folder = tempfile::tempdir().unwrap();
    let (data, page) = (folder.path().join("k.json"), folder.path().join("k.html"));
    let (mut echo, target) = echo(&["--delay", "40ms"]);
    let knee = |goal: &str, most: &str, step: &str| {
        let mut find = command("tamga-sim");
        find.args(["find-knee", "--echo", "--target", &target, "-c", "1", "--in-flight", "1"]);
        find.args(["--mix", "purchase=1", "--arrivals", "fixed", "--step", step, "--from", "10"]);
        find.args(["--goal", goal, "--most", most, "--steps-json"]).arg(&data);
        let code = find.arg("--steps-html").arg(&page).output().unwrap().status.code();
        let found = std::fs::read_to_string(&data).unwrap();
        (code, serde_json::from_str::<serde_json::Value>(&found).unwrap())
    };
    let (never, missed) = knee("p50<10ms", "20", "300ms");
    assert_eq!((never, missed["holds_at"].as_f64()), (Some(1), None), "{missed}");
    let (found, knee) = knee("p50<300ms", "100", "1500ms");
    echo.kill().unwrap();
    echo.wait().unwrap();
    let (holds, breaks) = (knee["holds_at"].as_f64(), knee["breaks_at"].as_f64());
    assert_eq!(found, Some(0), "{knee}");
    assert!(holds.unwrap() >= 10.0 && breaks.unwrap() <= 52.0, "{knee}");
    assert!(std::fs::read_to_string(&page).unwrap().contains("the knee"));
}

/// A shell in which another engine was given its ports.
#[test]
fn an_engine_of_its_own_has_ports_of_its_own() {
    let mut load = command("tamga-sim");
    load.args(["load", "--cards", "20", "-c", "2", "--rate", "50", "--duration", "2s", "--quiet"]);
    load.env("TAMGA__LISTENER__0__BIND", "127.0.0.1:1").env("TAMGA__HTTP__BIND", "127.0.0.1:1");
    load.arg(format!("--engine={}", binary("tamga").display()));
    let output = load.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Before the load, not after it.
#[test]
fn a_report_that_cannot_be_written_is_told_before_anything_is_sent() {
    let mut load = command("tamga-sim");
    load.args(["load", "--target", "127.0.0.1:1", "--duration", "10m"]);
    let output = load.args(["--html", "/nowhere/report.html"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("/nowhere/report.html") && !said.contains("127.0.0.1:1:"), "{said}");
}

/// What the command says and with which exit code, for a host that answers nothing right.
#[test]
fn an_echo_server_is_no_engine() {
    let folder = tempfile::tempdir().unwrap();
    let (mut echo, target) = echo(&[]);
    let rules = folder.path().join("rules.toml");
    std::fs::write(&rules, OwnEngine::RULES).unwrap();
    let cards = folder.path().join("p.jsonl");
    let mut make = command("tamga");
    make.args(["generate-portfolio", "--cards", "20", "--out"]).arg(&cards);
    assert!(make.status().unwrap().success());
    let output = command("tamga-sim")
        .args([
            "load",
            "--target",
            &target,
            "--portfolio",
            cards.to_str().unwrap(),
            "-c",
            "2",
            "--count",
            "4",
        ])
        .args(["--deadline", "50ms", "--oracle", rules.to_str().unwrap()])
        .output()
        .unwrap();
    echo.kill().unwrap();
    echo.wait().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the first wrong answer: a message that answers nothing"), "{text}");
}

/// Ctrl-C leaves a whole report, as text and as files.
#[test]
fn an_interrupted_load_reports_what_was() {
    let folder = tempfile::tempdir().unwrap();
    let (json, page) = (folder.path().join("r.json"), folder.path().join("r.html"));
    let mut load = command("tamga-sim")
        .args(["load", "--cards", "60", "-c", "2", "--rate", "50", "--duration", "10m"])
        .arg(format!("--engine={}", binary("tamga").display()))
        .arg("--json")
        .arg(&json)
        .arg("--html")
        .arg(&page)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(6));
    let pid = load.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(load.wait().unwrap().code(), Some(0));
    let report = LoadReport::read(&json).unwrap();
    assert!(report.interrupted && report.answered > 0 && report.is_clean(), "{report}");
    assert!(report.seconds < 60.0 && report.oracle.unwrap().verified == Some(true));
    assert!(std::fs::read_to_string(&page).unwrap().contains("ended by hand"));
}
