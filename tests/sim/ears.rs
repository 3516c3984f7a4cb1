//! Listens to what the exchange logs: it belongs to the timeline, and some of it must not be.

use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::world::World;

/// What is logged only when a promise of our own is broken.
const FAULTS: [&str; 4] =
    ["internal fault", "capture.unheld", "capture.after_void", "credit.refused"];

/// A listener for one run.
pub struct Ears {
    pub world: Arc<World>,
}

#[derive(Default)]
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => write!(self.0, "{value:?} "),
            name => write!(self.0, "{name}={value:?} "),
        };
        written.expect("a text takes everything");
    }
}

impl Subscriber for Ears {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        if *event.metadata().level() <= Level::WARN {
            self.world.step("log", &words.0);
        }
        self.world.check(|checker| checker.logged(&words.0));
        if FAULTS.iter().any(|fault| words.0.contains(fault)) {
            self.world.violate(format!("logged: {}", words.0));
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
