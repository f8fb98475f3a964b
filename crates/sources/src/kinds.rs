//! The list of billing products. A new one is a folder of its own and a line in each list here.

use crate::cur;
use crate::dbr;
use crate::format::BindError;
use crate::manifest::Manifest;
use crate::table::Mapping;

/// Every table that can be read, the more particular ones first.
pub static ALL: &[&Mapping] = &[&cur::MAPPING, &dbr::DETAILED, &dbr::STAND_ALONE, &dbr::MONTHLY];

/// Readers of manifests: text and key to manifest.
pub(crate) static MANIFESTS: &[fn(&[u8], &str) -> Option<Manifest>] = &[cur::manifest::parse];

/// Which of `mappings` reads files with this header.
///
/// # Errors
/// When none does: what the one that comes closest lacks.
pub fn recognise(
    mappings: &[&'static Mapping],
    header: &[String],
) -> Result<&'static Mapping, BindError> {
    let mut closest: Option<BindError> = None;
    for mapping in mappings {
        match mapping.format.bind(header.to_vec()) {
            Ok(binding) if (mapping.is_one)(&binding) => return Ok(mapping),
            Ok(_) => {}
            Err(error) if closest.as_ref().is_none_or(|other| lacks(&error) < lacks(other)) => {
                closest = Some(error);
            }
            Err(_) => {}
        }
    }
    Err(closest.unwrap_or(BindError::Foreign))
}

/// How much a header lacks.
fn lacks(error: &BindError) -> usize {
    match error {
        BindError::Missing { missing, .. } => missing.len(),
        BindError::Twice(_) => 0,
        BindError::Foreign => usize::MAX,
    }
}

/// The names of the kinds, as `--kind` takes them.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = ALL.iter().map(|mapping| mapping.kind).collect();
    names.dedup();
    names
}
