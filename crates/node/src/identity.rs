//! Who a data folder belongs to, and how often its node was started.
//!
//! The file `identity.toml` in the data folder is written at every start, before anything else: the incarnation number
//! must be larger than at every earlier start, and a folder must never be opened as another node's, in another region or
//! cluster, or with another number of partitions.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use model::cluster::RegionKind;
use model::id::{ClusterId, Incarnation, NodeId, RegionId};
use serde::{Deserialize, Serialize};

/// The file's name in the data folder.
const FILE: &str = "identity.toml";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    cluster: String,
    node: u64,
    region: String,
    kind: String,
    partitions: u16,
    incarnation: u64,
}

/// Whose data a folder holds. None of it may change while there is data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub cluster: ClusterId,
    pub node: NodeId,
    pub region: RegionId,
    pub kind: RegionKind,
    pub partitions: u16,
}

impl Owner {
    fn identity(&self, incarnation: u64) -> Identity {
        Identity {
            cluster: self.cluster.to_string(),
            node: self.node.0,
            region: self.region.to_string(),
            kind: self.kind.as_str().to_owned(),
            partitions: self.partitions,
            incarnation,
        }
    }
}

impl Identity {
    /// Says who owns the folder.
    fn owner(&self) -> String {
        let Identity { cluster, node, region, kind, partitions, .. } = self;
        format!("node {node} in {region} ({kind}) of cluster {cluster} with {partitions} partitions")
    }
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
    #[error(
        "{path} belongs to {found}, and the configuration says {wanted}: correct node.data or the configuration, or \
         remove the folder if its data is not needed",
        path = path.display()
    )]
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
/// When the folder can't be written, or belongs to somebody else.
pub fn begin(folder: &Path, owner: &Owner) -> Result<Incarnation, IdentityError> {
    let path = folder.join(FILE);
    let file_error = |source| IdentityError::File { path: path.clone(), source };
    std::fs::create_dir_all(folder).map_err(file_error)?;
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => Some(parse(&path, &text)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(file_error(error)),
    };
    if let Some(before) = before.as_ref().filter(|before| **before != owner.identity(before.incarnation)) {
        return Err(IdentityError::Other { path, found: before.owner(), wanted: owner.identity(0).owner() });
    }
    // A new folder counts from the beginning. When the node had another one before, the cluster says how far that came.
    let incarnation = before.map_or(1, |before| before.incarnation + 1);
    replace(folder, &path, &owner.identity(incarnation)).map_err(file_error)?;
    Ok(Incarnation(incarnation))
}

/// Raises the number of the last start, because the cluster knows this one of an earlier data folder; the next start
/// gets a higher one.
///
/// # Errors
/// When the file can't be read or written.
pub fn raise(folder: &Path, known: Incarnation) -> Result<(), IdentityError> {
    let path = folder.join(FILE);
    let file_error = |source| IdentityError::File { path: path.clone(), source };
    let text = std::fs::read_to_string(&path).map_err(file_error)?;
    let mut identity = parse(&path, &text)?;
    identity.incarnation = identity.incarnation.max(known.0);
    replace(folder, &path, &identity).map_err(file_error)
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

    fn owner() -> Owner {
        Owner {
            cluster: ClusterId(7),
            node: NodeId(1),
            region: RegionId::new("a").unwrap(),
            kind: RegionKind::Serving,
            partitions: 4,
        }
    }

    #[test]
    fn each_start_has_a_larger_number() {
        let folder = tempfile::tempdir().unwrap();
        let first = begin(folder.path(), &owner()).unwrap();
        let second = begin(folder.path(), &owner()).unwrap();
        let third = begin(folder.path(), &owner()).unwrap();
        assert_eq!((first, second, third), (Incarnation(1), Incarnation(2), Incarnation(3)));
        raise(folder.path(), Incarnation(9_000)).unwrap();
        raise(folder.path(), Incarnation(7)).unwrap();
        assert_eq!(begin(folder.path(), &owner()).unwrap(), Incarnation(9_001));
    }

    #[test]
    fn a_folder_of_another_node_or_cluster_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        begin(folder.path(), &owner()).unwrap();
        let others = [
            Owner { cluster: ClusterId(8), ..owner() },
            Owner { node: NodeId(2), ..owner() },
            Owner { region: RegionId::new("b").unwrap(), ..owner() },
            Owner { kind: RegionKind::Witness, ..owner() },
            Owner { partitions: 8, ..owner() },
        ];
        for other in others {
            let refused = begin(folder.path(), &other).unwrap_err();
            assert!(matches!(refused, IdentityError::Other { .. }), "{other:?}");
        }
        assert_eq!(begin(folder.path(), &owner()).unwrap(), Incarnation(2));
    }

    #[test]
    fn a_malformed_file_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "node = \"x\"").unwrap();
        let error = begin(folder.path(), &owner()).unwrap_err();
        assert!(error.to_string().contains("remove the folder"), "{error}");
    }
}
