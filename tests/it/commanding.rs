//! Commands: who may, what follows, what is refused, and that the changes of an
//! event say all of it.
//!
//! A [`Stage`] goes the way of a running point: the caller's questions are
//! decided by the built-in policies, the plan is made, and its changes come to
//! the next point through the JSON of the event and through nothing else.

use aobo::directory::command::{
    Caller, Command, CommandError, Ids, Planned, event_changes, event_payload,
};
use aobo::directory::world_file::{Removals, WorldFile};
use aobo::directory::{Profile, World, world_file};
use aobo::node::{Facts, Point};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{self, NOW};

mod authorization;
mod every;
mod imports;
mod machines;
mod queries;
mod refusals;
mod replay;
mod restore;
mod story;
mod wire;
mod worlds;

/// The facts that [`samples`] are about.
pub(crate) fn ground() -> World {
    authorization::stage().world().clone()
}

/// A sample of each command, and somebody who may give it, if policies say so: it is
/// the operator's otherwise.
pub(crate) fn samples() -> Vec<(Command, Option<Caller>)> {
    let samples = every::samples().into_iter();
    let samples = samples.map(|json| {
        let name = json["command"].as_str().expect("a name").to_owned();
        let command = read(json);
        let caller = (!command.operator()).then(|| authorization::someone(&name));
        (command, caller)
    });
    samples.collect()
}

/// Ids that count.
#[derive(Default)]
struct Made(u32);

impl Ids for Made {
    fn id(&mut self) -> String {
        self.0 += 1;
        format!("made-{}", self.0)
    }

    fn link(&mut self, partner: &str, invitation: &str) -> String {
        format!("https://{partner}.example/join/{invitation}")
    }
}

/// A point, a clock and a source of ids.
struct Stage {
    point: Point,
    at: Timestamp,
    made: Made,
}

impl Stage {
    #[track_caller]
    fn new(world: &str) -> Self {
        Self {
            point: support::point(Profile::Seed, world),
            at: NOW,
            made: Made::default(),
        }
    }

    /// The example world.
    fn fabrikam() -> Self {
        Self::new(&support::text("tests/corpus/worlds/fabrikam.json"))
    }

    fn world(&self) -> &World {
        match self.point.facts() {
            Facts::Directory(world) => world,
            Facts::Generic => panic!("there is a directory"),
        }
    }

    /// Whether the policies allow all that the command asks.
    #[track_caller]
    fn may(&self, caller: (&str, &str), command: &Command) -> bool {
        let caller = Caller {
            ty: caller.0.to_owned(),
            id: caller.1.to_owned(),
        };
        let asks = match command.asks(self.world(), &caller) {
            Ok(asks) => asks,
            Err(CommandError::NotYours { .. }) => return false,
            Err(error) => panic!("{error}"),
        };
        assert_ne!(asks.is_empty(), !command.operator(), "{command:?}");
        assert!(!asks.is_empty(), "only the operator may {}", command.kind());
        let mut allowed = asks.into_iter().map(|ask| {
            let decision = self.point.decide(ask, self.at).decision;
            assert_eq!(decision.problem, None, "a proper question: {command:?}");
            assert_eq!(decision.erroring, [], "{command:?}");
            decision.allows()
        });
        allowed.all(|one| one)
    }

    fn plan(&mut self, command: &Command) -> Result<Planned, CommandError> {
        let world = self.world().clone();
        command.plan(&world, self.at, &mut self.made)
    }

    /// Carries a plan out, by way of its event.
    #[track_caller]
    fn take(&mut self, command: &Command, planned: &Planned) {
        let payload = event_payload(command, planned).to_string();
        let payload: Value = serde_json::from_str(&payload).expect("JSON");
        let changes = event_changes(&payload).expect("changes");
        assert_eq!(changes, planned.changes, "the event says all of it");
        for change in changes {
            let json = world_file::change_to_json(&change);
            let (put, remove) = (json.get("put").cloned(), json.get("remove").cloned());
            let put: WorldFile = serde_json::from_value(put.unwrap_or(json!({}))).expect("a fact");
            let remove: Removals =
                serde_json::from_value(remove.unwrap_or(json!({}))).expect("a key");
            self.point = self.point.changed(put, remove).expect("what was planned");
        }
    }

    /// What the operator, or somebody who may, does.
    #[track_caller]
    fn done(&mut self, command: Value) -> Planned {
        let command = read(command);
        match self.plan(&command) {
            Ok(planned) => {
                self.take(&command, &planned);
                planned
            }
            Err(error) => panic!("{error}; {}", error.next_step()),
        }
    }

    /// What a caller does, who must be allowed to.
    #[track_caller]
    fn act(&mut self, caller: (&str, &str), command: Value) -> Planned {
        assert!(self.may(caller, &read(command.clone())), "{caller:?} may");
        self.done(command)
    }

    #[track_caller]
    fn refused(&mut self, command: Value) -> CommandError {
        let before = self.world().clone();
        let error = self.plan(&read(command)).expect_err("it is refused");
        assert_eq!(self.world(), &before);
        assert_ne!(error.next_step(), "");
        error
    }
}

#[track_caller]
fn read(command: Value) -> Command {
    serde_json::from_value(command).expect("a command")
}

fn partner_user(id: &str) -> (&str, &str) {
    ("PartnerUser", id)
}

fn customer_user(id: &str) -> (&str, &str) {
    ("CustomerUser", id)
}

/// The rules of a plan's duties, in order.
fn rules(planned: &Planned) -> Vec<&'static str> {
    planned.duties.iter().map(|advice| advice.rule).collect()
}
