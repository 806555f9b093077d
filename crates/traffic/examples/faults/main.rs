//! Measures how soon the detector sees the faults F1 to F9 of the health specification, and how often it moves what it
//! should not, beside two simple rules on the same counts:
//!
//! ```sh
//! cargo run --release -p traffic --example faults -- 100 10        # 100 runs of each fault, at 10 messages a second
//! cargo run --release -p traffic --example faults -- 100 10 'F4'  # only those whose name has this
//! cargo run --release -p traffic --example faults -- plot > docs/images/health.svg  # one outage, and on stderr why
//! ```

mod delays;
mod fault;
mod peers;
mod plot;
mod random;
mod trial;
mod world;

use std::io::Write;

use fault::{Fault, Injected};
use traffic::health::{Advice, Judgement, Part};
use trial::{Case, FAULT_AT, Trial};

const FAULTS: [(&str, Fault); 16] = [
    ("none (an hour)", Fault::None),
    ("F1 hard loss", Fault::HardLoss),
    ("F2 errors 20 %", Fault::Errors(0.20)),
    ("F2 errors 50 %", Fault::Errors(0.50)),
    ("F2 errors 100 %", Fault::Errors(0.98)),
    ("F3 creep 2 to 10 %", Fault::Creep),
    ("F4 30 % of events missing", Fault::EventsLost(0.30)),
    ("F4 all events missing", Fault::EventsLost(1.0)),
    ("F5 delays x5", Fault::Delays),
    ("F7 destination, one region", Fault::DestinationUnreachable),
    ("F9 throttled 40 % (shed)", Fault::Throttled),
    ("F6 destination down", Fault::DestinationDown),
    ("F6 destination silent", Fault::DestinationSilent),
    ("F6 provider down 50 %", Fault::ProviderDown),
    ("F8 bad list, refused", Fault::BadListRefused),
    ("F8 bad list, silent", Fault::BadListSilent),
];

/// Two faults at once: the first, how many seconds sooner it came, and the second one, whose answer is looked at.
const PAIRS: [(&str, (Fault, u64), Fault); 8] = [
    ("F6 destination down, and F7 of another", (Fault::DestinationDown, 0), Fault::OtherDestinationUnreachable),
    ("the same, 60 s later", (Fault::DestinationDown, 60), Fault::OtherDestinationUnreachable),
    ("F6 of two destinations", (Fault::DestinationDown, 0), Fault::OtherDestinationDown),
    ("the same, 20 s apart", (Fault::DestinationDown, 20), Fault::OtherDestinationDown),
    ("F6, and F2 errors 50 %", (Fault::DestinationDown, 0), Fault::Errors(0.50)),
    ("the same, 60 s later", (Fault::DestinationDown, 60), Fault::Errors(0.50)),
    ("F8 bad list, and F7 of a destination", (Fault::BadListRefused, 60), Fault::OtherDestinationUnreachable),
    ("F7 of two destinations, 20 s apart", (Fault::DestinationUnreachable, 20), Fault::OtherDestinationUnreachable),
];

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == "plot").is_some() {
        let (drawing, made) = plot::outage(7, 10.0);
        print!("{drawing}");
        made.iter().for_each(|judgement| eprintln!("{} s: {}", judgement.tick, judgement.evidence));
        return;
    }
    let mut number = |default: f64| arguments.next().map_or(Ok(default), |text| text.parse::<f64>());
    let (Ok(runs), Ok(rate)) = (number(100.0), number(10.0)) else {
        eprintln!("faults: the arguments are numbers: how many runs, and how many messages a second in a region");
        std::process::exit(2);
    };
    println!(
        "| {rate:.3}/s, {runs:.0} runs | detector p50 | p95 | seen | moved wrongly | 3 bad minutes: p50 / p95 (left) | \
         5 in a row: p50 / p95 (left) |"
    );
    println!("|---|---|---|---|---|---|---|");
    let only = arguments.next().unwrap_or_default();
    for (name, fault) in FAULTS.into_iter().filter(|(name, _)| name.contains(&only)) {
        let trials: Vec<Trial> =
            (0..runs as u64).map(|seed| trial::run(1_000 + seed, rate, fault, horizon(fault, rate), true)).collect();
        println!("{}", row(name, fault, &trials));
        std::io::stdout().flush().expect("an output");
    }
    for (name, first, fault) in PAIRS.into_iter().filter(|(name, ..)| name.contains(&only)) {
        let case = Case { fault, before: Some(first) };
        let run = |seed| trial::run_case(4_000 + seed, rate, case, horizon(fault, rate).min(1_200), true);
        let trials: Vec<Trial> = (0..runs as u64).map(run).collect();
        println!("{}", row(name, fault, &trials));
    }
    recoveries(runs as u64, rate);
}

