//! `[providers]` after it was checked. Every refusal names the key.

use sender::drivers::webhook::{InvalidNetwork, NETWORKS_MAX, Network};
use sender::signature::{InvalidSecret, SECRETS_MAX, SigningSecret};

use super::error::{ConfigError, within};
use super::file::ProvidersSection;
use super::secret;

/// The providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Providers {
    /// The base URL of the sandbox, if it is used.
    pub sandbox: Option<String>,
    /// What the sandbox signs its callbacks with; empty exactly when it isn't used.
    pub sandbox_secrets: Vec<SigningSecret>,
    /// Whether CUSTOM messages are posted to their URLs.
    pub webhook: bool,
    /// Networks that webhooks may reach besides public addresses.
    pub webhook_allow: Vec<Network>,
}

/// Checks the section as written. Reads the files that it names.
pub(super) fn check(section: ProvidersSection) -> Result<Providers, ConfigError> {
    let sandbox = url("providers.sandbox", section.sandbox.clone())?;
    let sandbox_secrets = secrets(&section)?;
    let webhook_allow = webhook_allow(&section.webhook_allow)?;
    match (&sandbox, sandbox_secrets.is_empty()) {
        (Some(_), true) => Err(ConfigError::key(
            "providers.sandbox_secrets",
            "must hold the secret that the sandbox signs its callbacks with, or sandbox_secret_files name its file",
        )),
        (None, false) => {
            Err(ConfigError::key("providers.sandbox_secrets", "is for providers.sandbox alone, which isn't given"))
        }
        _ => Ok(Providers { sandbox, sandbox_secrets, webhook: section.webhook, webhook_allow }),
    }
}

fn secrets(section: &ProvidersSection) -> Result<Vec<SigningSecret>, ConfigError> {
    let (written, files) = (&section.sandbox_secrets, &section.sandbox_secret_files);
    within("providers.sandbox_secrets", written.len() + files.len(), 0, SECRETS_MAX)?;
    let mut secrets = Vec::new();
    for (place, written) in written.iter().enumerate() {
        secrets.push(signing(&format!("providers.sandbox_secrets[{place}]"), written.reveal())?);
    }
    for (place, file) in files.iter().enumerate() {
        let key = format!("providers.sandbox_secret_files[{place}]");
        let read = secret::read_file(file).map_err(|error| ConfigError::key(&key, error.to_string()))?;
        secrets.push(signing(&key, read.reveal())?);
    }
    Ok(secrets)
}

fn signing(key: &str, text: &str) -> Result<SigningSecret, ConfigError> {
    text.parse().map_err(|error: InvalidSecret| ConfigError::key(key, error.to_string()))
}

fn url(key: &str, text: Option<String>) -> Result<Option<String>, ConfigError> {
    match text {
        Some(text) if !(text.starts_with("http://") || text.starts_with("https://")) => {
            Err(ConfigError::key(key, format!("must be a URL such as http://127.0.0.1:4300, found {text:?}")))
        }
        Some(text) => Ok(Some(text.trim_end_matches('/').to_owned())),
        None => Ok(None),
    }
}

fn webhook_allow(texts: &[String]) -> Result<Vec<Network>, ConfigError> {
    within("providers.webhook_allow", texts.len(), 0, NETWORKS_MAX)?;
    let network = |(place, text): (usize, &String)| {
        let key = || format!("providers.webhook_allow[{place}]");
        text.parse().map_err(|error: InvalidNetwork| ConfigError::key(key(), error.to_string()))
    };
    texts.iter().enumerate().map(network).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_c2lnbmFsYm94LWtpdC1jYWxsYmFja3Mh";

    fn check_text(text: &str) -> Result<Providers, String> {
        check(toml::from_str(text).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn callbacks_need_one_secret_or_two() {
        let with = |secrets: &str| check_text(&format!("sandbox = \"http://x\"\nsandbox_secrets = [{secrets}]"));
        assert_eq!(with(&format!("\"{SECRET}\"")).unwrap().sandbox_secrets.len(), 1);
        assert_eq!(with(&format!("\"{SECRET}\", \"{SECRET}\"")).unwrap().sandbox_secrets.len(), 2);
        for (secrets, wanted) in [
            ("", "providers.sandbox_secrets: must hold the secret"),
            ("\"a\", \"b\", \"c\"", "providers.sandbox_secrets: must be 0 to 2, found 3"),
            ("\"hunter2\"", "providers.sandbox_secrets[0]: must be whsec_"),
        ] {
            let error = with(secrets).unwrap_err();
            assert!(error.starts_with(wanted) && !error.contains("hunter2"), "{error}");
        }
        let error = check_text(&format!("sandbox_secrets = [\"{SECRET}\"]")).unwrap_err();
        assert!(error.contains("is for providers.sandbox alone"), "{error}");
        assert!(check_text("").unwrap().sandbox_secrets.is_empty());
    }

    #[test]
    fn a_secret_may_stand_in_a_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, format!("{SECRET}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = format!("sandbox = \"http://x\"\nsandbox_secret_files = [{file:?}]");
        assert_eq!(check_text(&text).unwrap().sandbox_secrets, [SECRET.parse().unwrap()]);
        std::fs::write(&file, "hunter2").unwrap();
        assert!(check_text(&text).unwrap_err().starts_with("providers.sandbox_secret_files[0]: must be whsec_"));
    }

    #[test]
    fn a_network_that_is_none_is_named() {
        let error = check_text("webhook_allow = [\"10.0.0.0/8\", \"10.1.0.0/8\"]").unwrap_err();
        assert!(error.starts_with("providers.webhook_allow[1]: has bits set"), "{error}");
        assert_eq!(check_text("webhook_allow = [\"10.0.0.0/8\"]").unwrap().webhook_allow.len(), 1);
    }
}
