//! Dialect files: the shipped ones load, and mistakes are named with their place.

use super::*;

#[test]
fn accepts_every_shipped_dialect() {
    for name in Dialect::SHIPPED {
        let text = Dialect::shipped_file(name).unwrap();
        match Dialect::from_toml(text, name) {
            Ok(dialect) => assert_eq!(dialect.name(), *name),
            Err(errors) => panic!("{errors}"),
        }
        assert!(Dialect::shipped(name).is_some());
    }
    assert!(Dialect::shipped("iso86").is_none());
}
