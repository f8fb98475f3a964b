//! Reasons over small sheets, and that their amounts always add up.

use billhook_money::ONE;

use super::super::metric::Amounts;
use super::*;

const A: &str = "111122223333";
const B: &str = "444455556666";

fn key(account: &str, other: &str) -> Key {
    (account.to_owned(), other.to_owned())
}

/// One line and one number of Cost Explorer, unless their side is nothing.
fn sides(lake: i128, explorer: i128) -> Sides {
    Sides {
        lake: Amounts([lake * ONE; 4]),
        explorer: Amounts([explorer * ONE; 4]),
        lines: i128::from(lake != 0),
        groups: i128::from(explorer != 0),
        ..Sides::default()
    }
}

fn scene() -> Scene {
    Scene {
        connection: "acme".to_owned(),
        period: "2026-06".to_owned(),
        metric: Metric::Unblended,
        caller: None,
        is_open: false,
        state: "final".to_owned(),
        loaded_at: "2026-07-05 06:00".to_owned(),
        quarantined_rows: 0,
        quarantined: BTreeMap::new(),
    }
}

fn explained<const N: usize>(
    sheet: [(Key, Sides); N],
    types: Option<&Sheet>,
    scene: &Scene,
) -> Section {
    let mut work = Work::new("USD".to_owned(), Sheet::from(sheet), scene);
    work.by_cells(scene);
    assert!(types.is_none() || work.is_open());
    let section = work.finish(types, scene);
    let sum: i128 = section.explanations.iter().map(|one| one.amount).sum();
    assert_eq!(sum, section.difference, "explanations add up: {section:?}");
    let cells: i128 = section.cells.iter().map(|cell| cell.difference).sum();
    assert_eq!(cells, section.difference);
    section
}

/// Codes and whole amounts.
fn codes(section: &Section) -> Vec<(&'static str, i128)> {
    let explanations = section.explanations.iter();
    explanations.map(|one| (one.finding.code, one.amount / ONE)).collect()
}

#[test]
fn equal_sides_need_no_reason() {
    let section = explained([(key(A, "EC2"), sides(5, 5))], None, &scene());
    assert!(codes(&section).is_empty());
    assert_eq!((section.difference, section.cells[0].verdict), (0, Match::Equal));
}

#[test]
fn last_digits_are_rounding() {
    let mut own = sides(5, 5);
    own.lake = Amounts([5 * ONE + 7; 4]);
    let section = explained([(key(A, "EC2"), own)], None, &scene());
    assert_eq!(section.explanations.len(), 1);
    assert_eq!((section.explanations[0].finding.code, section.difference), ("rounding", 7));
}

#[test]
fn accounts_that_one_side_does_not_know() {
    let sheet = [
        (key(A, "EC2"), sides(5, 5)),
        (key(B, "EC2"), sides(0, 3)),
        (key(B, "S3"), sides(0, 4)),
        (key("C", "S3"), sides(9, 0)),
    ];
    let mut scene = scene();
    scene.caller = Some(A.to_owned());
    let section = explained(sheet, None, &scene);
    let expected = [("account-not-in-lake", -7), ("account-not-in-cost-explorer", 9)];
    assert_eq!(codes(&section), expected);
    assert!(section.explanations[0].finding.seen.contains(B));
    assert!(section.explanations[1].finding.seen.contains(A));
    let reasons: Vec<_> = section.cells.iter().map(|cell| cell.explained_by).collect();
    let missing = Some("account-not-in-lake");
    assert_eq!(reasons, [None, missing, missing, Some("account-not-in-cost-explorer")]);
}

#[test]
fn another_metric_must_agree_everywhere() {
    let net = |lake: i128, net: i128| Sides {
        explorer: Amounts([net * ONE + ONE, 50 * ONE, net * ONE, 60 * ONE]),
        ..sides(lake, 1)
    };
    let sheet = [(key(A, "EC2"), net(5, 5)), (key(A, "S3"), net(8, 8))];
    let section = explained(sheet, None, &scene());
    assert_eq!(codes(&section), [("other-metric", -2)]);
    assert!(section.explanations[0].finding.fix.contains("--metric net-unblended"));
    let sheet = [(key(A, "EC2"), net(5, 5)), (key(A, "S3"), net(8, 7))];
    let section = explained(sheet, None, &scene());
    // That S3 is right by chance does not help.
    assert_eq!(codes(&section), [("unexplained", -1)]);
    // Nothing agrees with nothing, which says nothing.
    let purchase = Sides { explorer: Amounts([ONE, 0, ONE, 0]), ..sides(0, 1) };
    let sheet = [(key(A, "EC2"), purchase), (key(A, "S3"), sides(3, 3))];
    assert_eq!(codes(&explained(sheet, None, &scene())), [("unexplained", -1)]);
}

