//! Accounting, and what a group keeps about its own working.

use model::accounting::Accounting;
use model::command::FollowUpAction;
use model::endpoint::FormerGroup;
use model::opt_out::Block;
use model::outcome::Acceptance;
use model::request::RecipientName;
use model::rows::{DeletedEndpoint, Deletion, GroupMeta, RequestAnswer, RequestRow};
use model::{AddressKey, AppId, AppSendState, Epoch, Outcome, Timestamp};

use super::{Form, Writer};
use crate::error::InvalidField;
use crate::read::{Within as _, endpoint, list, required, text};
use crate::state;

impl Form for Accounting {
    type Generated = state::Accounting;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.uint(1, self.accepted);
        writer.uint(2, self.delivered);
        writer.uint(3, self.failed);
        writer.uint(4, self.opted_out);
        writer.uint(5, self.expired);
        writer.uint(6, self.held);
        writer.uint(7, self.pending);
    }

    fn read(row: state::Accounting) -> Result<Accounting, InvalidField> {
        Ok(Accounting {
            accepted: row.accepted,
            delivered: row.delivered,
            failed: row.failed,
            opted_out: row.opted_out,
            expired: row.expired,
            held: row.held,
            pending: row.pending,
        })
    }
}

impl Form for GroupMeta {
    type Generated = state::GroupMeta;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.uint(1, self.clock.0);
        writer.uint(2, u64::from(self.apply_version));
        writer.uint(3, self.events);
        writer.uint(4, self.epoch.0);
        writer.uint(5, self.version_since.0);
    }

    fn read(row: state::GroupMeta) -> Result<GroupMeta, InvalidField> {
        Ok(GroupMeta {
            clock: Timestamp(row.clock_ms),
            apply_version: row.apply_version,
            events: row.events,
            epoch: Epoch(row.epoch),
            version_since: Timestamp(row.version_since_ms),
        })
    }
}

impl Form for Deletion {
    type Generated = state::Deletion;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.flag(1, self.known);
        writer.flag(2, self.ended);
    }

    fn read(row: state::Deletion) -> Result<Deletion, InvalidField> {
        Ok(Deletion { known: row.known, ended: row.ended })
    }
}

impl Form for RequestRow {
    type Generated = state::RequestRow;

    fn write(&self, writer: &mut Writer<'_>) {
        match &self.answer {
            RequestAnswer::Whole(outcome) => writer.message(1, outcome),
            RequestAnswer::Recipients(answers) => writer.nested(2, |recipients| {
                for (name, answer) in answers {
                    recipients.nested(1, |entry| {
                        entry.fixed(1, name.0);
                        entry.message(2, answer);
                    });
                }
            }),
        }
        writer.uint(3, self.time.0);
    }

    fn read(row: state::RequestRow) -> Result<RequestRow, InvalidField> {
        use state::request_row::Answer;
        let answer = match required(row.answer, "answer")? {
            Answer::Whole(outcome) => RequestAnswer::Whole(Outcome::read(outcome).within("whole")?),
            Answer::Recipients(recipients) => {
                let answers = list(recipients.answers, "answers", |entry| {
                    let answer = required(entry.answer, "answer").and_then(Acceptance::read)?;
                    Ok((RecipientName(entry.name), answer))
                });
                RequestAnswer::Recipients(answers.within("recipients")?.into_iter().collect())
            }
        };
        Ok(RequestRow { answer, time: Timestamp(row.time_ms) })
    }
}

impl Form for DeletedEndpoint {
    type Generated = state::DeletedEndpoint;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.messages(1, &self.former);
        writer.uint(2, self.deleted.0);
    }

    fn read(row: state::DeletedEndpoint) -> Result<DeletedEndpoint, InvalidField> {
        let former = list(row.former, "former", FormerGroup::read)?;
        Ok(DeletedEndpoint { former, deleted: Timestamp(row.deleted_ms) })
    }
}

impl Form for FollowUpAction {
    type Generated = state::FollowUpAction;

    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            FollowUpAction::AdoptApp(send_state) => writer.message(1, send_state),
            FollowUpAction::PutBlock(block) => writer.message(2, block),
            FollowUpAction::RemoveBlock { app, key, endpoint } => writer.nested(3, |block| {
                block.id(1, app.0);
                block.text(2, key.as_str());
                block.text(3, endpoint.as_str());
            }),
            FollowUpAction::EndApp { app } => writer.id(4, app.0),
        }
    }

    fn read(row: state::FollowUpAction) -> Result<FollowUpAction, InvalidField> {
        use state::follow_up_action::Action;
        match required(row.action, "action")? {
            Action::AdoptApp(send_state) => {
                AppSendState::read(send_state).map(FollowUpAction::AdoptApp).within("adopt_app")
            }
            Action::PutBlock(block) => Block::read(block).map(FollowUpAction::PutBlock).within("put_block"),
            Action::RemoveBlock(block) => read_remove_block(block).within("remove_block"),
            Action::EndApp(id) => Ok(FollowUpAction::EndApp { app: AppId::from(id) }),
        }
    }
}

fn read_remove_block(block: state::RemoveBlock) -> Result<FollowUpAction, InvalidField> {
    Ok(FollowUpAction::RemoveBlock {
        app: required(block.app, "app").map(AppId::from)?,
        key: text(block.key, "key").map(AddressKey::from_stored)?,
        endpoint: endpoint(block.endpoint, "endpoint")?,
    })
}
