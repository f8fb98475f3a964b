//! The list of billing products. A new one is a folder of its own and a line in each list here.

use crate::format::BindError;
use crate::manifest::Manifest;
use crate::table::Mapping;
use crate::{cost_explorer, cur, data_export, dbr, focus_export, focus_files};

/// Every table that can be read, the more particular ones first.
pub static ALL: &[&Mapping] = &[
    &focus_export::MAPPING,
    &focus_files::MAPPING,
    &data_export::cur2::MAPPING,
    &cur::MAPPING,
    &dbr::DETAILED,
    &dbr::STAND_ALONE,
    &dbr::MONTHLY,
];

/// Reads a manifest's text that lies at a key.
type ManifestReader = fn(&[u8], &str) -> Option<Manifest>;

/// Readers of manifests.
pub(crate) static MANIFESTS: &[ManifestReader] =
    &[cur::manifest::parse, data_export::manifest::parse];

/// Which of `mappings` reads files with this header.
///
/// # Errors
/// When none does: what the one that comes closest lacks.
pub fn recognise(
    mappings: &[&'static Mapping],
    header: &[String],
) -> Result<&'static Mapping, BindError> {
    let mut closest: Option<((usize, bool), BindError)> = None;
    for mapping in mappings {
        match mapping.format.bind(header.to_vec()) {
            Ok(binding) if (mapping.is_one)(&binding) => return Ok(mapping),
            Ok(_) => {}
            Err(error) => {
                // Of two that fit as well, the one whose spelling of names the file has.
                let known = mapping.format.known;
                let is_spelled = known.iter().any(|k| header.iter().any(|name| name == k.header));
                let fit = (fits(&error), is_spelled);
                if closest.as_ref().is_none_or(|(other, _)| fit >= *other) {
                    closest = Some((fit, error));
                }
            }
        }
    }
    // Of a file that has nothing of any product, no product is the closest.
    let closest = closest.filter(|((fit, _), _)| *fit > 0 || mappings.len() == 1);
    Err(closest.map_or(BindError::Foreign, |(_, error)| error))
}

/// How well a header fits: by the columns that are there.
fn fits(error: &BindError) -> usize {
    match error {
        BindError::Missing { found, .. } => *found,
        BindError::Twice(_) => usize::MAX,
        BindError::Foreign => 0,
    }
}

/// The names of the kinds, as `--kind` takes them: those of files, and Cost Explorer.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = ALL.iter().map(|mapping| mapping.kind).collect();
    names.push(cost_explorer::MAPPING.kind);
    names.sort_unstable();
    names.dedup();
    names
}

/// Is `kind` what somebody means who asks for `wanted`? AWS calls its FOCUS tables data exports,
/// too.
#[must_use]
pub fn is_meant(kind: &str, wanted: &str) -> bool {
    kind == wanted || (wanted == "data_export" && kind == "focus_export")
}

/// What files with this header are, when they are AWS's and hold no costs.
#[must_use]
pub fn no_costs(header: &[String]) -> Option<&'static str> {
    data_export::no_costs(header.iter().map(String::as_str))
}
