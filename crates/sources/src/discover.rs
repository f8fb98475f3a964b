//! Which deliveries a place holds, told from names and manifests alone.
//!
//! A manifest's `reportKeys` say what belongs to a delivery. They are keys of the bucket; in a
//! folder that was downloaded from one, the same key is found by the longest end that fits. Where
//! there is no manifest at all, the folder layout decides, with a warning; what such files are is
//! told by their header.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use object_store::ObjectMeta;
use sha2::{Digest, Sha256};

use crate::dbr;
use crate::delivery::{Delivery, Found, Readiness, SourceFile};
use crate::kinds;
use crate::manifest::{Manifest, period_of_folder};

/// Manifests larger than this are none, bytes.
const MANIFEST_MAX_BYTES: u64 = 16 << 20;

/// A packed file of nothing takes at most this, and one with a header more, bytes.
const EMPTY_BYTES: u64 = 48;

/// A manifest and where it lies.
struct Placed {
    meta: ObjectMeta,
    manifest: Manifest,
    /// Folder, without a slash at the end.
    folder: String,
}

/// The objects whose text [`discover`] needs: by their names they are manifests.
pub fn manifests(objects: &[ObjectMeta]) -> impl Iterator<Item = &ObjectMeta> {
    objects.iter().filter(|meta| is_manifest_name(meta) && meta.size <= MANIFEST_MAX_BYTES)
}

/// Finds the deliveries among `objects`, given the texts of [`manifests`] by their keys.
#[must_use]
pub fn discover(objects: &[ObjectMeta], texts: &BTreeMap<String, Bytes>) -> Found {
    let mut found = Found::default();
    let mut placed = Vec::new();
    let mut used: HashSet<String> = HashSet::new();
    for meta in manifests(objects) {
        let Some(text) = texts.get(meta.location.as_ref()) else { continue };
        if let Some(manifest) = Manifest::parse(text, meta.location.as_ref()) {
            used.insert(meta.location.to_string());
            let folder = parent(meta.location.as_ref()).to_owned();
            placed.push(Placed { meta: meta.clone(), manifest, folder });
        }
    }
    let index = Index::new(objects);
    placed.retain(|placed| !leave_alone(placed, &index, &mut used, &mut found.left_alone));
    for (_, placed) in newest(placed, &mut used, &index) {
        found.deliveries.push(deliver(&placed, &index, &mut used));
    }
    dbr::files::claim(objects, &mut used, &mut found);
    by_layout(objects, &mut used, &mut found);
    let others = objects.iter().filter(|meta| !used.contains(meta.location.as_ref()));
    let others = others.map(|meta| (meta.location.to_string(), reason_to_leave(meta).to_owned()));
    found.left_alone.extend(others);
    found.deliveries.sort_by(|a, b| (&a.identity, &a.period).cmp(&(&b.identity, &b.period)));
    found
}

/// Leaves a manifest and its files alone when they hold no costs.
fn leave_alone(
    placed: &Placed,
    index: &Index<'_>,
    used: &mut HashSet<String>,
    left_alone: &mut Vec<(String, String)>,
) -> bool {
    let Some(reason) = &placed.manifest.left_alone else { return false };
    let files = placed.manifest.keys.iter().filter_map(|key| index.find(key, placed));
    for meta in files.chain([&placed.meta]) {
        let key = meta.location.to_string();
        if used.insert(key.clone()) || key == placed.meta.location.as_ref() {
            left_alone.push((key, reason.clone()));
        }
    }
    true
}

fn is_manifest_name(meta: &ObjectMeta) -> bool {
    meta.location
        .filename()
        .is_some_and(|name| name.to_ascii_lowercase().ends_with("manifest.json"))
        || meta
            .location
            .filename()
            .is_some_and(|name| name.starts_with("manifest") && name.ends_with(".json"))
}

fn parent(key: &str) -> &str {
    key.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn reason_to_leave(meta: &ObjectMeta) -> &'static str {
    let name = meta.location.filename().unwrap_or_default();
    if name == "aws-programmatic-access-test-object" {
        "written by AWS to test the bucket"
    } else if name.ends_with(".sql") || name.ends_with(".yml") || name.ends_with("Manifest.json") {
        "an artifact beside a report"
    } else if is_data_name(name) && is_emptied(meta) {
        "emptied by AWS, an earlier delivery was longer"
    } else if is_data_name(name) {
        "belongs to no current delivery"
    } else {
        "not a billing file"
    }
}

