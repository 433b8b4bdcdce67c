//! A module in this process is there as long as the process is.

use super::SoftwareModule;
use crate::{Health, HealthCheck};

impl HealthCheck for SoftwareModule {
    fn health(&self) -> Health {
        Health::Ready
    }

    fn is_remote(&self) -> bool {
        false
    }

    fn description(&self) -> String {
        "software".to_owned()
    }
}