#[test]
fn rows_that_focus_leaves_out() {
    let own = Sides { excluded: Amounts([-2 * ONE; 4]), ..sides(5, 7) };
    let section = explained([(key(A, "EC2"), own)], None, &scene());
    assert_eq!(codes(&section), [("left-out-rows", -2)]);
}

#[test]
fn services_that_only_together_are_the_same() {
    let sheet = [
        (key(A, "AWS Data Transfer"), sides(5, 0)),
        (key(A, "EC2"), sides(95, 100)),
        (key(B, "EC2"), sides(6, 5)),
    ];
    let section = explained(sheet, None, &scene());
    assert_eq!(codes(&section), [("other-service-name", 0), ("unexplained", 1)]);
    assert!(section.explanations[1].finding.seen.contains(B));
}

#[test]
fn credits_taxes_and_what_is_left() {
    // Credits differ by 3 in one account, and taxes by 1 and usage by 2 in the other.
    let sheet = || {
        [
            (key(A, "EC2"), sides(50, 47)),
            (key(B, "Tax"), sides(4, 5)),
            (key(B, "S3"), sides(10, 12)),
        ]
    };
    let types = Sheet::from([
        (key(A, CREDITS), sides(0, -3)),
        (key(A, "usage and fees"), sides(50, 50)),
        (key(B, TAXES), sides(4, 5)),
        (key(B, "usage and fees"), sides(10, 12)),
    ]);
    let section = explained(sheet(), Some(&types), &scene());
    let expected = [("credits-differ", 3), ("taxes-differ", -1), ("unexplained", -2)];
    assert_eq!(codes(&section), expected);
    assert_eq!(section.cells[0].explained_by, Some("credits-differ"));
    // Answers of which the second does not fit the first explain nothing.
    let types = Sheet::from([(key(A, CREDITS), sides(0, -30))]);
    assert_eq!(codes(&explained(sheet(), Some(&types), &scene())), [("unexplained", 0)]);
}

#[test]
fn records_in_quarantine_must_be_the_difference() {
    let mut scene = scene();
    scene.quarantined_rows = 2;
    scene.quarantined = BTreeMap::from([("USD".to_owned(), 4 * ONE)]);
    let sheet = |lake: i128| [(key(A, "EC2"), sides(lake, 9))];
    assert_eq!(codes(&explained(sheet(5), None, &scene)), [("quarantined", -4)]);
    let section = explained(sheet(6), None, &scene);
    assert_eq!(codes(&section), [("unexplained", -3)]);
    assert!(section.explanations[0].finding.seen.contains("2 records are in quarantine"));
    scene.metric = Metric::Amortized;
    assert_eq!(codes(&explained(sheet(5), None, &scene)), [("unexplained", -4)]);
}

#[test]
fn time_explains_only_months_that_are_not_final() {
    let sheet = || [(key(A, "EC2"), sides(5, 9))];
    let mut scene = scene();
    assert_eq!(codes(&explained(sheet(), None, &scene)), [("unexplained", -4)]);
    scene.state = "estimated".to_owned();
    let section = explained(sheet(), None, &scene);
    assert_eq!(codes(&section), [("delivery-old", -4)]);
    assert!(section.explanations[0].finding.seen.contains("2026-07-05 06:00"));
    scene.is_open = true;
    assert_eq!(codes(&explained(sheet(), None, &scene)), [("month-not-final", -4)]);
}

#[test]
fn many_names_are_cut_short() {
    assert_eq!(named(["b", "a", "b"].into_iter()), "a, b");
    let names = ["1", "2", "3", "4", "5", "6", "7"];
    assert_eq!(named(names.into_iter()), "1, 2, 3, 4, 5 and 2 more");
}
