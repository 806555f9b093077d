//! Is a whole region ill? Only if it still looks ill without its worst destination and without its worst app, and only
//! if the same destinations look better from another region: what is the same everywhere is no reason to move.

use super::judgement::{Advice, Cause, Illness, Opinion, Part, Restraint};
use super::score::Score;
use super::signal::{Ledger, Signal, is_alone};
use super::view::{Contrast, View};

/// The part of a region that looks the least ill when it is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worst {
    Destination,
    App(usize),
}

/// What moving a region's traffic would change.
struct Prospect {
    contrast: Contrast,
    /// How many failures there were here, how many there would have been elsewhere, and how many are normal.
    failed: f64,
    would_fail: f64,
    normal: f64,
}

/// Says what there is to say of a region as a whole: nothing, notes, or that it is ill at the end.
pub(crate) fn judge(view: &View<'_>) -> Vec<Opinion> {
    let mut opinions = Vec::new();
    for signal in Signal::ALL {
        for alternative in View::severe_first() {
            let score = view.own().of(signal, alternative);
            if score.all < view.settings().clear_threshold() {
                continue;
            }
            let Some(opinion) = judge_signal(view, signal, score) else { continue };
            let ill = matches!(opinion, Opinion::Ill { .. });
            opinions.push(opinion);
            if ill {
                return opinions;
            }
        }
    }
    opinions
}

fn judge_signal(view: &View<'_>, signal: Signal, score: &Score) -> Option<Opinion> {
    let settings = view.settings();
    let (least, worst) = least_without(view, score);
    let left_out = left_out(view, score);
    let better = look_well(view, signal, score, left_out);
    let prospect = Prospect::of(view, signal, score, &better, left_out);
    let evidence = prospect.evidence(view, signal, score, left_out);
    let hold = |restraint, why: &str| {
        Some(Opinion::Note {
            part: Part::Whole,
            advice: Advice::Hold(restraint),
            evidence: format!("{evidence}; {why}"),
        })
    };
    let odds = prospect.odds_as_ill(view, signal);
    let lasts = view.tick - score.since + 1 >= u64::from(settings.proof_seconds);
    let clear = lasts && signal != Signal::Throttled && odds <= -settings.clear_elsewhere;
    let needed = if clear { settings.clear_threshold() } else { settings.threshold };
    if score.all < needed {
        return None;
    }
    if least < needed {
        let Some(Worst::App(app)) = worst else { return None };
        let well_without = view.highest(view.region, signal, |score| score.without_app[app]) < settings.threshold / 4.0;
        let why = format!("nothing is wrong without the app {}: not moving", view.setup.labels.apps[app]);
        return if well_without { hold(Restraint::App(app), &why) } else { None };
    }
    if signal == Signal::Throttled {
        let refused = signal.failing(prospect.contrast.own);
        let evidence = format!("{evidence}; only what is refused should move");
        return Some(Opinion::Note { part: Part::Whole, advice: Advice::Shed { refused }, evidence });
    }
    let clean = |region: &usize| {
        let score = |score: &Score| left_out.map_or(score.all, |left_out| score.without_destination[left_out]);
        view.highest(*region, signal, score) < settings.threshold / 3.0
    };
    if !view.targets.iter().any(clean) {
        return hold(Restraint::Common, "no other region is well: not moving");
    }
    if odds > -settings.proof_elsewhere {
        return hold(Restraint::Common, "the others have not shown that they are better: not moving");
    }
    let benefit = prospect.benefit();
    if benefit < settings.benefit {
        let why = format!("moving would avoid only {:.0} % of the excess: not moving", 100.0 * benefit);
        return hold(Restraint::Common, &why);
    }
    let evidence = format!(
        "{evidence}; it holds without the worst destination and without the worst app (score {least:.1} of {needed:.1} needed), \
         and moving avoids {:.0} % of the excess",
        100.0 * benefit.min(1.0)
    );
    let failing = prospect.failed / prospect.contrast.own.trials.max(1.0);
    let illness = Illness { cause: Cause::Signal(signal), failing };
    Some(Opinion::Ill { part: Part::Whole, illness, evidence })
}

/// The lowest score with one destination or app left out, and which. What has nearly all of the traffic is never left
/// out.
fn least_without(view: &View<'_>, score: &Score) -> (f64, Option<Worst>) {
    let dominant = view.settings().dominant;
    let spread = |share: &f64| *share <= dominant;
    let is_alone = |app: usize| is_alone(&score.own_by_app, app, dominant);
    let destinations = score.without_destination.iter().zip(&view.setup.baselines.destination_shares);
    let destinations = destinations.filter(|(_, share)| spread(share)).map(|(score, _)| (*score, Worst::Destination));
    let apps = score.without_app.iter().zip(&view.setup.baselines.app_shares).enumerate();
    let apps = apps
        .filter(|(app, (_, share))| spread(share) && !is_alone(*app))
        .map(|(app, (score, _))| (*score, Worst::App(app)));
    // Of equals the first one.
    let least = destinations.chain(apps).reduce(|least, next| if next.0 < least.0 { next } else { least });
    least.map_or((score.all, None), |(least, worst)| (least, Some(worst)))
}

