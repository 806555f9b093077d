//! Writes and reads of endpoints. Each endpoint has one writer, whose numbers grow.

use std::collections::BTreeMap;

use model::endpoint::EndpointPatch;
use model::id::{AppId, EndpointId, RequestId};
use service::ErrorCode;
use service::ports::Random as _;
use service::use_cases::{ReadMode, UpsertEndpointRequest};

use super::client::{Client, unanswered};
use crate::sim::layout::name;
use crate::sim::operations::{Answered, Asked};

/// How many endpoints each writer has.
const ENDPOINTS: u64 = 3;

impl Client {
    /// Writes and reads until the run ends.
    pub(super) async fn write(self) -> String {
        let app = self.app().await;
        while !self.cluster.is_closing() {
            self.rest().await;
            let own = self.random.below(ENDPOINTS);
            let somebodys = name(self.some_node());
            match self.random.below(10) {
                0..6 => drop(self.write_endpoint(app, own).await),
                6..8 => self.read_endpoint(app, format!("{}-{own}", self.name()), ReadMode::Local).await,
                _ => {
                    let endpoint = format!("{somebodys}-{own}");
                    self.read_endpoint(app, endpoint, ReadMode::Linearizable).await;
                }
            }
        }
        // The cluster is healed: it must take writes again.
        while !self.write_endpoint(app, 0).await {
            self.rest().await;
        }
        self.close("writer").await
    }

    /// Writes the endpoint's next number; says whether that was acknowledged.
    pub(super) async fn write_endpoint(&self, app: AppId, own: u64) -> bool {
        let endpoint = format!("{}-{own}", self.name());
        let value = self.cluster.next_number(&endpoint);
        let patch = EndpointPatch {
            attributes: BTreeMap::from([("number".to_owned(), vec![value.to_string()])]),
            ..EndpointPatch::default()
        };
        let place = self.ask(Asked::Write { endpoint: endpoint.clone(), value });
        let answer = self.service.upsert_endpoint(self.upsert(app, &endpoint, patch)).await;
        self.note(place, answer)
    }

    pub(super) fn upsert(&self, app: AppId, endpoint: &str, patch: EndpointPatch) -> UpsertEndpointRequest {
        UpsertEndpointRequest {
            app,
            endpoint: EndpointId::from_stored(endpoint),
            display_id: endpoint.to_owned(),
            patch,
            request: RequestId(self.random.next_u128()),
        }
    }

    async fn read_endpoint(&self, app: AppId, endpoint: String, mode: ReadMode) {
        let id = EndpointId::from_stored(endpoint.clone());
        let place = self.ask(Asked::Read { endpoint, linearizable: mode == ReadMode::Linearizable });
        let answer = match self.service.get_endpoint(app, &id, mode).await {
            Ok(found) => Answered::Read(number_of(&found.endpoint)),
            Err(error) if error.code == ErrorCode::NotFound => Answered::Read(None),
            Err(error) => unanswered(error),
        };
        self.cluster.history.answer(place, answer);
    }
}

/// Returns the number that a writer left in an endpoint.
pub fn number_of(endpoint: &model::Endpoint) -> Option<u64> {
    endpoint.attributes.get("number").and_then(|values| values.first()).and_then(|text| text.parse().ok())
}
