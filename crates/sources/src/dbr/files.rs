//! Finds the reports by their names, and decides which is loaded and which check it.
//!
//! A name tells account, report and month wherever the file lies, so files of several payers may
//! share a bucket. The two Chinese regions are billed apart, in files of their own beside each
//! other: both make the month's delivery.

use std::collections::{BTreeMap, HashSet};

use object_store::ObjectMeta;

use super::MAPPINGS;
use crate::delivery::{Delivery, Found, Readiness};
use crate::discover::{file, revision_of};

/// One of the four reports, the richest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Report {
    Monthly,
    CostAllocation,
    Detailed,
    WithResourcesAndTags,
}

/// The parts of file names between account and month, the longer ones first.
const NAMES: [(&str, Report); 4] = [
    ("billing-detailed-line-items-with-resources-and-tags", Report::WithResourcesAndTags),
    ("billing-detailed-line-items", Report::Detailed),
    ("cost-allocation", Report::CostAllocation),
    ("billing-csv", Report::Monthly),
];

/// What a month lacks without a report.
const LOST: [(Report, &str, &str); 4] = [
    (
        Report::WithResourcesAndTags,
        "the detailed report with resources and tags",
        "which resource and which tags a cost belongs to",
    ),
    (Report::Detailed, "a detailed report", "costs by the hour, and discounts line by line"),
    (
        Report::CostAllocation,
        "the cost allocation report",
        "a second check of the totals, and tags where no detailed report has them",
    ),
    (
        Report::Monthly,
        "the monthly report",
        "the currency of the detailed lines, and the totals that check them",
    ),
];

/// The reports that are not among files of these names, and what is lost without each. A plain
/// detailed report is not missed beside the one with resources and tags.
#[must_use]
pub fn missing<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(&'static str, &'static str)> {
    let there: HashSet<Report> = names.filter_map(parse).map(|name| name.report).collect();
    let is_missed = |report: &Report| match report {
        Report::Detailed => {
            !there.contains(report) && !there.contains(&Report::WithResourcesAndTags)
        }
        _ => !there.contains(report),
    };
    let missed = LOST.iter().filter(|(report, ..)| is_missed(report));
    missed.map(|(_, report, lost)| (*report, *lost)).collect()
}

/// What a file's name says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    /// Payer.
    account: String,
    /// YYYY-MM.
    period: String,
    /// What Chinese regions put before the month, such as `ACTS-Ningxia`; empty elsewhere.
    region: String,
    report: Report,
}

/// Reads `123456789012-aws-billing-detailed-line-items-2018-06.csv.zip` and the like.
fn parse(name: &str) -> Option<Name> {
    let stem = [".csv", ".csv.zip", ".csv.gz"].iter().find_map(|end| name.strip_suffix(end))?;
    let (account, rest) = stem.split_once("-aws-")?;
    let is_digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let (report, rest) = NAMES.iter().find_map(|(words, report)| {
        Some((*report, rest.strip_prefix(words)?.strip_prefix('-')?))
    })?;
    let month = rest.get(rest.len().checked_sub(7)?..)?;
    let (year, number) = month.split_once('-')?;
    let is_month = matches!(number.parse::<u8>(), Ok(1..=12)) && is_digits(number, 2);
    let region = rest.strip_suffix(month)?;
    let region = if region.is_empty() { region } else { region.strip_suffix('-')? };
    let is_region = {
        let mut words = region.split('-');
        let first = words.next().unwrap_or_default();
        let others: Vec<&str> = words.collect();
        first.bytes().all(|b| b.is_ascii_uppercase())
            && others.len() < 2
            && others.iter().all(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_alphabetic()))
            && (!first.is_empty() || others.is_empty())
    };
    (is_digits(account, 12) && is_digits(year, 4) && is_month && is_region).then(|| Name {
        account: account.to_owned(),
        period: month.to_owned(),
        region: region.to_owned(),
        report,
    })
}

