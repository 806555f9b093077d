//! Who a data folder belongs to, and how often its node was started.
//!
//! The file `identity.toml` in the data folder is written at every start, before anything else: the incarnation number
//! must be larger than at every earlier start, and a folder must never be opened as another node's or with another
//! number of partitions.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use model::id::{Incarnation, NodeId};
use model::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The file's name in the data folder.
const FILE: &str = "identity.toml";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    node: u64,
    partitions: u16,
    incarnation: u64,
}

/// Why a data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file can't be read or written.
    #[error("failed to read or write {path}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is malformed.
    #[error(
        "{path} is malformed ({reason}); if this folder's data is not needed, remove the folder: the node then catches \
         up from the other regions",
        path = path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The folder belongs to another node or cluster.
    #[error("{path} belongs to {found}, and the configuration says {wanted}", path = path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What the file says.
        found: String,
        /// What the configuration says.
        wanted: String,
    },
}

/// Takes possession of a data folder, making it when it is missing, and returns the number of this start.
///
/// # Errors
/// When the folder can't be written, or belongs to another node or a cluster with another number of partitions.
pub fn begin(folder: &Path, node: NodeId, partitions: u16, now: Timestamp) -> Result<Incarnation, IdentityError> {
    let path = folder.join(FILE);
    let file_error = |source| IdentityError::File { path: path.clone(), source };
    std::fs::create_dir_all(folder).map_err(file_error)?;
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => Some(parse(&path, &text)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(file_error(error)),
    };
    if let Some(before) = before.as_ref().filter(|before| (before.node, before.partitions) != (node.0, partitions)) {
        return Err(IdentityError::Other {
            path,
            found: format!("node {} of a cluster with {} partitions", before.node, before.partitions),
            wanted: format!("node {node} of a cluster with {partitions}"),
        });
    }
    let incarnation = before.map_or(now.0, |before| now.0.max(before.incarnation + 1));
    replace(folder, &path, &Identity { node: node.0, partitions, incarnation }).map_err(file_error)?;
    Ok(Incarnation(incarnation))
}

fn parse(path: &Path, text: &str) -> Result<Identity, IdentityError> {
    toml::from_str(text)
        .map_err(|error| IdentityError::Malformed { path: path.to_owned(), reason: error.message().to_owned() })
}

/// Replaces the file so that a crash leaves the old one or the new one.
fn replace(folder: &Path, path: &Path, identity: &Identity) -> std::io::Result<()> {
    let text = toml::to_string(identity).map_err(std::io::Error::other)?;
    let next = folder.join("identity.toml.next");
    let mut file = File::create(&next)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&next, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_start_has_a_larger_number_even_when_the_clock_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let first = begin(folder.path(), NodeId(1), 4, Timestamp(1_000)).unwrap();
        let second = begin(folder.path(), NodeId(1), 4, Timestamp(10)).unwrap();
        let third = begin(folder.path(), NodeId(1), 4, Timestamp(5_000)).unwrap();
        assert_eq!((first, second, third), (Incarnation(1_000), Incarnation(1_001), Incarnation(5_000)));
    }

    #[test]
    fn a_folder_of_another_node_or_cluster_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        begin(folder.path(), NodeId(1), 4, Timestamp(1)).unwrap();
        for other in [(NodeId(2), 4), (NodeId(1), 8)] {
            assert!(matches!(begin(folder.path(), other.0, other.1, Timestamp(2)), Err(IdentityError::Other { .. })));
        }
    }

    #[test]
    fn a_malformed_file_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "node = \"x\"").unwrap();
        let error = begin(folder.path(), NodeId(1), 4, Timestamp(1)).unwrap_err();
        assert!(error.to_string().contains("remove the folder"), "{error}");
    }
}
