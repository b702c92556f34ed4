//! Shares are shares of one whole.

use super::Case;
use crate::diag::{Diagnostics, Span, codes};
use crate::front::model::SlotSize;

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let shares: Vec<(f64, Span)> = case
        .slots()
        .iter()
        .filter_map(|s| match s.size.value {
            SlotSize::Share(share) => Some((share, s.size.span)),
            _ => None,
        })
        .collect();
    let total: f64 = shares.iter().map(|(share, _)| share).sum();
    let Some((_, last)) = shares.last() else { return };
    // a share has at most six decimals: what is below them is the error of the addition
    if total > 100.0 + 1e-6 {
        let mut finding =
            case.error(codes::SIZE_SHARES, format!("the shares add up to {}", percent(total)), *last, "");
        for (_, span) in shares.iter().rev().skip(1).filter(|(_, span)| span != last) {
            finding = finding.and(*span, "");
        }
        found.push(finding.help("together they may take 100 % of what fixed sizes leave"));
    } else if total > 100.0 - 1e-6
        && let Some(slot) = case.slots().iter().find(|s| s.size.value == SlotSize::Equal)
    {
        let message = format!("nothing is left for the slot `{}`", slot.name.value);
        found.push(
            case.error(
                codes::SIZE_NOTHING_LEFT,
                message,
                slot.name.span,
                "has no size, so it gets what is left",
            )
            .and(*last, "the shares already take 100 %")
            .help("lower the shares, or give this slot a fixed size"),
        );
    }
}

fn percent(share: f64) -> String {
    let text = format!("{share:.2}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