/// Takes the reports among `objects` that nobody `used`: a delivery for each payer and month.
pub(crate) fn claim(objects: &[ObjectMeta], used: &mut HashSet<String>, found: &mut Found) {
    let mut months: BTreeMap<(String, String), BTreeMap<Name, &ObjectMeta>> = BTreeMap::new();
    for meta in objects.iter().filter(|meta| !used.contains(meta.location.as_ref())) {
        let Some(name) = parse(meta.location.filename().unwrap_or_default()) else { continue };
        let month = months.entry((name.account.clone(), name.period.clone())).or_default();
        // Of copies the one written last.
        let copy = match month.get(&name) {
            Some(other) if other.last_modified >= meta.last_modified => Some(meta),
            _ => month.insert(name, meta),
        };
        if let Some(copy) = copy {
            let reason = "a copy of a report that was written later".to_owned();
            found.left_alone.push((copy.location.to_string(), reason));
        }
    }
    used.extend(found.left_alone.iter().map(|(key, _)| key.clone()));
    for ((account, period), files) in months {
        used.extend(files.values().map(|meta| meta.location.to_string()));
        found.deliveries.push(deliver(account, period, &files));
    }
}

fn deliver(account: String, period: String, files: &BTreeMap<Name, &ObjectMeta>) -> Delivery {
    let regions: HashSet<&str> = files.keys().map(|name| name.region.as_str()).collect();
    let mut reports: Vec<Report> = files.keys().map(|name| name.report).collect();
    reports.sort_unstable();
    reports.dedup();
    // The richest report that is there for all regions.
    let of = |report| files.iter().filter(move |(name, _)| name.report == report);
    let loaded = reports.iter().rev().copied().find(|report| of(*report).count() == regions.len());
    let pick = |is_loaded: bool| {
        let picked = files.iter().filter(|(name, _)| (loaded == Some(name.report)) == is_loaded);
        picked.map(|(_, meta)| file(meta)).collect::<Vec<_>>()
    };
    let (mut chosen, mut checks) = (pick(true), pick(false));
    let readiness = if chosen.is_empty() {
        std::mem::swap(&mut chosen, &mut checks);
        let mut regions: Vec<&str> = regions.into_iter().collect();
        regions.sort_unstable();
        let regions = regions.join(", ");
        Readiness::Waiting(format!("no report is there for each of the regions {regions}"))
    } else {
        Readiness::Ready
    };
    let is_chinese = files.keys().all(|name| !name.region.is_empty());
    let metas: Vec<&ObjectMeta> = files.values().copied().collect();
    Delivery {
        part: None,
        report: format!("dbr-{account}"),
        identity: format!("|dbr|{account}"),
        account,
        period,
        revision: revision_of(&metas),
        mappings: MAPPINGS,
        mapping: None,
        files: chosen,
        checks,
        currency: is_chinese.then(|| "CNY".to_owned()),
        readiness,
        manifest: None,
        warnings: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(keys: &[&str]) -> Found {
        let object = |(number, key): (usize, &&str)| ObjectMeta {
            location: object_store::path::Path::from(*key),
            last_modified: chrono::DateTime::UNIX_EPOCH
                + chrono::TimeDelta::hours(i64::try_from(number).unwrap()),
            size: 1,
            e_tag: None,
            version: None,
        };
        let objects: Vec<ObjectMeta> = keys.iter().enumerate().map(object).collect();
        let mut found = Found::default();
        claim(&objects, &mut HashSet::new(), &mut found);
        found
    }

    fn names(files: &[crate::delivery::SourceFile]) -> Vec<&str> {
        files.iter().map(|file| file.name.as_str()).collect()
    }

    #[test]
    fn names_are_those_of_aws() {
        let region = |name: &str| parse(name).map(|name| (name.report, name.region));
        let tags = "billing-detailed-line-items-with-resources-and-tags";
        for (middle, end, expected) in [
            ("billing-csv", ".csv", (Report::Monthly, "")),
            ("cost-allocation", ".csv.zip", (Report::CostAllocation, "")),
            ("billing-detailed-line-items", ".csv.zip", (Report::Detailed, "")),
            (tags, ".csv", (Report::WithResourcesAndTags, "")),
            ("billing-csv-ACTS", ".csv", (Report::Monthly, "ACTS")),
            (
                "billing-detailed-line-items-ACTS-Ningxia",
                ".csv",
                (Report::Detailed, "ACTS-Ningxia"),
            ),
        ] {
            let name = format!("123456789012-aws-{middle}-2018-06{end}");
            assert_eq!(region(&name), Some((expected.0, expected.1.to_owned())), "{name}");
        }
        for name in [
            "12345678901-aws-billing-csv-2018-06.csv",
            "123456789012-aws-billing-csv-2018-13.csv",
            "123456789012-aws-billing-csv-2018-06.xml",
            "123456789012-aws-billing-csv-acts-2018-06.csv",
            "123456789012-aws-billing-csv-A-B-C-2018-06.csv",
            "123456789012-aws-billing-csv2018-06.csv",
            "aws-billing-csv-2018-06.csv",
            "123456789012-aws-billing-csv-.csv",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    #[test]
    fn the_richest_is_loaded_and_the_others_check_it() {
        let found = found(&[
            "old/111122223333-aws-billing-csv-2018-06.csv",
            "111122223333-aws-billing-detailed-line-items-2018-06.csv.zip",
            "111122223333-aws-cost-allocation-2018-06.csv",
            "111122223333-aws-billing-csv-2018-06.csv",
            "111122223333-aws-billing-csv-2018-07.csv",
            "444455556666-aws-billing-csv-2018-06.csv",
            "other.csv",
        ]);
        let told: Vec<(&str, &str, Vec<&str>, usize)> = found
            .deliveries
            .iter()
            .map(|d| (d.report.as_str(), d.period.as_str(), names(&d.files), d.checks.len()))
            .collect();
        let detailed = "111122223333-aws-billing-detailed-line-items-2018-06.csv.zip";
        let expected = [
            ("dbr-111122223333", "2018-06", vec![detailed], 2),
            ("dbr-111122223333", "2018-07", vec!["111122223333-aws-billing-csv-2018-07.csv"], 0),
            ("dbr-444455556666", "2018-06", vec!["444455556666-aws-billing-csv-2018-06.csv"], 0),
        ];
        assert_eq!(told, expected);
        assert_eq!(found.left_alone.len(), 1);
        assert_eq!(found.left_alone[0].0, "old/111122223333-aws-billing-csv-2018-06.csv");
    }

    #[test]
    fn what_is_missing_is_told_with_what_is_lost() {
        let missing = |names: &[&str]| {
            let missing = super::missing(names.iter().copied());
            missing.into_iter().map(|(report, _)| report).collect::<Vec<_>>()
        };
        let detailed =
            "111122223333-aws-billing-detailed-line-items-with-resources-and-tags-2018-06.csv.zip";
        let monthly = "111122223333-aws-billing-csv-2018-06.csv";
        let allocation = "111122223333-aws-cost-allocation-2018-06.csv";
        assert_eq!(missing(&[detailed, monthly, allocation]), [""; 0]);
        let both = ["the detailed report with resources and tags", "a detailed report"];
        assert_eq!(missing(&[monthly, allocation]), both);
        assert_eq!(missing(&[detailed]), ["the cost allocation report", "the monthly report"]);
    }

    #[test]
    fn chinese_regions_are_one_bill_in_two_files() {
        let both = found(&[
            "111122223333-aws-billing-csv-ACTS-2018-06.csv",
            "111122223333-aws-billing-csv-ACTS-Ningxia-2018-06.csv",
            "111122223333-aws-cost-allocation-ACTS-2018-06.csv",
        ]);
        let [delivery] = &both.deliveries[..] else { panic!("{both:?}") };
        assert_eq!((delivery.files.len(), delivery.checks.len()), (2, 1));
        assert_eq!(delivery.currency.as_deref(), Some("CNY"));
        let neither = found(&[
            "111122223333-aws-billing-csv-ACTS-2018-06.csv",
            "111122223333-aws-cost-allocation-ACTS-Ningxia-2018-06.csv",
        ]);
        assert!(matches!(neither.deliveries[0].readiness, Readiness::Waiting(_)));
    }
}