/// Of each report and month the manifest of the newest delivery.
///
/// The top-level manifest is AWS's own pointer to it. Where only manifests of assemblies are left,
/// the one written last counts.
fn newest(
    manifests: Vec<Placed>,
    used: &mut HashSet<String>,
    index: &Index<'_>,
) -> BTreeMap<(String, String), Placed> {
    let mut newest: BTreeMap<(String, String), Placed> = BTreeMap::new();
    for placed in manifests {
        // Whatever an older assembly names is accounted for, though not read.
        for key in &placed.manifest.keys {
            if let Some(meta) = index.find(key, &placed) {
                used.insert(meta.location.to_string());
            }
        }
        let key = (identity(&placed), placed.manifest.period.clone());
        match newest.get(&key) {
            Some(other) if rank(other) >= rank(&placed) => {}
            _ => {
                newest.insert(key, placed);
            }
        }
    }
    newest
}

/// Top-level first, then later. What the folder's name says counts for more than when the file was
/// written, which in a copy means nothing.
fn rank(placed: &Placed) -> (bool, String, chrono::DateTime<chrono::Utc>) {
    let id = placed.manifest.revision.as_str();
    let folder = placed.folder.rsplit('/').next().unwrap_or_default();
    let is_top_level = !is_assembly(folder, id);
    let time = time_of(id).or_else(|| time_of(folder).filter(|_| !is_top_level));
    (is_top_level, time.unwrap_or_default(), placed.meta.last_modified)
}

/// The digits of the time that begins a name: `20260701T120000Z`, `2026-07-01T12:00:00.000Z-…`.
fn time_of(name: &str) -> Option<String> {
    let mut digits = String::new();
    for c in name.chars() {
        match c {
            '0'..='9' => digits.push(c),
            // A copy may have something else where keys have a colon.
            'T' if digits.len() == 8 => {}
            '-' | ':' | '_' | '.' | '%' => {}
            _ => break,
        }
        if digits.len() == 14 {
            break;
        }
    }
    chrono::NaiveDateTime::parse_from_str(&digits, "%Y%m%d%H%M%S").ok().map(|_| digits)
}

/// Is a folder of this name one delivery's own: a report's assembly, or an export's execution
/// (`<time>-<execution id>`)?
fn is_assembly(name: &str, revision: &str) -> bool {
    name == revision || name.strip_suffix(revision).is_some_and(|time| time.ends_with('-'))
}

/// The report's folder: above the period and the assembly, and above an export's `metadata`.
fn report_root(placed: &Placed) -> String {
    let mut folder = placed.folder.as_str();
    while let Some(name) = folder.rsplit('/').next() {
        let is_below = is_assembly(name, &placed.manifest.revision)
            || period_of_folder(name).is_some()
            || name.starts_with("year=")
            || name.starts_with("month=");
        if !is_below || name.is_empty() {
            break;
        }
        folder = parent(folder);
    }
    folder.strip_suffix("/metadata").unwrap_or(folder).to_owned()
}

fn identity(placed: &Placed) -> String {
    format!("{}|{}|{}", placed.manifest.account, placed.manifest.report, report_root(placed))
}

/// Objects by their key and by their file name.
struct Index<'a> {
    by_key: HashMap<&'a str, &'a ObjectMeta>,
    by_name: HashMap<&'a str, Vec<&'a ObjectMeta>>,
}

impl<'a> Index<'a> {
    fn new(objects: &'a [ObjectMeta]) -> Self {
        let mut by_name: HashMap<&str, Vec<&ObjectMeta>> = HashMap::new();
        for meta in objects {
            by_name.entry(meta.location.filename().unwrap_or_default()).or_default().push(meta);
        }
        Self { by_key: objects.iter().map(|m| (m.location.as_ref(), m)).collect(), by_name }
    }

