//! Calls by gRPC.

use std::future::Future;

use tonic::{Code, Response, Status};
use wire::v1;

use super::{ADDRESS, Caller, TEXT, VALUE};
use crate::history::{Answer, Api, Class, Op};

impl Caller {
    /// Sends one SMS.
    pub async fn send(&self, address: String, class: Class, time_to_live_ms: u64) {
        let sms =
            v1::SmsContent { text: TEXT.to_owned(), purpose: v1::Purpose::Transactional as i32, ..Default::default() };
        let to = v1::recipient::To::Address(address.clone());
        let request = v1::SendMessagesRequest {
            app_id: self.app.to_string(),
            recipients: vec![v1::Recipient { to: Some(to), ..Default::default() }],
            content: Some(v1::Content { content: Some(v1::content::Content::Sms(sms)) }),
            class: match class {
                Class::AtMostOnce => v1::Class::AtMostOnce,
                Class::AtLeastOnce => v1::Class::AtLeastOnce,
            } as i32,
            time_to_live_ms: Some(time_to_live_ms),
            ..Default::default()
        };
        let mut messages = self.connection.messages();
        let call = async move { messages.send(request).await };
        self.call(Op::Send { address, class, time_to_live_ms }, call, sent).await;
    }

    /// Opts an address out of SMS.
    pub async fn opt_out(&self, address: String) {
        let request = v1::PutOptOutRequest {
            app_id: self.app.to_string(),
            channel: v1::Channel::Sms as i32,
            address: address.clone(),
            source: v1::OptOutSource::Request as i32,
            ..Default::default()
        };
        let mut opt_outs = self.connection.opt_outs();
        let call = async move { opt_outs.put(request).await };
        self.call(Op::OptOut { address }, call, |_| Answer::Done).await;
    }

    /// Writes a register.
    pub async fn write(&self, register: String, value: u64) {
        let place = (v1::Channel::Sms, Some(ADDRESS.to_owned()));
        self.put(register.clone(), value, place, Op::Write { register, value }).await;
    }

    /// Reads a register as this listener has it.
    pub async fn read(&self, register: String) {
        self.get(register.clone(), false, Op::Read { register }).await;
    }

    /// Writes a shared register; nobody is displaced, and no region is waited for.
    pub async fn write_shared(&self, register: String, value: u64) {
        let place = (v1::Channel::Unspecified, None);
        self.put(register.clone(), value, place, Op::WriteShared { register, value }).await;
    }

    /// Reads a shared register with everything that was acknowledged anywhere.
    pub async fn read_shared(&self, register: String) {
        self.get(register.clone(), true, Op::ReadShared { register }).await;
    }

    async fn put(&self, register: String, value: u64, place: (v1::Channel, Option<String>), op: Op) {
        let values = v1::Values { values: vec![value.to_string()] };
        let patch = v1::EndpointPatch {
            channel: place.0 as i32,
            address: place.1,
            attributes: [(VALUE.to_owned(), values)].into(),
            ..Default::default()
        };
        let request = v1::PutEndpointRequest {
            app_id: self.app.to_string(),
            endpoint_id: register,
            patch: Some(patch),
            ..Default::default()
        };
        let mut endpoints = self.connection.endpoints();
        let call = async move { endpoints.put(request).await };
        self.call(op, call, |_| Answer::Done).await;
    }

    async fn get(&self, register: String, linearizable: bool, op: Op) {
        let request = v1::GetEndpointRequest { app_id: self.app.to_string(), endpoint_id: register, linearizable };
        let mut endpoints = self.connection.endpoints();
        let call = async move {
            match endpoints.get(request).await {
                Ok(answer) => Ok(answer.map(Some)),
                Err(status) if is_said(&status) && status.code() == Code::NotFound => Ok(Response::new(None)),
                Err(status) => Err(status),
            }
        };
        self.call(op, call, |answer: Option<v1::GetEndpointResponse>| {
            let endpoint = answer.and_then(|answer| answer.endpoint);
            let value = endpoint.and_then(|endpoint| endpoint.attributes.get(VALUE)?.values.first()?.parse().ok());
            Answer::Value { value }
        })
        .await;
    }

    async fn call<T>(
        &self,
        op: Op,
        call: impl Future<Output = Result<Response<T>, Status>>,
        answer: impl FnOnce(T) -> Answer,
    ) {
        let call = async move {
            match call.await {
                Ok(response) => answer(response.into_inner()),
                Err(status) => failed(&status),
            }
        };
        self.take_down(Api::Grpc, op, call).await;
    }
}

fn sent(response: v1::SendMessagesResponse) -> Answer {
    let Some(result) = response.results.into_iter().next() else {
        return Answer::Unknown { why: "an answer without a result".to_owned() };
    };
    match result.status() {
        v1::SendStatus::Accepted => Answer::Accepted { message: result.message_id },
        v1::SendStatus::OptedOut => Answer::OptedOut,
        v1::SendStatus::Unknown | v1::SendStatus::Unspecified => Answer::Unknown { why: result.detail },
        other => Answer::Refused { why: format!("{} {}", other.as_str_name(), result.detail) },
    }
}

fn failed(status: &Status) -> Answer {
    let why = format!("{:?}: {}", status.code(), status.message());
    if !is_said(status) {
        return Answer::Unknown { why };
    }
    match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::Unimplemented => Answer::Refused { why },
        _ => Answer::Unknown { why },
    }
}

/// Says whether the listener said it. What the connection says has a cause: a code of its own says nothing about the
/// call.
fn is_said(status: &Status) -> bool {
    std::error::Error::source(status).is_none()
}
