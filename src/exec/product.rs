//! What nodes produce, and how a product is told from another.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{Bytes, Digest, DigestBuilder};
use crate::engine::ImageId;

/// A node's product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// A small value, kept in the record itself.
    Value(Value),
    /// A file of the store.
    Object(Digest),
    /// An image in the engine.
    Image(ImageId),
    /// The finished disk image.
    File(ImageFile),
}

/// A disk image as it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageFile {
    pub path: PathBuf,
    pub sha256: Digest,
    pub size: Bytes,
    /// Bytes that take space on this machine; the rest are holes.
    pub allocated: Bytes,
    /// Modification time when it was finished, nanoseconds since 1970: tells whether somebody changed it since.
    pub modified: i128,
}

impl Product {
    /// The digest of the product's content, which the keys of its users hash.
    pub fn content(&self) -> Digest {
        let builder = DigestBuilder::new("osimg product");
        match self {
            // the maps of serde_json are ordered, so equal values have equal texts
            Product::Value(value) => builder.field("value", value.to_string()),
            Product::Object(digest) => builder.field("object", digest.0),
            Product::Image(id) => builder.field("image", &id.0),
            Product::File(file) => builder.field("file", file.sha256.0),
        }
        .finish()
    }
}

/// A product and what was learned while making it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub product: Product,
    /// Facts about the product that follow from its content: counts, sizes.
    #[serde(default)]
    pub facts: Value,
}

impl Outcome {
    pub fn value(value: impl Serialize) -> Outcome {
        let value = serde_json::to_value(value).expect("values of nodes are plain data with text keys");
        Outcome { product: Product::Value(value), facts: Value::Null }
    }

    pub fn image(id: ImageId) -> Outcome {
        Outcome { product: Product::Image(id), facts: Value::Null }
    }

    pub fn object(digest: Digest) -> Outcome {
        Outcome { product: Product::Object(digest), facts: Value::Null }
    }
}

/// What the store keeps under a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub label: String,
    pub outcome: Outcome,
    /// How long the work took.
    pub took: Duration,
}
