//! The front end: YAML text in, a checked [`model::Model`] out, every problem located.
//!
//! [`parse`] (text to [`ast`] with places) → [`resolve`] (names bound, defaults merged, values read) → [`check`] (the [`rules`]).
//! Nothing here touches the disk: what must be looked up comes through the caller's [`Probe`].

pub mod ast;
pub mod check;
pub mod dockerfile;
mod fields;
pub mod model;
pub mod parse;
mod place;
pub mod probe;
pub mod resolve;
pub mod resolved;
pub mod rules;
pub mod schema;
mod spans;
mod suggest;
pub mod words;

use std::path::Path;

use crate::diag::Diagnostics;
use model::Model;
pub use parse::MAX_BYTES;
pub use probe::Probe;
pub use schema::schema;

/// The whole front end: `bytes` of the manifest called `name` in messages, whose folder is `dir`. No model beside errors;
/// warnings come either way; all sorted by place.
pub fn load(name: &str, bytes: &[u8], dir: &Path, probe: &dyn Probe) -> (Option<Model>, Diagnostics) {
    let source = match parse::source(name, bytes) {
        Ok(source) => source,
        Err(problem) => return (None, problem.into()),
    };
    let (parsed, mut found) = parse::parse(&source);
    let Some(parsed) = parsed else { return (None, found.sorted()) };
    let (resolved, more) = resolve::resolve(&parsed, dir);
    found.extend(more);
    let (model, more) = check::check(resolved, probe);
    found.extend(more);
    let model = model.filter(|_| !found.has_errors());
    (model, found.sorted())
}