    /// The object that a manifest's key means.
    fn find(&self, key: &str, placed: &Placed) -> Option<&'a ObjectMeta> {
        // Keys of reports without a prefix may start with a slash; stores strip it.
        let key = key.trim_start_matches('/');
        if let Some(meta) = self.by_key.get(key) {
            return Some(meta);
        }
        let name = key.rsplit('/').next().unwrap_or(key);
        let shared = |meta: &ObjectMeta| {
            let theirs = meta.location.as_ref().rsplit('/');
            key.rsplit('/').zip(theirs).take_while(|(a, b)| is_same_name(a, b)).count()
        };
        // In a downloaded folder the key's end must reach at least into the month's folder or,
        // failing that, the file must lie beside the manifest.
        let candidates = self.by_name.get(name)?.iter().copied();
        let best = candidates.max_by_key(|meta| {
            let is_beside = parent(meta.location.as_ref()) == placed.folder;
            (shared(meta), is_beside)
        })?;
        let is_beside = parent(best.location.as_ref()) == placed.folder;
        (shared(best) >= 2 && is_same_month(best, key) || is_beside).then_some(best)
    }
}

/// Is `theirs` what a part of a key is called where it lies? Not every disk allows colons.
fn is_same_name(part: &str, theirs: &str) -> bool {
    part == theirs
        || part.contains(':')
            && part.len() == theirs.len()
            && part.bytes().zip(theirs.bytes()).all(|(a, b)| a == b || a == b':')
}

/// Do the period folders of an object and a key agree?
fn is_same_month(meta: &ObjectMeta, key: &str) -> bool {
    let period = |path: &str| path.split('/').find_map(period_of_folder);
    period(meta.location.as_ref()) == period(key)
}

fn deliver(placed: &Placed, index: &Index<'_>, used: &mut HashSet<String>) -> Delivery {
    let manifest = &placed.manifest;
    let mut files = Vec::new();
    let mut missing = Vec::new();
    for key in &manifest.keys {
        match index.find(key, placed) {
            Some(meta) => {
                used.insert(meta.location.to_string());
                files.push(file(meta));
            }
            None => missing.push(key.clone()),
        }
    }
    let readiness = match missing.first() {
        None if manifest.keys.is_empty() => {
            Readiness::Waiting("the manifest names no files yet".to_owned())
        }
        None => Readiness::Ready,
        Some(first) => Readiness::Waiting(format!(
            "{} of {} files are not there yet, first {first}",
            missing.len(),
            manifest.keys.len(),
        )),
    };
    let mut warnings = Vec::new();
    let charset = manifest.charset.to_ascii_uppercase();
    if !charset.is_empty() && charset != "UTF-8" {
        warnings.push(format!("the manifest says charset {charset}; it is read as UTF-8"));
    }
    Delivery {
        report: manifest.report.clone(),
        identity: identity(placed),
        account: manifest.account.clone(),
        period: placed.manifest.period.clone(),
        revision: manifest.revision.clone(),
        mappings: manifest.mappings,
        mapping: None,
        part: None,
        files,
        checks: Vec::new(),
        currency: None,
        readiness,
        manifest: Some(placed.meta.clone()),
        warnings,
    }
}

pub(crate) fn file(meta: &ObjectMeta) -> SourceFile {
    SourceFile { meta: meta.clone(), name: meta.location.filename().unwrap_or_default().to_owned() }
}

/// Could a file of this name be a chunk?
fn is_data_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".csv", ".csv.gz", ".gz", ".csv.zip", ".zip", ".parquet"].iter().any(|end| name.ends_with(end))
}

