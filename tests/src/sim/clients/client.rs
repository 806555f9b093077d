//! What all clients have: a node's use cases, randomness of their own, and the app that all use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::app::ChannelDetail;
use model::channel::Channel;
use model::cluster::placement;
use model::id::{AppId, GroupId, NodeId};
use node::NodeReadiness;
use replication::Replication;
use service::ports::{Reads, ReplicatedLog};
use service::use_cases::{CreateApp, PutChannel};
use service::{ErrorCode, Service, ServiceError};

use crate::sim::cluster::{Cluster, PARTITIONS};
use crate::sim::history::Place;
use crate::sim::layout::name;
use crate::sim::operations::{Answered, Asked};
use crate::sim::world::SimRandom;

/// How long a client rests between operations at most, in milliseconds.
const REST_MAX_MS: u64 = 250;
/// How long it waits for the app to be there.
const APP_RETRY: Duration = Duration::from_millis(50);
/// How long one try to find out whether the node has caught up may take.
const READY_TRY: Duration = Duration::from_secs(2);
/// The node whose client makes the app.
const MAKER: NodeId = NodeId(1);

/// A client of one node.
pub(super) struct Client {
    pub(super) cluster: Arc<Cluster>,
    pub(super) service: Service,
    pub(super) reads: Arc<dyn Reads>,
    pub(super) log: Arc<dyn ReplicatedLog>,
    pub(super) control: Replication,
    pub(super) readiness: NodeReadiness,
    pub(super) random: SimRandom,
}

impl Client {
    /// Says that this client came to its end, and stays.
    pub(super) async fn close(&self, role: &str) -> String {
        self.cluster.client_closed(format!("{role} of {}", self.name()));
        std::future::pending().await
    }

    pub(super) fn name(&self) -> &'static str {
        name(self.service.facts().node)
    }

    /// Draws a node of a region that serves.
    pub(super) fn some_node(&self) -> NodeId {
        let serving: Vec<NodeId> = self.cluster.settings.layout.serving().collect();
        serving[self.random.below(serving.len() as u64) as usize]
    }

    pub(super) async fn rest(&self) {
        tokio::time::sleep(Duration::from_millis(1 + self.random.below(REST_MAX_MS))).await;
    }

    pub(super) fn ask(&self, asked: Asked) -> Place {
        self.cluster.history.ask(self.service.facts().node, asked)
    }

    /// Notes the answer of an operation that answers nothing but that it is done; says whether it is.
    pub(super) fn note<T>(&self, place: Place, answer: Result<T, ServiceError>) -> bool {
        let answer = answer.map_or_else(unanswered, |_| Answered::Done);
        let done = answer == Answered::Done;
        self.cluster.history.answer(place, answer);
        done
    }

    /// The same of a deletion. A try of which no answer came may have done it before the one that finds nothing, and
    /// what it has to tell other groups may still be on its way.
    pub(super) fn note_deletion<T>(&self, place: Place, answer: Result<T, ServiceError>) -> bool {
        match answer {
            Err(error) if error.code == ErrorCode::NotFound => {
                self.cluster.history.answer(place, Answered::Unknown(error.message));
                false
            }
            other => self.note(place, other),
        }
    }

    /// Waits for the app; a client of the first region makes it.
    pub(super) async fn app(&self) -> AppId {
        self.ready().await;
        loop {
            if let Some(app) = self.cluster.app()
                && self.service.get_channel(app, Channel::Sms).await.is_ok()
            {
                return app;
            }
            if self.service.facts().node == MAKER && self.cluster.next_number("makers of the app") == 1 {
                self.make_the_app().await;
            }
            tokio::time::sleep(APP_RETRY).await;
        }
    }

    async fn make_the_app(&self) {
        let app = loop {
            match self.create_app().await {
                Ok(app) => break app,
                Err(_) => self.rest().await,
            }
        };
        while self.open_channel(app).await.is_err() || self.service.plan().await.is_err() {
            self.rest().await;
        }
        self.cluster.set_app(app);
    }

    pub(super) async fn create_app(&self) -> Result<AppId, ServiceError> {
        let request = CreateApp { name: "simulated".to_owned(), tags: BTreeMap::new() };
        self.service.create_app(request).await.map(|app| app.id)
    }

    pub(super) async fn open_channel(&self, app: AppId) -> Result<(), ServiceError> {
        let detail = ChannelDetail::Sms { sender_id: None, short_code: None, default_country: None };
        let request = PutChannel { app, channel: Channel::Sms, enabled: Some(true), class: None, detail };
        self.service.put_channel(request).await.map(drop)
    }

    /// Waits until the node has caught up with what was committed when it started: until then its listener isn't ready,
    /// and its own acknowledged writes may be missing from what it reads.
    async fn ready(&self) {
        for group in GroupId::all(PARTITIONS) {
            // A replica that isn't here yet can't be made current.
            while self.is_placed_here(group)
                && (self.reads.view(group).is_err() || self.reads.linearize(group, READY_TRY).await.is_err())
            {
                self.rest().await;
            }
        }
    }

    /// Says whether a group lies on this node, as far as it knows who is in the cluster now.
    fn is_placed_here(&self, group: GroupId) -> bool {
        let nodes = self.control.nodes();
        placement(&nodes, group).values().any(|placed| *placed == self.service.facts().node)
    }
}

/// Errors say whether anything may have been done.
pub(super) fn unanswered(error: ServiceError) -> Answered {
    let text = format!("{:?}: {}", error.code, error.message);
    match error.code {
        ErrorCode::Unknown => Answered::Unknown(text),
        _ => Answered::Refused(text),
    }
}
