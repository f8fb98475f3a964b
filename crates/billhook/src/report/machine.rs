//! A report for other programs: CSV, JSON, and an SVG drawing. Amounts are exact.

use std::io::{self, Write};

use billhook_charts::{Chart, Series, Theme, svg as draw};
use billhook_engine::EngineError;
use billhook_engine::report::{Bucket, Figures, How, NONE, Report, ReportRequest, Row};
use billhook_money::format;
use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value, json};

/// Writes a line per group and bucket. Compared periods stand beside each other bucket by bucket,
/// the first with the first; where one is longer, the other's cells are empty.
pub(super) fn csv(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut header: Vec<String> = report.by.iter().map(|by| text_cell(by)).collect();
    let figures = ["period_start", "period_end", "currency", "metric", "amount", "rows"];
    header.extend(figures.map(str::to_owned));
    if report.compare.is_some() {
        let compared =
            ["compare_period_start", "compare_period_end", "compare_amount", "difference"];
        header.extend(compared.map(str::to_owned));
    }
    writeln!(out, "{}", header.join(","))?;
    let others = report.compare.as_ref().map(|(_, buckets)| buckets.as_slice());
    let lines = report.buckets.len().max(others.map_or(0, <[Bucket]>::len));
    for section in &report.sections {
        for row in &section.rows {
            let names: Vec<String> = (0..report.by.len())
                .map(|at| match row.folded {
                    Some(_) if at == 0 => text_cell(&row.label()),
                    Some(_) => String::new(),
                    None => text_cell(row.keys.get(at).and_then(Option::as_deref).unwrap_or(NONE)),
                })
                .collect();
            for at in 0..lines {
                let mut cells = names.clone();
                cells.extend(times(report.buckets.get(at)));
                cells.extend([text_cell(&section.currency), report.metric.column.to_owned()]);
                cells.push(amount(&row.now, at).map(format).unwrap_or_default());
                let count = row.now.counts.get(at);
                cells.push(count.map(u64::to_string).unwrap_or_default());
                if let (Some(others), Some(before)) = (others, &row.before) {
                    let difference = amount(&row.now, at).zip(amount(before, at));
                    cells.extend(times(others.get(at)));
                    cells.push(amount(before, at).map(format).unwrap_or_default());
                    cells.push(
                        difference.map(|(now, before)| format(now - before)).unwrap_or_default(),
                    );
                }
                writeln!(out, "{}", cells.join(","))?;
            }
        }
    }
    Ok(())
}

fn amount(figures: &Figures, at: usize) -> Option<i128> {
    figures.values.get(at).copied()
}

fn times(bucket: Option<&Bucket>) -> [String; 2] {
    bucket.map_or_else(Default::default, |bucket| [time(bucket.from), time(bucket.to)])
}

