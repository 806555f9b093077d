//! What Pinpoint calls the members of a content, and texts with the member that they were given in.

use model::content::Content;

use crate::limits::ContentNames;

/// Pinpoint's names.
pub(super) const NAMES: ContentNames<'static> = ContentNames {
    sms_text: "SMSMessage.Body",
    origination_number: "SMSMessage.OriginationNumber",
    sender_id: "SMSMessage.SenderId",
    keyword: "SMSMessage.Keyword",
    entity_id: "SMSMessage.EntityId",
    template_id: "SMSMessage.TemplateId",
    email: "EmailMessage.SimpleEmail",
    subject: "EmailMessage.SimpleEmail.Subject.Data",
    html: "EmailMessage.SimpleEmail.HtmlPart.Data",
    text: "EmailMessage.SimpleEmail.TextPart.Data",
    headers: "EmailMessage.SimpleEmail.Headers",
    header: ("Name", "Value"),
    from: "EmailMessage.FromAddress",
    reply_to: "EmailMessage.ReplyToAddresses",
    raw_email: "EmailMessage.RawEmail.Data",
    custom: "CustomMessage.Data",
};

/// A text, and the member that it was given in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'t> {
    pub(super) member: &'t str,
    pub(super) text: &'t str,
}

/// A content, and the member that its text or plain part was given in.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) content: Content,
    pub(super) member: String,
}

impl Named {
    /// Returns what the members of the content are called.
    pub(super) fn names(member: &str) -> ContentNames<'_> {
        ContentNames { sms_text: member, text: member, custom: member, ..NAMES }
    }
}
