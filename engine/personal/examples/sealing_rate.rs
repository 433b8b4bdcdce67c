//! How long it takes to seal a million customers with a card each: `cargo run --release -p personal
//! --example sealing_rate [COUNT]`. It is what a portfolio's import does for personal data.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use payment_types::Pan;
use personal::{CustomerKey, CustomerKeys, Details, KeyWriter};
use security::{SecurityModule, SoftwareModule};
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let count: u32 = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("sealing-rate-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let module: Arc<dyn SecurityModule> = Arc::new(SoftwareModule::ephemeral_for_tests());
    let keys = CustomerKeys::open(&folder, &module, 0).unwrap();
    let started = Instant::now();
    let mut writer = KeyWriter::behind(&keys, 0).unwrap();
    let mut bytes = 0;
    for number in 0..count {
        let (customer, card) = (format!("C{number}"), format!("K{number}"));
        let key = CustomerKey::random().unwrap();
        let phone = format!("+99655{number:07}");
        let details = Details { name: format!("Test Customer {number}"), phone };
        let pan = Pan::from_ascii(format!("9417{number:012}").as_bytes()).unwrap();
        bytes += key.seal_details(&customer, &details).unwrap().len();
        bytes += key.seal_pan(&card, &pan).unwrap().len();
        writer.add(&customer, &key).unwrap();
    }
    let sealed = started.elapsed();
    writer.finish().unwrap();
    let all = started.elapsed();
    println!("{count} customers and cards: {sealed:.2?} to seal, {all:.2?} until durable");
    println!("{bytes} sealed bytes, and {} of keys", u64::from(count) * 128);
    std::fs::remove_dir_all(&folder).unwrap();
}
