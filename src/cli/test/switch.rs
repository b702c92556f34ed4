//! `osimg test --switch`: what of the manifest and the command line says how osimg-switch is to be proven.

use super::Test;
use crate::cli::failure::{Failure, Problem};
use crate::front::model::{Model, Slot};
use crate::front::suggest::{list, nearest};
use crate::proof::switch::scenario::{self, Needs, SCENARIOS, Scenario};
use crate::proof::switch::{Order, Player};

impl Test {
    pub(super) fn switch_order(&self, model: &Model) -> Result<Order, Failure> {
        let rig = self.rig(model)?;
        let Some(entrance) = self.entrance(model)? else {
            let problem = Problem::new("no serial port is left for the test: `boot.consoles` names all four")
                .help("take one out of the manifest and apply");
            return Err(Failure::Usage(problem));
        };
        let default = &model.slots[model.boot.default];
        let is_default = |slot: &Slot| slot.name == default.name;
        let others: Vec<&Slot> =
            model.slots.iter().filter(|slot| !is_default(slot) && self.is_wanted(slot)).collect();
        if others.is_empty() {
            let what = format!("there is no slot to switch to beside `{}`, the default", *default.name);
            return Err(Failure::Usage(Problem::new(what).help("name another with --slot")));
        }
        let kexec = default.kexec && others.iter().all(|slot| slot.kexec);
        let scenarios = self.scenarios(model.boot.watchdog.is_some(), kexec)?;
        let player = |slot: &Slot| -> Result<Player, Failure> {
            let mut proved = self.proved(model, |other| other.name == slot.name)?;
            Ok(Player {
                proved: proved.pop().expect("a name of the model is a slot of it"),
                kexec: slot.kexec,
            })
        };
        Ok(Order {
            rig,
            scenarios,
            here: player(default)?,
            others: others.into_iter().map(player).collect::<Result<_, _>>()?,
            entrance,
            window: model.boot.health.timeout,
            watchdog: model.boot.watchdog.is_some(),
        })
    }

    /// Those named, in their own order; else all that this manifest has the means for.
    fn scenarios(&self, watchdog: bool, kexec: bool) -> Result<Vec<&'static Scenario>, Failure> {
        let known: Vec<String> = SCENARIOS.iter().map(|s| s.name.to_string()).collect();
        if let Some(unknown) = self.scenario.iter().find(|name| scenario::named(name).is_none()) {
            let all = format!("scenarios are {}", list(&known).replace(" or ", " and "));
            let help = match nearest(unknown, &known) {
                Some(near) => format!("did you mean `{near}`? {all}"),
                None => all,
            };
            return Err(Failure::Usage(Problem::new(format!("there is no scenario `{unknown}`")).help(help)));
        }
        let has = |needs| match needs {
            Needs::Nothing => true,
            Needs::Watchdog => watchdog,
            Needs::Kexec => kexec,
        };
        let all = SCENARIOS.iter();
        Ok(match self.scenario.is_empty() {
            true => all.filter(|s| has(s.needs)).collect(),
            false => all.filter(|s| self.scenario.iter().any(|name| name == s.name)).collect(),
        })
    }
}
