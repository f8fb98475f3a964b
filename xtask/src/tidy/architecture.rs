//! INV-DEP and its kin: `ARCHITECTURE.md` and the code say the same.
//!
//! The table of rooms there lists the crates, lowest first (a name in the first column, under a
//! header whose first cell is `crate`); a crate may depend on those above it in the table only.
//! Tests may use `billhook-testkit` anywhere: development dependencies on it are not counted.
//! Every `INV-` id that the page claims must be named by a file with tests.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::Value;

use super::SourceFile;

const PAGE: &str = "ARCHITECTURE.md";
const TESTKIT: &str = "testkit";

/// What breaks a rule, one line each.
pub(super) fn check(files: &[SourceFile], metadata: &Value) -> anyhow::Result<Vec<String>> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return Ok(vec![format!("{PAGE} is missing: it lists the crates and the invariants")]);
    };
    let mut broken = check_rooms(&rooms(&page.text), &crates(metadata)?);
    broken.extend(check_invariants(&invariants(&page.text), files));
    Ok(broken)
}

/// Names in the first column of the table of crates, in order.
fn rooms(page: &str) -> Vec<&str> {
    let rows = page.lines().skip_while(|line| first_cell(line) != Some("crate"));
    rows.skip(2).map_while(first_cell).map(room_name).filter(|name| !name.is_empty()).collect()
}

/// What stands in backticks, or the whole cell: the name may be a link.
fn room_name(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap_or(cell)
}

/// Text of the first cell, when the line is a row of a table.
fn first_cell(line: &str) -> Option<&str> {
    let (cell, _) = line.trim().strip_prefix('|')?.split_once('|')?;
    Some(cell.trim())
}

/// Crates of the workspace with those of the workspace that each depends on, by short name.
fn crates(metadata: &Value) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let packages = metadata["packages"].as_array().context("metadata without packages")?;
    let mut found = BTreeMap::new();
    for package in packages {
        let name = package["name"].as_str().context("a package without a name")?;
        let dependencies = package["dependencies"].as_array().context("no dependencies listed")?;
        let within = dependencies.iter().filter_map(dependency_within).collect();
        found.insert(short(name).to_owned(), within);
    }
    Ok(found)
}

/// Short name of a dependency inside the workspace that counts for the direction.
fn dependency_within(dependency: &Value) -> Option<String> {
    dependency["path"].as_str()?;
    let name = short(dependency["name"].as_str()?);
    let for_tests = dependency["kind"].as_str() == Some("dev") && name == TESTKIT;
    (!for_tests).then(|| name.to_owned())
}

/// `billhook-money` is the room `money`; the binary keeps its name.
fn short(package: &str) -> &str {
    package.strip_prefix("billhook-").unwrap_or(package)
}

fn check_rooms(rooms: &[&str], crates: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    if rooms.is_empty() {
        return vec![format!("{PAGE}: no table of crates (a header whose first cell is `crate`)")];
    }
    let place = |name: &str| rooms.iter().position(|room| *room == name);
    let mut broken = Vec::new();
    for (name, dependencies) in crates {
        let Some(own) = place(name) else {
            broken.push(format!("{PAGE}: crate `{name}` is not in the table of crates"));
            continue;
        };
        for dependency in dependencies {
            // One that is not in the table is reported as itself.
            if place(dependency).is_some_and(|other| other >= own) {
                broken.push(format!(
                    "INV-DEP: `{name}` depends on `{dependency}`, which stands below it in {PAGE}"
                ));
            }
        }
    }
    for room in rooms.iter().filter(|room| !crates.contains_key(**room)) {
        broken.push(format!("{PAGE}: the table lists `{room}`, which is no crate"));
    }
    broken
}

/// Ids of the invariants that the page claims.
fn invariants(page: &str) -> BTreeSet<&str> {
    page.match_indices("INV-").filter_map(|(start, _)| id_at(page, start)).collect()
}

/// `INV-` with the capitals after it; `None` when there are none, as in the word `INV-ids`.
fn id_at(text: &str, start: usize) -> Option<&str> {
    let rest = &text[start + "INV-".len()..];
    let length = rest.bytes().take_while(u8::is_ascii_uppercase).count();
    (length > 0).then(|| &text[start..start + "INV-".len() + length])
}

fn check_invariants(claimed: &BTreeSet<&str>, files: &[SourceFile]) -> Vec<String> {
    let with_tests = |file: &&SourceFile| {
        file.is_rust() && (file.is_test_file() || file.text.contains("#[test]"))
    };
    let named: BTreeSet<&str> =
        files.iter().filter(with_tests).flat_map(|file| invariants(&file.text)).collect();
    claimed
        .difference(&named)
        .map(|id| format!("{PAGE}: {id} is claimed, and no file with tests names it"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{SourceFile, check};

    const PAGE: &str = "\
# House
| word | meaning |
|---|---|
| `lake` | not a crate here |

| crate | what |
|---|---|
| [`money`](crates/money) | exact |
| `lake` | tables |

| id | claim |
|---|---|
| INV-XAMPLE | the INV-ids are searched for |
";

    fn files(test: &str) -> [SourceFile; 2] {
        [
            SourceFile { path: "ARCHITECTURE.md".to_owned(), text: PAGE.to_owned() },
            SourceFile { path: "crates/lake/src/tests.rs".to_owned(), text: test.to_owned() },
        ]
    }

    fn package(name: &str, dependencies: &serde_json::Value) -> serde_json::Value {
        json!({ "name": name, "dependencies": dependencies })
    }

    #[test]
    fn a_house_in_order_has_no_findings() {
        let metadata = json!({ "packages": [
            package("billhook-money", &json!([
                { "name": "anyhow", "kind": null },
                { "name": "billhook-testkit", "kind": "dev", "path": "/t" },
            ])),
            package("billhook-lake", &json!([
                { "name": "billhook-money", "kind": null, "path": "/m" },
            ])),
        ]});
        assert!(check(&files("// INV-XAMPLE holds"), &metadata).unwrap().is_empty());
    }

    #[test]
    fn upward_dependencies_unlisted_crates_and_untested_claims_are_found() {
        let metadata = json!({ "packages": [
            package("billhook-money", &json!([
                { "name": "billhook-lake", "kind": "dev", "path": "/l" },
            ])),
            package("billhook-lake", &json!([])),
            package("billhook-web", &json!([])),
        ]});
        let broken = check(&files("// INV-YONDER"), &metadata).unwrap();
        assert_eq!(
            broken,
            [
                "INV-DEP: `money` depends on `lake`, which stands below it in ARCHITECTURE.md",
                "ARCHITECTURE.md: crate `web` is not in the table of crates",
                "ARCHITECTURE.md: INV-XAMPLE is claimed, and no file with tests names it",
            ]
        );
    }

    #[test]
    fn without_the_page_that_is_the_finding() {
        let broken = check(&[], &json!({ "packages": [] })).unwrap();
        assert_eq!(broken.len(), 1);
    }
}
