use super::*;
use proptest::prelude::*;

const TERMS: Terms = Terms {
    window_ms: 10_000,
    sample_min: 4,
    failure_percent: 50,
    pause_ms: 1_000,
    pause_max_ms: 4_000,
    probes: 2,
    throttle: None,
};

const THROTTLE: ThrottleTerms =
    ThrottleTerms { timeout_percent: 50, pass_percent: 25, release_answers: 3 };

/// Plays a script: `a`nswered, `l`ate, `t`imed out, `f`ailed, an answered (`u`) and a failed (`x`) repeat,
/// `.` a second passes. A call that is not let out shows as `-`, one that is throttled as `~`.
struct Player {
    breaker: Breaker,
    now_ms: u64,
}

impl Player {
    fn new(terms: Terms) -> Self {
        Self { breaker: Breaker::new(terms, 0), now_ms: 0 }
    }

    fn play(&mut self, script: &str) -> String {
        script.chars().map(|step| self.step(step)).collect()
    }

    fn step(&mut self, step: char) -> char {
        let result = match step {
            '.' => {
                self.now_ms += 1_000;
                return step;
            }
            'a' | 'u' => CallResult::Answered,
            'l' => CallResult::Late,
            't' => CallResult::TimedOut,
            'f' | 'x' => CallResult::Failed,
            other => panic!("{other}"),
        };
        let admitted = match step {
            'u' | 'x' => Ok(self.breaker.pass_repeat()),
            _ => self.breaker.admit(self.now_ms, || u16::MAX),
        };
        match admitted {
            Ok(pass) => {
                self.breaker.report(pass, self.now_ms, result);
                step
            }
            Err(SkipReason::BreakerOpen) => '-',
            Err(SkipReason::Throttled) => '~',
        }
    }
}

fn check(terms: Terms, script: &str, expect: &str, state: BreakerState) {
    let mut player = Player::new(terms);
    assert_eq!(player.play(script), expect, "{script}");
    assert_eq!(player.breaker.state(player.now_ms), state, "{script}");
}

#[test]
fn a_breaker_opens_on_the_share_of_failures_and_heals_by_real_calls() {
    use BreakerState::{Closed, HalfOpen, Open};
    let cases = [
        // Fewer calls than the sample say nothing.
        ("fff", "fff", Closed),
        ("ffff", "ffff", Open),
        ("aaff", "aaff", Open),
        ("aaaff", "aaaff", Closed),
        // An answer opens nothing.
        ("fffa", "fffa", Closed),
        ("fffaf", "fffaf", Open),
        ("tttt", "tttt", Open),
        // Slow is not dead.
        ("llll", "llll", Closed),
        ("ffffaaa", "ffff---", Open),
        ("ffff.", "ffff.", HalfOpen),
        // Two answered probes close it; the window begins anew.
        ("ffff.aa", "ffff.aa", Closed),
        ("ffff.aafff", "ffff.aafff", Closed),
        ("ffff.l", "ffff.l", HalfOpen),
        // One failed probe opens it again, for twice as long.
        ("ffff.f", "ffff.f", Open),
        ("ffff.af.a", "ffff.af.-", Open),
        ("ffff.f..a", "ffff.f..a", HalfOpen),
        ("ffff.f..t....t...", "ffff.f..t....t...", Open),
        ("ffff.f..t....t....", "ffff.f..t....t....", HalfOpen),
        // A relapse within a window goes on with the doubled pause, a later one begins anew.
        ("ffff.aaffff.", "ffff.aaffff.", Open),
        ("ffff.aa...........ffff.", "ffff.aa...........ffff.", HalfOpen),
        // Old failures leave the window.
        ("fff..........f", "fff..........f", Closed),
        ("fff.........f", "fff.........f", Open),
        // What goes out anyway heals too, and does not hurt.
        ("ffffuu", "ffffuu", Closed),
        ("ffffuxu", "ffffuxu", Closed),
        ("ffff.xaa", "ffff.xaa", Closed),
        // One post that is repeated again and again opens nothing.
        ("xxxx", "xxxx", Closed),
        ("xxxfff", "xxxfff", Closed),
    ];
    for (script, expect, state) in cases {
        check(TERMS, script, expect, state);
    }
}

#[test]
fn only_a_few_calls_are_let_out_after_a_pause() {
    let mut player = Player::new(TERMS);
    player.play("ffff.");
    let now_ms = player.now_ms;
    let breaker = &mut player.breaker;
    let first = breaker.admit(now_ms, || 0).unwrap();
    let second = breaker.admit(now_ms, || 0).unwrap();
    assert_eq!(breaker.admit(now_ms, || 0), Err(SkipReason::BreakerOpen));
    // One that was given up leaves its place.
    breaker.abandon(first);
    let third = breaker.admit(now_ms, || 0).unwrap();
    assert_eq!(breaker.admit(now_ms, || 0), Err(SkipReason::BreakerOpen));
    breaker.report(second, now_ms, CallResult::Answered);
    assert_eq!(breaker.state(now_ms), BreakerState::HalfOpen);
    breaker.report(third, now_ms, CallResult::Answered);
    assert_eq!(breaker.state(now_ms), BreakerState::Closed);
}

