//! The port `Reads`: this node's replicas, or another's where a group has none here.

use std::sync::Arc;
use std::time::Duration;

use model::id::{GroupId, LogIndex};
use registry::tables::View;
use service::ports::{BoxFuture, LogError, Look, Reads, ReadsError};
use tokio::time::Instant;

use crate::Replication;
use crate::reads::{current, remote_reads};

impl Reads for Replication {
    fn view(&self, group: GroupId) -> Result<Arc<dyn View + Send + Sync>, ReadsError> {
        self.node().group(group).ok_or(ReadsError::NotHere(group))?;
        Ok(self.node().state.view(group))
    }

    fn look<'a>(
        &'a self,
        group: GroupId,
        deadline: Duration,
        look: &'a mut Look<'_>,
    ) -> BoxFuture<'a, Result<LogIndex, ReadsError>> {
        Box::pin(async move {
            if self.node().group(group).is_none() {
                return remote_reads::look(self.node(), group, Instant::now() + deadline, look).await;
            }
            let late = |_| ReadsError::TooLate { group, waited: deadline };
            current::catch_up(self.node(), group, deadline).await.map_err(late)?;
            let applied = self.applied(group);
            look(&*self.view(group)?);
            Ok(applied)
        })
    }

    fn applied(&self, group: GroupId) -> LogIndex {
        self.node().group(group).map_or(LogIndex(0), |group| group.announcer.last())
    }

    fn applied_after(
        &self,
        group: GroupId,
        index: LogIndex,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<LogIndex, ReadsError>> {
        Box::pin(async move {
            let Some(hosted) = self.node().group(group) else {
                return remote_reads::applied_after(self.node(), group, index, deadline).await;
            };
            let mut applied = hosted.announcer.watch();
            let wait = applied.wait_for(|applied| *applied > index);
            match tokio::time::timeout(deadline, wait).await {
                Ok(Ok(applied)) => Ok(*applied),
                Ok(Err(_)) | Err(_) => Err(ReadsError::TooLate { group, waited: deadline }),
            }
        })
    }

    fn linearize(&self, group: GroupId, deadline: Duration) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(current::linearize(self.node(), group, deadline))
    }
}
