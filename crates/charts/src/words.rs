//! What a picture shows, in words: the caption under it, and the figures of one bucket.

use crate::amount::{exact, share, shown};
use crate::calendar::{Grain, long, short, span};
use crate::figures::Figures;
use crate::picture::{Bucket, Form, Picture};
use crate::text::visible;
use crate::theme::Paint;

/// Parts a line of figures.
const DOT: &str = " \u{b7} ";

/// What the drawing shows: `BilledCost by service, 1–18 Nov 2026, USD per day. Total 45,900.89.
/// Largest Amazon EC2 18,204.11 (39.7 %). Highest 1 Nov 4,988.12.`
pub(crate) fn caption(picture: &Picture, figures: &Figures) -> String {
    let currency = &picture.currency;
    let mut sentences = vec![heading(picture)];
    sentences.push(format!("Total {}.", shown(figures.total(), currency)));
    if figures.has_credits() {
        let (charges, credits) =
            (shown(figures.charges, currency), shown(figures.credits, currency));
        sentences.push(format!("Charges {charges}, credits {credits}."));
    }
    sentences.extend(largest(picture, figures));
    let highest = figures.highest().filter(|_| picture.buckets.len() > 1);
    if let Some((index, bucket)) =
        highest.and_then(|index| Some((index, picture.buckets.get(index)?)))
    {
        let net = shown(figures.bucket(index).net(), currency);
        sentences.push(format!("Highest {} {net}.", short(&bucket.label)));
    }
    if let Some(compare) = picture.compare.as_ref().filter(|_| picture.form != Form::Multiples) {
        let total = compare.iter().fold(0_i128, |sum, value| sum.saturating_add(*value));
        sentences.push(format!("Dashed: the compared period, {}.", shown(total, currency)));
    }
    sentences.extend(state(picture));
    if picture.form == Form::Area && picture.shape(figures) == Form::Bars {
        sentences.push(if figures.has_credits() {
            "Drawn as bars, since some amounts are negative.".to_owned()
        } else {
            format!("Drawn as bars, since there are few {}s.", noun(picture))
        });
    }
    sentences.join(" ")
}

/// Name, time and unit.
fn heading(picture: &Picture) -> String {
    let mut parts = vec![visible(picture.title.trim())];
    if let (Some(first), Some(last)) = (picture.buckets.first(), picture.buckets.last()) {
        parts.push(span(&first.label, &last.label));
    }
    if !picture.unit.trim().is_empty() {
        parts.push(visible(picture.unit.trim()));
    }
    format!("{}.", parts.join(", "))
}

/// The largest of several named groups.
fn largest(picture: &Picture, figures: &Figures) -> Option<String> {
    let named = picture.bands.iter().zip(&figures.series);
    let named = named.filter(|(band, _)| matches!(band.paint, Paint::Slot(_)));
    let mut best: Option<(&str, i128)> = None;
    for (band, total) in named.filter(|_| picture.bands.len() > 1) {
        if best.is_none_or(|(_, most)| total.unsigned_abs() > most.unsigned_abs()) {
            best = Some((band.label.as_str(), *total));
        }
    }
    let (label, total) = best?;
    let part = share(total, figures.share_base());
    let part = part.map_or_else(String::new, |part| format!(" ({part})"));
    Some(format!("Largest {} {}{part}.", visible(label), shown(total, &picture.currency)))
}

/// What is not there yet, or may still change.
fn state(picture: &Picture) -> Vec<String> {
    let mut sentences = Vec::new();
    let missing = picture.buckets.iter().filter(|bucket| bucket.is_missing).count();
    let noun = noun(picture);
    match missing {
        0 => {}
        1 => sentences.push(format!("No data yet for 1 {noun}.")),
        _ => sentences.push(format!("No data yet for {missing} {noun}s.")),
    }
    if let Some(bucket) = picture.buckets.iter().find(|bucket| bucket.is_settling) {
        sentences.push(format!("Still arriving from {}.", short(&bucket.label)));
    }
    sentences
}

/// What a bucket is called.
fn noun(picture: &Picture) -> &'static str {
    let labels: Vec<String> = picture.buckets.iter().map(|bucket| bucket.label.clone()).collect();
    Grain::of(&labels).noun().unwrap_or("bucket")
}

/// A bucket in one line: `Sat 14 Nov 2026: EC2 1,011.34 · RDS 548.34 · total 1,559.68 USD`.
pub(crate) fn readout(picture: &Picture, bucket: usize, figures: &Figures) -> String {
    let Some(one) = picture.buckets.get(bucket) else {
        return String::new();
    };
    let when = long(&one.label);
    if picture.is_void(bucket, figures) {
        return format!("{when}: no data yet");
    }
    let mut parts = groups(picture, bucket, shown);
    parts.push(sum(picture, bucket, figures, shown));
    let compared = picture.compare.as_ref().and_then(|values| values.get(bucket));
    parts.extend(compared.map(|value| format!("compared {}", shown(*value, &picture.currency))));
    parts.extend(notes(one).map(str::to_owned));
    format!("{when}: {}", parts.join(DOT))
}

/// A bucket in several lines with every digit, for a file that has no table beside it.
pub(crate) fn exact_readout(picture: &Picture, bucket: usize, figures: &Figures) -> String {
    let when = picture.buckets.get(bucket).map_or_else(String::new, |one| long(&one.label));
    let mut lines = vec![when];
    lines.extend(groups(picture, bucket, exact));
    lines.push(sum(picture, bucket, figures, exact));
    lines.join("\n")
}

/// Groups that have an amount, the largest first.
fn groups(picture: &Picture, bucket: usize, write: fn(i128, &str) -> String) -> Vec<String> {
    let mut groups: Vec<(i128, &str)> = picture
        .bands
        .iter()
        .filter_map(|band| Some((*band.values.get(bucket)?, band.label.as_str())))
        .filter(|(value, _)| *value != 0)
        .collect();
    groups.sort_by_key(|(value, _)| std::cmp::Reverse(value.unsigned_abs()));
    let currency = &picture.currency;
    let words = groups.into_iter();
    words.map(|(value, label)| format!("{} {}", visible(label), write(value, currency))).collect()
}

/// The sum of a bucket. It is a net where credits are in it.
fn sum(
    picture: &Picture,
    bucket: usize,
    figures: &Figures,
    write: fn(i128, &str) -> String,
) -> String {
    let sums = figures.bucket(bucket);
    let word = if sums.below < 0 { "net" } else { "total" };
    let amount = write(sums.net(), &picture.currency);
    if picture.currency.is_empty() {
        format!("{word} {amount}")
    } else {
        format!("{word} {amount} {}", visible(&picture.currency))
    }
}

/// What a bucket's figures lack.
fn notes(bucket: &Bucket) -> impl Iterator<Item = &'static str> {
    let missing = bucket.is_missing.then_some("not all delivered yet");
    missing.into_iter().chain(bucket.is_settling.then_some("still arriving"))
}
