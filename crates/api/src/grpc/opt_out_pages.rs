//! Pages of opt-outs, and the tokens that lead from one to the next.

use model::address::AddressKey;
use model::channel::Channel;
use model::id::AppId;
use model::opt_out::{OptOut, OptOutList};
use service::Service;
use service::use_cases::{OptOutKey, PAGE_MAX};
use wire::public::parse_app_id;
use wire::v1;

use super::error::GrpcError;

/// A page, and the token of the next one; empty when this was the last.
type Page = (Vec<v1::OptOut>, String);

/// Returns a page of an app's own opt-outs.
pub(super) async fn of_app(service: &Service, app: &str, page_token: &str) -> Result<Page, GrpcError> {
    let app = parse_app_id(app, "app_id")?;
    let after = if page_token.is_empty() { None } else { Some(read_token(app, page_token)?) };
    let page = service.list_opt_outs(app, after.as_ref()).await?;
    let next = page.last().filter(|_| page.len() >= PAGE_MAX).map(token).unwrap_or_default();
    Ok((page.into_iter().map(v1::OptOut::from).collect(), next))
}

/// Returns a page of the opt-outs in a list. The token is the last recipient.
pub(super) async fn of_list(service: &Service, list: &str, page_token: &str) -> Result<Page, GrpcError> {
    let list: OptOutList = service.opt_out_list(list)?;
    let after = (!page_token.is_empty()).then(|| AddressKey::from_stored(page_token));
    let page = service.list_listed_opt_outs(&list, after.as_ref()).await?;
    let next = page.last().filter(|_| page.len() >= PAGE_MAX).map(|last| last.key.as_str().to_owned());
    Ok((page.into_iter().map(|listed| (listed, Channel::Sms).into()).collect(), next.unwrap_or_default()))
}

/// Writes where a page ended: the channel's name and the recipient.
fn token(last: &OptOut) -> String {
    format!("{}/{}", last.channel, last.key.as_str())
}

fn read_token(app: AppId, token: &str) -> Result<OptOutKey, GrpcError> {
    let read = || {
        let (channel, key) = token.split_once('/')?;
        let channel: Channel = channel.parse().ok()?;
        Some(OptOutKey { app, key: AddressKey::from_stored(key), channel })
    };
    read().ok_or_else(|| GrpcError::invalid("page_token", "is not a token of an earlier page"))
}

#[cfg(test)]
mod tests {
    use model::opt_out::OptOutSource;
    use model::time::Timestamp;

    use super::*;

    #[test]
    fn a_token_leads_back_to_where_its_page_ended() {
        let key = AddressKey::from_stored("mail:a/b@example.com");
        let last = OptOut {
            app: AppId(1),
            key: key.clone(),
            channel: Channel::Email,
            source: OptOutSource::Request,
            time: Timestamp(0),
        };
        let back = read_token(AppId(1), &token(&last)).unwrap();
        assert_eq!(back, OptOutKey { app: AppId(1), key, channel: Channel::Email });
        for bad in ["x", "PIGEON/mail:a@b.c", ""] {
            assert!(read_token(AppId(1), bad).is_err(), "{bad:?}");
        }
    }
}
