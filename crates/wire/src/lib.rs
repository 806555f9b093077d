//! Floor 2: protobuf and what lies on disk. The generated contracts of `proto/`, the bytes of log entries and rows, and
//! the parsing between generated types and the model.
//!
//! No IO, no clock, no randomness, and no decisions: what a value means is the model's business, whether a command may
//! be carried out is the registry's. The generated services hold tonic code; they are implemented on floor 4.

pub mod entry;
pub mod error;
pub mod mark;
pub mod public;
pub mod stored;

mod codes;
mod read;

pub use entry::Entry;
pub use error::{Flaw, InvalidField, WireError, with_source};
pub use mark::ProposalMark;
pub use stored::Stored;

mod internal {
    //! Generated packages, nested as protobuf nests them: what is stored names enums of the public API by its path.

    #[expect(missing_docs, clippy::allow_attributes, clippy::allow_attributes_without_reason, reason = "generated")]
    pub mod v1 {
        tonic::include_proto!("signalbox.internal.v1");

        #[expect(clippy::large_enum_variant, reason = "generated")]
        pub(crate) mod state {
            tonic::include_proto!("signalbox.internal.v1.state");
        }
    }
}

/// Node to node: generated from `proto/signalbox/internal/v1/peer.proto`.
pub use internal::v1 as peer;
// What is stored: generated from `proto/signalbox/internal/v1/state.proto`. Only decoding goes through these types.
use internal::v1::state;

/// The public API: generated from `proto/signalbox/v1/`.
#[expect(missing_docs, clippy::allow_attributes, clippy::allow_attributes_without_reason, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("signalbox.v1");
}

/// The descriptors of the public API, for the gRPC reflection service.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/public.bin"));