/// The worst destination, which the comparison with other regions leaves out too.
fn left_out(view: &View<'_>, score: &Score) -> Option<usize> {
    let dominated = view.setup.baselines.one_destination_dominates(view.settings().dominant);
    let by_score = |(_, one): &(usize, &f64), (_, other): &(usize, &f64)| one.total_cmp(other);
    let worst = score.without_destination.iter().enumerate().min_by(by_score).map(|(destination, _)| destination);
    worst.filter(|_| !dominated && view.setup.extent.destinations > 1)
}

/// The other regions that don't look ill by what they saw of the same destinations since. Where they all do, none is
/// left out.
fn look_well(view: &View<'_>, signal: Signal, score: &Score, left_out: Option<usize>) -> Vec<usize> {
    let looks_ill = |region: usize, alternative: usize| {
        let weighings = view.state().weighings.of(signal, alternative).iter().enumerate();
        let counted = weighings.filter(|(destination, _)| Some(*destination) != left_out);
        let gained = counted.map(|(destination, weighing)| weighing.score(score.elsewhere(region, destination)));
        gained.sum::<f64>() >= view.settings().threshold / 3.0
    };
    let well = |region: &usize| !View::severe_first().any(|alternative| looks_ill(*region, alternative));
    let (well, all): (Vec<usize>, Vec<usize>) =
        ((0..view.setup.extent.regions).filter(well).collect(), (0..view.setup.extent.regions).collect());
    let seen = |regions: &[usize]| {
        let trials = |region: &usize| {
            (0..view.setup.extent.destinations).map(|of| score.elsewhere(*region, of).trials).sum::<f64>()
        };
        regions.iter().map(trials).sum::<f64>()
    };
    if seen(&well) > 0.0 { well } else { all }
}

impl Prospect {
    fn of(view: &View<'_>, signal: Signal, score: &Score, better: &[usize], left_out: Option<usize>) -> Prospect {
        let elsewhere =
            |destination| -> Ledger { better.iter().map(|region| score.elsewhere(*region, destination)).sum() };
        let seen = |destination: &usize| Some(*destination) != left_out && score.own[*destination].trials > 0.0;
        let destinations: Vec<usize> = (0..view.setup.extent.destinations).filter(seen).collect();
        let contrast = Contrast {
            own: destinations.iter().map(|destination| score.own[*destination]).sum(),
            elsewhere: destinations.iter().map(|destination| elsewhere(*destination)).sum(),
        };
        let mut prospect = Prospect { contrast, failed: 0.0, would_fail: 0.0, normal: 0.0 };
        // As long as the others have shown little they are taken to be as ill.
        let doubt = view.settings().doubt;
        let here = signal.failing(contrast.own);
        let there = contrast.elsewhere.trials * signal.failing(contrast.elsewhere);
        let pooled = (there + doubt * here) / (contrast.elsewhere.trials + doubt);
        for destination in destinations {
            let (own, elsewhere) = (score.own[destination], elsewhere(destination));
            let failing = elsewhere.trials * signal.failing(elsewhere) + doubt * pooled;
            prospect.failed += own.trials * signal.failing(own);
            prospect.would_fail += own.trials * failing / (elsewhere.trials + doubt);
            prospect.normal += own.trials * view.usual(signal, destination);
        }
        prospect
    }

    /// The log odds that the other regions are as ill as this one.
    fn odds_as_ill(&self, view: &View<'_>, signal: Signal) -> f64 {
        let Contrast { own, elsewhere } = self.contrast;
        let destinations = view.setup.extent.destinations;
        let usual: f64 = (0..destinations).map(|destination| view.usual(signal, destination)).sum();
        let tolerated = View::tolerated(signal, usual / destinations as f64);
        let failing = signal.failing_doubted(own, tolerated, view.settings().doubt);
        signal.odds_as_ill(elsewhere, tolerated, failing)
    }

    /// Which share of the failures beyond what is normal moving would avoid.
    fn benefit(&self) -> f64 {
        match self.failed > self.normal {
            true => (self.failed - self.would_fail) / (self.failed - self.normal),
            false => 0.0,
        }
    }

    fn evidence(&self, view: &View<'_>, signal: Signal, score: &Score, left_out: Option<usize>) -> String {
        let Contrast { own, elsewhere } = self.contrast;
        let without = left_out.map(|left_out| format!(" without {}", view.setup.labels.destinations[left_out]));
        format!(
            "{}: {} {:.0} of {:.0} in {} s{}, where {:.0} are normal; other regions to the same destinations \
             {:.0} of {:.0}",
            view.label(),
            signal.name(),
            self.failed,
            own.trials,
            view.tick - score.since + 1,
            without.unwrap_or_default(),
            self.normal,
            elsewhere.trials * signal.failing(elsewhere),
            elsewhere.trials,
        )
    }
}
