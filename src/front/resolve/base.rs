//! One entry of `bases`.

use super::value::Reader;
use crate::base::{Digest, Name};
use crate::diag::{Diagnostic, Spanned, codes};
use crate::front::ast;
use crate::front::model::BaseSource;
use crate::front::place::Place;
use crate::front::resolved::Base;
use crate::front::words;

const CHOICE: &str = "state either `bootstrap: {suite: …}`, or `archive:` and `sha256:`";

/// `None` for a base without a usable name: no Dockerfile could name it, so nothing more is to be said of it.
pub fn base(reader: &mut Reader<'_>, base: &ast::Base, at: Place<'_>, index: usize) -> Option<Base> {
    let named = base.name.as_deref().is_some_and(|name| name.parse::<Name>().is_ok());
    let name = reader.name(codes::BASE_NAME, base.name.as_deref(), at, "a base", &format!("base-{index}"));
    let archived = ["archive", "sha256"].into_iter().find(|key| at.has(key));
    if let Some(other) = archived.filter(|_| at.has("bootstrap")) {
        let message = format!("the base `{}` has two origins", name.value);
        reader.found.push(
            Diagnostic::error(codes::BASE_ORIGIN, message)
                .at(reader.source, at.key_of(other), "an archive to import")
                .and(at.key_of("bootstrap"), "a system to make")
                .help(CHOICE),
        );
    }
    let from = match (&base.bootstrap, archived) {
        (Some(bootstrap), _) => self::bootstrap(reader, bootstrap, at.key("bootstrap")),
        (None, Some(_)) => archive(reader, base, at),
        (None, None) => {
            if !at.has("bootstrap") {
                let message = format!("the base `{}` has no origin", name.value);
                let line = at.line(reader.source);
                reader.found.push(
                    Diagnostic::error(codes::BASE_ORIGIN, message)
                        .at(reader.source, line, "neither made nor imported")
                        .help(CHOICE),
                );
            }
            BaseSource::Bootstrap { suite: String::new(), mirror: None }
        }
    };
    let key = if at.has("archive") { "archive" } else { "bootstrap" };
    named.then(|| Base { name, from: Spanned::new(from, at.key(key).span()), span: at.span() })
}

fn bootstrap(reader: &mut Reader<'_>, bootstrap: &ast::Bootstrap, at: Place<'_>) -> BaseSource {
    let suite = match &bootstrap.suite {
        Some(suite) => {
            let help = "a release's name in lower case: `bookworm`, `trixie`, `noble`";
            reader.fits(
                codes::BASE_SUITE,
                words::SUITE,
                suite,
                at.key("suite"),
                "no release is named like this",
                help,
            );
            suite.clone()
        }
        None => {
            reader.missing(at, "suite", "a bootstrapped base", "name the release: `suite: bookworm`");
            String::new()
        }
    };
    if let Some(mirror) = &bootstrap.mirror {
        let help = "an address such as `http://mirror.example/debian`";
        reader.fits(
            codes::BASE_MIRROR,
            words::MIRROR,
            mirror,
            at.key("mirror"),
            "this is no mirror's address",
            help,
        );
    }
    BaseSource::Bootstrap { suite, mirror: bootstrap.mirror.clone() }
}

fn archive(reader: &mut Reader<'_>, base: &ast::Base, at: Place<'_>) -> BaseSource {
    let path = match &base.archive {
        Some(path) => reader.path(path, at.key("archive")).value,
        None => {
            reader.missing(
                at,
                "archive",
                "a base with `sha256`",
                "name the archive: `archive: rootfs.tar.xz`",
            );
            reader.dir.to_path_buf()
        }
    };
    let sha256 = match &base.sha256 {
        Some(text) => text.parse().unwrap_or_else(|_| {
            let help = "write what `sha256sum` prints of the archive";
            reader.fits(
                codes::BASE_DIGEST,
                words::SHA256,
                text,
                at.key("sha256"),
                "a SHA-256 digest is 64 hexadecimal digits",
                help,
            );
            Digest([0; 32])
        }),
        None => {
            reader.missing(
                at,
                "sha256",
                "a base from an archive",
                "write what `sha256sum` prints of the archive",
            );
            Digest([0; 32])
        }
    };
    BaseSource::Archive { path, sha256 }
}
