//! What a client may ask for: a list of statements, each allowed by name. All else is refused.

use datafusion::sql::sqlparser::ast::{
    CloseCursor, CopyLegacyCsvOption, CopyLegacyOption, CopyOption, CopySource, CopyTarget,
    DataType, Declare, DeclareType, DiscardObject, Expr, FetchDirection, Ident, ObjectName, Query,
    Reset, Set, Statement, Value, ValueWithSpan,
};

use crate::fault::{Fault, fault, hinted};
use crate::parameters::{access, read_only};

/// A statement that is allowed.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// Something that DataFusion plans: a query, EXPLAIN, SHOW TABLES.
    Query,
    /// COPY (query) TO STDOUT.
    Copy(Box<Query>, CopyOptions),
    /// SET, for this client.
    Set(Box<Set>),
    /// SHOW; `all` shows all.
    Show(String),
    /// RESET, of one parameter or all.
    Reset(Option<String>),
    /// BEGIN.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// ROLLBACK TO.
    RollbackTo,
    /// SAVEPOINT and RELEASE, with what completes them.
    Savepoint(&'static str),
    /// DECLARE CURSOR.
    Declare(Box<Cursor>),
    /// FETCH, of so many rows or all.
    Fetch(String, Option<usize>),
    /// CLOSE, of one cursor or all.
    Close(Option<String>),
    /// PREPARE.
    Prepare(String, Vec<DataType>, Box<Statement>),
    /// EXECUTE.
    Execute(String, Vec<Expr>),
    /// DEALLOCATE, of one statement or all.
    Deallocate(Option<String>),
    /// DISCARD; everything, or nothing that we have.
    Discard(bool),
    /// UNLISTEN.
    Unlisten,
}

/// A cursor to be.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    /// Name.
    pub(crate) name: String,
    /// Does it outlive the transaction?
    pub(crate) is_held: bool,
    /// Its query.
    pub(crate) query: Box<Query>,
}

/// How COPY writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyOptions {
    /// CSV, or the text format of Postgres.
    pub(crate) is_csv: bool,
    /// A first line with names?
    pub(crate) has_header: bool,
    /// Between fields.
    pub(crate) delimiter: char,
    /// Instead of NULL.
    pub(crate) null: String,
    /// Round fields, in CSV.
    pub(crate) quote: char,
    /// Before a quote, in CSV.
    pub(crate) escape: char,
}

impl CopyOptions {
    fn new(is_csv: bool) -> Self {
        let (delimiter, null) = if is_csv { (',', "") } else { ('\t', "\\N") };
        let null = null.to_owned();
        Self { is_csv, has_header: false, delimiter, null, quote: '"', escape: '"' }
    }
}

/// Words that begin what would write or reach out, when not even the parser knows the statement.
const WRITES: [&str; 22] = [
    "ALTER", "ANALYZE", "ATTACH", "CALL", "CLUSTER", "COMMENT", "COPY", "CREATE", "DELETE", "DO",
    "DROP", "GRANT", "IMPORT", "INSERT", "INSTALL", "LOAD", "MERGE", "REINDEX", "REVOKE",
    "TRUNCATE", "UPDATE", "VACUUM",
];

/// Does a text that cannot be parsed begin like something that would write?
pub(crate) fn writes(text: &str) -> Option<&'static str> {
    let word: String = text.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    WRITES.into_iter().find(|known| word.eq_ignore_ascii_case(known))
}

