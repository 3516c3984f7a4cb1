//! What happened, step by step: kept as a number that two equal runs share, and as the last lines.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The lines a failure shows.
const LINES_KEPT: usize = 120;

/// The steps of a run.
pub struct Trace {
    digest: DefaultHasher,
    lines: VecDeque<String>,
    steps: u64,
    is_printed: bool,
}

impl Trace {
    pub fn new(is_printed: bool) -> Self {
        Self { digest: DefaultHasher::new(), lines: VecDeque::new(), steps: 0, is_printed }
    }

    /// Notes a step at `ms` after the run began.
    pub fn step(&mut self, ms: u64, who: &str, what: &str) {
        let line = format!("{:>9}.{:03}  {who:<5} {what}", ms / 1_000, ms % 1_000);
        line.hash(&mut self.digest);
        self.steps += 1;
        if self.is_printed {
            println!("{line}");
        }
        if self.lines.len() == LINES_KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// How many steps there were, and what they amount to.
    pub fn sum(&self) -> (u64, u64) {
        (self.steps, self.digest.finish())
    }

    pub fn last_lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
