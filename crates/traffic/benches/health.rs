//! What a second of the detector costs, for a channel in three regions with 8 destinations and 16 apps of which all
//! have traffic: while all is well, and with scores above zero everywhere. The figures are for the three regions
//! together.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use traffic::health::{Baselines, CellCounts, Counted, DelayCurve, Detector, EVENT_AGE_MAX, HealthSettings, Labels};

const REGIONS: usize = 3;
const DESTINATIONS: usize = 8;
const APPS: usize = 16;
const WARM: u64 = 400;

fn detector() -> Detector {
    let names = |letter: &str, count| (0..count).map(|index| format!("{letter}{index}")).collect();
    let labels =
        Labels { regions: names("r", REGIONS), destinations: names("c", DESTINATIONS), apps: names("k", APPS) };
    let by_age: Vec<f64> = (0..=EVENT_AGE_MAX).map(|age| 0.97 * (1.0 - (-(age as f64) / 20.0).exp())).collect();
    let everywhere = |rate: f64| vec![vec![rate; DESTINATIONS]; REGIONS];
    let baselines = Baselines {
        rates: [everywhere(0.02), everywhere(0.0), everywhere(0.1), everywhere(0.002)],
        destination_shares: vec![1.0 / DESTINATIONS as f64; DESTINATIONS],
        app_shares: vec![1.0 / APPS as f64; APPS],
        curves: vec![DelayCurve::new(&by_age).expect("a curve that rises"); DESTINATIONS],
        late_after: 64,
        normal_rates: vec![1_000.0; REGIONS],
    };
    Detector::new(HealthSettings::default(), labels, baselines, REGIONS).expect("what fits together")
}

/// A second in which each cell sent so much, of which so much failed.
fn second(sends: u32, errors: u32) -> Vec<Counted> {
    let accepted = sends - errors;
    let counts = CellCounts { sends, errors, events: accepted, late: accepted / 10, ..CellCounts::default() };
    let cells = (0..REGIONS).flat_map(|region| (0..DESTINATIONS * APPS).map(move |cell| (region, cell)));
    cells.map(|(region, cell)| Counted { region, destination: cell / APPS, app: cell % APPS, counts }).collect()
}

fn seconds(criterion: &mut Criterion) {
    let heard = vec![vec![true; REGIONS]; REGIONS];
    for (name, errors) in [("all well", 0), ("half of all sends fail", 4)] {
        let mut detector = detector();
        let second = second(8, errors);
        for tick in 0..WARM {
            detector.step(tick, &second, &heard);
        }
        criterion.bench_function(&format!("a second of three regions, {name}"), |bencher| {
            let step = |detector: &mut Detector| detector.step(WARM, &second, &heard);
            bencher.iter_batched_ref(|| detector.clone(), step, BatchSize::LargeInput);
        });
    }
}

criterion_group!(benches, seconds);
criterion_main!(benches);