/// What a statement asks for.
///
/// # Errors
/// When it is not on the list.
pub(crate) fn command(statement: &Statement) -> Result<Command, Fault> {
    Ok(match statement {
        Statement::Query(_)
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ExplainTable { .. } => Command::Query,
        Statement::Explain { statement, .. } => match &**statement {
            Statement::Query(_) => Command::Query,
            other => return Err(read_only(&format!("EXPLAIN of {}", first_word(other)))),
        },
        Statement::Copy { .. } => return copy(statement),
        Statement::Set(set) => Command::Set(Box::new(set.clone())),
        Statement::ShowVariable { variable } => Command::Show(shown(variable)),
        Statement::Reset(reset) => match &reset.reset {
            Reset::ALL => Command::Reset(None),
            Reset::ConfigurationParameter(name) => Command::Reset(Some(lower(name))),
        },
        Statement::StartTransaction { modes, statements, .. } if statements.is_empty() => {
            access(modes)?;
            Command::Begin
        }
        Statement::Commit { .. } => Command::Commit,
        Statement::Rollback { savepoint: Some(_), .. } => Command::RollbackTo,
        Statement::Rollback { .. } => Command::Rollback,
        Statement::Savepoint { .. } => Command::Savepoint("SAVEPOINT"),
        Statement::ReleaseSavepoint { .. } => Command::Savepoint("RELEASE"),
        Statement::Declare { stmts } => return declare(stmts),
        Statement::Fetch { name, direction, into: None, .. } => {
            Command::Fetch(name.value.clone(), rows(direction)?)
        }
        Statement::Close { cursor } => Command::Close(match cursor {
            CloseCursor::All => None,
            CloseCursor::Specific { name } => Some(name.value.clone()),
        }),
        Statement::Prepare { name, data_types, statement } => {
            if !matches!(**statement, Statement::Query(_)) {
                return Err(read_only(&format!("PREPARE of {}", first_word(statement))));
            }
            Command::Prepare(name.value.clone(), data_types.clone(), statement.clone())
        }
        Statement::Execute { name: Some(name), parameters, immediate: false, .. } => {
            Command::Execute(name.to_string().replace('"', ""), parameters.clone())
        }
        Statement::Deallocate { name, .. } => {
            let is_all = name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all");
            Command::Deallocate((!is_all).then(|| name.value.clone()))
        }
        Statement::Discard { object_type } => Command::Discard(*object_type == DiscardObject::ALL),
        Statement::UNLISTEN { .. } => Command::Unlisten,
        other => return Err(read_only(&first_word(other))),
    })
}

/// INSERT, CREATE and their like: what a refusal names.
fn first_word(statement: &Statement) -> String {
    let text = statement.to_string();
    text.split_whitespace().next().unwrap_or("this").to_uppercase()
}

fn lower(name: &ObjectName) -> String {
    name.to_string().replace('"', "").to_lowercase()
}

/// The parameter that a SHOW names, which may be several words.
fn shown(variable: &[Ident]) -> String {
    let words: Vec<String> = variable.iter().map(|word| word.value.to_lowercase()).collect();
    match words.join(" ").as_str() {
        "time zone" => "timezone".to_owned(),
        "transaction isolation level" => "transaction_isolation".to_owned(),
        "session authorization" => "session_authorization".to_owned(),
        _ => words.join("."),
    }
}

fn declare(declared: &[Declare]) -> Result<Command, Fault> {
    let unfit = || fault("42601", "a cursor is declared by DECLARE name CURSOR FOR SELECT ...");
    let [declared] = declared else { return Err(unfit()) };
    let ([name], Some(DeclareType::Cursor), Some(query)) =
        (declared.names.as_slice(), &declared.declare_type, &declared.for_query)
    else {
        return Err(unfit());
    };
    if declared.binary == Some(true) || declared.scroll == Some(true) {
        return Err(fault("0A000", "cursors go forward only, and give text"));
    }
    let is_held = declared.hold == Some(true);
    let cursor = Cursor { name: name.value.clone(), is_held, query: query.clone() };
    Ok(Command::Declare(Box::new(cursor)))
}

/// How many rows a FETCH wants; `None` for all.
fn rows(direction: &FetchDirection) -> Result<Option<usize>, Fault> {
    let count = |limit: &ValueWithSpan| match &limit.value {
        Value::Number(digits, _) => digits.parse().ok(),
        _ => None,
    };
    let unfit = || fault("0A000", "cursors go forward only");
    match direction {
        FetchDirection::Next | FetchDirection::Forward { limit: None } => Ok(Some(1)),
        FetchDirection::Count { limit } | FetchDirection::Forward { limit: Some(limit) } => {
            count(limit).ok_or_else(unfit).map(Some)
        }
        FetchDirection::All | FetchDirection::ForwardAll => Ok(None),
        _ => Err(unfit()),
    }
}

fn copy(statement: &Statement) -> Result<Command, Fault> {
    let Statement::Copy { source, to, target, options, legacy_options, .. } = statement else {
        return Err(read_only(&first_word(statement)));
    };
    match (to, target) {
        (true, CopyTarget::Stdout) => {}
        (true, CopyTarget::File { .. } | CopyTarget::Program { .. }) => {
            return Err(hinted(
                "42501",
                "COPY may not write files or run programs on the server",
                "COPY (SELECT ...) TO STDOUT gives the rows to the client; in psql, \
                 \\copy (SELECT ...) TO 'file.csv' CSV writes a file of yours.",
            ));
        }
        _ => return Err(read_only("COPY FROM")),
    }
    let CopySource::Query(query) = source else {
        return Err(hinted(
            "0A000",
            "COPY of a table by its name is not there",
            "Name the columns: COPY (SELECT ... FROM table) TO STDOUT.",
        ));
    };
    copy_options(options, legacy_options).map(|options| Command::Copy(query.clone(), options))
}

