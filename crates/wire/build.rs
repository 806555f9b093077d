//! Generates Rust from `proto/` without a `protoc` binary: protox parses the files, tonic-prost-build writes the code.
//! It also writes the descriptors of the public API, without comments, for gRPC reflection.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message as _;

/// The packages that clients see, by their prefix.
const PUBLIC_PACKAGE: &str = "signalbox.v1";

fn main() -> Result<(), Box<dyn Error>> {
    // Read when this runs, not when it was compiled: a shared target directory outlives the clone that filled it.
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let files = proto_files(&root)?;
    let descriptors = protox::compile(files, [&root])?;

    let mut public = descriptors.clone();
    public.file.retain(|file| file.package() == PUBLIC_PACKAGE);
    for file in &mut public.file {
        file.source_code_info = None;
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("public.bin"), public.encode_to_vec())?;

    tonic_prost_build::configure().btree_map(".").bytes(".").compile_fds(descriptors)?;
    Ok(())
}

/// Lists the `.proto` files below `folder`, sorted, so that the generated code does not depend on the file system.
fn proto_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(proto_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
