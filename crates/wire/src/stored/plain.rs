//! Values without structure: their bytes are no protobuf.

use model::EndpointId;

use super::bytes::Stored;
use crate::error::WireError;

/// A number: 8 bytes, the highest first.
impl Stored for u64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<u64, WireError> {
        let found = bytes.len();
        let wrong = |_| WireError::Plain { of: "a number", wanted: "8 bytes", found };
        bytes.try_into().map(u64::from_be_bytes).map_err(wrong)
    }
}

/// An incarnation: its number.
impl Stored for model::Incarnation {
    fn encode(&self, out: &mut Vec<u8>) {
        Stored::encode(&self.0, out);
    }

    fn decode(bytes: &[u8]) -> Result<model::Incarnation, WireError> {
        <u64 as Stored>::decode(bytes).map(model::Incarnation)
    }
}

/// A row whose key says everything: no bytes.
impl Stored for () {
    fn encode(&self, _out: &mut Vec<u8>) {}

    fn decode(bytes: &[u8]) -> Result<(), WireError> {
        let found = bytes.len();
        if found == 0 { Ok(()) } else { Err(WireError::Plain { of: "a row without value", wanted: "no bytes", found }) }
    }
}

/// An endpoint's id: its text.
impl Stored for EndpointId {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<EndpointId, WireError> {
        let of = "an endpoint id";
        let found = bytes.len();
        let text = std::str::from_utf8(bytes).map_err(|_| WireError::Plain { of, wanted: "UTF-8 text", found })?;
        crate::read::endpoint(text.to_owned(), "id").map_err(|source| WireError::Field { of, source })
    }
}
