//! Opening the SQLite file: making it, recognising an older one, and starting from nothing.

use crate::HistoryError;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::path::Path;

/// Raised whenever `schema.sql` or the meaning of a column changes. A file of any other version is
/// replaced and built again from the journal, which is why there are no migrations.
const SCHEMA_VERSION: i64 = 6;
/// "TMGH", so that `file(1)` and we can tell whose database it is.
const APPLICATION_ID: i64 = 0x544D_4748;
const TABLES: &str = include_str!("schema.sql");

/// Opens the file for the one writer. What is no read model of this version is replaced by an
/// empty one; `true` says that this happened.
pub(crate) fn open_writer(path: &Path) -> Result<(Connection, bool), HistoryError> {
    if let Ok(connection) = connect(path)
        && is_current(&connection)
    {
        return Ok((connection, false));
    }
    let existed = path.exists();
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        remove(Path::new(&name))?;
    }
    let connection = connect(path)?;
    create(&connection)?;
    Ok((connection, existed))
}

/// Opens the file for reading; it exists once the writer was opened.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, HistoryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    connection.pragma_update(None, "mmap_size", 1_i64 << 30)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection, HistoryError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A power cut may lose the newest batches but never break the file; the position is lost with
    // them, so they are taken in again.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    // Small, since the journal's flushes wait for these: 4 000 pages held them up 20 ms at a time,
    // and with no flush at all the system wrote so much at once that it was half a second.
    connection.pragma_update(None, "wal_autocheckpoint", 500)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn is_current(connection: &Connection) -> bool {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let position = connection.query_row("SELECT sequence FROM position", [], |row| row.get(0));
    pragma("user_version").is_ok_and(|version| version == SCHEMA_VERSION)
        && pragma("application_id").is_ok_and(|id| id == APPLICATION_ID)
        && position.optional().is_ok_and(|sequence: Option<i64>| sequence.is_some())
}

fn create(connection: &Connection) -> Result<(), HistoryError> {
    let begin = "INSERT INTO position VALUES (1, 0, 0, 0, 0, 0, 0, 0)";
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;\n{TABLES}\n{begin};\n\
         PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {SCHEMA_VERSION};\n\
         COMMIT"
    ))?;
    Ok(())
}

/// Empties a file in place, so that open readers go on with it.
pub(crate) fn wipe(connection: &mut Connection) -> Result<(), HistoryError> {
    let transaction = connection.transaction()?;
    let tables: Vec<String> = transaction
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in tables {
        transaction.execute_batch(&format!("DROP TABLE {table}"))?;
    }
    transaction.execute_batch(TABLES)?;
    transaction.execute("INSERT INTO position VALUES (1, 0, 0, 0, 0, 0, 0, 0)", [])?;
    transaction.commit()?;
    Ok(())
}

fn remove(path: &Path) -> Result<(), HistoryError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(HistoryError::Replace { path: path.to_path_buf(), source })
        }
        _ => Ok(()),
    }
}
