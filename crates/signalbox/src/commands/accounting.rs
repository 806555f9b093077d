//! `signalbox accounting`: where the accepted messages are.

use clap::Args;
use wire::v1;

use crate::context::Context;
use crate::failure::Failure;
use crate::views::AccountingView;

const EXAMPLES: &str = "\
accepted = delivered + failed + opted out + expired + held + pending, at any time and in every region.

Examples:
  signalbox accounting
  signalbox accounting --app $APP --output json
  signalbox accounting --endpoint 127.0.0.1:4203    as the third region counts them";

/// Shows where the accepted messages are, as the asked region counts them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Accounting {
    /// Count only this app's messages [default: all apps].
    #[arg(long, value_name = "ID")]
    app: Option<String>,
}

impl Accounting {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = context.connect().await?;
        let request = v1::GetAccountingRequest { app_id: self.app };
        let response = connection.answer(connection.accounting().get(request)).await?;
        context.console.show(&AccountingView::from(response))
    }
}
