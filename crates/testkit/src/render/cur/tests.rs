//! Deliveries as a reader finds them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Compression, CurReport, Layout, columns, write_delivery};
use crate::calendar::{Date, Month};
use crate::demo;
use crate::render::testing::{Folder, rows, unpack};
use crate::synth::{Line, Organisation, Scale};

fn organisation() -> Organisation {
    Organisation::ending(3, Date::new(2026, 8, 19), Scale::Small)
}

fn report(payer: usize, compression: Compression) -> (CurReport, Vec<Line>, Month) {
    let organisation = organisation();
    let payer = &organisation.payers()[payer];
    let own = demo::report(Path::new(""), payer).report;
    let month = organisation.months()[0];
    let lines = organisation.ledger(payer, month, 1);
    (CurReport { compression, chunk_rows: 700, ..own }, lines, month)
}

#[test]
fn manifests_name_files_that_exist() {
    for compression in [Compression::Gzip, Compression::Zip, Compression::Plain] {
        for (payer, layout) in [(0, Layout::CreateNew), (1, Layout::Overwrite)] {
            let folder = Folder::new(&format!("{compression:?}-{layout:?}"));
            let (own, lines, month) = report(payer, compression);
            assert_eq!(own.layout, layout);
            let id = "20260607T031500Z";
            let delivery = write_delivery(&folder.0, &own, month, id, &lines).expect("written");
            let text = fs::read(&delivery.manifest_path).expect("manifest");
            let manifest: Value = serde_json::from_slice(&text).expect("JSON");
            let keys = manifest["reportKeys"].as_array().expect("keys");
            assert!(keys.len() > 1);
            let paths: Vec<PathBuf> =
                keys.iter().filter_map(Value::as_str).map(|key| folder.0.join(key)).collect();
            assert_eq!(paths, delivery.files);
            assert!(paths.iter().all(|path| path.is_file()));
            let immutable =
                folder.0.join(own.key(month, id, &format!("{}-Manifest.json", own.report_name)));
            assert_eq!(immutable.is_file(), layout == Layout::CreateNew);
            let columns = manifest["columns"].as_array().expect("columns");
            let header = unpack(&paths[0]);
            let header = header.lines().next().expect("header");
            let named: Vec<String> = columns
                .iter()
                .map(|own| {
                    format!(
                        "{}/{}",
                        own["category"].as_str().unwrap(),
                        own["name"].as_str().unwrap()
                    )
                })
                .collect();
            assert_eq!(named.join(","), header);
            assert_eq!(rows(&paths).len(), lines.len());
            assert_eq!(delivery.rows, lines.len() as u64);
        }
    }
}

#[test]
fn keys_are_laid_out_like_aws() {
    let (own, _, _) = report(0, Compression::Gzip);
    let month = Month::new(2026, 1);
    assert_eq!(
        own.data_key(month, "20260207T031500Z", 2),
        "billing/acme-hourly/20260101-20260201/20260207T031500Z/acme-hourly-00002.csv.gz"
    );
    let (own, _, _) = report(1, Compression::Zip);
    assert_eq!(
        own.data_key(month, "x", 2),
        "cur/legacy/globex-hourly/20260101-20260201/globex-hourly-2.csv.zip"
    );
    let bare = CurReport { prefix: String::new(), ..own };
    assert_eq!(
        bare.manifest_key(month),
        "globex-hourly/20260101-20260201/globex-hourly-Manifest.json"
    );
}

#[test]
fn cells_come_back() {
    let folder = Folder::new("cells");
    let (own, lines, month) = report(1, Compression::Gzip);
    let delivery = write_delivery(&folder.0, &own, month, "a", &lines).expect("written");
    let rows = rows(&delivery.files);
    for (row, line) in rows.iter().zip(&lines) {
        assert_eq!(row["lineItem/UnblendedCost"], line.cost.java_text());
        assert_eq!(row["lineItem/LineItemDescription"], &*line.description);
        assert_eq!(row["lineItem/LineItemType"], line.kind.name());
        let net = line.net_cost().map(crate::decimal::Decimal::java_text);
        assert_eq!(Some(&row["lineItem/NetUnblendedCost"]), net.as_ref());
    }
    let any = |column: &str, value: &str| rows.iter().any(|row| row[column].contains(value));
    assert!(any("lineItem/UnblendedCost", "E-"));
    assert!(any("resourceTags/user:Name", "web, \"blue\" canary"));
    assert!(any("resourceTags/user:team", "storefront"));
    assert!(any("resourceTags/user:Team", "Storefront"));
    assert!(any("costCategory/CostCentre", "CC-"));
    assert!(any("savingsPlan/UsedCommitment", "."));
    assert!(any("reservation/NetEffectiveCost", "."));
    assert!(any("discount/EdpDiscount", "-"));
}

#[test]
fn columns_follow_the_lines() {
    let headers = |payer: usize, keep: fn(&Line) -> bool| {
        let (own, lines, _) = report(payer, Compression::Gzip);
        let lines: Vec<Line> = lines.into_iter().filter(keep).collect();
        columns(&own, &lines).iter().map(super::Column::header).collect::<Vec<_>>()
    };
    let acme = headers(0, |_| true);
    assert!(acme.len() > 120, "{}", acme.len());
    let product: Vec<_> = acme.iter().filter(|own| own.starts_with("product/")).collect();
    assert!(product.len() > 55, "{}", product.len());
    assert!(product.is_sorted());
    assert!(!acme.iter().any(|own| own.contains("Net") && !own.starts_with("product/")));
    assert!(headers(1, |_| true).contains(&"reservation/NetEffectiveCost".to_owned()));
    let plain = headers(0, |line| line.commitment.arn().is_empty());
    assert!(!plain.iter().any(|own| own.starts_with("savingsPlan/")));
    assert!(plain.contains(&"reservation/SubscriptionId".to_owned()));
}

#[test]
fn rounds_of_the_demonstration() {
    let organisation = organisation();
    let write = |name: &str| {
        let folder = Folder::new(name);
        let first = demo::write_first_round(&folder.0, &organisation).expect("first round");
        assert_eq!(first.deliveries.len(), 8);
        let before = fs::read_to_string(&first.deliveries[1].manifest_path).expect("manifest");
        let second = demo::write_second_round(&folder.0, &organisation).expect("second round");
        assert_eq!(second.deliveries.len(), 1);
        assert_eq!(second.deliveries[0].manifest_path, first.deliveries[1].manifest_path);
        let after = fs::read_to_string(&second.deliveries[0].manifest_path).expect("manifest");
        assert_ne!(before, after);
        assert!(first.deliveries[1].files.iter().all(|file| file.is_file()));
        assert!(second.rows > first.deliveries[1].rows);
        let files = first.deliveries.iter().chain(&second.deliveries).flat_map(|own| &own.files);
        files.map(|file| fs::read(file).expect("data file")).collect::<Vec<_>>()
    };
    assert!(write("rounds-a") == write("rounds-b"), "the same bytes each time");
}

#[test]
fn an_empty_delivery_has_a_header() {
    let folder = Folder::new("empty");
    let (own, _, month) = report(0, Compression::Gzip);
    let delivery = write_delivery(&folder.0, &own, month, "a", &[]).expect("written");
    assert_eq!((delivery.rows, delivery.files.len()), (0, 1));
    assert!(unpack(&delivery.files[0]).starts_with("identity/LineItemId,"));
}
