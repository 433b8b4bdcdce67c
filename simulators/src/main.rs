//! The `tamga` program.
fn main() {}
