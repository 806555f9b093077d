//! The accounting.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::accounting::Accounting;
use model::id::{AppId, GroupId};
use policy::Action;
use tonic::{Request, Response, Status};
use wire::public::parse_app_id;
use wire::v1;

use super::error::GrpcError;
use super::state::GrpcApi;

pub(super) struct AccountingService(pub(super) Arc<GrpcApi>);

#[tonic::async_trait]
impl v1::accounting_server::Accounting for AccountingService {
    async fn get(
        &self,
        request: Request<v1::GetAccountingRequest>,
    ) -> Result<Response<v1::GetAccountingResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::GetAccounting)?;
        let app =
            request.into_inner().app_id.map(|id| parse_app_id(&id, "app_id")).transpose().map_err(GrpcError::from)?;
        let accounting = self.0.service.accounting(app).await.map_err(GrpcError::from)?;
        Ok(Response::new(response(accounting)))
    }
}

fn response(accounting: BTreeMap<(GroupId, AppId), Accounting>) -> v1::GetAccountingResponse {
    let mut by_app: BTreeMap<AppId, Vec<(GroupId, Accounting)>> = BTreeMap::new();
    for ((group, app), accounting) in accounting {
        by_app.entry(app).or_default().push((group, accounting));
    }
    let mut total = Accounting::default();
    let apps = by_app
        .into_iter()
        .map(|(app, groups)| {
            let mut sum = Accounting::default();
            groups.iter().for_each(|(_, accounting)| sum += *accounting);
            total += sum;
            let groups = groups
                .into_iter()
                .map(|(group, accounting)| v1::GroupAccounting {
                    group: u32::from(group.0),
                    totals: Some(accounting.into()),
                })
                .collect();
            v1::AppAccounting { app_id: app.to_string(), groups, sum: Some(sum.into()) }
        })
        .collect();
    v1::GetAccountingResponse { apps, sum: Some(total.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_add_up_to_apps_and_apps_to_the_whole() {
        let some = |accepted| Accounting { accepted, pending: accepted, ..Accounting::default() };
        let accounting = BTreeMap::from([
            ((GroupId(1), AppId(2)), some(3)),
            ((GroupId(2), AppId(1)), some(5)),
            ((GroupId(2), AppId(2)), some(7)),
        ]);
        let response = response(accounting);
        let sums: Vec<_> = response.apps.iter().map(|app| app.sum.unwrap().accepted).collect();
        assert_eq!((sums, response.sum.unwrap().pending), (vec![5, 10], 15));
    }
}