/// Groups files that no manifest names by where they lie.
fn by_layout(objects: &[ObjectMeta], used: &mut HashSet<String>, found: &mut Found) {
    let mut groups: BTreeMap<(String, String, String, String), Vec<&ObjectMeta>> = BTreeMap::new();
    let named: HashSet<(String, String)> =
        found.deliveries.iter().map(|d| (d.report.clone(), d.period.clone())).collect();
    for meta in objects {
        let key = meta.location.as_ref();
        let name = meta.location.filename().unwrap_or_default();
        if used.contains(key) || !is_data_name(name) || key.contains("cost_and_usage_data_status") {
            continue;
        }
        let (report, folder, period) = place(key, name);
        // Left-over chunks beside a delivery that has a manifest are not a second delivery.
        if named.contains(&(report.clone(), period.clone())) {
            continue;
        }
        // The same report in two packings is two reports, and never one of twice the cost.
        let packing = name[base(name).len()..].to_owned();
        groups.entry((report, folder, period, packing)).or_default().push(meta);
    }
    for ((report, folder, period, packing), metas) in groups {
        let mut metas = without_emptied(newest_assembly(metas, &period));
        metas.sort_by_key(|meta| natural(meta.location.as_ref()));
        for meta in &metas {
            used.insert(meta.location.to_string());
        }
        found.deliveries.push(Delivery {
            identity: format!("|{report}|{folder}|{packing}"),
            report,
            account: String::new(),
            period,
            revision: revision_of(&metas),
            mappings: kinds::ALL,
            mapping: None,
            part: None,
            files: metas.into_iter().map(file).collect(),
            checks: Vec::new(),
            currency: None,
            readiness: Readiness::Ready,
            manifest: None,
            warnings: vec![
                "there is no manifest: the folder decides which files belong together, and \
                 nothing proves that all are there"
                    .to_owned(),
            ],
        });
    }
}

/// Is it a chunk of a Data Export without even a header?
fn is_emptied(meta: &ObjectMeta) -> bool {
    let is_export = meta
        .location
        .as_ref()
        .split('/')
        .any(|folder| folder.contains('=') && period_of_folder(folder).is_some());
    is_export && meta.size <= EMPTY_BYTES
}

/// The files that hold something, if any do: AWS empties chunks that a shorter delivery leaves
/// over.
fn without_emptied(metas: Vec<&ObjectMeta>) -> Vec<&ObjectMeta> {
    if metas.iter().all(|meta| is_emptied(meta)) {
        return metas;
    }
    metas.into_iter().filter(|meta| !is_emptied(meta)).collect()
}

/// Below a month's folder each folder is a delivery of its own: the files of the one written last.
fn newest_assembly<'a>(metas: Vec<&'a ObjectMeta>, period: &str) -> Vec<&'a ObjectMeta> {
    if period.is_empty() {
        return metas;
    }
    let mut assemblies: BTreeMap<&str, Vec<&ObjectMeta>> = BTreeMap::new();
    for meta in metas {
        assemblies.entry(parent(meta.location.as_ref())).or_default().push(meta);
    }
    let time = |folder: &str| time_of(folder.rsplit('/').next().unwrap_or_default());
    let is_timed = assemblies.keys().all(|folder| time(folder).is_some());
    let written = |metas: &[&ObjectMeta]| metas.iter().map(|meta| meta.last_modified).max();
    let newest = assemblies
        .into_iter()
        .max_by_key(|(folder, metas)| (time(folder).filter(|_| is_timed), written(metas), *folder));
    newest.map(|(_, metas)| metas).unwrap_or_default()
}

/// Of files below months' folders those that were written last ([`newest_assembly`], for files
/// whose names differ), and the others.
#[must_use]
pub fn newest_of_each_month(files: Vec<SourceFile>) -> (Vec<SourceFile>, Vec<SourceFile>) {
    let period = |file: &SourceFile| place(file.meta.location.as_ref(), &file.name).2;
    let mut months: BTreeMap<String, Vec<&ObjectMeta>> = BTreeMap::new();
    for file in &files {
        months.entry(period(file)).or_default().push(&file.meta);
    }
    let newest = months.into_iter().flat_map(|(month, metas)| newest_assembly(metas, &month));
    let kept: HashSet<String> = newest.map(|meta| meta.location.to_string()).collect();
    files.into_iter().partition(|file| kept.contains(file.meta.location.as_ref()))
}

/// The revision of files without a manifest.
#[must_use]
pub fn revision(files: &[SourceFile]) -> String {
    revision_of(&files.iter().map(|file| &file.meta).collect::<Vec<_>>())
}

/// Report name, folder of the report, and period of a file by its key.
fn place(key: &str, name: &str) -> (String, String, String) {
    let folders: Vec<&str> = key.split('/').collect();
    let folders = &folders[..folders.len() - 1];
    let period = folders.iter().find_map(|f| period_of_folder(f)).or_else(|| hive_period(folders));
    let stem = stem(name);
    match period {
        Some(period) => {
            let end = folders
                .iter()
                .position(|f| period_of_folder(f).is_some() || f.starts_with("year="))
                .unwrap_or(folders.len());
            (stem.to_owned(), folders[..end].join("/"), period)
        }
        None => (stem.to_owned(), folders.join("/"), String::new()),
    }
}

