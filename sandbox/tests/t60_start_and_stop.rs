//! Starting with what can't work, and stopping under load.

mod rig;

use rig::{Dispatch, Rig, config, within_deadline};
use sandbox::{ConfigError, SandboxConfig, SandboxError};

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let rig = Rig::start().await;
    let error = sandbox::bind(SandboxConfig { listen: rig.address, ..config() }).await.err().unwrap();
    assert!(matches!(error, SandboxError::Listen { address, .. } if address == rig.address), "{error}");
    assert!(error.to_string().contains(&rig.address.to_string()));
}

#[tokio::test]
async fn a_bad_configuration_is_refused_before_anything_is_opened() {
    let config = SandboxConfig { callbacks: vec!["listener:4101".to_owned()], ..config() };
    let error = sandbox::bind(config).await.err().unwrap();
    assert!(matches!(error, SandboxError::Config(ConfigError::Callback { index: 0, .. })), "{error}");
}

#[tokio::test]
async fn stopping_waits_for_no_idle_connection() {
    let mut rig = Rig::start().await;
    rig.deliver(&Dispatch::of(&["m1"])).await;
    within_deadline(rig.stop()).await;
    assert!(tokio::net::TcpStream::connect(rig.address).await.is_err());
}
