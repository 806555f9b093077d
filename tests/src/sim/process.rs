//! A simulated process: tasks on a runtime of their own, with a monotonic clock that moves only when it is told to. So
//! it can stand still while time passes for everybody else, and find afterwards that time passed, or, on a machine that
//! slept, that it didn't.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, LocalSet};

use super::faults::Tick;

/// The step of simulated time.
pub const STEP: Duration = Duration::from_millis(1);

/// A process that runs, or stands still, or has ended.
pub struct Process {
    /// The tasks of this one end first.
    local: LocalSet,
    runtime: Runtime,
    main: Option<JoinHandle<anyhow::Result<()>>>,
    still: Option<Still>,
}

/// A process stands still.
struct Still {
    /// For so many steps up to now.
    steps: u32,
    /// Until when.
    until: Tick,
    /// Whether its machine sleeps: then its monotonic clock stands as well.
    asleep: bool,
}

impl Process {
    /// Starts a process.
    ///
    /// # Errors
    /// When the runtime can't be made.
    pub fn start(main: impl Future<Output = anyhow::Result<()>> + 'static) -> std::io::Result<Process> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let local = LocalSet::new();
        let main = {
            let _entered = runtime.enter();
            local.spawn_local(main)
        };
        Ok(Process { local, runtime, main: Some(main), still: None })
    }

    /// Lets it stand still until a time: stopped by a signal, or with its machine asleep.
    pub fn stand_still(&mut self, until: Tick, asleep: bool) {
        self.still = Some(Still { steps: 0, until, asleep });
    }

    /// Says whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.main.is_some()
    }

    /// Lets a step of time pass up to `now`. Returns why the process ended with an error, when it does.
    pub fn step(&mut self, now: Tick) -> Option<anyhow::Error> {
        self.main.as_ref()?;
        match &mut self.still {
            Some(still) if now < still.until => {
                still.steps += 1;
                return None;
            }
            Some(still) => {
                // All of it at once: whatever was due meanwhile is due now.
                let missed = if still.asleep { Duration::ZERO } else { STEP * still.steps };
                self.still = None;
                self.runtime.block_on(self.local.run_until(tokio::time::advance(missed)));
            }
            None => {}
        }
        self.runtime.block_on(self.local.run_until(async { tokio::time::sleep(STEP).await }));
        let main = self.main.take_if(|main| main.is_finished())?;
        match self.runtime.block_on(main) {
            Ok(ended) => ended.err(),
            Err(panicked) => Some(panicked.into()),
        }
    }
}