/// `year=2024/month=1` as YYYY-MM.
fn hive_period(folders: &[&str]) -> Option<String> {
    let value = |key: &str| folders.iter().find_map(|folder| folder.strip_prefix(key));
    let year: u16 = value("year=")?.parse().ok()?;
    let month: u8 = value("month=")?.parse().ok()?;
    (1..=12).contains(&month).then(|| format!("{year:04}-{month:02}"))
}

/// A file name without its endings and without a chunk number: `report-00001.csv.gz` → `report`.
fn stem(name: &str) -> &str {
    let stem = base(name);
    let Some((head, number)) = stem.rsplit_once('-') else { return stem };
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    // A date at the end is a date and no chunk number.
    let is_date = stem.len() >= 10
        && stem.is_char_boundary(stem.len() - 10)
        && chrono::NaiveDate::parse_from_str(&stem[stem.len() - 10..], "%Y-%m-%d").is_ok();
    if is_number && !is_date && !head.is_empty() { head } else { stem }
}

/// A file name without its endings.
pub(crate) fn base(name: &str) -> &str {
    let mut base = name;
    for end in [".gz", ".zip", ".csv", ".parquet", ".snappy"] {
        base = base.strip_suffix(end).unwrap_or(base);
    }
    base
}

/// Sort key in which `-2` comes before `-10`.
pub(crate) fn natural(key: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut number = String::new();
    for c in key.chars() {
        if c.is_ascii_digit() {
            number.push(c);
        } else {
            if !number.is_empty() {
                parts.push((std::mem::take(&mut text), number.parse().unwrap_or(u64::MAX)));
                number.clear();
            }
            text.push(c);
        }
    }
    parts.push((text, number.parse().unwrap_or(0)));
    parts
}

/// Without a manifest the set of objects is the revision.
pub(crate) fn revision_of(metas: &[&ObjectMeta]) -> String {
    let mut hash = Sha256::new();
    for meta in metas {
        let tag = meta.e_tag.as_deref().unwrap_or_default();
        hash.update(format!("{}|{}|{tag}\n", meta.location, meta.size));
    }
    let digest = hash.finalize();
    let number = digest.iter().take(8).fold(0_u64, |sum, &byte| (sum << 8) | u64::from(byte));
    format!("files-{number:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_numbers_are_cut_off_and_dates_are_not() {
        assert_eq!(stem("hourly-cur-00001.csv.gz"), "hourly-cur");
        assert_eq!(stem("r-1.snappy.parquet"), "r");
        assert_eq!(stem("2023-06-01.csv"), "2023-06-01");
        assert_eq!(stem("2023-06-01-not-final.csv"), "2023-06-01-not-final");
        assert_eq!(stem("cur-daily-2023-11-real.csv"), "cur-daily-2023-11-real");
        assert!(natural("r-2.csv") < natural("r-10.csv"));
    }

    #[test]
    fn places_tell_report_and_month() {
        let told = place("p/r/20231101-20231201/r-1.csv.gz", "r-1.csv.gz");
        assert_eq!(told, ("r".to_owned(), "p/r".to_owned(), "2023-11".to_owned()));
        let hive = place("p/r/r/year=2023/month=7/r-1.parquet", "r-1.parquet");
        assert_eq!(hive.2, "2023-07");
    }

    #[test]
    fn names_of_folders_tell_the_time() {
        let digits = Some("20260601234802".to_owned());
        for name in ["20260601T234802Z", "2026-06-01T23:48:02.356Z-id", "2026-06-01T23_48_02.356Z"]
        {
            assert_eq!(time_of(name), digits, "{name}");
        }
        assert_eq!(time_of("3b1f6c58-2f66-4a3b-8d0f-0e3a52b6c1aa"), None);
        assert_eq!(time_of("BILLING_PERIOD=2026-06"), None);
        assert!(is_same_name("2026-06-01T23:48", "2026-06-01T23_48"));
        assert!(!is_same_name("2026-06-01T23:48", "2026-06-02T23:48"));
    }
}
