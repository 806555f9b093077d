//! The books.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::books::Books;
use model::id::{AppId, GroupId};
use policy::Action;
use tonic::{Request, Response, Status};
use wire::public::parse_app_id;
use wire::v1;

use super::door::GrpcDoor;
use super::error::GrpcError;

/// The service.
pub(super) struct BooksService(pub(super) Arc<GrpcDoor>);

#[tonic::async_trait]
impl v1::books_service_server::BooksService for BooksService {
    async fn get(&self, request: Request<v1::GetBooksRequest>) -> Result<Response<v1::GetBooksResponse>, Status> {
        let _entered = self.0.enter(request.metadata(), Action::GetBooks)?;
        let app =
            request.into_inner().app_id.map(|id| parse_app_id(&id, "app_id")).transpose().map_err(GrpcError::from)?;
        let books = self.0.service.books(app).await.map_err(GrpcError::from)?;
        Ok(Response::new(response(books)))
    }
}

fn response(books: BTreeMap<(GroupId, AppId), Books>) -> v1::GetBooksResponse {
    let mut by_app: BTreeMap<AppId, Vec<(GroupId, Books)>> = BTreeMap::new();
    for ((group, app), books) in books {
        by_app.entry(app).or_default().push((group, books));
    }
    let mut total = Books::default();
    let apps = by_app
        .into_iter()
        .map(|(app, groups)| {
            let mut sum = Books::default();
            groups.iter().for_each(|(_, books)| sum += *books);
            total += sum;
            let groups = groups
                .into_iter()
                .map(|(group, books)| v1::GroupBooks { group: u32::from(group.0), books: Some(books.into()) })
                .collect();
            v1::AppBooks { app_id: app.to_string(), groups, sum: Some(sum.into()) }
        })
        .collect();
    v1::GetBooksResponse { apps, sum: Some(total.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_add_up_to_apps_and_apps_to_the_whole() {
        let some = |accepted| Books { accepted, pending: accepted, ..Books::default() };
        let books = BTreeMap::from([
            ((GroupId(1), AppId(2)), some(3)),
            ((GroupId(2), AppId(1)), some(5)),
            ((GroupId(2), AppId(2)), some(7)),
        ]);
        let response = response(books);
        let sums: Vec<_> = response.apps.iter().map(|app| app.sum.unwrap().accepted).collect();
        assert_eq!((sums, response.sum.unwrap().pending), (vec![5, 10], 15));
    }
}