#[test]
fn a_call_let_out_under_an_earlier_state_says_nothing() {
    let mut player = Player::new(TERMS);
    let stale: Vec<Pass> = (0..8).map(|_| player.breaker.admit(0, || 0).unwrap()).collect();
    player.play("ffff.");
    for pass in &stale[..4] {
        player.breaker.report(*pass, player.now_ms, CallResult::Answered);
    }
    assert_eq!(player.breaker.state(player.now_ms), BreakerState::HalfOpen);
    player.play("aa");
    for pass in &stale[4..] {
        player.breaker.report(*pass, player.now_ms, CallResult::Failed);
    }
    assert_eq!(player.breaker.state(player.now_ms), BreakerState::Closed);
    assert_eq!(player.breaker.counts(player.now_ms), Counts::default());
}

#[test]
fn an_open_breaker_still_tells_why_it_opened() {
    let mut player = Player::new(TERMS);
    player.play("afft..");
    let expect = Counts { calls: 4, failures: 3, timeouts: 1 };
    assert_eq!(player.breaker.counts(player.now_ms), expect);
    assert_eq!(player.breaker.since_ms(), 0);
    assert_eq!(player.breaker.paused_until_ms(500), Some(1_000));
    assert_eq!(player.breaker.paused_until_ms(1_000), None);
}

#[test]
fn an_endpoint_that_mostly_times_out_is_throttled_until_it_answers_again() {
    let terms = Terms { throttle: Some(THROTTLE), failure_percent: 100, ..TERMS };
    let cases = [
        ("att", "att", false),
        ("aatt", "aatt", true),
        ("aall", "aall", true),
        ("aaff", "aaff", false),
        ("ttaa", "ttaa", false),
        ("aattaaaa", "aatt~~~~", true),
        // Answers that come anyway release it, if they come one after another and in time.
        ("aattuu", "aattuu", true),
        ("aattuuu", "aattuuu", false),
        ("aattuuxuu", "aattuuxuu", true),
        ("aattuuuta", "aattuuuta", false),
    ];
    for (script, expect, is_throttled) in cases {
        let mut player = Player::new(terms);
        assert_eq!(player.play(script), expect, "{script}");
        assert_eq!(player.breaker.is_throttled(), is_throttled, "{script}");
    }
}

#[test]
fn a_throttled_endpoint_gets_exactly_its_share_of_all_draws() {
    let terms = Terms { throttle: Some(THROTTLE), failure_percent: 100, ..TERMS };
    let mut player = Player::new(terms);
    player.play("aatt");
    let passed = (0..=u16::MAX).filter(|draw| player.breaker.admit(0, || *draw).is_ok()).count();
    assert_eq!(passed, usize::from(u16::MAX) / 4 + 1);
}

#[test]
fn another_endpoint_begins_with_nothing_against_it() {
    let mut player = Player::new(TERMS);
    let stale = player.breaker.admit(0, || 0).unwrap();
    player.play("ffff");
    player.breaker.forget(player.now_ms);
    assert_eq!(player.breaker.state(player.now_ms), BreakerState::Closed);
    player.breaker.report(stale, player.now_ms, CallResult::Failed);
    assert_eq!(player.breaker.counts(player.now_ms), Counts::default());
    assert_eq!(player.play("fff"), "fff");
}

proptest! {
    /// Whatever happens: pauses stay within their bounds, no more probes are out than allowed, and
    /// an endpoint that answers from now on is closed after one pause and its probes.
    #[test]
    fn every_breaker_heals(script in "[altfux.]{0,200}") {
        let terms = Terms { throttle: Some(THROTTLE), ..TERMS };
        let mut player = Player::new(terms);
        for step in script.chars() {
            player.step(step);
            if let Some(until_ms) = player.breaker.paused_until_ms(player.now_ms) {
                let pause_ms = until_ms - player.breaker.since_ms();
                prop_assert!((terms.pause_ms..=terms.pause_max_ms).contains(&pause_ms));
            }
        }
        player.now_ms += terms.pause_max_ms;
        for _ in 0..terms.probes {
            player.step('a');
        }
        prop_assert_eq!(player.breaker.state(player.now_ms), BreakerState::Closed);
        player.play("uuu");
        prop_assert!(!player.breaker.is_throttled());
        prop_assert_eq!(player.step('a'), 'a');
    }

    /// At most `probes` calls are out at once while it is half open.
    #[test]
    fn probes_are_bounded(results in proptest::collection::vec(0_u8..4, 1..60)) {
        let mut player = Player::new(TERMS);
        player.play("ffff.");
        let mut out: Vec<Pass> = Vec::new();
        for result in results {
            let now_ms = player.now_ms;
            if player.breaker.state(now_ms) != BreakerState::HalfOpen {
                break;
            }
            match result {
                0 => out.extend(player.breaker.admit(now_ms, || 0).ok()),
                1 => if let Some(pass) = out.pop() { player.breaker.abandon(pass) },
                2 => if let Some(pass) = out.pop() {
                    player.breaker.report(pass, now_ms, CallResult::Answered);
                },
                _ => if let Some(pass) = out.pop() {
                    player.breaker.report(pass, now_ms, CallResult::Late);
                },
            }
            prop_assert!(out.len() <= TERMS.probes as usize);
        }
    }
}
