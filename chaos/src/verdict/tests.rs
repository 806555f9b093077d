//! The page is well formed, says everything and escapes what it is given; plots have ticks at round numbers.

use super::markup::escape;
use super::scale::{Scale, ScaleKind, log_ticks, rounded_up, ticks, time_ticks};
use super::{page, text};
use crate::check::tests::build::{OSLO, Run, run, unknown};
use crate::check::tests::model::history;
use crate::check::tests::property::all_faults;
use crate::check::{History, check};
use crate::history::{FaultKind, Line};

/// A run in which something is wrong, told with letters that mean something in markup.
fn hostile() -> Run {
    let mut run = run().arrive(1_000, "<script>alert('&')</script>", OSLO).send(2_000, "m").arrive(2_100, "m", OSLO);
    if let Line::Setting(setting) = &mut run.lines[0] {
        setting.regions[OSLO] = "<b>oslo</b>".to_owned();
        setting.skipped.insert("power \"cut\"".to_owned(), "no <device>".to_owned());
    }
    run.fault(FaultKind::Kill, OSLO, 10_000, 20_000).write(31_000, 1, unknown())
}

fn page_of(run: &Run) -> String {
    page(&run.history(), &run.report())
}

/// Returns the names of the elements, having made sure that each is closed in its turn.
fn elements(page: &str) -> Vec<String> {
    let (mut open, mut all) = (Vec::new(), Vec::new());
    for (place, _) in page.match_indices('<') {
        let tag = &page[place + 1..place + page[place..].find('>').expect("a tag ends")];
        let name = tag.trim_matches('/').split_whitespace().next().expect("a tag has a name");
        if tag.starts_with('!') || tag.ends_with('/') || name == "br" {
            continue;
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "at {}", &page[place.saturating_sub(80)..place]);
        } else {
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            open.push(name);
            all.push(name.to_owned());
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    all
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    let model = history(&all_faults(1, 20));
    let model = History::new(model).unwrap();
    for page in [page(&model, &check(&model)), page_of(&hostile()), page_of(&run())] {
        let elements = elements(&page);
        assert!(elements.iter().all(|name| !["script", "img", "link", "iframe", "b"].contains(&name.as_str())));
        for outside in ["http:", "https:", "url(", "@import", "NaN", "inf"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}

#[test]
fn the_page_of_the_model_has_all_plots() {
    let model = History::new(history(&all_faults(1, 20))).unwrap();
    let page = page(&model, &check(&model));
    assert_eq!(elements(&page).iter().filter(|name| *name == "svg").count(), 4);
    assert_eq!(elements(&page).iter().filter(|name| *name == "table").count(), 2);
    assert!(page.contains(">PASSED</span>"));
}

#[test]
fn what_comes_from_outside_is_escaped() {
    let page = page_of(&hostile());
    assert!(page.contains("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt; from &lt;b&gt;oslo&lt;/b&gt;"));
    assert!(page.contains("power &quot;cut&quot; was skipped: no &lt;device&gt;"));
    assert!(page.contains(">FAILED</span>"));
}

#[test]
fn page_and_text_name_every_check_or_say_that_all_is_well() {
    let (page, report) = (page_of(&hostile()), hostile().report());
    for finding in &report.findings {
        assert!(page.contains(finding.check) && page.contains(&escape(finding.title)), "{}", finding.check);
        let told = finding.violations.is_empty() && finding.looked_at > 0;
        assert_eq!(text(&report).contains(finding.check), !told, "{}", finding.check);
    }
    for violation in report.findings.iter().flat_map(|finding| &finding.violations) {
        assert!(text(&report).contains(violation.as_str()));
    }
}

#[test]
fn page_and_text_say_what_was_not_judged_and_why() {
    let mut report = run().send(2_000, "m").arrive(2_100, "m", OSLO).report();
    report.findings[0].unjudged.push("too many <calls> at once".to_owned());
    let (name, title) = (report.findings[0].check, escape(report.findings[0].title));
    let (page, text) = (page(&run().history(), &report), text(&report));
    assert!(text.starts_with("NOT JUDGED: of 29 checks"), "{text}");
    assert!(
        text.contains("1 could not be judged") && text.contains(&format!("  not judged  {name}: too many <calls>"))
    );
    assert!(page.contains(">NOT JUDGED</span>"));
    assert!(page.contains(&format!("\u{201c}{title}\u{201d} was not judged: too many &lt;calls&gt; at once")));
}

#[test]
fn the_text_tells_what_came_after_each_fault() {
    let model = History::new(history(&all_faults(1, 20))).unwrap();
    let text = text(&check(&model));
    assert!(text.starts_with("PASSED: of 29 checks"), "{text}");
    assert!(text.contains("us-east-1 was killed; "), "{text}");
    assert!(text.contains("that are judged: new messages flow after "), "{text}");
}

#[test]
fn the_command_repeats_the_run() {
    assert!(page_of(&run()).contains("scripts/chaos run --seed 7<"));
}

#[test]
fn ticks_are_at_round_numbers() {
    assert_eq!(ticks(7.0, 5), [0.0, 2.0, 4.0, 6.0]);
    assert_eq!(ticks(60.0, 5), [0.0, 20.0, 40.0, 60.0]);
    assert_eq!(ticks(0.0, 5), [0.0]);
    assert_eq!(time_ticks(180.0, 10), [0.0, 30.0, 60.0, 90.0, 120.0, 150.0, 180.0]);
    assert_eq!(time_ticks(86_400.0, 10)[..2], [0.0, 14_400.0]);
    assert_eq!(log_ticks(1.0, 1_000.0), [1.0, 10.0, 100.0, 1_000.0]);
    assert_eq!([0.0, 4.0, 7.0, 61.0].map(rounded_up), [1.0, 4.0, 8.0, 80.0]);
}

#[test]
fn scales_keep_to_their_ends() {
    let linear = Scale { kind: ScaleKind::Linear, data: (0.0, 10.0), place: (100.0, 0.0) };
    assert_eq!([-5.0, 0.0, 5.0, 10.0, 50.0].map(|value| linear.at(value)), [100.0, 100.0, 50.0, 0.0, 0.0]);
    let log = Scale { kind: ScaleKind::Log, data: (1.0, 100.0), place: (0.0, 100.0) };
    assert!((log.at(10.0) - 50.0).abs() < 1e-9);
}
