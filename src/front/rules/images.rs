//! What a Dockerfile takes from elsewhere can be an image's name, and is no slip of the hand in a base's.

use super::{Case, MOST_FINDINGS};
use crate::diag::{Diagnostic, Diagnostics, Source, Spanned, codes};
use crate::front::dockerfile::reference;
use crate::front::model::image_is;
use crate::front::resolved::Base;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    for (_, source, dockerfile) in case.read_dockerfiles() {
        let mut findings = Vec::new();
        for image in &dockerfile.images {
            let near = near_base(case, image);
            let finding = match (reference::fault(image), near) {
                (Some(why), _) => {
                    let message = format!("`{}` cannot be an image: {why}", image.escape_debug());
                    let finding =
                        Diagnostic::error(codes::DOCKERFILE_IMAGE, message).at(source, image.span, "");
                    let lower = image.to_lowercase();
                    match near {
                        Some(_) => finding,
                        None if lower != image.value && reference::fault(&lower).is_none() => {
                            let finding = finding.help(format!("did you mean `{lower}`?"));
                            fixed(finding, source, image, &lower)
                        }
                        None => finding.help("write `[registry/]name[:tag]`, or the name of a base"),
                    }
                }
                (None, Some(_)) => {
                    let message = format!("`{}` is no base of the manifest, but nearly one", image.value);
                    Diagnostic::warning(codes::BASE_UNKNOWN, message).at(
                        source,
                        image.span,
                        "would be pulled",
                    )
                }
                (None, None) => continue,
            };
            findings.push(match near {
                Some(base) => {
                    let name = base.name.as_str();
                    let finding = fixed(finding, source, image, name);
                    finding
                        .at(case.source(), base.name.span, "this base")
                        .help(format!("did you mean `{name}`?"))
                }
                None => finding,
            });
        }
        findings.into_iter().take(MOST_FINDINGS).for_each(|finding| found.push(finding));
    }
}

/// Offers `text`, where the words of the Dockerfile are the image's name itself and no variable.
fn fixed(finding: Diagnostic, source: &Source, image: &Spanned<String>, text: &str) -> Diagnostic {
    match source.text.get(image.span.start..image.span.end) {
        Some(words) if words == image.value => finding.fix(format!("write `{text}`"), image.span, text),
        _ => finding,
    }
}

/// The base that was likely meant, where the image is none: one slip of the hand away, two in a long name. Releases differ
/// in their numbers, so numbers must be the same; what has a tag is another image.
pub fn near_base<'c>(case: &'c Case<'_>, image: &str) -> Option<&'c Base> {
    let bases = &case.resolved.bases;
    if bases.iter().any(|base| image_is(image, &base.name)) {
        return None;
    }
    let bare = image.strip_prefix("localhost/").unwrap_or(image);
    let (name, tag) = bare.split_once(':').map_or((bare, None), |(n, t)| (n, Some(t)));
    let name = name.to_lowercase();
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    bases.iter().find(|base| {
        let base = base.name.as_str();
        if tag.is_some_and(|t| t != "latest") {
            // another tag of the same name may well be an image of a registry, unless the name says it is local
            return name == base && image.starts_with("localhost/");
        }
        let slips = strsim::osa_distance(&name.replace('_', "-"), base);
        let allowed = if base.len() >= 8 { 2 } else { usize::from(base.len() >= 5) };
        slips <= allowed && digits(&name) == digits(base)
    })
}
