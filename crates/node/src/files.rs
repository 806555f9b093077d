//! Open files: the process takes as many as it may have, and shares them out before anything opens one. What comes in
//! from the network can't take what the databases, the other nodes and the providers need.

use anyhow::{Context, bail};
use api::ConnectionLimits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use store::OPEN_FILES_MIN;

/// The smallest limit of open files with which a node starts.
const LIMIT_MIN: u64 = 256;
/// More files than this are never used: limits in the thousands of millions are common.
const LIMIT_USED_MAX: u64 = 1 << 20;
/// Files of the process itself: standard streams, sockets that listen, epoll, logs, manifests and locks of the two
/// databases.
const OWN: u64 = 48;
/// The smallest number of files for connections to other nodes and to providers.
const OUTSIDE_MIN: u64 = 64;
/// The largest number of connections of each listener. More would only wait for a place among the requests.
const REST_MAX: u64 = 10_000;
const GRPC_MAX: u64 = 4_096;
/// The largest number of table files that each of the two databases keeps open.
const STORE_MAX: u64 = 4_096;

/// How the open files that the process may have are shared out. The parts never sum up to more than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// What the process may have open.
    pub limit: u64,
    /// The table files of each of the two databases.
    pub store: u32,
    /// The connections of the REST listener.
    pub rest: ConnectionLimits,
    /// The connections of the gRPC listener.
    pub grpc: ConnectionLimits,
}

impl OpenFiles {
    /// Raises the process's limit to the most that it may set, and shares it out.
    ///
    /// # Errors
    /// When the limit is below 256; the message names the remedy.
    pub fn take() -> anyhow::Result<OpenFiles> {
        let before = getrlimit(Resource::Nofile);
        let wanted = before.maximum.unwrap_or(LIMIT_USED_MAX).min(LIMIT_USED_MAX);
        let mut limit = before.current.unwrap_or(LIMIT_USED_MAX);
        if limit < wanted {
            let raised = Rlimit { current: Some(wanted), maximum: before.maximum };
            setrlimit(Resource::Nofile, raised)
                .with_context(|| format!("failed to raise the limit of open files from {limit} to {wanted}"))?;
            limit = wanted;
        }
        OpenFiles::shared_out(limit)
    }

    /// Shares a limit out: a fixed part for the process, then an eighth for other nodes and providers, an eighth for
    /// each database, and the rest for connections, a quarter of which is gRPC's.
    ///
    /// # Errors
    /// When the limit is below 256.
    pub fn shared_out(limit: u64) -> anyhow::Result<OpenFiles> {
        if limit < LIMIT_MIN {
            bail!(
                "the limit of open files is {limit}, and a node needs {LIMIT_MIN}: raise it (ulimit -Hn, LimitNOFILE \
                 in the unit, --ulimit nofile of a container) and start the node again"
            );
        }
        let limit = limit.min(LIMIT_USED_MAX);
        let outside = (limit / 8).max(OUTSIDE_MIN);
        let store = (limit / 8).clamp(OPEN_FILES_MIN.into(), STORE_MAX).min((limit - OWN - outside) / 4);
        let connections = limit - OWN - outside - 2 * store;
        let grpc = (connections / 4).min(GRPC_MAX);
        let rest = (connections - connections / 4).min(REST_MAX);
        Ok(OpenFiles {
            limit,
            store: u32::try_from(store).unwrap_or(u32::MAX),
            rest: ConnectionLimits::within(usize::try_from(rest).unwrap_or(usize::MAX)),
            grpc: ConnectionLimits::within(usize::try_from(grpc).unwrap_or(usize::MAX)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_never_sum_up_to_more_than_the_limit() {
        let limits = (LIMIT_MIN..5_000).chain([65_536, 1 << 20, 1 << 30, u64::MAX]);
        for limit in limits {
            let files = OpenFiles::shared_out(limit).unwrap();
            let connections = files.rest.all() + files.grpc.all();
            let sum = OWN + OUTSIDE_MIN + 2 * u64::from(files.store) + connections as u64;
            assert!(sum <= limit, "{limit}: {files:?}");
            assert!(files.store >= OPEN_FILES_MIN && files.rest.max > 0 && files.grpc.max > 0, "{limit}: {files:?}");
        }
    }

    #[test]
    fn too_small_a_limit_is_refused_with_the_remedy() {
        let text = OpenFiles::shared_out(LIMIT_MIN - 1).unwrap_err().to_string();
        assert!(text.contains("255") && text.contains("LimitNOFILE"), "{text}");
    }

    #[test]
    fn the_limit_of_this_process_is_raised() {
        let files = OpenFiles::take().unwrap();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current.map(|current| current.min(LIMIT_USED_MAX)), Some(files.limit));
        assert!(now.maximum.is_none_or(|maximum| files.limit == maximum.min(LIMIT_USED_MAX)));
    }
}
