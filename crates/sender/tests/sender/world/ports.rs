//! The ports of a sender over the one partition in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use model::command::Proposal;
use model::{BootTime, Epoch, GroupId, LogIndex, Timestamp};
use registry::tables::{MemoryTables, View};
use service::ports::{
    Applied, BoxFuture, Clock, DispatchObservation, GroupTime, LogError, NoPermit, Observations, Permit, Random, Reads,
    ReadsError, ReplicatedLog, SendPermits,
};

use super::{Fault, GROUP, World, pass};

impl ReplicatedLog for World {
    fn propose(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        assert_eq!(group, GROUP);
        let latency = *self.latency.lock().unwrap();
        Box::pin(async move {
            self.proposed.lock().unwrap().extend(proposals.iter().map(|proposal| proposal.command.clone()));
            pass(latency).await;
            let fault = {
                let mut faults = self.faults.lock().unwrap();
                let place = faults.iter().position(|(name, _)| *name == proposals[0].command.name());
                place.and_then(|place| faults.remove(place)).map(|(_, fault)| fault)
            };
            if let Some(Fault::Refused(error)) = fault {
                return Err(error);
            }
            let outcomes = self.apply_all(proposals);
            pass(latency).await;
            match fault {
                Some(_) => Err(LogError::Unknown { group, waited: deadline }),
                None => Ok(Applied { outcomes, index: LogIndex(self.index.load(Ordering::Relaxed)) }),
            }
        })
    }

    fn propose_fenced(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        self.propose(group, proposals, deadline)
    }
}

impl Reads for World {
    fn view(&self, group: GroupId) -> Result<Arc<dyn View + Send + Sync>, ReadsError> {
        assert_eq!(group, GROUP);
        let tables: Arc<MemoryTables> = Arc::clone(&self.tables.lock().unwrap());
        Ok(tables)
    }

    fn applied(&self, _group: GroupId) -> LogIndex {
        LogIndex(self.index.load(Ordering::Relaxed))
    }

    fn applied_after(
        &self,
        group: GroupId,
        _index: LogIndex,
        waited: Duration,
    ) -> BoxFuture<'_, Result<LogIndex, ReadsError>> {
        Box::pin(async move { Err(ReadsError::TooLate { group, waited }) })
    }

    fn linearize(&self, _group: GroupId, _deadline: Duration) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async { Ok(()) })
    }
}

struct Entered(Arc<MemoryTables>, Arc<AtomicUsize>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Permit for Entered {
    fn view(&self) -> &dyn View {
        &*self.0
    }
}

impl SendPermits for World {
    fn enter(&self, group: GroupId) -> Result<Box<dyn Permit>, NoPermit> {
        assert_eq!(group, GROUP);
        let due = {
            let mut before = self.before_entry.lock().unwrap();
            if let Some((count, _)) = &mut *before {
                *count -= 1;
            }
            before.take_if(|(count, _)| *count == 0)
        };
        if let Some((_, command)) = due {
            self.apply(command);
        }
        match *self.refused.lock().unwrap() {
            Some(refused) => Err(refused),
            None => {
                self.permits.fetch_add(1, Ordering::Relaxed);
                Ok(Box::new(Entered(Arc::clone(&self.tables.lock().unwrap()), Arc::clone(&self.permits))))
            }
        }
    }

    fn report_drained(&self, group: GroupId, epoch: Epoch) {
        assert_eq!(group, GROUP);
        self.drained.lock().unwrap().push(epoch);
    }
}

impl Observations for World {
    fn observe(&self, observation: &DispatchObservation) {
        self.observed.lock().unwrap().push(observation.clone());
    }
}

impl Clock for World {
    fn boot_time(&self) -> BootTime {
        BootTime(1) + self.started.elapsed()
    }

    fn boot_id(&self) -> Option<u128> {
        self.boot()
    }

    fn wall_time(&self) -> Timestamp {
        Timestamp(self.wall.load(Ordering::Relaxed))
    }
}

impl GroupTime for World {
    fn now(&self, group: GroupId) -> Option<Timestamp> {
        assert_eq!(group, GROUP);
        self.time_known.load(Ordering::Relaxed).then(|| self.time())
    }
}

impl Random for World {
    fn next_u64(&self) -> u64 {
        self.random.fetch_add(1, Ordering::Relaxed)
    }
}
