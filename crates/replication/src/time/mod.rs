//! The cluster's time on this node (docs/design/time.md): `traffic::cluster_time`, fed with what lease calls bring.

pub(crate) mod alarms;
pub(crate) mod cluster;
pub(crate) mod group;
pub(crate) mod port;
pub(crate) mod record;
