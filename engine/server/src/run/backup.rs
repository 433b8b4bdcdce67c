//! `tamga backup` and `tamga restore`.

use super::{config, data, print};
use crate::args::{Backup, Restore};
use tamga::backup::{BackupOptions, RestoreOptions, backup as take, passphrase, restore as bring};
use tamga::failure::Failure;
use tamga::progress::Progress;

pub(crate) fn backup(args: &Backup) -> Result<(), Failure> {
    let options = BackupOptions {
        data: data(&args.place)?,
        file: args.file.clone(),
        passphrase: passphrase(&args.passphrase_file)?,
    };
    let made = take(&options, &mut Progress::new())?;
    let (last, seconds) = (made.last, made.took.as_secs_f64());
    let snapshot = match made.snapshot {
        Some(sequence) => format!("a snapshot at {sequence}"),
        None => "no snapshot".to_owned(),
    };
    print(&format!(
        "backed up records 1 to {last}, {snapshot}, {} bytes in {seconds:.1} s",
        made.bytes
    ))?;
    print("the security module's master key is not in it: keep that apart")
}

pub(crate) fn restore(args: &Restore) -> Result<(), Failure> {
    let config = config(&args.place)?;
    let options = RestoreOptions {
        file: args.file.clone(),
        target: args.place.data.clone().unwrap_or_else(|| config.store.path.clone()),
        until: args.until,
        passphrase: passphrase(&args.passphrase_file)?,
        erased: args.erased.clone(),
        segment_bytes: config.store.segment_mib.saturating_mul(1 << 20),
    };
    let done = bring(&options, &mut Progress::new())?;
    let target = options.target.display();
    let seconds = done.took.as_secs_f64();
    let at = done.moment.map(|moment| format!(", accepted {moment}")).unwrap_or_default();
    print(&format!("restored records 1 to {}{at}, to {target} in {seconds:.1} s", done.last))?;
    if done.left_out > 0 {
        print(&format!("left out {} later records of the backup", done.left_out))?;
    }
    if done.erased > 0 {
        print(&format!("destroyed the keys of {} erased customers again", done.erased))?;
    }
    print(&format!("every outcome is as recorded; digest {:016x}", done.digest))
}
