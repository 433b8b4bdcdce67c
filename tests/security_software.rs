//! The software module through the trait, with every conformance vector.

use security::{SoftwareModule, Vault};
use tamga_tests::security_suite::{Peer, everything};

#[test]
fn the_software_module_does_all_that_a_module_does() {
    let module = SoftwareModule::ephemeral_for_tests();
    let key = |hex: &str, usage| {
        let sealed = module.written_key(hex, usage).unwrap();
        module.load(&sealed, usage).unwrap()
    };
    everything(&Peer { module: &module, key: &key });
}
