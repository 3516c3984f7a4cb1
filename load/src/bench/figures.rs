//! Figures of a benchmark: medians over its rounds, and ratios of the two programs.

use std::fmt;

use serde_json::{Value as Json, json};

/// What one program did in one round.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Leads that were answered but not sold: bids that came too late on a busy machine.
    pub unsold: f64,
    /// Leads answered in a second, as many at once as are useful.
    pub leads_per_s: f64,
    /// Leads answered in a second of processor time meanwhile.
    pub leads_per_cpu_s: f64,
    /// Processor time of a ping, in microseconds: all of the program's, divided by its pings.
    pub cpu_per_ping_us: f64,
    /// Processor time of a lead.
    pub cpu_per_lead_us: f64,
    /// Latency beyond the slowest buyer's.
    pub added_p50_ms: f64,
    /// The same for the slowest one of a hundred.
    pub added_p99_ms: f64,
    /// Memory that 1,000 auctions in flight need.
    pub memory_per_1000_mib: f64,
}

/// How one of the figures is read.
type Read = fn(&Figures) -> f64;

/// Every figure with its name.
const ALL: [(&str, Read); 8] = [
    ("unsold", |figures| figures.unsold),
    ("leads_per_s", |figures| figures.leads_per_s),
    ("leads_per_cpu_s", |figures| figures.leads_per_cpu_s),
    ("cpu_per_ping_us", |figures| figures.cpu_per_ping_us),
    ("cpu_per_lead_us", |figures| figures.cpu_per_lead_us),
    ("added_p50_ms", |figures| figures.added_p50_ms),
    ("added_p99_ms", |figures| figures.added_p99_ms),
    ("memory_per_1000_mib", |figures| figures.memory_per_1000_mib),
];

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, read)) in ALL.iter().enumerate() {
            write!(out, "{}{name} {:.2}", if index == 0 { "" } else { ", " }, read(self))?;
        }
        Ok(())
    }
}

/// One round: each program had its turn.
#[derive(Debug, Clone, Copy, Default)]
pub struct Round {
    pub gavel: Figures,
    pub floor: Figures,
}

/// The phase with buyers as they are.
#[derive(Debug, Clone, Copy)]
pub struct Rough {
    pub leads: usize,
    pub sold: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Both programs' sales, as all sides count them; amounts in ten-thousandths.
#[derive(Debug, Clone, Copy)]
pub struct Books {
    /// Leads sold, by the answers.
    pub sold: usize,
    /// Leads taken, by the buyers.
    pub taken: usize,
    /// What the exchange's accounts and the floor's answers say buyers owe.
    pub booked: i64,
    /// What buyers say they owe.
    pub paid: i64,
    /// What answers to vendors say.
    pub answered: i64,
}

impl Books {
    /// Whether all sides count the same; there is no margin here.
    pub fn agree(&self) -> bool {
        self.sold == self.taken && self.booked == self.paid && self.answered == self.paid
    }
}

/// The middle of some values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// One figure over all rounds.
struct Line {
    name: &'static str,
    gavel: f64,
    floor: f64,
    /// The median of the rounds' own ratios: drift of the machine cancels out.
    ratio: f64,
}

/// All that is told at the end.
pub struct Report {
    arguments: Json,
    lines: Vec<Line>,
    rough: Rough,
    books: Books,
}

impl Report {
    pub fn of(arguments: &Json, rounds: &[Round], rough: Rough, books: Books) -> Self {
        let line = |(name, read): &(&'static str, Read)| {
            let of = |pick: &dyn Fn(&Round) -> f64| median(rounds.iter().map(pick).collect());
            Line {
                name,
                gavel: of(&|round| read(&round.gavel)),
                floor: of(&|round| read(&round.floor)),
                ratio: of(&|round| read(&round.gavel) / read(&round.floor)),
            }
        };
        let lines = ALL.iter().map(line).collect();
        Self { arguments: arguments.clone(), lines, rough, books }
    }

    /// Whether the books agree; everything else was checked on the way.
    pub fn holds(&self) -> bool {
        self.books.agree()
    }

    pub fn text(&self) -> String {
        let mut text = format!("\n{:<22}{:>12}{:>12}{:>9}\n", "medians", "gavel", "floor", "ratio");
        for Line { name, gavel, floor, ratio } in &self.lines {
            text.push_str(&format!("{name:<22}{gavel:>12.2}{floor:>12.2}{ratio:>9.2}\n"));
        }
        let Rough { leads, sold, p50_ms, p99_ms } = self.rough;
        text.push_str(&format!(
            "rough buyers: {leads} leads, all answered, {sold} sold; p50 {p50_ms:.0} ms, p99 {p99_ms:.0} ms\n"
        ));
        let verdict = if self.books.agree() { "the books agree" } else { "THE BOOKS DISAGREE" };
        text.push_str(&format!("{verdict}: {:?}\n", self.books));
        text
    }

    pub fn json(&self) -> String {
        let mut report = json!({"bench": self.arguments, "books_agree": self.books.agree()});
        for Line { name, gavel, floor, ratio } in &self.lines {
            report[*name] = json!({"gavel": gavel, "floor": floor, "ratio": ratio});
        }
        let Rough { leads, sold, p50_ms, p99_ms } = self.rough;
        report["rough"] = json!({"leads": leads, "sold": sold, "p50_ms": p50_ms, "p99_ms": p99_ms});
        report.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_each_round_and_medians_over_them() {
        let round = |gavel: f64, floor: f64| Round {
            gavel: Figures { cpu_per_ping_us: gavel, ..Figures::default() },
            floor: Figures { cpu_per_ping_us: floor, ..Figures::default() },
        };
        // The machine slows down threefold in the second round, for both.
        let rounds = [round(30.0, 20.0), round(90.0, 60.0), round(32.0, 20.0)];
        let rough = Rough { leads: 1, sold: 1, p50_ms: 1.0, p99_ms: 1.0 };
        let books = Books { sold: 1, taken: 1, booked: 5, paid: 5, answered: 5 };
        let report = Report::of(&json!({}), &rounds, rough, books);
        let line = report.lines.iter().find(|line| line.name == "cpu_per_ping_us").unwrap();
        assert_eq!((line.gavel, line.floor, line.ratio), (32.0, 20.0, 1.5));
        assert!(report.holds());
        for wrong in [Books { taken: 2, ..books }, Books { booked: 6, ..books }] {
            assert!(!Report::of(&json!({}), &rounds, rough, wrong).holds());
        }
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(vec![9.0]), 9.0);
        assert!(median(Vec::new()).is_nan());
    }
}
