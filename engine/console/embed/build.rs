//! Builds this crate again when the console was built again.

fn main() {
    // The folder is always there: it holds a file that is kept in the repository.
    println!("cargo:rerun-if-changed=dist");
    println!("cargo:rerun-if-changed=embed");
}
