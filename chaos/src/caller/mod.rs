//! The clients' calls: each asks one thing of one listener, by gRPC or by REST, and takes down what it was answered.
//! Whether a failed call had an effect is only said where the answer rules it out.

mod grpc;
mod rest;
mod signed;

use std::future::Future;
use std::sync::Arc;

use signalbox::connection::Connection;

use crate::history::{Answer, Api, Call, Line, Op, Region};
use crate::recorder::Recorder;

pub use signed::RestClient;

/// The attribute of an endpoint that holds a register's value.
const VALUE: &str = "value";
/// Where all registers are that aren't shared: each write displaces the one that was active there, and is acknowledged
/// when every region knows that.
const ADDRESS: &str = "+12065550100";
/// What every message says.
const TEXT: &str = "chaos";

/// A client of one region's listeners.
#[derive(Clone)]
pub struct Caller {
    pub listener: Region,
    pub connection: Arc<Connection>,
    pub rest: Arc<RestClient>,
    pub app: Arc<str>,
    pub recorder: Arc<Recorder>,
}

impl Caller {
    /// Makes a call and takes it down.
    async fn take_down(&self, api: Api, op: Op, call: impl Future<Output = Answer>) {
        let begun_us = self.recorder.now();
        let answer = call.await;
        let ended_us = self.recorder.now();
        self.recorder.record(Line::Call(Call { begun_us, ended_us, listener: self.listener, api, op, answer }));
    }
}
