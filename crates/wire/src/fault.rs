//! What a client is told when something does not work: SQLSTATE, message, place and a hint.

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use pgwire::error::ErrorInfo;

/// An error as the protocol has it.
pub(crate) type Fault = Box<ErrorInfo>;

/// What can end a statement or a connection.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The statement failed; the client is told, and goes on.
    Statement(Fault),
    /// The connection is gone, or has to go.
    Connection(std::io::Error),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Statement(fault)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Connection(error)
    }
}

/// An error of a statement.
pub(crate) fn fault(code: &str, message: impl Into<String>) -> Fault {
    Box::new(ErrorInfo::new("ERROR".to_owned(), code.to_owned(), message.into()))
}

/// An error of a statement, and what to do.
pub(crate) fn hinted(code: &str, message: impl Into<String>, hint: &str) -> Fault {
    let mut told = fault(code, message);
    told.hint = Some(hint.to_owned());
    told
}

/// An error that ends the connection.
pub(crate) fn fatal(code: &str, message: impl Into<String>) -> Fault {
    Box::new(ErrorInfo::new("FATAL".to_owned(), code.to_owned(), message.into()))
}

/// An error of DataFusion about a statement that stands in `text`.
pub(crate) fn of_query(error: &DataFusionError, text: &str) -> Fault {
    let root = error.find_root();
    let mut told = match root {
        DataFusionError::SQL(error, _) => return of_parser(error, text),
        DataFusionError::SchemaError(error, _) => of_schema(error),
        DataFusionError::Plan(message) => of_plan(message),
        DataFusionError::NotImplemented(message) => fault("0A000", message.as_str()),
        DataFusionError::Execution(message) => fault("22000", message.as_str()),
        DataFusionError::ArrowError(error, _) => of_arrow(error),
        DataFusionError::ResourcesExhausted(_) => hinted(
            "53200",
            "the query needs more memory than one query may take",
            "Narrow it down by period or columns, or let whoever runs this server allow more.",
        ),
        DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ParquetError(_) => {
            fault("58030", format!("the lake cannot be read: {}", root.message()))
        }
        _ => fault("XX000", root.message()),
    };
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    told.position = span.and_then(|span| position(text, span.start.line, span.start.column));
    told
}

/// An error of the parser.
pub(crate) fn of_parser(error: &ParserError, text: &str) -> Fault {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => {
            return fault("54001", "the statement is nested too deeply");
        }
    };
    let (said, place) = message.rsplit_once(" at Line: ").unwrap_or((message.as_str(), ""));
    let mut told = fault("42601", format!("syntax error: {said}"));
    told.position = place.split_once(", Column: ").and_then(|(line, column)| {
        position(text, line.trim().parse().ok()?, column.trim().parse().ok()?)
    });
    told
}

fn of_schema(error: &SchemaError) -> Fault {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let name = field.name();
            let message = format!("column \"{name}\" does not exist");
            let alike = |column: &str| column.eq_ignore_ascii_case(name);
            match valid_fields.iter().find(|column| alike(column.name())) {
                Some(column) => hinted(
                    "42703",
                    message,
                    &format!("Names are case-sensitive, as FOCUS writes them: {}.", column.name()),
                ),
                None => hinted("42703", message, "psql lists the columns of a view by \\d costs."),
            }
        }
        SchemaError::AmbiguousReference { .. } => fault("42702", error.to_string()),
        SchemaError::DuplicateQualifiedField { .. }
        | SchemaError::DuplicateUnqualifiedField { .. } => fault("42701", error.to_string()),
    }
}

fn of_plan(message: &str) -> Fault {
    let between = |start: &str| message.strip_prefix(start)?.strip_suffix("' not found");
    if let Some(name) = between("table function '") {
        return hinted(
            "42501",
            format!("there is no table function {name}: SQL here reads the lake and nothing else"),
            "Files and addresses are read by imports only. psql lists the tables by \\d.",
        );
    }
    if let Some(name) = between("table '") {
        let name = name.strip_prefix("billhook.public.").unwrap_or(name);
        return hinted(
            "42P01",
            format!("relation \"{name}\" does not exist"),
            "psql lists tables and views by \\d. Names are case-sensitive.",
        );
    }
    if message.starts_with("Invalid function") {
        return fault("42883", message);
    }
    fault("42000", message)
}

fn of_arrow(error: &ArrowError) -> Fault {
    match error {
        ArrowError::DivideByZero => fault("22012", "division by zero"),
        ArrowError::ArithmeticOverflow(message) => fault("22003", message.as_str()),
        ArrowError::CastError(message) | ArrowError::ParseError(message) => {
            fault("22P02", message.as_str())
        }
        _ => fault("22000", error.to_string()),
    }
}

/// Characters up to a place, counted from 1, as the protocol wants it.
fn position(text: &str, line: u64, column: u64) -> Option<String> {
    let lines = usize::try_from(line.checked_sub(1)?).ok()?;
    let column = usize::try_from(column).ok().filter(|column| *column > 0)?;
    let before = text.split_inclusive('\n').take(lines).map(|line| line.chars().count());
    Some((before.sum::<usize>() + column).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters_over_lines() {
        assert_eq!(position("select ä,\n  nothing", 2, 3).as_deref(), Some("13"));
        assert_eq!(position("select", 0, 0), None);
    }

    #[test]
    fn a_parser_error_has_its_place() {
        let error = ParserError::ParserError("Expected: x at Line: 1, Column: 8".to_owned());
        let told = of_parser(&error, "select from");
        assert_eq!((told.code.as_str(), told.position.as_deref()), ("42601", Some("8")));
    }

    #[test]
    fn names_that_are_not_there_have_codes_of_their_own() {
        assert_eq!(of_plan("table 'billhook.public.x' not found").code, "42P01");
        assert_eq!(of_plan("table function 'read_parquet' not found").code, "42501");
    }
}
