//! The two identities of a node: the static id of its definition, and the key of what it really works on.

use crate::base::{Digest, DigestBuilder};

use super::op::Op;

/// The digest of an op's definition: its kind, parameters and code version.
pub fn definition(op: &Op) -> Digest {
    // maps in ops are ordered and every field serializes, so the text is the same each time
    let text = serde_json::to_vec(op).expect("an op is plain data");
    DigestBuilder::new("osimg definition")
        .field("version", op.version().to_string())
        .field("op", text)
        .finish()
}

/// Definition and inputs' static ids: known before anything runs.
pub fn static_id(op: &Op, inputs: &[Digest]) -> Digest {
    combine("osimg static id", op, inputs)
}

/// Definition and the content digests of what the inputs produced: addresses the store.
pub fn key(op: &Op, contents: &[Digest]) -> Digest {
    combine("osimg key", op, contents)
}

fn combine(domain: &str, op: &Op, inputs: &[Digest]) -> Digest {
    let mut builder = DigestBuilder::new(domain).field("definition", definition(op).0);
    for input in inputs {
        builder.add("input", input.0);
    }
    builder.finish()
}
