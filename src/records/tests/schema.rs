//! Both databases have the same tables, columns and indexes: one text of SQL runs on them, and an
//! index that one of them lacks would be missed only when there is much history.

use std::collections::BTreeSet;

use super::sql::Statement;
use super::*;

const SQLITE_COLUMNS: Statement = Statement::new(
    "SELECT tables.name || '.' || columns.name || ' ' || columns.type || \
     CASE WHEN columns.\"notnull\" = 1 OR columns.pk > 0 THEN '' ELSE ' or none' END \
     FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns \
     WHERE tables.type = 'table' AND tables.name NOT LIKE '\\_sqlx%' ESCAPE '\\'",
);

const POSTGRES_COLUMNS: Statement = Statement::new(
    "SELECT table_name || '.' || column_name || ' ' || CASE data_type WHEN 'bigint' THEN 'INTEGER' \
     WHEN 'text' THEN 'TEXT' WHEN 'bytea' THEN 'BLOB' ELSE data_type END || \
     CASE WHEN is_nullable = 'NO' THEN '' ELSE ' or none' END FROM information_schema.columns \
     WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'",
);

const SQLITE_INDEXES: Statement =
    Statement::new("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL");

const POSTGRES_INDEXES: Statement = Statement::new(
    "SELECT replace(replace(indexdef, 'public.', ''), 'USING btree ', '') FROM pg_indexes \
     WHERE schemaname = 'public' AND indexname NOT LIKE '%\\_pkey'",
);

async fn texts(records: &SqlRecords, statement: Statement) -> BTreeSet<String> {
    let rows = records.pool.fetch(statement).await.unwrap();
    rows.into_iter().map(|mut row| row.text().unwrap()).collect()
}

/// Name, table and columns of an index, and whether it is on some rows only.
fn index(definition: &str) -> (String, bool) {
    let (head, tail) = definition.split_once(')').unwrap();
    (head.to_owned(), tail.contains("WHERE"))
}

#[tokio::test]
async fn tables_columns_and_indexes_are_the_same_on_both() {
    let [sqlite, postgres] = Bench::each().await;
    let (sqlite, postgres) = (sqlite.open().await, postgres.open().await);
    let columns = texts(&sqlite, SQLITE_COLUMNS).await;
    assert!(columns.len() > 60 && columns.contains("ledger.amount INTEGER"), "{columns:?}");
    assert_eq!(columns, texts(&postgres, POSTGRES_COLUMNS).await);
    let indexes = |texts: BTreeSet<String>| -> BTreeSet<(String, bool)> {
        texts.iter().map(|text| index(text)).collect()
    };
    let of_sqlite = indexes(texts(&sqlite, SQLITE_INDEXES).await);
    assert!(of_sqlite.len() >= 8, "{of_sqlite:?}");
    assert_eq!(of_sqlite, indexes(texts(&postgres, POSTGRES_INDEXES).await));
}