/// For how long a fault is waited for: longer where there is less to see.
fn horizon(fault: Fault, rate: f64) -> u64 {
    let low = rate < 1.0;
    match fault {
        Fault::None => 3_600,
        Fault::DestinationDown
        | Fault::OtherDestinationDown
        | Fault::DestinationSilent
        | Fault::ProviderDown
        | Fault::BadListRefused
        | Fault::BadListSilent => {
            if low {
                3_600
            } else {
                1_200
            }
        }
        _ if low => 7_200,
        _ => 3_600,
    }
}

fn row(name: &str, fault: Fault, trials: &[Trial]) -> String {
    let right = trials.iter().map(|trial| trial.right).collect();
    let seen = trials.iter().filter(|trial| trial.right.is_some()).count();
    let wrong: usize = trials.iter().filter(|trial| !trial.wrong.is_empty()).count();
    let peer = |of: fn(&Trial) -> Option<u64>| {
        let left = trials.iter().filter(|trial| of(trial).is_some()).count();
        let delays = trials.iter().map(of).collect();
        format!("{} ({left})", quantiles(delays).join(" / "))
    };
    let [p50, p95] = quantiles(right);
    let nothing_is_right = !is_answerable(fault);
    let (p50, p95, seen) =
        if nothing_is_right { ("-".to_owned(), "-".to_owned(), "-".to_owned()) } else { (p50, p95, format!("{seen}")) };
    let (minutes, in_a_row) = (peer(|trial| trial.bad_minutes), peer(|trial| trial.failures_in_a_row));
    for judgement in trials.iter().flat_map(|trial| &trial.wrong) {
        eprintln!("{name}: wrong: {judgement:?}");
    }
    format!("| {name} | {p50} | {p95} | {seen} | {wrong} | {minutes} | {in_a_row} |")
}

fn is_answerable(fault: Fault) -> bool {
    let shift =
        Judgement { tick: 0, region: 0, part: Part::Whole, advice: Advice::Shift { hold: 0 }, evidence: String::new() };
    let to = |destination| Judgement { part: Part::Destination(destination), ..shift.clone() };
    let destinations = [fault::FAILING_DESTINATION, fault::OTHER_DESTINATION].map(to);
    let shed = Judgement { advice: Advice::Shed { refused: 0.0 }, ..shift.clone() };
    destinations.iter().chain([&shift, &shed]).any(|judgement| fault.is_answered_by(judgement))
}

/// The median and the 95th percentile; what never came is longest.
fn quantiles(mut delays: Vec<Option<u64>>) -> [String; 2] {
    delays.sort_by_key(|delay| delay.unwrap_or(u64::MAX));
    [0.5, 0.95].map(|share| {
        let index = ((delays.len() as f64 * share).ceil() as usize).clamp(1, delays.len()) - 1;
        delays[index].map_or_else(|| "never".to_owned(), |delay| delay.to_string())
    })
}

/// An outage of five minutes with everybody following: when traffic is back, and how often a flapping fault moves it.
fn recoveries(runs: u64, rate: f64) {
    let mended = FAULT_AT + 300;
    let outage = Injected { fault: Fault::Errors(0.98), from: FAULT_AT, until: mended };
    let back = |made: &[Judgement], least: f64| {
        let returns = |judgement: &&Judgement| {
            judgement.tick >= mended && matches!(judgement.advice, Advice::Return { weight } if weight >= least)
        };
        made.iter().find(returns).map(|judgement| judgement.tick - mended)
    };
    let seconds = if rate < 1.0 { 3_000 } else { 1_200 };
    let made: Vec<_> = (0..runs).map(|seed| trial::follow(2_000 + seed, rate, outage, mended + seconds)).collect();
    let first = quantiles(made.iter().map(|made| back(made, 0.0)).collect());
    let all = quantiles(made.iter().map(|made| back(made, 1.0)).collect());
    println!(
        "\nAfter an outage of 300 s: first step back p50 {} s, p95 {} s; all traffic {} s, {} s.",
        first[0], first[1], all[0], all[1]
    );
    let flapping = Injected { fault: Fault::Flapping, from: FAULT_AT, until: FAULT_AT + 2_400 };
    let shifts = (0..runs).map(|seed| {
        let made = trial::follow(3_000 + seed, rate, flapping, FAULT_AT + 2_400);
        made.iter().filter(|judgement| matches!(judgement.advice, Advice::Shift { .. })).count()
    });
    println!("A fault that flaps for 40 minutes: {} shifts at most.", shifts.max().unwrap_or(0));
}
