//! Where everything of a development cluster is: addresses, files, keys. The addresses are fixed so that documentation,
//! tests and clients agree; a base port moves them all.

use std::path::{Path, PathBuf};

use model::id::ClusterId;

use crate::failure::Failure;

/// The modes of the first plan.
pub const MODES: [&str; 2] = ["active_active", "warm_standby"];

/// The regions, in the order of their ports.
pub const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];

/// The development key; clients of the development cluster sign with it.
pub const KEY_ID: &str = "AKIASIGNALBOXKIT0001";

/// The secret of the development key. It opens nothing but development clusters on loopback.
pub const SECRET: &str = "signalbox-kit-secret";

/// What the sandbox of a development cluster signs its callbacks with. Public, as [`SECRET`] is.
pub const CALLBACK_SECRET: &str = sandbox::DEVELOPMENT_SECRET;

/// A valid key that may do nothing, for trying what a refusal looks like.
pub const DENIED_KEY_ID: &str = "AKIASIGNALBOXKIT0002";

/// The secret of the key that may do nothing.
pub const DENIED_SECRET: &str = "signalbox-kit-denied";

/// The addresses and files of a development cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// All ports are counted from here: REST +1, gRPC +101, sandbox +200, node to node +301.
    pub base_port: u16,
    /// Where configurations, data and logs are.
    pub folder: PathBuf,
    /// The mode of the first plan.
    pub mode: String,
}

impl Layout {
    /// Returns the address of a region's REST listener.
    pub fn rest(&self, region: usize) -> String {
        format!("127.0.0.1:{}", self.base_port + 1 + region as u16)
    }

    /// Returns the address of a region's gRPC listener.
    pub fn grpc(&self, region: usize) -> String {
        format!("127.0.0.1:{}", self.base_port + 101 + region as u16)
    }

    /// Returns the address where other nodes reach a region.
    pub fn peer(&self, region: usize) -> String {
        format!("127.0.0.1:{}", self.base_port + 301 + region as u16)
    }

    /// Returns the address of the sandbox.
    pub fn sandbox(&self) -> String {
        format!("127.0.0.1:{}", self.base_port + 200)
    }

    /// Returns the socket on which the supervisor takes orders.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("dev.sock")
    }

    /// Returns the file with a region's log lines.
    pub fn log(&self, region: usize) -> PathBuf {
        self.folder.join(format!("{}.log", REGIONS[region]))
    }

    /// Returns the file with a region's configuration.
    pub fn config(&self, region: usize) -> PathBuf {
        self.folder.join(format!("{}.toml", REGIONS[region]))
    }

    /// Returns the number of a region, by its name.
    pub fn region(&self, name: &str) -> Option<usize> {
        REGIONS.iter().position(|region| *region == name)
    }

    /// Returns the folder of the cluster's certificate authority.
    pub fn tls(&self) -> PathBuf {
        self.folder.join("tls")
    }

    /// Writes the configuration of a region as `deploy/local` has it, with the cluster's own id, addresses and folder.
    pub fn config_text(&self, region: usize, cluster: ClusterId, data: &Path) -> String {
        let mut text = format!(
            "# {name}: one of three regions on this machine.\n\n\
             [node]\nid = {id}\ndata = {data:?}\n\n\
             [listen]\nrest = {rest:?}\ngrpc = {grpc:?}\npeer = {peer:?}\n\n\
             [cluster]\nid = \"{cluster}\"\npartitions = 4\nmode = {mode:?}\nround_trip_ms = 5\n",
            name = REGIONS[region],
            id = region + 1,
            rest = self.rest(region),
            grpc = self.grpc(region),
            peer = self.peer(region),
            mode = self.mode,
        );
        for (other, name) in REGIONS.iter().enumerate() {
            text.push_str(&format!(
                "\n[[cluster.nodes]]\nid = {id}\nregion = {name:?}\npeer = {peer:?}\ngrpc = {grpc:?}\nrest_url = \"http://{rest}\"\n",
                id = other + 1,
                peer = self.peer(other),
                grpc = self.grpc(other),
                rest = self.rest(other),
            ));
        }
        for (id, secret, name, grant) in
            [(KEY_ID, SECRET, "developer", "everything"), (DENIED_KEY_ID, DENIED_SECRET, "nobody", "nothing")]
        {
            text.push_str(&format!(
                "\n[[keys]]\nid = {id:?}\nsecret = {secret:?}\nname = {name:?}\ngrant = {grant:?}\n"
            ));
        }
        text.push_str(&format!("\n[providers]\nsandbox = \"http://{}\"\n", self.sandbox()));
        text.push_str(&format!("sandbox_secrets = [{CALLBACK_SECRET:?}]\n"));
        text.push_str("webhook = true\nwebhook_allow = [\"127.0.0.0/8\", \"::1/128\"]\n");
        text
    }

    /// Writes which certificates a region shows the others.
    pub fn tls_text(&self, region: usize) -> String {
        let file = |name: String| self.tls().join(name);
        format!(
            "\n[tls.peer]\nca = {ca:?}\ncertificate = {certificate:?}\nkey = {key:?}\n",
            ca = file("ca.pem".to_owned()),
            certificate = file(format!("node-{}.pem", region + 1)),
            key = file(format!("node-{}-key.pem", region + 1)),
        )
    }
}

/// Returns the folder of a cluster that names none, one for each base port.
///
/// # Errors
/// `Usage` when neither `XDG_STATE_HOME` nor `HOME` is set.
pub fn default_folder(variable: impl Fn(&str) -> Option<PathBuf>, base_port: u16) -> Result<PathBuf, Failure> {
    let state = variable("XDG_STATE_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
        .ok_or_else(|| Failure::Usage("neither XDG_STATE_HOME nor HOME is set: give a --folder".to_owned()))?;
    Ok(state.join("signalbox").join(format!("dev-{base_port}")))
}

#[cfg(test)]
mod tests {
    use node::config::ConfigFile;

    use super::*;

    #[test]
    fn the_addresses_are_the_documented_ones() {
        let layout = Layout { base_port: 4100, folder: "x".into(), mode: "active_active".into() };
        assert_eq!(layout.rest(0), "127.0.0.1:4101");
        assert_eq!(layout.grpc(2), "127.0.0.1:4203");
        assert_eq!(layout.peer(1), "127.0.0.1:4402");
        assert_eq!(layout.sandbox(), "127.0.0.1:4300");
        let text = |region| layout.config_text(region, ClusterId(7), Path::new("data"));
        for region in 0..3 {
            let parsed: ConfigFile = toml::from_str(&(text(region) + &layout.tls_text(region))).unwrap();
            assert!(parsed.tls.peer.is_some());
            assert_eq!(parsed.cluster.nodes.len(), 3);
            assert_eq!(parsed.node.id, region as u64 + 1);
        }
    }

    #[test]
    fn the_default_folder_is_in_the_state_folder_and_one_per_port() {
        let variable = |name: &str| match name {
            "XDG_STATE_HOME" => Some(PathBuf::from("/state")),
            _ => Some(PathBuf::from("/home/jo")),
        };
        assert_eq!(default_folder(variable, 4100).unwrap(), Path::new("/state/signalbox/dev-4100"));
        let only_home = |name: &str| (name == "HOME").then(|| PathBuf::from("/home/jo"));
        assert_eq!(default_folder(only_home, 1).unwrap(), Path::new("/home/jo/.local/state/signalbox/dev-1"));
        assert!(default_folder(|_| None, 1).is_err());
    }
}
