//! All measurements in one go: of development clusters, of etcd and of NATS, as one table.

mod command;
mod run;

mod product;
mod product_rows;
mod started;

mod etcd;
mod nats;
mod nats_client;
mod peer;

mod children;
mod machine;
mod table;

pub use command::All;
