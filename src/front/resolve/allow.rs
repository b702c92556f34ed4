//! The entries of `allow`: enters what the manifest accepts, leaves the codes, each a row of the table that may be
//! allowed.

use super::value::Reader;
use crate::diag::{Code, Diagnostic, Spanned, codes};
use crate::front::ast::{self, Allow};
use crate::front::place::Place;
use crate::front::{suggest, words};

pub fn allow(reader: &mut Reader<'_>, list: &[Allow], at: Place<'_>) -> Vec<Spanned<Code>> {
    list.iter().enumerate().filter_map(|(i, entry)| one(reader, entry, at.item(i))).collect()
}

fn one(reader: &mut Reader<'_>, entry: &Allow, at: Place<'_>) -> Option<Spanned<Code>> {
    match &entry.reason {
        Some(reason) => reader.fits(
            codes::ALLOW_REASON,
            words::REASON,
            reason,
            at.key("reason"),
            "a reason cannot be empty",
            "say why the finding is all right here",
        ),
        None => reader.missing(at, "reason", "an entry of `allow`", "say why the finding is all right here"),
    }
    let Some(written) = &entry.code else {
        reader.missing(
            at,
            "code",
            "an entry of `allow`",
            "write the finding's code: `code: osimg::base::unused`",
        );
        return None;
    };
    let span = at.key("code").line(reader.source);
    let Some(row) = codes::TABLE.iter().find(|row| row.code.as_str() == written) else {
        let known = ast::allowable();
        let message = format!("there is no code `{}` to allow", written.escape_debug());
        let finding = Diagnostic::error(codes::VALUE_UNKNOWN, message)
            .at(reader.source, span, "no such code")
            .help(suggest::words(written, &known));
        reader.found.push(match suggest::nearest(written, &known) {
            Some(near) => finding.fix(format!("write `{near}`"), span, near),
            None => finding,
        });
        return None;
    };
    if !row.level.is_allowable() {
        reader.found.push(
            Diagnostic::error(codes::ALLOW_FORBIDDEN, format!("`{written}` cannot be allowed"))
                .at(reader.source, span, "the image could not be made")
                .help("mend what it is about, and remove this entry"),
        );
        return None;
    }
    Some(Spanned::new(row.code, span))
}
