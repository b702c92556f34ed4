//! What nodes produce, and how a product is told from another.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
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
    /// A file that has its place outside the store: the finished disk image.
    File(WrittenFile),
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrittenFile {
    pub path: PathBuf,
    /// Decides its bytes: equal for equal files.
    pub contents: Digest,
    pub size: Bytes,
    /// Bytes that take space on this machine; the rest are holes.
    pub allocated: Bytes,
    /// Modification time when it was finished, nanoseconds since 1970: tells whether somebody changed it since.
    pub modified: i128,
}

impl WrittenFile {
    /// The file of this path as it now is.
    pub fn at(path: &Path, contents: Digest) -> io::Result<WrittenFile> {
        let meta = path.metadata()?;
        Ok(WrittenFile {
            path: path.to_path_buf(),
            contents,
            size: Bytes(meta.len()),
            // st_blocks counts 512 bytes, whatever the filesystem's block
            allocated: Bytes(meta.blocks() * 512),
            modified: modified(&meta),
        })
    }

    /// Whether the file is the one that was written: size and modification time tell, without reading it.
    pub fn is_there(&self) -> bool {
        self.path.metadata().is_ok_and(|meta| {
            meta.is_file() && Bytes(meta.len()) == self.size && modified(&meta) == self.modified
        })
    }
}

fn modified(meta: &Metadata) -> i128 {
    i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())
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
            Product::File(file) => builder.field("file", file.contents.0),
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