fn time(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A text as a CSV cell. A spreadsheet takes one that begins like a formula for one and runs it;
/// an apostrophe before it keeps it a text.
fn text_cell(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// Writes one JSON object.
pub(super) fn json(
    out: &mut dyn Write,
    report: &Report,
    request: &ReportRequest,
) -> io::Result<()> {
    let buckets = |buckets: &[Bucket]| -> Vec<Value> {
        buckets.iter().map(|b| json!({"from": time(b.from), "to": time(b.to)})).collect()
    };
    let sections: Vec<Value> = report
        .sections
        .iter()
        .map(|section| {
            let rows: Vec<Value> = section.rows.iter().map(|row| group(report, row)).collect();
            let total = group(report, &section.total);
            json!({"currency": section.currency, "groups": rows, "total": total})
        })
        .collect();
    let left_out = report.left_out.iter().map(|left| {
        json!({
            "connection": left.connection, "billing_period": left.billing_period,
            "currency": left.currency, "rows": left.rows, "amount": format(left.amount),
        })
    });
    let excluded = report.excluded.iter().map(|excluded| {
        json!({
            "reason": excluded.reason, "currency": excluded.currency, "rows": excluded.rows,
            "x_UnblendedCost": format(excluded.unblended_cost),
        })
    });
    let compare = report.compare.as_ref().map(|(range, others)| {
        json!({"from": range.from.to_string(), "to": range.to.to_string(), "buckets": buckets(others)})
    });
    let as_of = request.as_of.and_then(DateTime::from_timestamp_millis);
    let value = json!({
        "metric": {
            "name": report.metric.name, "column": report.metric.column,
            "meaning": report.metric.meaning,
        },
        "by": report.by,
        "period": {
            "from": report.range.from.to_string(), "to": report.range.to.to_string(),
            "label": report.range.label(), "is_last_with_data": report.is_fallback,
        },
        "granularity": report.granularity.name(),
        "buckets": buckets(&report.buckets),
        "compare": compare,
        "filters": request.filters.iter().map(|filter| {
            json!({
                "by": filter.by, "how": filter.how.name(),
                "is_negated": filter.how == How::Not, "values": filter.values,
            })
        }).collect::<Vec<_>>(),
        "scope": report.scope.name(),
        "as_of": as_of.map(|t| t.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
        "table": report.table,
        "currencies": sections,
        "left_out_by_authority": left_out.collect::<Vec<_>>(),
        "left_out_of_focus": excluded.collect::<Vec<_>>(),
        "hints": report.hints,
    });
    serde_json::to_writer_pretty(&mut *out, &value)?;
    writeln!(out)
}

fn group(report: &Report, row: &Row) -> Value {
    let mut value = figures(&row.now);
    if row.folded.is_none() && !row.keys.is_empty() {
        let names = report.by.iter().cloned().zip(row.keys.iter().map(|key| json!(key)));
        value.insert("keys".to_owned(), Value::Object(names.collect()));
    }
    if let Some(count) = row.folded {
        value.insert("other".to_owned(), json!(count));
    }
    if let (Some(before), Some(difference)) = (&row.before, row.difference()) {
        value.insert("compare".to_owned(), Value::Object(figures(before)));
        value.insert("difference".to_owned(), json!(format(difference)));
    }
    Value::Object(value)
}

fn figures(figures: &Figures) -> Map<String, Value> {
    let values: Vec<String> = figures.values.iter().map(|units| format(*units)).collect();
    let mut map = Map::new();
    map.insert("amount".to_owned(), json!(format(figures.total)));
    map.insert("rows".to_owned(), json!(figures.rows));
    if figures.values.len() > 1 {
        map.insert("amounts".to_owned(), json!(values));
        map.insert("rows_by_bucket".to_owned(), json!(figures.counts));
    }
    map
}

/// Draws the one currency of a report.
pub(super) fn svg(report: &Report, request: &ReportRequest) -> Result<String, EngineError> {
    let [section] = report.sections.as_slice() else {
        let currencies: Vec<&str> =
            report.sections.iter().map(|section| section.currency.as_str()).collect();
        return Err(EngineError::Usage(format!(
            "a drawing shows one currency, and here are {}: choose one with --currency",
            currencies.join(", ")
        )));
    };
    let mut subtitle = format!("{}, {}", report.metric.column, report.range.label());
    for filter in &request.filters {
        subtitle.push_str(", ");
        subtitle.push_str(&filter.label());
    }
    let label = |row: &Row| match row.keys.as_slice() {
        // The drawing knows this name and gives it a look of its own.
        [None] => "not specified".to_owned(),
        _ => row.label(),
    };
    let series = section.rows.iter();
    Ok(draw(&Chart {
        title: format!("Cost by {}", report.by.join(", ")),
        subtitle,
        currency: section.currency.clone(),
        buckets: report.buckets.iter().map(|bucket| bucket.label.clone()).collect(),
        series: series.map(|r| Series { label: label(r), values: r.now.values.clone() }).collect(),
        theme: Theme::Light,
    }))
}

#[cfg(test)]
mod tests {
    use super::text_cell;

    #[test]
    fn cells_are_texts_to_any_spreadsheet() {
        for (text, cell) in [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            ("-cmd,x", "\"'-cmd,x\""),
            ("@a", "'@a"),
            ("\tx", "'\tx"),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("", ""),
        ] {
            assert_eq!(text_cell(text), cell);
        }
    }
}
