//! Each console of the manifest gets its login prompt: `serial-getty@` on serial ones, which systemd's generator starts, and
//! `getty@tty1` on the screen.

use super::Case;
use super::default_target::wanted;
use crate::diag::{Diagnostics, codes};
use crate::rootfs::inspect::units::{Found, Generator};

pub fn check(case: &Case<'_>, found: &mut Diagnostics) {
    let units = &case.survey.units;
    let Some((model, slot)) = case.stated else { return };
    if !units.systemd || matches!(wanted(case), "rescue.target" | "emergency.target") {
        return;
    }
    for (device, unit) in case.consoles() {
        let is_screen = unit.starts_with("getty@");
        let no_prompt = format!("the console {device} would show no login prompt");
        match units.find(&unit) {
            Found::Masked(name, path) => {
                // the mask may be the template's
                let template = format!("{}@.service", name.split('@').next().unwrap_or_default());
                let masked = if path.ends_with(&template) { template.as_str() } else { name };
                found.push(case.masked(codes::UNIT_CONSOLE, &no_prompt, masked, path));
            }
            Found::Missing(_) | Found::Dangling(..) => {
                let message = format!("{no_prompt}: there is no `{unit}`");
                let help = "it comes with systemd's own package: something removed the file";
                found.push(case.at(codes::UNIT_CONSOLE, message, |s| s.name.span, "").help(help));
            }
            Found::There(_) if is_screen => {}
            Found::There(_) => {
                let wants = units.wants.get(super::getty::GETTY);
                let problem = match units.getty_generator {
                    _ if wants.is_some_and(|wants| wants.contains(&unit)) => continue,
                    Generator::There => continue,
                    Generator::Missing => "is not there",
                    Generator::Masked => "is masked",
                };
                let message =
                    format!("{no_prompt}: systemd-getty-generator, which starts `{unit}`, {problem}");
                let finding = case.about(codes::UNIT_CONSOLE, message);
                found.push(
                    finding
                        .at(&model.source, slot.name.span, "")
                        .help(format!("start it by itself: `systemd: {{enable: [{unit}]}}`")),
                );
            }
        }
    }
}
