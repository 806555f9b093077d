//! Is one destination ill from one region? Only if the others here are well, the same one is well elsewhere, and it
//! isn't one app's messages alone. What is down itself, from everywhere, is no reason to move.

use super::judgement::{Advice, Cause, Illness, Opinion, Part, Restraint};
use super::score::{Alone, Score};
use super::signal::{Ledger, Signal, TOLERATED_FLOW, is_alone};
use super::view::{Contrast, View};

/// How sure it must be that the same destination fails elsewhere for that to be remembered, in nats.
const SAME_ELSEWHERE: f64 = 3.0;

/// Which part of a destination's excess failures the others here may have, for it to be ill alone.
const REST_ILL: f64 = 0.15;

/// Until when each destination isn't moved, because it failed in several regions.
#[derive(Debug, Clone)]
pub(crate) struct Downstream {
    until: Vec<Option<u64>>,
}

impl Downstream {
    pub(crate) fn new(destinations: usize) -> Downstream {
        Downstream { until: vec![None; destinations] }
    }

    fn remember(&mut self, destination: usize, until: u64) {
        self.until[destination] = Some(until);
    }

    pub(crate) fn forget(&mut self, destination: usize) {
        self.until[destination] = None;
    }

    fn holds(&self, destination: usize, tick: u64) -> bool {
        self.until[destination].is_some_and(|until| tick < until)
    }
}

/// Says what there is to say of a region's destinations, each by itself.
pub(crate) fn judge(view: &View<'_>, downstream: &mut Downstream) -> Vec<Opinion> {
    let mut opinions = Vec::new();
    let mut moved: Vec<bool> = view.state().moved.iter().map(Option::is_some).collect();
    for signal in Signal::ALL {
        for (destination, moved) in moved.iter_mut().enumerate().filter(|(_, moved)| !**moved) {
            for alternative in View::severe_first() {
                let score = view.own().of(signal, alternative);
                let look = Look { view, signal, alternative, destination, alone: &score.alone[destination] };
                let Some(opinion) = look.judge(downstream) else { continue };
                let ill = matches!(opinion, Opinion::Ill { .. });
                opinions.push(opinion);
                if ill {
                    *moved = true;
                    break;
                }
            }
        }
    }
    opinions
}

/// A look at one destination by one signal.
struct Look<'a> {
    view: &'a View<'a>,
    signal: Signal,
    alternative: usize,
    destination: usize,
    alone: &'a Alone,
}

