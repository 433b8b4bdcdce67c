//! `tamga import-rates`: a file of rates whole or not at all (AMT-3). The real program.
#![allow(clippy::unwrap_used)] // helpers of tests are outside `#[test]`, where it is allowed

use std::fs;
use std::path::Path;
use tamga_tests::programs::{Run, tamga};

const HEADER: &str = "from,to,value,margin_percent,valid_from\n";

fn import_rates(folder: &Path, text: &str) -> Run {
    let file = folder.join("rates.csv");
    fs::write(&file, text).unwrap();
    let config = folder.join("tamga.toml");
    let arguments: [std::ffi::OsString; 6] = [
        "import-rates".into(),
        "--config".into(),
        config.into(),
        "--test-clock".into(),
        "2026-11-23T10:00:00+06:00".into(),
        file.into(),
    ];
    tamga(&arguments)
}

#[test]
fn amt_3_a_file_of_rates_goes_in_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = "[security]\ntest_keys = true\n[[listener]]\nname = \"pos\"\n\
                bind = \"127.0.0.1:0\"\n[store]\npath = \"data\"\n";
    fs::write(folder.join("tamga.toml"), text).unwrap();
    let portfolio = folder.join("portfolio.jsonl");
    fs::write(&portfolio, "{\"type\":\"product\",\"id\":\"usd\",\"currency\":\"USD\"}\n").unwrap();
    let config = folder.join("tamga.toml");
    let import =
        ["import".as_ref(), "--config".as_ref(), config.as_os_str(), portfolio.as_os_str()];
    assert_eq!(tamga(&import).code, 0);
    let usd = "USD,KGS,87.4500,1.0,2026-11-23T00:00:00+06:00\n";
    for (lines, places) in [
        (format!("{usd}XAU,KGS,0,2.0,2026-11-23T00:00:00+06:00\n"), [":3: a rate must be above 0"]),
        (format!("{usd}EUR,EUR,1,,2026-11-23T00:00:00+06:00\n"), [":3: EUR to itself"]),
        (format!("{usd}\nEUR,KGS,x,,2026-11-23T00:00:00+06:00\n"), [":4: value: \"x\""]),
        (format!("{usd}EUR,KGS,1,,2029-11-23T00:00:00+06:00\n"), [":3: is dated more than"]),
        (format!("{usd}{}", usd.replace("87.4500", "88")), [":3: USD to KGS has another rate"]),
    ] {
        let run = import_rates(folder, &format!("{HEADER}{lines}"));
        assert_eq!(run.code, 1, "{run:?}");
        places.iter().for_each(|place| assert!(run.err.contains(place), "{place}: {}", run.err));
    }
    let run = import_rates(folder, &format!("{HEADER}{usd}"));
    assert_eq!(run.good().out, "1 rates taken in, 0 were there already\n");
    let run = import_rates(folder, &format!("{HEADER}{usd}"));
    assert_eq!(run.good().out, "0 rates taken in, 1 were there already\n");
    let data = folder.join("data");
    assert_eq!(tamga(&["verify".as_ref(), "--data".as_ref(), data.as_os_str()]).code, 0);
}
