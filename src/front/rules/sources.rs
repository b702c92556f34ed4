//! What a manifest takes from the host is there: contexts, archives, files. (Dockerfiles: see `dockerfiles`.)

use std::path::Path;

use super::Case;
use crate::diag::{Code, Diagnostics, Span, codes};
use crate::front::model::{BaseSource, FileContent};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for base in &case.resolved.bases {
        if let BaseSource::Archive { path, .. } = &base.from.value {
            // without a usable path the folder itself stands in
            if !case.resolved.is_stand_in(path) {
                file(case, codes::BASE_ARCHIVE, path, base.from.span, "archive", found);
            }
        }
    }
    for slot in case.slots() {
        let context = &slot.context;
        // a missing Dockerfile takes its folder with it: one finding is enough
        if context.span != slot.dockerfile.span
            && !case.resolved.is_stand_in(&context.value)
            && !case.probe.is_dir(&context.value)
        {
            let (message, label) = match case.probe.is_file(&context.value) {
                true => {
                    (format!("the context `{}` is a file", context.value.display()), "a folder belongs here")
                }
                false => (format!("there is no folder `{}`", context.value.display()), "the build's context"),
            };
            found.push(
                case.error(codes::SLOT_CONTEXT, message, context.span, label)
                    .help("paths are relative to the manifest's folder"),
            );
        }
        for entry in slot.files.iter() {
            if let FileContent::Source(path) = &entry.content.value
                && !case.resolved.is_stand_in(path)
            {
                file(case, codes::FILE_SOURCE, path, entry.content.span, "source", found);
            }
        }
    }
}

fn file(case: &Case<'_>, code: Code, path: &Path, span: Span, what: &str, found: &mut Diagnostics) {
    if case.probe.is_file(path) {
        return;
    }
    let message = match case.probe.is_dir(path) {
        true => format!("the {what} `{}` is a folder", path.display()),
        false => format!("there is no file `{}`", path.display()),
    };
    found.push(
        case.error(code, message, span, &format!("the {what}"))
            .help("paths are relative to the manifest's folder"),
    );
}