fn copy_options(options: &[CopyOption], legacy: &[CopyLegacyOption]) -> Result<CopyOptions, Fault> {
    let is_csv = options.iter().any(is_format_csv)
        || legacy.iter().any(|option| matches!(option, CopyLegacyOption::Csv(_)));
    let mut read = CopyOptions::new(is_csv);
    let unknown = |option: String| Err(fault("0A000", format!("COPY has no option {option} here")));
    for option in options {
        match option {
            CopyOption::Format(name) if is_format(name) => {}
            CopyOption::Header(is_there) => read.has_header = *is_there,
            CopyOption::Delimiter(delimiter) => read.delimiter = *delimiter,
            CopyOption::Null(null) => read.null.clone_from(null),
            CopyOption::Quote(quote) => read.quote = *quote,
            CopyOption::Escape(escape) => read.escape = *escape,
            CopyOption::Encoding(name) if name.to_lowercase().replace('-', "") == "utf8" => {}
            other => return unknown(other.to_string()),
        }
    }
    for option in legacy {
        match option {
            CopyLegacyOption::Delimiter(delimiter) => read.delimiter = *delimiter,
            CopyLegacyOption::Null(null) => read.null.clone_from(null),
            CopyLegacyOption::Header => read.has_header = true,
            CopyLegacyOption::Csv(options) => {
                for option in options {
                    match option {
                        CopyLegacyCsvOption::Header => read.has_header = true,
                        CopyLegacyCsvOption::Quote(quote) => read.quote = *quote,
                        CopyLegacyCsvOption::Escape(escape) => read.escape = *escape,
                        other => return unknown(other.to_string()),
                    }
                }
            }
            other => return unknown(other.to_string()),
        }
    }
    Ok(read)
}

fn is_format_csv(option: &CopyOption) -> bool {
    let CopyOption::Format(name) = option else { return false };
    name.value.eq_ignore_ascii_case("csv")
}

fn is_format(name: &Ident) -> bool {
    ["csv", "text"].contains(&name.value.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn read(sql: &str) -> Result<Command, String> {
        let statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
        command(&statements[0]).map_err(|fault| fault.code.clone())
    }

    #[test]
    fn what_would_write_is_refused() {
        for sql in [
            "INSERT INTO costs VALUES (1)",
            "UPDATE costs SET BilledCost = 0",
            "DELETE FROM costs",
            "CREATE TABLE t (a int)",
            "CREATE VIEW v AS SELECT 1",
            "DROP TABLE costs",
            "TRUNCATE costs",
            "EXPLAIN DELETE FROM costs",
            "EXPLAIN ANALYZE INSERT INTO costs VALUES (1)",
            "PREPARE p AS DELETE FROM costs",
            "BEGIN READ WRITE",
            "GRANT SELECT ON costs TO x",
        ] {
            assert_eq!(read(sql).unwrap_err(), "25006", "{sql}");
        }
        assert_eq!(read("COPY costs FROM STDIN;").unwrap_err(), "25006");
        for sql in ["COPY (SELECT 1) TO '/tmp/x'", "COPY (SELECT 1) TO PROGRAM 'id'"] {
            assert_eq!(read(sql).unwrap_err(), "42501", "{sql}");
        }
        assert_eq!(writes(" create external table"), Some("CREATE"));
        assert_eq!(writes("selec 1"), None);
    }

    #[test]
    fn copy_reads_both_ways_of_writing_its_options() {
        let new = read("COPY (SELECT 1) TO STDOUT WITH (FORMAT csv, HEADER true)").unwrap();
        let old = read("COPY (SELECT 1) TO STDOUT CSV HEADER").unwrap();
        for command in [new, old] {
            let Command::Copy(_, options) = command else { panic!("no COPY") };
            assert_eq!(options, CopyOptions { has_header: true, ..CopyOptions::new(true) });
        }
    }

    #[test]
    fn cursors_go_forward() {
        assert!(matches!(
            read("DECLARE c CURSOR WITH HOLD FOR SELECT 1").unwrap(),
            Command::Declare(cursor) if cursor.is_held && cursor.name == "c"
        ));
        assert!(matches!(read("FETCH 5 FROM c").unwrap(), Command::Fetch(_, Some(5))));
        assert!(matches!(read("FETCH ALL FROM c").unwrap(), Command::Fetch(_, None)));
        assert_eq!(read("FETCH PRIOR FROM c").unwrap_err(), "0A000");
    }
}
