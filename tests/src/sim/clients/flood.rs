//! Who asks for more at once than a node has room for: what is refused then must not have happened, and what others ask
//! for meanwhile goes on.

use std::time::Duration;

use futures::future::join_all;

use super::client::Client;

/// How many writes it asks for at once: some times what a node has room for.
const AT_ONCE: u64 = 60;
/// The first of its endpoints; those before are the writer's.
const FIRST: u64 = 1_000;
/// How long it rests between two floods at most, in milliseconds.
const PAUSE_MAX_MS: u64 = 4_000;

impl Client {
    /// Floods its node again and again until the run ends.
    pub(super) async fn flood(self) -> String {
        let app = self.app().await;
        while !self.cluster.is_closing() {
            tokio::time::sleep(Duration::from_millis(1 + self.random.below(PAUSE_MAX_MS))).await;
            join_all((FIRST..FIRST + AT_ONCE).map(|own| self.write_endpoint(app, own))).await;
        }
        // The cluster is healed, and nothing is refused any more but for being too much at once.
        while !self.write_endpoint(app, FIRST).await {
            self.rest().await;
        }
        self.close("flood").await
    }
}
