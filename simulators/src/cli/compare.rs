//! `tamga-sim compare`.

use super::{Outcome, Ran};
use std::path::{Path, PathBuf};
use tamga_sim::report::{Comparison, LoadReport};
use tamga_sim::{SimError, files};

/// Compare two reports of `tamga-sim load --json`
///
/// Exit code 0 if the second is nowhere worse by more than 5 %, 1 if it is.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What was
    #[arg(value_name = "A.json")]
    was: PathBuf,
    /// What is
    #[arg(value_name = "B.json")]
    is: PathBuf,
    /// Write the comparison as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the comparison as a page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Ran {
        let read = |path: &Path| -> Result<_, SimError> {
            let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
            Ok((name.into_owned(), LoadReport::read(path)?))
        };
        let comparison = Comparison::new(read(&self.was)?, read(&self.is)?);
        print!("{comparison}");
        if let Some(path) = self.json {
            files::write(&path, &comparison.json())?;
        }
        if let Some(path) = self.html {
            files::write(&path, &comparison.html())?;
        }
        Ok(if comparison.is_worse() { Outcome::Bad } else { Outcome::Good })
    }
}