impl Look<'_> {
    fn judge(&self, downstream: &mut Downstream) -> Option<Opinion> {
        let Look { view, signal, destination, alone, .. } = *self;
        let (settings, part) = (view.settings(), Part::Destination(destination));
        if alone.score < settings.destination_threshold() || self.the_rest_is_ill() {
            return None;
        }
        let contrast = self.contrast();
        let evidence = self.evidence(&contrast);
        let note = |advice, why: &str| Some(Opinion::Note { part, advice, evidence: format!("{evidence}; {why}") });
        if let Some(app) = self.one_app_fails() {
            let why = format!("nothing is wrong without the app {}: not moving", view.setup.labels.apps[app]);
            return note(Advice::Hold(Restraint::App(app)), &why);
        }
        let failing = signal.failing(contrast.own);
        if signal == Signal::Throttled {
            return note(Advice::Shed { refused: failing }, "only what is refused should move");
        }
        let usual = view.usual(signal, destination);
        let tolerated = View::tolerated(signal, usual);
        let doubted = signal.failing_doubted(contrast.own, tolerated, settings.doubt);
        let odds = signal.odds_as_ill(contrast.elsewhere, tolerated, doubted);
        if odds >= SAME_ELSEWHERE {
            downstream.remember(destination, view.tick + settings.common_seconds);
        }
        if downstream.holds(destination, view.tick) {
            let why = "it fails from other regions too: not moving";
            return note(Advice::Hold(Restraint::Downstream(destination)), why);
        }
        let proven =
            odds <= -settings.proof_elsewhere && self.benefits(&contrast, usual) && !self.looks_ill_elsewhere();
        if !proven || !self.well_somewhere() {
            let why = "other regions have not shown that it is better there: not moving";
            return note(Advice::Hold(Restraint::Unproven(destination)), why);
        }
        let evidence = format!("{evidence}; only this destination moves");
        Some(Opinion::Ill { part, illness: Illness { cause: Cause::Signal(signal), failing }, evidence })
    }

    fn dominates(&self) -> bool {
        self.view.setup.baselines.destination_shares[self.destination] > self.view.settings().dominant
    }

    /// Says whether the other destinations here fail too, so that the region is to be judged as a whole.
    fn the_rest_is_ill(&self) -> bool {
        let Look { view, signal, destination, alone, .. } = *self;
        if self.dominates() {
            return false;
        }
        // By any signal: delays are seen in missing events before messages are late.
        let without = Signal::moving()
            .map(|signal| view.highest(view.region, signal, |score: &Score| score.without_destination[destination]))
            .fold(0.0, f64::max);
        let own: Ledger = alone.by_app.iter().copied().sum();
        let excess = signal.failing(own) - view.usual(signal, destination);
        without >= view.settings().threshold / 3.0 || signal.failing(alone.rest) - self.normal() > REST_ILL * excess
    }

    /// Says whether the same destination looks ill from another region, by what it saw since.
    fn looks_ill_elsewhere(&self) -> bool {
        let Look { view, signal, destination, alone, .. } = *self;
        let ill = |ledger: &Ledger, alternative: usize| {
            view.state().weighings.of(signal, alternative)[destination].score(*ledger)
                >= view.settings().threshold / 3.0
        };
        alone.elsewhere.iter().any(|ledger| View::severe_first().any(|alternative| ill(ledger, alternative)))
    }

    /// The failure rate of the others here that is nothing to wonder at.
    fn normal(&self) -> f64 {
        match self.signal {
            Signal::Flow => 1.0 - TOLERATED_FLOW,
            Signal::Errors | Signal::Late | Signal::Throttled => self.view.usual(self.signal, self.destination),
        }
    }

    fn contrast(&self) -> Contrast {
        Contrast { own: self.alone.by_app.iter().copied().sum(), elsewhere: self.alone.elsewhere.iter().copied().sum() }
    }

    /// Returns the app without whose messages nothing is wrong.
    fn one_app_fails(&self) -> Option<usize> {
        let Look { view, signal, alternative, destination, alone } = *self;
        if view.setup.extent.apps < 2 || view.setup.baselines.one_app_dominates(view.settings().dominant) {
            return None;
        }
        let weighing = view.state().weighings.of(signal, alternative)[destination];
        let scores: Vec<f64> = alone.by_app.iter().map(|ledger| weighing.score(*ledger)).collect();
        let all: f64 = scores.iter().sum();
        // Of equals the first one.
        let worse = |worst: (usize, f64), next: (usize, f64)| if next.1 > worst.1 { next } else { worst };
        let (app, worst) = scores.into_iter().enumerate().reduce(worse)?;
        let trials: Vec<f64> = alone.by_app.iter().map(|ledger| ledger.trials).collect();
        let is_its = all - worst < view.settings().threshold / 4.0;
        (is_its && !is_alone(&trials, app, view.settings().dominant)).then_some(app)
    }

    fn well_somewhere(&self) -> bool {
        let Look { view, signal, destination, .. } = *self;
        let well = |region: &usize| {
            let score = view.highest(*region, signal, |score: &Score| score.alone[destination].score);
            score < view.settings().destination_threshold() / 3.0
        };
        view.targets.iter().any(well)
    }

    /// Says whether moving avoids enough of the failures beyond what is usual.
    fn benefits(&self, contrast: &Contrast, usual: f64) -> bool {
        let Contrast { own, elsewhere } = *contrast;
        let (here, doubt) = (self.signal.failing(own), self.view.settings().doubt);
        let there = elsewhere.trials * self.signal.failing(elsewhere) + doubt * here;
        let there = there / (elsewhere.trials + doubt);
        here > usual && here - there >= self.view.settings().benefit * (here - usual)
    }

    fn evidence(&self, contrast: &Contrast) -> String {
        let Contrast { own, elsewhere } = *contrast;
        let (labels, signal) = (&self.view.setup.labels, self.signal);
        format!(
            "{} to {}: {} {:.0} of {:.0}; the same destination from other regions {:.0} of {:.0}",
            self.view.label(),
            labels.destinations[self.destination],
            signal.name(),
            own.trials * signal.failing(own),
            own.trials,
            elsewhere.trials * signal.failing(elsewhere),
            elsewhere.trials,
        )
    }
}
